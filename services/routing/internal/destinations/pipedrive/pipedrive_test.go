package pipedrive_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/pipedrivetest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/pipedrive"
)

const (
	ho  = "ho_1"
	ana = "ana@initech.example"
)

func key() destination.Auth { return destination.Auth{Token: "key-secret"} }

func made(t *testing.T, url string, deps destination.Deps, auth destination.Auth, options map[string]string) destination.Destination {
	t.Helper()
	all := map[string]string{"handoff_field": pipedrivetest.Field}
	for k, v := range options {
		all[k] = v
	}
	return crmtest.New(t, pipedrive.Type(), crmtest.Config(t, pipedrive.Type(), url, auth, all, nil), deps)
}

func TestConform(t *testing.T) {
	oauth := func(url string) destination.Auth {
		return destination.Auth{ClientID: "app", ClientSecret: "app-secret", RefreshToken: "refresh-secret", TokenURL: url + "/oauth/token"}
	}
	for name, tc := range map[string]struct {
		set     func(*pipedrivetest.Fake)
		auth    func(string) destination.Auth
		token   string
		options map[string]string
	}{
		"an API token":           {},
		"a search that is blind": {set: func(f *pipedrivetest.Fake) { f.Blind = true }},
		"OAuth":                  {set: func(f *pipedrivetest.Fake) { f.Oauth = true }, auth: oauth, token: "/oauth/token"},
		"no organisations":       {options: map[string]string{"organization": "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					f := pipedrivetest.New()
					if tc.set != nil {
						tc.set(f)
					}
					return f, f.Records
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					auth := key()
					if tc.auth != nil {
						auth = tc.auth(url)
					}
					return made(t, url, deps, auth, tc.options)
				},
				Secrets: []string{"key-secret", "app-secret", "refresh-secret"}, TokenPath: tc.token,
				Limited: &destinationtest.Fault{Status: 429, Header: map[string]string{"x-ratelimit-reset": "2"}, Body: `{"success":false,"error":"request over limit"}`},
			})
		})
	}
}

type rig struct {
	*pipedrivetest.Fake
	server *destinationtest.Server
	dest   destination.Destination
	refs   map[string]string
}

func newRig(t *testing.T, options map[string]string) *rig {
	f := pipedrivetest.New()
	s := destinationtest.NewServer(t, f)
	return &rig{Fake: f, server: s, dest: made(t, s.URL, destinationtest.Deps(s), key(), options)}
}

func (r *rig) done(t *testing.T, job *destination.Job) {
	t.Helper()
	job.Refs = r.refs
	o := r.dest.Deliver(t.Context(), job)
	if o.Verdict != destination.Done {
		t.Fatalf("%s: %+v", job.Event, o)
	}
	r.refs = o.Refs
}

func TestWhatIsWritten(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	person, lead, note, task := r.First("persons"), r.First("leads"), r.First("notes"), r.First("activities")
	if person["name"] != "ana Lind" || person["owner_id"] != 21.0 || person["org_id"] == nil || person["emails"].([]any)[0].(map[string]any)["value"] != ana {
		t.Errorf("person %v", person)
	}
	if lead["title"] != "ana Lind – Initech" || lead[pipedrivetest.Field] != ho || lead["owner_id"] != 21.0 || lead["organization_id"] == nil || lead["is_archived"] != nil {
		t.Errorf("lead %v", lead)
	}
	if !strings.Contains(note["content"].(string), "<p>Brief of ho_1</p>") || note["pinned_to_lead_flag"] != 1.0 {
		t.Errorf("note %v", note)
	}
	if task["due_date"] != "2026-11-20" || task["due_time"] != "16:00" || task["type"] != "task" || task["done"] != false {
		t.Errorf("task %v", task)
	}
}

func TestALifeOfAHandoff(t *testing.T) {
	r := newRig(t, nil)
	life := destinationtest.Life(ho, ana)
	for _, job := range life[:5] {
		r.done(t, job)
	}
	if task, lead := r.First("activities"), r.First("leads"); task["owner_id"] != 22.0 || lead["owner_id"] != 22.0 || lead["is_archived"] == true {
		t.Errorf("after the reassignment: task %v, lead %v", task, lead)
	}
	r.done(t, life[5])
	if r.First("leads")["is_archived"] != true || r.First("activities")["done"] != true || r.Records()["notes"] != 2 {
		t.Errorf("recalled: %v, %v, %v", r.First("leads"), r.First("activities"), r.Records())
	}
	// The archived lead is found again without refs.
	r.refs = nil
	r.done(t, life[6])
	if n := r.Records(); n["leads"] != 1 || n["notes"] != 3 {
		t.Errorf("recycled: %v", n)
	}
}

func TestALeadThatBecameADeal(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.All["leads"] = nil
	for _, job := range []*destination.Job{
		destinationtest.OfHandoff("handoff.updated", ho, ana, nil), destinationtest.Moved(ho, ana, "accepted", "recycled"),
		destinationtest.OfHandoff("handoff.recalled", ho, ana, nil),
	} {
		r.done(t, job)
	}
	if n := r.Records(); n["leads"] != 0 || n["notes"] != 1 {
		t.Errorf("%v", n)
	}
}

func TestAPersonThatIsThereKeepsItsOtherAddresses(t *testing.T) {
	r := newRig(t, nil)
	r.All["persons"] = []map[string]any{{"id": 5, "name": "A. Lind", "emails": []any{map[string]any{"value": "a@home.example"}, map[string]any{"value": ana}}}}
	r.done(t, destinationtest.Routed(ho, ana))
	if p := r.First("persons"); len(p["emails"].([]any)) != 2 || p["name"] != "ana Lind" || r.Records()["persons"] != 1 {
		t.Errorf("%v", p)
	}
}

func TestTwoLeadsOfOneCompanyAtOnce(t *testing.T) {
	r := newRig(t, nil)
	r.Blind = true
	ends := make(chan destination.Outcome, 4)
	for i, email := range []string{"a@initech.example", "b@initech.example", "c@initech.example", "d@initech.example"} {
		go func() { ends <- r.dest.Deliver(t.Context(), destinationtest.Routed("ho_"+string(rune('1'+i)), email)) }()
	}
	for range 4 {
		if o := <-ends; o.Verdict != destination.Done {
			t.Errorf("%+v", o)
		}
	}
	if n := r.Records(); n["organizations"] != 1 || n["persons"] != 4 {
		t.Errorf("%v", n)
	}
}

func TestVerdicts(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   destination.Verdict
		after  time.Duration
		reason string
	}{
		"unauthorized":    {status: 401, body: `{"success":false,"error":"unauthorized access"}`, want: destination.Operator, reason: "status 401"},
		"forbidden":       {status: 403, body: `{"success":false,"error":"Scope and URL mismatch"}`, want: destination.Operator, reason: "status 403"},
		"plan":            {status: 403, body: `{"success":false,"code":"feature_capping_deals_limit"}`, want: destination.Operator, reason: "status 403: the account's plan allows no more records: feature_capping_deals_limit"},
		"kept out":        {status: 403, body: `<html>error code: 1015</html>`, want: destination.Later, after: 10 * time.Minute, reason: "status 403: kept out for too many requests"},
		"closed":          {status: 402, want: destination.Operator, reason: "status 402: the account is not open"},
		"burst":           {status: 429, header: map[string]string{"x-ratelimit-reset": "3"}, want: destination.Later, after: 3 * time.Second, reason: "status 429"},
		"burst, unsaid":   {status: 429, want: destination.Later, after: 2 * time.Second, reason: "status 429"},
		"daily budget":    {status: 429, header: map[string]string{"x-daily-ratelimit-token-remaining": "0", "x-ratelimit-reset": "2"}, want: destination.Later, after: 10 * time.Hour, reason: "status 429"},
		"daily requests":  {status: 429, header: map[string]string{"x-daily-requests-left": "0"}, want: destination.Later, after: 10 * time.Hour, reason: "status 429"},
		"handoff's field": {status: 400, body: `{"success":false,"error":"` + pipedrivetest.Field + ` is not allowed"}`, want: destination.Operator, reason: "status 400: the field of options.handoff_field is not accepted"},
		"validation":      {status: 400, body: `{"success":false,"error":"ana@initech.example is bad"}`, want: destination.Never, reason: "status 400"},
		"a named field":   {status: 400, body: `{"success":false,"error":"Parameter 'emails' (ana@initech.example) is no address"}`, want: destination.Never, reason: "status 400: it does not take emails"},
		"500":             {status: 500, want: destination.Again, reason: "status 500"},
		"503":             {status: 503, want: destination.Again, reason: "status 503"},
		"maintenance":     {status: 503, header: map[string]string{"Retry-After": "60"}, want: destination.Later, after: time.Minute, reason: "status 503"},
	} {
		r := newRig(t, nil)
		deps := destinationtest.Deps(r.server)
		deps.Now = func() time.Time { return time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC) }
		r.dest = made(t, r.server.URL, deps, key(), nil)
		r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
			return &destinationtest.Fault{Status: tc.status, Header: tc.header, Body: tc.body}
		})
		o := r.dest.Deliver(t.Context(), destinationtest.Routed(ho, ana))
		if o.Verdict != tc.want || o.After != tc.after || o.Reason != tc.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestARefreshTokenThatIsNotAccepted(t *testing.T) {
	f := pipedrivetest.New()
	f.Oauth = true
	s := destinationtest.NewServer(t, f)
	d := made(t, s.URL, destinationtest.Deps(s), destination.Auth{ClientID: "app", ClientSecret: "app-secret", RefreshToken: "old", TokenURL: s.URL + "/oauth/token"}, nil)
	if o := d.Deliver(t.Context(), destinationtest.Routed(ho, ana)); o.Verdict != destination.Operator || o.Reason != "get a token: status 400: invalid_grant" {
		t.Errorf("%+v", o)
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil)
	if problems, err := r.dest.(destination.Checker).Check(t.Context()); err != nil || len(problems) != 0 {
		t.Errorf("%v, %v", problems, err)
	}
	r.Fields = nil
	cfg := crmtest.Config(t, pipedrive.Type(), r.server.URL, key(), map[string]string{"handoff_field": pipedrivetest.Field}, map[string]map[string]string{"lead": {"ffffffffffffffffffffffffffffffffffffffff": "score.fit"}})
	problems, err := crmtest.New(t, pipedrive.Type(), cfg, destinationtest.Deps(r.server)).(destination.Checker).Check(t.Context())
	if err != nil || len(problems) != 2 || !strings.HasPrefix(problems[0], "fields.lead.ffff") || !strings.HasPrefix(problems[1], "options.handoff_field") {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"auth.token: is missing":         func(c *destination.Config) { c.Auth.Token = "" },
		"auth.client_secret: is missing": func(c *destination.Config) { c.Auth = destination.Auth{ClientID: "x"} },
		"auth.token: is not used": func(c *destination.Config) {
			c.Auth = destination.Auth{ClientID: "x", ClientSecret: "x", RefreshToken: "x", Token: "x"}
		},
		"options.handoff_field": func(c *destination.Config) { c.Options["handoff_field"] = "" },
		"options.organization":  func(c *destination.Config) { c.Options["organization"] = "sometimes" },
	} {
		cfg := crmtest.Config(t, pipedrive.Type(), "", key(), map[string]string{"handoff_field": pipedrivetest.Field}, nil)
		change(&cfg)
		if _, err := pipedrive.New(cfg, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestALeadWithoutAnEmailAddress(t *testing.T) {
	r := newRig(t, nil)
	none := destinationtest.OfHandoff("handoff.routed", ho, "", nil)
	if o := r.dest.Deliver(t.Context(), none); o.Verdict != destination.Never {
		t.Errorf("%+v", o)
	}
	r.All["persons"] = []map[string]any{{"id": 5, "name": "A. Lind"}}
	r.done(t, destinationtest.OfHandoff("handoff.routed", ho, "", func(p *routingv1.Payload) { p.Lead.ExternalIds = map[string]string{"pipedrive": "5"} }))
	if r.refs["person"] != "5" {
		t.Errorf("%v", r.refs)
	}
}

// FuzzAnswers: no answer makes it panic, and none lets what a stranger wrote into a reason.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"success":true,"data":{"items":[{"item":{"id":5}}]}}`))
	f.Add(200, []byte(`{"success":true,"data":[{"id":"x","emails":[{"value":"ana@initech.example"}]}],"additional_data":{"pagination":{"more_items_in_collection":true,"next_start":100}}}`))
	f.Add(400, []byte(`{"error":"ana@initech.example","code":"ana@initech.example"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		o := made(t, "https://crm.example", crmtest.Canned(status, body), key(), nil).Deliver(t.Context(), destinationtest.Routed(ho, ana))
		if strings.Contains(o.Reason, "@") || (o.Verdict == destination.Done) != (o.Reason == "") {
			t.Errorf("%+v", o)
		}
	})
}
