package hubspot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/hubspottest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/hubspot"
)

const (
	ho  = "ho_1"
	ana = "ana@initech.example"
)

func auth() destination.Auth { return destination.Auth{Token: "pat-secret"} }

func made(t *testing.T, url string, deps destination.Deps, options map[string]string) destination.Destination {
	t.Helper()
	return crmtest.New(t, hubspot.Type(), crmtest.Config(t, hubspot.Type(), url, auth(), options, nil), deps)
}

func TestConform(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"leads": nil, "contacts alone": {"lead": "false"}, "a note for everything": {"notes_on": "recalled,recycled,accepted,breached", "lifecycle": "reset"},
	} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					f := hubspottest.New()
					return f, f.Records
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					return made(t, url, deps, options)
				},
				Secrets: []string{"pat-secret"},
				Limited: &destinationtest.Fault{Status: 429, Body: `{"status":"error","policyName":"TEN_SECONDLY_ROLLING","category":"RATE_LIMITS"}`},
			})
		})
	}
}

// rig is a destination, its fake, and refs that are kept.
type rig struct {
	*hubspottest.Fake
	server *destinationtest.Server
	dest   destination.Destination
	refs   map[string]string
}

func newRig(t *testing.T, options map[string]string) *rig {
	f := hubspottest.New()
	s := destinationtest.NewServer(t, f)
	return &rig{Fake: f, server: s, dest: made(t, s.URL, destinationtest.Deps(s), options), refs: map[string]string{}}
}

func (r *rig) deliver(t *testing.T, job *destination.Job) destination.Outcome {
	t.Helper()
	job.Refs = r.refs
	o := r.dest.Deliver(t.Context(), job)
	if o.Verdict == destination.Done {
		r.refs = o.Refs
	}
	return o
}

func (r *rig) done(t *testing.T, job *destination.Job) {
	t.Helper()
	if o := r.deliver(t, job); o.Verdict != destination.Done {
		t.Fatalf("%s: %+v", job.Event, o)
	}
}

func TestWhatIsWritten(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	contact, lead, note, task := r.Only("contacts"), r.Only("leads"), r.Only("notes"), r.Only("tasks")
	for name, want := range map[string]string{"email": ana, "lastname": "Lind", "jobtitle": "VP Engineering", "company": "Initech", "lifecyclestage": "marketingqualifiedlead", "hs_lead_status": "NEW", "hubspot_owner_id": "11"} {
		if contact[name] != want {
			t.Errorf("contact.%s is %v, want %s", name, contact[name], want)
		}
	}
	if lead["hs_lead_name"] != "ana Lind – Initech" || lead["hs_lead_label"] != "HOT" || lead["baton_handoff_id"] != ho || lead["hubspot_owner_id"] != "11" {
		t.Errorf("lead %v", lead)
	}
	if body := note["hs_note_body"].(string); !strings.Contains(body, "<p>Brief of ho_1</p>") || note["hs_timestamp"] != "2026-11-20T12:00:00Z" {
		t.Errorf("note %v", note)
	}
	if task["hs_timestamp"] != "2026-11-20T16:00:00Z" || task["hs_task_status"] != "NOT_STARTED" || task["hs_task_subject"] != "Handoff ho_1" {
		t.Errorf("task %v", task)
	}
}

func TestALifeOfAHandoff(t *testing.T) {
	r := newRig(t, nil)
	life := destinationtest.Life(ho, ana)
	for _, job := range life[:4] {
		r.done(t, job)
	}
	if task, lead := r.Only("tasks"), r.Only("leads"); task["hubspot_owner_id"] != "12" || lead["hubspot_owner_id"] != "12" {
		t.Errorf("after the reassignment the task is %v, the lead %v", task, lead)
	}
	r.done(t, life[4])
	if got := r.Only("contacts")["hs_lead_status"]; got != "OPEN" {
		t.Errorf("accepted: %v", got)
	}
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, nil))
	if got := r.Only("contacts")["hs_lead_status"]; got != "OPEN" {
		t.Errorf("a new brief set the status back: %v", got)
	}
	r.done(t, life[5])
	if got := r.Only("tasks")["hs_task_status"]; got != "COMPLETED" || r.Records()["notes"] != 2 {
		t.Errorf("recalled: %v, %v", got, r.Records())
	}
}

func TestALeadThatIsUnknownThereIsNotMadeByItsStage(t *testing.T) {
	r := newRig(t, nil)
	job := destinationtest.Moved("", ana, "inquiry", "mql")
	job.Handoff = ""
	r.done(t, job)
	r.done(t, destinationtest.OfHandoff("handoff.recalled", ho, ana, nil))
	if got := r.Records(); got["contacts"] != 0 || got["leads"] != 0 || got["notes"] != 0 {
		t.Errorf("%v", got)
	}
}

func TestWhatWasDeletedThereStaysDeleted(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	clear(r.Objects["leads"])
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, nil))
	if n := r.Records()["leads"]; n != 0 {
		t.Errorf("a new brief made %d leads", n)
	}
	r.done(t, destinationtest.Routed(ho, ana))
	if n := r.Records()["leads"]; n != 1 {
		t.Errorf("a replay of the handover made %d leads", n)
	}
}

func TestAnEmailAddressThatChanged(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, "ana.lind@initech.example", nil))
	if n, c := r.Records()["contacts"], r.Only("contacts"); n != 1 || c["email"] != "ana.lind@initech.example" {
		t.Errorf("%d contacts, %v", n, c)
	}
	// Another contact has the address: the lead's is that one from now on.
	r.Objects["contacts"]["900"] = map[string]any{"email": "other@initech.example"}
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, "other@initech.example", nil))
	if r.refs["contact"] != "900" || r.Records()["contacts"] != 2 {
		t.Errorf("%v, %v", r.refs, r.Records())
	}
}

func TestTheNextHandoffOfTheSameLead(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.done(t, destinationtest.OfHandoff("handoff.routed", "ho_2", ana, func(p *routingv1.Payload) { p.Lead.Id = "ld_1" }))
	if got := r.Records(); got["contacts"] != 1 || got["leads"] != 2 || got["notes"] != 2 || got["tasks"] != 2 {
		t.Errorf("%v", got)
	}
}

func TestUnknownOwner(t *testing.T) {
	for options, want := range map[string]destination.Verdict{"leave": destination.Done, "refuse": destination.Never} {
		r := newRig(t, map[string]string{"unknown_owner": options})
		o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", ho, ana, func(p *routingv1.Payload) { p.Owner.Email = "cy@us.example" }))
		if o.Verdict != want || strings.Contains(o.Reason, "@") {
			t.Errorf("%s: %+v", options, o)
		}
	}
	r := newRig(t, nil)
	r.done(t, destinationtest.OfHandoff("handoff.routed", ho, ana, func(p *routingv1.Payload) { p.Owner.ExternalIds = map[string]string{"hubspot": "99"} }))
	if got := r.Only("leads")["hubspot_owner_id"]; got != "99" {
		t.Errorf("owner %v", got)
	}
}

func TestALeadWithoutAnEmailAddress(t *testing.T) {
	r := newRig(t, nil)
	none := func(id string) *destination.Job {
		return destinationtest.OfHandoff("handoff.routed", ho, "", func(p *routingv1.Payload) { p.Lead.ExternalIds = map[string]string{"hubspot": id} })
	}
	r.Objects["contacts"]["55"] = map[string]any{}
	r.done(t, none("55"))
	if r.refs["contact"] != "55" {
		t.Errorf("%v", r.refs)
	}
	r.refs = nil
	if o := r.deliver(t, none("")); o.Verdict != destination.Never {
		t.Errorf("%+v", o)
	}
}

func TestVerdicts(t *testing.T) {
	wrong := func(code, property string) string {
		return `{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"ana@initech.example is bad\",\"error\":\"` + code + `\",\"name\":\"` + property + `\"}]"}`
	}
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   destination.Verdict
		after  time.Duration
		most   time.Duration
		reason string
	}{
		"expired":            {status: 401, body: `{"category":"EXPIRED_AUTHENTICATION"}`, want: destination.Operator, reason: "status 401: EXPIRED_AUTHENTICATION"},
		"scopes":             {status: 403, body: `{"category":"MISSING_SCOPES"}`, want: destination.Operator, reason: "status 403: MISSING_SCOPES"},
		"rolling":            {status: 429, body: `{"policyName":"TEN_SECONDLY_ROLLING"}`, want: destination.Later, after: 10 * time.Second, most: 10 * time.Second, reason: "status 429: TEN_SECONDLY_ROLLING"},
		"search":             {status: 429, body: `{"message":"You have reached your secondly limit."}`, want: destination.Later, after: time.Second, most: time.Second, reason: "status 429"},
		"daily":              {status: 429, body: `{"policyName":"DAILY"}`, want: destination.Later, after: 9 * time.Hour, most: 9 * time.Hour, reason: "status 429: DAILY"},
		"daily, by header":   {status: 429, header: map[string]string{"X-HubSpot-RateLimit-Daily-Remaining": "0"}, want: destination.Later, after: 9 * time.Hour, most: 9 * time.Hour, reason: "status 429"},
		"an interval":        {status: 429, header: map[string]string{"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, want: destination.Later, after: 4 * time.Second, most: 4 * time.Second, reason: "status 429"},
		"missing property":   {status: 400, body: wrong("PROPERTY_DOESNT_EXIST", "baton_x"), want: destination.Operator, reason: "status 400: PROPERTY_DOESNT_EXIST (property baton_x)"},
		"read-only property": {status: 400, body: wrong("READ_ONLY_VALUE", "createdate"), want: destination.Operator, reason: "status 400: READ_ONLY_VALUE (property createdate)"},
		"bad address":        {status: 400, body: wrong("INVALID_EMAIL", "email"), want: destination.Never, reason: "status 400: INVALID_EMAIL (property email)"},
		"bad choice":         {status: 400, body: wrong("INVALID_OPTION", "country"), want: destination.Never, reason: "status 400: INVALID_OPTION (property country)"},
		"errors in a list":   {status: 400, body: `{"category":"VALIDATION_ERROR","errors":[{"code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["baton_y"]}}]}`, want: destination.Operator, reason: "status 400: PROPERTY_DOESNT_EXIST (property baton_y)"},
		"bad, unexplained":   {status: 400, body: `{"category":"VALIDATION_ERROR"}`, want: destination.Never, reason: "status 400: VALIDATION_ERROR"},
		"locked":             {status: 423, want: destination.Again, after: 2 * time.Second, most: 2 * time.Second, reason: "the record is locked by other writes"},
		"moving":             {status: 477, header: map[string]string{"Retry-After": "3600"}, want: destination.Later, after: time.Hour, most: time.Hour, reason: "the account is being moved to another data centre"},
		"moving, unsaid":     {status: 477, want: destination.Later, after: 24 * time.Hour, most: 24 * time.Hour, reason: "the account is being moved to another data centre"},
		"502":                {status: 502, want: destination.Again, reason: "status 502"},
		"504":                {status: 504, want: destination.Again, reason: "status 504"},
		"524":                {status: 524, want: destination.Again, reason: "status 524"},
		"taken":              {status: 409, body: `{"category":"CONFLICT"}`, want: destination.Again, reason: "status 409: CONFLICT"},
	} {
		r := newRig(t, map[string]string{"time_zone": "Europe/Stockholm"})
		deps := destinationtest.Deps(r.server)
		deps.Now = func() time.Time { return time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC) } // 15:00 in Stockholm
		r.dest = made(t, r.server.URL, deps, map[string]string{"time_zone": "Europe/Stockholm"})
		r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
			return &destinationtest.Fault{Status: tc.status, Header: tc.header, Body: tc.body}
		})
		o := r.deliver(t, destinationtest.Routed(ho, ana))
		if o.Verdict != tc.want || o.After < tc.after || o.After > tc.most || o.Reason != tc.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestPartialAndEmptyBatches(t *testing.T) {
	r := newRig(t, nil)
	r.Empty = "yes"
	if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict != destination.Again {
		t.Errorf("empty: %+v", o)
	}
	r.Empty, r.Partial = "", "INVALID_EMAIL"
	if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict != destination.Never || o.Status != 207 {
		t.Errorf("partial: %+v", o)
	}
	r.Partial = "PROPERTY_DOESNT_EXIST"
	if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict != destination.Operator {
		t.Errorf("partial: %+v", o)
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil)
	r.Missing["jobtitle"], r.Missing["baton_handoff_id"] = true, true
	problems, err := r.dest.(destination.Checker).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(problems, "\n")
	for _, want := range []string{"fields.contact.jobtitle", "fields.contact.company: the field can only be read", `"COLD" is none`, "options.handoff_property"} {
		if !strings.Contains(all, want) {
			t.Errorf("no word of %s in:\n%s", want, all)
		}
	}
	if len(problems) != 4 {
		t.Errorf("%d problems:\n%s", len(problems), all)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"auth.token: is missing":        func(c *destination.Config) { c.Auth.Token = "" },
		"auth.password: is not used":    func(c *destination.Config) { c.Auth.Password = "x" },
		"options.lead: must be":         func(c *destination.Config) { c.Options["lead"] = "maybe" },
		"options.handoff_property":      func(c *destination.Config) { c.Options["handoff_property"] = "No Such" },
		"options.time_zone":             func(c *destination.Config) { c.Options["time_zone"] = "Mars/Olympus" },
		"options.notes_on":              func(c *destination.Config) { c.Options["notes_on"] = "whenever" },
		"fields.deal: is not an object": func(c *destination.Config) { c.Fields["deal"] = nil },
	} {
		cfg := crmtest.Config(t, hubspot.Type(), "", auth(), nil, nil)
		change(&cfg)
		if _, err := hubspot.New(cfg, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzAnswers: no answer makes it panic, and none lets what a stranger wrote into a reason.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"results":[{"id":"5"}]}`))
	f.Add(207, []byte(`{"results":[],"errors":[{"context":{"objectWriteTraceId":["ho_1"]},"message":"[{\"error\":\"INVALID_EMAIL\"}]"}]}`))
	f.Add(400, []byte(`{"message":"x [ {\"error\":\"ana@initech.example\",\"name\":\"ana@initech.example\"}]"}`))
	f.Add(409, []byte(`{"message":"Existing ID: 12"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		o := made(t, "https://crm.example", crmtest.Canned(status, body), nil).Deliver(t.Context(), destinationtest.Routed(ho, ana))
		if strings.Contains(o.Reason, "@") || (o.Verdict == destination.Done) != (o.Reason == "") {
			t.Errorf("%+v", o)
		}
	})
}
