package crm

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Granted is what a token endpoint answers (RFC 6749, section 5), with what vendors add.
type Granted struct {
	AccessToken string          `json:"access_token"`
	ExpiresIn   json.RawMessage `json:"expires_in"`
	InstanceURL string          `json:"instance_url"`
	APIDomain   string          `json:"api_domain"`
	Error       string          `json:"error"`
}

// Grant asks a token endpoint; header is sent besides, nil for none. Only an outcome that is Done comes with a token.
func Grant(ctx context.Context, deps *destination.Deps, endpoint string, header http.Header, form url.Values) (Granted, destination.Outcome) {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	maps.Copy(h, header)
	a, err := destination.Ask(ctx, deps.Client, http.MethodPost, endpoint, h, []byte(form.Encode()))
	if err != nil {
		o := destination.Unreachable(err)
		o.Reason = "get a token: " + o.Reason
		return Granted{}, o
	}
	return ReadGrant(a, deps.Now())
}

// ReadGrant judges the answer of a token endpoint. Where it is no success, the error is all that is given of it.
func ReadGrant(a *destination.Answer, now time.Time) (Granted, destination.Outcome) {
	var g Granted
	read := a.JSON(&g)
	o := a.Judge(now)
	switch {
	case a.OK() && read && g.AccessToken != "" && g.Error == "" && !strings.ContainsAny(g.AccessToken, "\r\n"):
		return g, o
	case read && (g.Error == "temporarily_unavailable" || g.Error == "server_error"):
		o.Verdict, o.Sick = destination.Again, true
	case a.OK() && read && g.Error == "":
		o.Verdict, o.Sick = destination.Again, true
		g.Error = "no_token_in_the_answer"
	case read && g.Error != "" && o.Verdict != destination.Later && a.Status < 500:
		o.Verdict = destination.Operator
	case o.Verdict == destination.Never:
		o.Verdict = destination.Operator // whatever a token endpoint does not take, it takes from nobody
	case a.OK():
		o.Verdict, o.Sick = destination.Again, true
		g.Error = "not_json"
	}
	o.Reason = "get a token: status " + strconv.Itoa(a.Status)
	return Granted{Error: g.Error}, o.Because(g.Error)
}

// Until gives the end of a token that was granted at a moment; zero where the vendor says nothing.
func (g Granted) Until(now time.Time) time.Time {
	n, err := strconv.ParseInt(strings.Trim(string(g.ExpiresIn), `"`), 10, 64)
	if err != nil || n <= 0 || n > 1e8 {
		return time.Time{}
	}
	return now.Add(time.Duration(n) * time.Second)
}

// Base gives an address that a vendor named as the root of its API, without a slash at its end; "" unless it is one with the
// scheme of the place that named it, so that no token goes out over a connection that is less safe.
func Base(address, from string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	f, err := url.Parse(from)
	if err != nil || u.Scheme != "https" && (u.Scheme != "http" || f.Scheme != "http") {
		return ""
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
}
