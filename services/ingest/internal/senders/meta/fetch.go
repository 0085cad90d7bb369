package meta

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/rounds"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

const (
	graphURL = "https://graph.facebook.com"
	// version of the Graph API that is asked for where the source names none; each lives for two years.
	version = "v23.0"
	// pageSize is how many leads one request asks for, and how many forms.
	pageSize = 100
	// formsFor is how long a page's list of forms is good for.
	formsFor = 10 * time.Minute
)

// leadFields are what is asked for of a lead ("Retrieving Leads" of the Marketing API).
const leadFields = "id,created_time,form_id,field_data,custom_disclaimer_responses,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,is_organic,platform"

var (
	versionShape = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]$`)
	idShape      = regexp.MustCompile(`^[0-9]{1,30}$`)
)

// api asks the Graph API for the leads of forms.
type api struct {
	base, token string
	proof       string
	forms       []string
	pages       []string
	reader      rounds.Reader

	mu     sync.Mutex
	found  []string
	listed time.Time
}

// newAPI reads the setting. Forms are named, or those of the pages that the source lists.
func newAPI(c *sender.Poll, secret string, pages []string) (*api, []error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("poll."+format, args...)) }
	a := &api{token: c.Token.Reveal(), forms: c.Forms, pages: pages}
	base, err := c.Address(graphURL)
	if err != nil {
		bad("url: %w", err)
	}
	named := c.Version
	if named == "" {
		named = version
	}
	if !versionShape.MatchString(named) {
		bad("version: must be such as %s", version)
	}
	a.base = base + "/" + named
	if a.token == "" {
		bad("token: is required, an access token of the page that never ends")
	}
	if len(a.forms) == 0 && len(pages) == 0 {
		bad("forms: the ids of the forms are required, or those of the pages in accounts")
	}
	for _, list := range []struct {
		name string
		ids  []string
	}{{"poll.forms", a.forms}, {"accounts", pages}} {
		for i, id := range list.ids {
			if !idShape.MatchString(id) {
				errs = append(errs, fmt.Errorf("%s[%d]: must be an id of digits", list.name, i))
			}
		}
	}
	every, since, more := c.Timing()
	errs = append(errs, more...)
	a.reader = rounds.Reader{Every: every, Since: since, Platform: a}
	a.proof = hex.EncodeToString(sender.MAC(sha256.New, secret, []byte(a.token)))
	return a, errs
}

// Polls tells how long to wait between rounds; 0: the source is not asked.
func (s *source) Polls() time.Duration {
	if s.api == nil {
		return 0
	}
	return s.api.reader.Every
}

// Fetch gives the next page of leads, each as a relay would pass it on: a change with the answers in it.
func (s *source) Fetch(ctx context.Context, client *http.Client, now time.Time, from sender.Cursor) (sender.Page, error) {
	return s.api.reader.Fetch(ctx, client, now, from)
}

// Lists gives the forms.
func (a *api) Lists(ctx context.Context, client *http.Client, now time.Time) ([]string, error) {
	if len(a.forms) > 0 {
		return append([]string(nil), a.forms...), nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.listed.IsZero() && now.Sub(a.listed) < formsFor {
		return append([]string(nil), a.found...), nil
	}
	var found []string
	for _, page := range a.pages {
		for after := ""; ; {
			var out struct {
				Data []struct {
					ID string `json:"id"`
				} `json:"data"`
				Paging paging `json:"paging"`
			}
			query := url.Values{"fields": {"id"}, "limit": {strconv.Itoa(pageSize)}}
			if after != "" {
				query.Set("after", after)
			}
			if err := a.call(ctx, client, page+"/leadgen_forms", query, &out); err != nil {
				return nil, err
			}
			for _, f := range out.Data {
				if idShape.MatchString(f.ID) {
					found = append(found, f.ID)
				}
			}
			if after = out.Paging.next(); after == "" {
				break
			}
		}
	}
	a.found, a.listed = found, now
	return append([]string(nil), found...), nil
}

type paging struct {
	Cursors struct {
		After string `json:"after"`
	} `json:"cursors"`
	Next string `json:"next"`
}

// next gives the cursor of the next page, "" behind the last: the last one has a cursor, too, and no address of a next one.
func (p *paging) next() string {
	if p.Next == "" {
		return ""
	}
	return p.Cursors.After
}

// Page gives a form's leads.
func (a *api) Page(ctx context.Context, client *http.Client, _ time.Time, form string, since, _ time.Time, page string) ([]rounds.Item, string, error) {
	filter, err := json.Marshal([]map[string]any{{"field": "time_created", "operator": "GREATER_THAN", "value": since.Unix()}})
	if err != nil {
		return nil, "", fmt.Errorf("ask for leads: %w", err)
	}
	query := url.Values{"fields": {leadFields}, "filtering": {string(filter)}, "limit": {strconv.Itoa(pageSize)}}
	if page != "" {
		query.Set("after", page)
	}
	var out struct {
		Data   []map[string]json.RawMessage `json:"data"`
		Paging paging                       `json:"paging"`
	}
	if err := a.call(ctx, client, form+"/leads", query, &out); err != nil {
		return nil, "", err
	}
	var items []rounds.Item
	for _, lead := range out.Data {
		var id string
		if json.Unmarshal(lead["id"], &id) != nil {
			continue // nothing says whose it is
		}
		lead["leadgen_id"] = lead["id"]
		delete(lead, "id")
		if len(lead["form_id"]) == 0 {
			lead["form_id"], _ = json.Marshal(form)
		}
		raw, err := json.Marshal(map[string]any{"field": "leadgen", "value": lead})
		if err != nil {
			return nil, "", fmt.Errorf("pass a lead on: %w", err)
		}
		items = append(items, rounds.Item{ID: id, Raw: raw})
	}
	return items, out.Paging.next(), nil
}

// Put gives the body of a webhook with these changes.
func (a *api) Put(items []rounds.Item) []byte {
	changes := make([]json.RawMessage, len(items))
	for i, it := range items {
		changes[i] = it.Raw
	}
	body, _ := json.Marshal(map[string]any{"object": "page", "entry": []any{map[string]any{"changes": changes}}}) // decoded before, it encodes
	return body
}

// call asks for a path. The token goes in a header, where no log of addresses has it; the proof that we are the app beside it
// ("Secure Graph API Calls").
func (a *api) call(ctx context.Context, client *http.Client, path string, query url.Values, into any) error {
	query.Set("appsecret_proof", a.proof)
	answer, err := rounds.Ask(ctx, client, http.MethodGet, a.base+"/"+path+"?"+query.Encode(), http.Header{"Authorization": {"Bearer " + a.token}}, http.NoBody)
	if err != nil {
		return err
	}
	what := "meta: " + path[strings.IndexByte(path, '/')+1:]
	if answer.Status == http.StatusOK {
		return answer.JSON(what, into)
	}
	var failed struct {
		Error struct {
			Code    int `json:"code"`
			Subcode int `json:"error_subcode"`
		} `json:"error"`
	}
	if json.Unmarshal(answer.Body, &failed) != nil || failed.Error.Code == 0 {
		return &sender.Later{Code: "http_" + strconv.Itoa(answer.Status), Wait: answer.Wait, Err: fmt.Errorf("%s: status %d", what, answer.Status)}
	}
	code := failed.Error.Code
	if code == 100 && query.Get("after") != "" {
		return errors.Join(rounds.ErrPage, fmt.Errorf("%s: error 100", what))
	}
	return &sender.Later{Code: strconv.Itoa(code), Wait: waitFor(code), Err: fmt.Errorf("%s: error %d/%d", what, code, failed.Error.Subcode)}
}

// waitFor tells how long an error lasts ("Handle Errors" and "Rate Limits" of the Graph API).
func waitFor(code int) time.Duration {
	switch code {
	case 4, 17, 32, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008, 80014: // limits, counted over an hour
		return 5 * time.Minute
	case 3, 10, 102, 190, 200, 294, 299: // the token is void, or may not: somebody must mend it
		return 5 * time.Minute
	}
	return 0
}
