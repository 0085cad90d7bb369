package marketo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

const (
	// maxTypes is how many types of activities one request may ask for.
	maxTypes = 10
	// maxAnswer bounds an answer, in bytes. A page has 300 activities at most, some kilobytes each.
	maxAnswer = 32 << 20
	// timeout of one request; Marketo's own is 30 s.
	timeout = 60 * time.Second
	// quotaWait and limits tell how long to wait: a quota is a day's, 100 calls are taken in 20 s, and 10 at a time.
	quotaWait  = 15 * time.Minute
	rateWait   = 20 * time.Second
	manyWait   = 5 * time.Second
	deniedWait = 5 * time.Minute
)

// api asks Marketo's REST API. Safe for use by several goroutines.
type api struct {
	base, id, secret string
	every            time.Duration
	types            string
	since            time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
	// refused is the paging token that Marketo has not taken.
	refused string
}

// newAPI reads the setting. The errors name what is wrong with it.
func newAPI(c *sender.Poll) (*api, []error) {
	a := &api{id: c.ClientID, secret: c.ClientSecret.Reveal(), every: c.Every}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("poll."+format, args...)) }
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" && u.Path != "/rest":
		bad("url: must be such as https://123-ABC-456.mktorest.com")
	case u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost"):
		bad("url: must be https, the secret goes there")
	default:
		a.base = u.Scheme + "://" + u.Host
	}
	if a.id == "" {
		bad("client_id: is required, of the API user's service")
	}
	if a.secret == "" {
		bad("client_secret: is required, of the API user's service")
	}
	if a.every == 0 {
		a.every = time.Minute
	}
	if a.every < 10*time.Second || a.every > 24*time.Hour {
		bad("every: %v is not between 10s and 24h", c.Every)
	}
	types := c.Activities
	if len(types) == 0 {
		types = []int{1, 2, 3, 9, 10, 11, 12, 13, 46, 104}
	}
	if len(types) > maxTypes {
		bad("activities: at most %d types can be asked for; another source can ask for more", maxTypes)
	}
	names := make([]string, 0, len(types))
	for i, t := range types {
		if t < 1 {
			bad("activities[%d]: %d is not the number of a type of activities", i, t)
		}
		names = append(names, strconv.Itoa(t))
	}
	a.types = strings.Join(names, ",")
	if c.Since != "" {
		if a.since, err = time.Parse(time.RFC3339, c.Since); err != nil {
			bad("since: is not an RFC 3339 time such as 2026-11-20T00:00:00Z")
		}
	}
	return a, errs
}

// answer is what every call of the Lead Database API gives, always with status 200.
type answer struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Result []json.RawMessage `json:"result"`
	Next   string            `json:"nextPageToken"`
	More   bool              `json:"moreResult"`
}

// later is a failure, with how long to wait; 0 leaves that to who asks.
func later(code string, wait time.Duration, format string, args ...any) error {
	return &sender.Later{Code: code, Wait: wait, Err: fmt.Errorf("marketo: "+format, args...)}
}

// call asks for a path below /rest/v1. A token that has run out meanwhile is replaced, once.
func (a *api) call(ctx context.Context, client *http.Client, now time.Time, path string, query url.Values) (*answer, error) {
	for again := true; ; again = false {
		token, err := a.access(ctx, client, now)
		if err != nil {
			return nil, err
		}
		var out answer
		status, wait, err := a.get(ctx, client, "/rest/v1/"+path+"?"+query.Encode(), token, &out)
		switch {
		case err != nil:
			return nil, err
		case status != http.StatusOK:
			return nil, later("http_"+strconv.Itoa(status), wait, "%s: status %d", path, status)
		case out.Success:
			return &out, nil
		case len(out.Errors) == 0:
			return nil, later("unknown", 0, "%s: no success, and no error", path)
		}
		code := known(out.Errors[0].Code)
		if code == "601" || code == "602" {
			a.forget(token)
			if again {
				continue
			}
		}
		return nil, later(code, waitFor(code), "%s: error %s", path, code)
	}
}

// known gives an error's code where it looks like one.
func known(code string) string {
	if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 99999 {
		return "unknown"
	}
	return code
}

// waitFor tells how long an error lasts (Marketo, REST API error codes).
func waitFor(code string) time.Duration {
	switch code {
	case "606": // 100 calls in 20 s, by all that use the subscription
		return rateWait
	case "607": // the day's quota, until midnight in Chicago
		return quotaWait
	case "615": // ten calls at a time
		return manyWait
	case "600", "603", "610": // the API user may not, or the address is wrong: somebody must mend it
		return deniedWait
	}
	return 0
}

// access gives the access token, a fresh one where it has run out or is about to.
func (a *api) access(ctx context.Context, client *http.Client, now time.Time) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && now.Before(a.expires) {
		return a.token, nil
	}
	query := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.id}, "client_secret": {a.secret}}
	var out struct {
		Token   string  `json:"access_token"`
		Expires float64 `json:"expires_in"` // seconds
	}
	status, wait, err := a.get(ctx, client, "/identity/oauth/token?"+query.Encode(), "", &out)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized || status == http.StatusBadRequest:
		return "", later("identity", deniedWait, "client_id or client_secret is refused")
	case status != http.StatusOK || out.Token == "":
		return "", later("identity", wait, "identity: status %d, and no token", status)
	}
	a.token, a.expires = out.Token, now.Add(time.Duration(min(max(out.Expires, 0), 86400)*float64(time.Second))-time.Minute)
	return a.token, nil
}

func (a *api) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}

// get asks for a path. The error never names the query: it holds secrets.
func (a *api) get(ctx context.Context, client *http.Client, path, token string, into any) (status int, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, http.NoBody)
	if err != nil {
		return 0, 0, later("request", deniedWait, "the request cannot be made")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	short, _, _ := strings.Cut(path, "?")
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return 0, 0, later("network", 0, "%s: %w", short, err)
	}
	defer resp.Body.Close()
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, time.Hour)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, wait, nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, 0, later("network", 0, "%s: the answer broke off: %w", short, err)
	case len(text) > maxAnswer:
		return 0, 0, later("answer", 0, "%s: the answer is larger than %d bytes", short, maxAnswer)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		return 0, 0, later("answer", 0, "%s: the answer is no JSON of the kind", short)
	}
	return resp.StatusCode, wait, nil
}
