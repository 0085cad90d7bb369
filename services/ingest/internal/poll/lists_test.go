package poll_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// platform is the Graph API or LinkedIn's, as far as leads are read from it.
type platform struct {
	mu sync.Mutex
	// leads by list, in the order in which they came; the latest is shown first.
	leads map[string][]lead
	// perPage is how many leads a page has.
	perPage int
	// fail gives the answer of a call instead; nil, or a nil answer, for none.
	fail  func(call int, r *http.Request) *http.Response
	calls int
	// token that is taken.
	token string
	wrong []string
}

type lead struct {
	id string
	at time.Time
}

func (p *platform) came(list string, ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.leads[list] = append(p.leads[list], lead{id, time.Now()})
	}
}

// page gives the leads of a list since a moment, the latest first, from a place on.
func (p *platform) page(list string, since time.Time, start, most int) (out []lead, total int) {
	var all []lead
	for _, l := range slices.Backward(p.leads[list]) {
		if l.at.After(since) {
			all = append(all, l)
		}
	}
	start = min(start, len(all))
	return all[start:min(start+most, len(all))], len(all)
}

func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	p.calls++
	if p.fail != nil {
		if answer := p.fail(p.calls, r); answer != nil {
			return answer, nil
		}
	}
	if r.URL.Path == "/oauth/v2/accessToken" {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("refresh_token") != "rt" || r.PostForm.Get("client_secret") != "hush" {
			return reply(400, map[string]any{"error": "invalid_request"}), nil
		}
		p.token = fmt.Sprint("at", p.calls)
		return reply(200, map[string]any{"access_token": p.token, "expires_in": 5184000}), nil
	}
	if strings.HasPrefix(r.URL.Path, "/rest/") {
		return p.linkedin(r), nil
	}
	return p.graph(r), nil
}

func (p *platform) graph(r *http.Request) *http.Response {
	mac := hmac.New(sha256.New, []byte("app-hush"))
	mac.Write([]byte("page-hush"))
	q := r.URL.Query()
	if r.Header.Get("Authorization") != "Bearer page-hush" || q.Get("appsecret_proof") != hex.EncodeToString(mac.Sum(nil)) {
		return reply(400, map[string]any{"error": map[string]any{"code": 190, "type": "OAuthException"}})
	}
	list, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v23.0/"), "/")
	if what == "leadgen_forms" {
		forms := []map[string]any{}
		for form := range p.leads {
			forms = append(forms, map[string]any{"id": form})
		}
		return reply(200, map[string]any{"data": forms, "paging": map[string]any{"cursors": map[string]any{"after": "x"}}})
	}
	var filter []struct {
		Field, Operator string
		Value           int64
	}
	if json.Unmarshal([]byte(q.Get("filtering")), &filter) != nil || len(filter) != 1 || filter[0].Field != "time_created" || filter[0].Operator != "GREATER_THAN" {
		p.wrong = append(p.wrong, r.URL.RawQuery)
	}
	start := 0
	if after := q.Get("after"); after != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(after, "c"))
		if err != nil {
			return reply(400, map[string]any{"error": map[string]any{"code": 100}})
		}
		start = n
	}
	some, total := p.page(list, time.Unix(filter[0].Value, 0), start, p.perPage)
	data := []map[string]any{}
	for _, l := range some {
		data = append(data, map[string]any{
			"id": l.id, "created_time": l.at.UTC().Format("2006-01-02T15:04:05+0000"), "campaign_name": "Autumn", "ad_id": "9",
			"field_data": []map[string]any{{"name": "email", "values": []string{"p" + l.id + "@initech.example"}}, {"name": "full_name", "values": []string{"Ana Lind"}}},
		})
	}
	paging := map[string]any{"cursors": map[string]any{"after": "c" + strconv.Itoa(start+len(some))}}
	if start+len(some) < total {
		paging["next"] = "https://graph.facebook.com/next?access_token=page-hush"
	}
	return reply(200, map[string]any{"data": data, "paging": paging})
}

func (p *platform) linkedin(r *http.Request) *http.Response {
	if r.Header.Get("Authorization") != "Bearer "+p.token || p.token == "" {
		return reply(401, map[string]any{"status": 401})
	}
	raw, err := url.QueryUnescape(r.URL.RawQuery)
	var since, until int64
	if at := strings.Index(raw, "submittedAtTimeRange="); at < 0 {
		err = fmt.Errorf("no range")
	} else if _, scan := fmt.Sscanf(raw[at:], "submittedAtTimeRange=(start:%d,end:%d)", &since, &until); scan != nil {
		err = scan
	}
	if err != nil || r.Header.Get("X-Restli-Protocol-Version") != "2.0.0" || r.Header.Get("Linkedin-Version") == "" ||
		!strings.HasPrefix(r.URL.RawQuery, "q=owner&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A5)&leadType=(leadType:SPONSORED)&") {
		p.wrong = append(p.wrong, r.URL.RawQuery)
		return reply(400, map[string]any{})
	}
	start, _ := strconv.Atoi(raw[strings.Index(raw, "&start=")+len("&start="):])
	some, total := p.page("5", time.UnixMilli(since), start, 100)
	elements := []map[string]any{}
	for _, l := range some {
		elements = append(elements, map[string]any{
			"id": l.id, "submittedAt": l.at.UnixMilli(), "leadType": "SPONSORED", "owner": map[string]any{"sponsoredAccount": "urn:li:sponsoredAccount:5"},
			"versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3,1)",
			"formResponse": map[string]any{"answers": []map[string]any{
				{"questionId": 1, "answerDetails": map[string]any{"textQuestionAnswer": map[string]any{"answer": "p" + l.id + "@initech.example"}}},
				{"questionId": 2, "answerDetails": map[string]any{"textQuestionAnswer": map[string]any{"answer": "Ana"}}},
			}},
			"form": map[string]any{"hiddenFields": []map[string]any{{"name": "utm_campaign", "value": "autumn"}}, "content": map[string]any{"questions": []map[string]any{
				{"questionId": 1, "predefinedField": "WORK_EMAIL", "name": "E-post"}, {"questionId": 2, "predefinedField": "FIRST_NAME", "name": "Namn"},
			}}},
		})
	}
	return reply(200, map[string]any{"elements": elements, "paging": map[string]any{"start": start, "count": 100, "total": total}})
}

// lists starts an ingest service that reads a platform.
func lists(t *testing.T, j *fakejournal.Journal, p *platform, source ingest.Source) (*ingest.Service, *process) {
	t.Helper()
	c := ingest.DefaultConfig()
	c.Sources = []ingest.Source{source}
	out := newProcess()
	s, err := ingest.New(c, ingest.Deps{Journal: j, Metrics: out.metrics, Log: out.logger(), Client: &http.Client{Transport: p}})
	if err != nil {
		t.Fatal(err)
	}
	out.run(t, s)
	return s, out
}

func meta(change ...func(*sender.Poll)) ingest.Source {
	p := &sender.Poll{Token: config.NewSecret("page-hush"), Since: "1999-12-31T00:00:00Z"}
	for _, f := range change {
		f(p)
	}
	return ingest.Source{Name: "ads", Type: "meta", Secrets: []config.Secret{config.NewSecret("app-hush")}, Accounts: []string{"77"}, Poll: p}
}

func linked() ingest.Source {
	return ingest.Source{
		Name: "ads", Type: "linkedin", Secrets: []config.Secret{config.NewSecret("hush")}, Accounts: []string{"urn:li:sponsoredAccount:5"},
		Poll: &sender.Poll{ClientID: "id", ClientSecret: config.NewSecret("hush"), RefreshToken: config.NewSecret("rt"), Since: "1999-12-31T00:00:00Z"},
	}
}

// told gives how often each lead is in the journal, all with what it answered.
func told(t *testing.T, j *fakejournal.Journal) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, ev := range j.Events() {
		if ev.Type != "form_submitted" {
			continue
		}
		id := strings.TrimSuffix(strings.TrimPrefix(ev.Body.GetIdentity().GetEmail(), "p"), "@initech.example")
		out[id]++
		if ev.Body.GetTraits().GetFirstName() != "Ana" || !strings.EqualFold(ev.Body.GetTouch().GetCampaign(), "autumn") || ev.Body.GetTouch().GetChannel() != "paid_social" {
			t.Errorf("%v", ev.Body)
		}
	}
	return out
}

func numbers(from, to int) (out []string) {
	for i := from; i <= to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	return out
}

func wantTold(t *testing.T, j *fakejournal.Journal, n, most int) {
	t.Helper()
	got := told(t, j)
	if len(got) != n {
		t.Errorf("%d leads are in the journal, want %d", len(got), n)
	}
	for id, times := range got {
		if times > most {
			t.Errorf("lead %s is there %d times", id, times)
		}
	}
}

// Every lead of every form is in the journal with its answers, once, however the pages fall and the rounds overlap.
func TestListsAreRead(t *testing.T) {
	for name, source := range map[string]ingest.Source{"meta": meta(), "linkedin": linked()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, p := &fakejournal.Journal{}, &platform{leads: map[string][]lead{"5": nil}, perPage: 7}
				if name == "meta" {
					p.came("6", numbers(1001, 1020)...)
				} else {
					p.came("5", numbers(1001, 1020)...)
				}
				p.came("5", numbers(1, 130)...)
				_, proc := lists(t, j, p, source)
				time.Sleep(time.Minute)
				wantTold(t, j, 150, 1)
				for i := range 30 { // while rounds overlap
					p.came("5", numbers(200+10*i, 200+10*i+4)...)
					time.Sleep(50 * time.Second)
				}
				time.Sleep(2 * time.Minute)
				wantTold(t, j, 300, 1)
				proc.kill(t)
				p.came("5", numbers(600, 609)...)
				time.Sleep(time.Hour)
				_, proc = lists(t, j, p, source) // goes on where the journal says
				time.Sleep(2 * time.Minute)
				wantTold(t, j, 310, 2)
				proc.kill(t)
				if len(p.wrong) > 0 {
					t.Error(p.wrong)
				}
			})
		})
	}
}

// A webhook tells of the lead alone: it is read at once, and is one event with its answers.
func TestTheWebhookWakesTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, p := &fakejournal.Journal{}, &platform{leads: map[string][]lead{"5": nil}, perPage: 7}
		s, proc := lists(t, j, p, meta(func(p *sender.Poll) { p.Every = time.Hour }))
		time.Sleep(10 * time.Minute)
		p.came("5", "31")
		body := `{"object":"page","entry":[{"id":"77","time":1,"changes":[{"field":"leadgen","value":{"leadgen_id":"31","form_id":"5","page_id":"77","created_time":` +
			strconv.FormatInt(time.Now().Unix(), 10) + `}}]}]}`
		for _, tc := range []struct {
			secret string
			status int
			events int
		}{{"forged", 401, 0}, {"app-hush", 200, 1}, {"app-hush", 200, 1}} {
			mac := hmac.New(sha256.New, []byte(tc.secret))
			mac.Write([]byte(body))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/ads", strings.NewReader(body))
			r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			time.Sleep(5 * time.Second)
			if w.Code != tc.status {
				t.Errorf("status %d, want %d: %s", w.Code, tc.status, w.Body)
			}
			wantTold(t, j, tc.events, 1)
		}
		proc.kill(t)
	})
}

// What the platform answers otherwise delays the leads, and loses none.
func TestListsThroughFaults(t *testing.T) {
	faults := []func() *http.Response{
		func() *http.Response { return reply(500, "<html>") },
		func() *http.Response {
			return reply(400, map[string]any{"error": map[string]any{"code": 4, "message": "of ana@initech.example"}})
		},
		func() *http.Response {
			return reply(403, map[string]any{"error": map[string]any{"code": 80005}})
		},
		func() *http.Response { return reply(401, map[string]any{"error": map[string]any{"code": 190}}) },
		func() *http.Response { return reply(200, "[") },
		func() *http.Response { return reply(429, map[string]any{}) },
	}
	for name, source := range map[string]ingest.Source{"meta": meta(), "linkedin": linked()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, p := &fakejournal.Journal{}, &platform{leads: map[string][]lead{"5": nil}, perPage: 3}
				p.came("5", numbers(1, 40)...)
				p.fail = func(call int, r *http.Request) *http.Response {
					if call%2 == 0 && r.URL.Path != "/oauth/v2/accessToken" {
						return faults[(call/2)%len(faults)]()
					}
					return nil
				}
				_, proc := lists(t, j, p, source)
				time.Sleep(12 * time.Hour)
				wantTold(t, j, 40, 1)
				proc.kill(t)
			})
		})
	}
}

// A cursor that the platform has forgotten has the list read again.
func TestACursorThatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, p := &fakejournal.Journal{}, &platform{leads: map[string][]lead{"5": nil}, perPage: 3}
		p.came("5", numbers(1, 10)...)
		forgotten := false
		p.fail = func(_ int, r *http.Request) *http.Response {
			if after := r.URL.Query().Get("after"); after == "c6" && !forgotten {
				forgotten = true
				return reply(400, map[string]any{"error": map[string]any{"code": 100}})
			}
			return nil
		}
		_, proc := lists(t, j, p, meta())
		time.Sleep(time.Minute)
		wantTold(t, j, 10, 1)
		if !forgotten {
			t.Error("no page was asked for")
		}
		proc.kill(t)
	})
}

func TestListsAreCheckedAtStart(t *testing.T) {
	for want, source := range map[string]ingest.Source{
		"poll.token: is required":          meta(func(p *sender.Poll) { p.Token = config.Secret{} }),
		"poll.url: must be https":          meta(func(p *sender.Poll) { p.URL = "http://graph.example" }),
		"poll.version: must be such as":    meta(func(p *sender.Poll) { p.Version = "23" }),
		"poll.forms[0]: must be an id":     meta(func(p *sender.Poll) { p.Forms = []string{"x/../y"} }),
		"poll.every: 1s is not between":    meta(func(p *sender.Poll) { p.Every = time.Second }),
		"poll.since: is not an RFC 3339":   meta(func(p *sender.Poll) { p.Since = "yesterday" }),
		"accounts[0]: must be such as urn": func() ingest.Source { s := linked(); s.Accounts = []string{"5"}; return s }(),
		"poll.refresh_token: is required":  func() ingest.Source { s := linked(); s.Poll.RefreshToken = config.Secret{}; return s }(),
		"poll.client_id: is required":      func() ingest.Source { s := linked(); s.Poll.ClientID = ""; return s }(),
		"poll.kinds[0]: must be one of":    func() ingest.Source { s := linked(); s.Poll.Kinds = []string{"a b"}; return s }(),
	} {
		c := ingest.DefaultConfig()
		c.Sources = []ingest.Source{source}
		_, err := ingest.New(c, ingest.Deps{Journal: &fakejournal.Journal{}, Metrics: prometheus.NewRegistry()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
