package linkedin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/rounds"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

const (
	apiURL   = "https://api.linkedin.com"
	tokenURL = "https://www.linkedin.com/oauth/v2/accessToken"
	// version of the Marketing API that is asked for where the source names none; each is good for a year.
	version  = "202601"
	pageSize = 100
	// early is how long before its end an access token is replaced.
	early = 10 * time.Minute
)

// responseFields are what is asked for of a response, and of its form to know what was asked (Lead Sync, Lead Form Responses).
const responseFields = "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,leadType,versionedLeadGenFormUrn,id,submittedAt,testLead," +
	"formResponse,form:(hiddenFields,creationLocale,name,id,content)"

var (
	versionShape = regexp.MustCompile(`^20[0-9]{2}(0[1-9]|1[0-2])$`)
	kindShape    = regexp.MustCompile(`^[A-Z_]{1,40}$`)
	ownerShape   = regexp.MustCompile(`^urn:li:(sponsoredAccount|organization):[0-9]{1,30}$`)
)

// api asks for the responses to lead forms.
type api struct {
	base, tokens, version string
	id, secret            string
	refresh               string
	lists                 []string
	reader                rounds.Reader

	mu      sync.Mutex
	token   string
	expires time.Time // zero: it is the configured one
}

// newAPI reads the setting. The owners are those that the source lists, as URNs.
func newAPI(c *sender.Poll, owners []string) (*api, []error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("poll."+format, args...)) }
	a := &api{id: c.ClientID, secret: c.ClientSecret.Reveal(), refresh: c.RefreshToken.Reveal(), token: c.Token.Reveal(), version: c.Version, tokens: tokenURL}
	base, err := c.Address(apiURL)
	if err != nil {
		bad("url: %w", err)
	}
	if base != apiURL {
		a.tokens = base + "/oauth/v2/accessToken"
	}
	a.base = base
	if a.version == "" {
		a.version = version
	}
	if !versionShape.MatchString(a.version) {
		bad("version: must be a month such as %s", version)
	}
	switch {
	case a.refresh != "" && (a.id == "" || a.secret == ""):
		bad("client_id: is required, and client_secret, beside a refresh_token")
	case a.refresh == "" && a.token == "":
		bad("refresh_token: is required, or a token, which ends after two months")
	}
	if len(owners) == 0 {
		errs = append(errs, errors.New("accounts: the owners of the forms are required, such as urn:li:sponsoredAccount:123"))
	}
	for i, owner := range owners {
		if !ownerShape.MatchString(owner) {
			errs = append(errs, fmt.Errorf("accounts[%d]: must be such as urn:li:sponsoredAccount:123 or urn:li:organization:123", i))
			continue
		}
		kinds := c.Kinds
		if len(kinds) == 0 {
			kinds = []string{"SPONSORED"}
			if strings.Contains(owner, ":organization:") {
				kinds = []string{"COMPANY", "EVENT", "ORGANIZATION_PRODUCT"}
			}
		}
		for _, kind := range kinds {
			a.lists = append(a.lists, owner+" "+kind)
		}
	}
	for i, kind := range c.Kinds {
		if !kindShape.MatchString(kind) {
			bad("kinds[%d]: must be one of SPONSORED, COMPANY, EVENT, ORGANIZATION_PRODUCT", i)
		}
	}
	every, since, more := c.Timing()
	errs = append(errs, more...)
	a.reader = rounds.Reader{Every: every, Since: since, Platform: a}
	return a, errs
}

// Polls tells how long to wait between rounds; 0: the source is not asked.
func (s *source) Polls() time.Duration {
	if s.api == nil {
		return 0
	}
	return s.api.reader.Every
}

// Fetch gives the next page of responses, each as a relay would pass it on: a notification with the answers in it.
func (s *source) Fetch(ctx context.Context, client *http.Client, now time.Time, from sender.Cursor) (sender.Page, error) {
	return s.api.reader.Fetch(ctx, client, now, from)
}

// Lists gives the owners, each with a kind of leads.
func (a *api) Lists(context.Context, *http.Client, time.Time) ([]string, error) {
	return slices.Clone(a.lists), nil
}

// Page gives responses; page is where to start.
func (a *api) Page(ctx context.Context, client *http.Client, now time.Time, list string, since, until time.Time, page string) ([]rounds.Item, string, error) {
	owner, kind, _ := strings.Cut(list, " ")
	role, _, _ := strings.Cut(strings.TrimPrefix(owner, "urn:li:"), ":")
	start, err := strconv.Atoi("0" + page)
	if err != nil {
		start = 0
	}
	// Rest.li's own way of writing queries: what is between parentheses is escaped, they themselves are not.
	query := "q=owner&owner=(" + role + ":" + url.QueryEscape(owner) + ")&leadType=(leadType:" + kind + ")&limitedToTestLeads=false" +
		"&submittedAtTimeRange=(start:" + strconv.FormatInt(since.UnixMilli(), 10) + ",end:" + strconv.FormatInt(until.UnixMilli()+999, 10) + ")" +
		"&fields=" + responseFields + "&count=" + strconv.Itoa(pageSize) + "&start=" + strconv.Itoa(start)
	var out struct {
		Elements []json.RawMessage `json:"elements"`
		Paging   struct {
			Total *int `json:"total"`
		} `json:"paging"`
	}
	if err := a.call(ctx, client, now, "/rest/leadFormResponses?"+query, &out); err != nil {
		return nil, "", err
	}
	var items []rounds.Item
	for _, raw := range out.Elements {
		it, ok, err := notification(raw)
		if err != nil {
			return nil, "", err
		}
		if ok {
			items = append(items, it)
		}
	}
	next := start + len(out.Elements)
	if len(out.Elements) < pageSize || out.Paging.Total != nil && next >= *out.Paging.Total {
		return items, "", nil
	}
	return items, strconv.Itoa(next), nil
}

// responseURN begins the name that notifications have a response by.
const responseURN = "urn:li:leadGenFormResponse:"

// notification gives a response as a notification of it would have it, its answers named by what the form calls the questions.
func notification(raw json.RawMessage) (rounds.Item, bool, error) {
	var all map[string]json.RawMessage
	var known struct {
		ID           string          `json:"id"`
		SubmittedAt  json.RawMessage `json:"submittedAt"`
		FormResponse struct {
			Answers []map[string]json.RawMessage `json:"answers"`
		} `json:"formResponse"`
		Form struct {
			HiddenFields json.RawMessage `json:"hiddenFields"`
			Content      struct {
				Questions []map[string]json.RawMessage `json:"questions"`
			} `json:"content"`
		} `json:"form"`
	}
	if read := json.Unmarshal(raw, &all) == nil && json.Unmarshal(raw, &known) == nil; !read || known.ID == "" {
		return rounds.Item{}, false, nil // nothing says which it is
	}
	questions := map[string]map[string]json.RawMessage{}
	for _, q := range known.Form.Content.Questions {
		questions[string(q["questionId"])] = q
	}
	for _, answer := range known.FormResponse.Answers {
		for _, name := range []string{"predefinedField", "name"} {
			if v := questions[string(answer["questionId"])][name]; v != nil && answer[name] == nil {
				answer[name] = v
			}
		}
	}
	var err error
	set := func(name string, v any) {
		text, failed := json.Marshal(v)
		all[name], err = text, errors.Join(err, failed)
	}
	set("type", "LEAD_ACTION")
	set("leadAction", "CREATED")
	set("leadGenFormResponse", responseURN+strings.TrimPrefix(known.ID, responseURN))
	set("answers", known.FormResponse.Answers)
	if known.SubmittedAt != nil {
		all["occurredAt"] = known.SubmittedAt
	}
	if known.Form.HiddenFields != nil {
		all["hiddenFields"] = known.Form.HiddenFields
	}
	for _, name := range []string{"id", "submittedAt", "formResponse", "form"} { // said above, or the same for every response
		delete(all, name)
	}
	text, failed := json.Marshal(all)
	if err = errors.Join(err, failed); err != nil {
		return rounds.Item{}, false, fmt.Errorf("pass a response on: %w", err)
	}
	return rounds.Item{ID: known.ID, Raw: text}, true, nil
}

// Put gives a list of notifications.
func (*api) Put(items []rounds.Item) []byte {
	list := make([]json.RawMessage, len(items))
	for i, it := range items {
		list[i] = it.Raw
	}
	body, _ := json.Marshal(list) // decoded before, it encodes
	return body
}

// call asks for a path. A token that is not taken any more is replaced, once.
func (a *api) call(ctx context.Context, client *http.Client, now time.Time, path string, into any) error {
	what := "linkedin: leadFormResponses"
	for again := a.refresh != ""; ; again = false {
		token, err := a.access(ctx, client, now)
		if err != nil {
			return err
		}
		answer, err := rounds.Ask(ctx, client, http.MethodGet, a.base+path, http.Header{
			"Authorization": {"Bearer " + token}, "Linkedin-Version": {a.version}, "X-Restli-Protocol-Version": {"2.0.0"},
		}, http.NoBody)
		switch {
		case err != nil:
			return err
		case answer.Status == http.StatusOK:
			return answer.JSON(what, into)
		case answer.Status == http.StatusUnauthorized && again:
			a.forget(token)
			continue
		}
		wait := answer.Wait
		switch answer.Status {
		case http.StatusTooManyRequests: // a day's limit, until midnight UTC
			wait = max(wait, 15*time.Minute)
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusUpgradeRequired: // 426: the version has ended
			wait = 5 * time.Minute
		}
		return &sender.Later{Code: "http_" + strconv.Itoa(answer.Status), Wait: wait, Err: fmt.Errorf("%s: status %d", what, answer.Status)}
	}
}

// access gives the access token, a fresh one where it has run out or is about to.
func (a *api) access(ctx context.Context, client *http.Client, now time.Time) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && (a.expires.IsZero() || now.Before(a.expires)) {
		return a.token, nil
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.refresh}, "client_id": {a.id}, "client_secret": {a.secret}}
	answer, err := rounds.Ask(ctx, client, http.MethodPost, a.tokens, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	var out struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"` // seconds
	}
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &out) != nil || out.Token == "" {
		wait := answer.Wait
		if answer.Status == http.StatusBadRequest || answer.Status == http.StatusUnauthorized {
			wait = 5 * time.Minute
		}
		return "", &sender.Later{Code: "identity", Wait: wait, Err: fmt.Errorf("linkedin: no access token: status %d", answer.Status)}
	}
	life := time.Duration(min(max(out.Expires, 0), 366*86400)) * time.Second
	a.token, a.expires = out.Token, now.Add(max(life-early, life/2))
	return a.token, nil
}

func (a *api) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == token {
		a.token = ""
	}
}
