package odoo_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/odootest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/odoo"
)

const (
	ho  = "ho_1"
	ana = "ana@initech.example"
)

func auth() destination.Auth { return destination.Auth{Token: "odoo-secret", Database: "sales"} }

func made(t *testing.T, url string, deps destination.Deps, options map[string]string) destination.Destination {
	t.Helper()
	return crmtest.New(t, odoo.Type(), crmtest.Config(t, odoo.Type(), url, auth(), options, nil), deps)
}

func TestConform(t *testing.T) {
	for name, forget := range map[string]bool{"activities are archived": false, "activities are deleted": true} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					f := odootest.New()
					f.Forget = forget
					return f, f.Records
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					return made(t, url, deps, nil)
				},
				Secrets: []string{"odoo-secret"},
				Unauthorized: &destinationtest.Fault{
					Status: 401, Body: `{"name":"werkzeug.exceptions.Unauthorized","message":"Invalid apikey","arguments":["Invalid apikey",401],"context":{},"debug":""}`,
				},
			})
		})
	}
}

type rig struct {
	*odootest.Fake
	server *destinationtest.Server
	dest   destination.Destination
	refs   map[string]string
}

func newRig(t *testing.T, options map[string]string) *rig {
	f := odootest.New()
	s := destinationtest.NewServer(t, f)
	return &rig{Fake: f, server: s, dest: made(t, s.URL, destinationtest.Deps(s), options)}
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

func TestALifeOfAHandoff(t *testing.T) {
	r := newRig(t, nil)
	life := destinationtest.Life(ho, ana)
	r.done(t, life[0])
	lead, note, task := r.First("crm.lead"), r.First("mail.message"), r.First("mail.activity")
	if lead["name"] != "ana Lind – Initech" || lead["email_from"] != ana || lead["x_baton_handoff_id"] != ho || lead["user_id"] != 2.0 || lead["priority"] != "3" || lead["active"] != true {
		t.Errorf("lead %v", lead)
	}
	if !strings.HasPrefix(note["body"].(string), "<p>Brief of ho_1</p>") || note["html"] != true || note["subtype"] != "mail.mt_note" {
		t.Errorf("note %v", note)
	}
	if task["date_deadline"] != "2026-11-20" || task["user_id"] != 2.0 || task["summary"] != "Handoff ho_1" {
		t.Errorf("task %v", task)
	}
	for _, job := range life[1:5] {
		r.done(t, job)
	}
	if lead["user_id"] != 3.0 || task["user_id"] != 3.0 || lead["active"] != true {
		t.Errorf("accepted by the second owner: %v, %v", lead, task)
	}
	r.done(t, life[5])
	if lead["active"] != false || task["active"] != false || r.Records()["messages"] != 2 {
		t.Errorf("recalled: %v, %v, %v", lead, task, r.Records())
	}
	// An archived lead is found again without refs, and an activity that is done is not done twice.
	r.refs = nil
	r.done(t, life[6])
	if n := r.Records(); n["leads"] != 1 || n["messages"] != 3 {
		t.Errorf("recycled: %v", n)
	}
}

func TestATaskThatTheRepDid(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.Models["mail.activity"] = nil
	r.done(t, destinationtest.Routed(ho, ana))
	if n := r.Records()["activities"]; n != 0 {
		t.Errorf("%d activities after a repeat", n)
	}
	r.done(t, destinationtest.Life(ho, ana)[3])
	if n := r.Records()["activities"]; n != 1 {
		t.Errorf("%d activities for the second owner", n)
	}
}

func TestWhatWasDeletedThereStaysDeleted(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.Models["crm.lead"] = nil
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, nil))
	r.done(t, destinationtest.OfHandoff("handoff.recalled", ho, ana, nil))
	if n := r.Records(); n["leads"] != 0 || n["messages"] != 1 {
		t.Errorf("%v", n)
	}
	r.done(t, destinationtest.Routed(ho, ana))
	if n := r.Records()["leads"]; n != 1 {
		t.Errorf("a replay of the handover made %d leads", n)
	}
}

func TestAPortalUserIsNoOwner(t *testing.T) {
	r := newRig(t, map[string]string{"unknown_owner": "refuse"})
	if o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", ho, ana, func(p *routingv1.Payload) { p.Owner.Email = "cy@us.example" })); o.Verdict != destination.Never {
		t.Errorf("%+v", o)
	}
}

// The day that a task is due is the owner's, not the one in Greenwich.
func TestATaskIsDueOnTheOwnersDay(t *testing.T) {
	for zone, want := range map[string]string{"Asia/Tokyo": "2026-11-21", "": "2026-11-20"} {
		r := newRig(t, nil)
		o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner.TimeZone = zone }))
		if got := r.First("mail.activity")["date_deadline"]; o.Verdict != destination.Done || got != want {
			t.Errorf("%s: %v, %+v", zone, got, o)
		}
	}
}

func TestVerdicts(t *testing.T) {
	said := func(name, message string) string {
		return `{"name":"` + name + `","message":"` + message + `","arguments":[],"context":{},"debug":"Traceback: ana@initech.example"}`
	}
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   destination.Verdict
		sick   bool
		reason string
	}{
		"key":             {status: 401, body: said("werkzeug.exceptions.Unauthorized", "Invalid apikey"), want: destination.Operator, reason: "status 401: werkzeug.exceptions.Unauthorized"},
		"rights":          {status: 403, body: said("odoo.exceptions.AccessError", "You are not allowed to access leads"), want: destination.Operator, reason: "status 403: odoo.exceptions.AccessError"},
		"rights, as 422":  {status: 422, body: said("odoo.exceptions.AccessError", ""), want: destination.Operator, reason: "status 422: odoo.exceptions.AccessError"},
		"no app":          {status: 404, body: said("werkzeug.exceptions.NotFound", "the model does not exist"), want: destination.Operator, reason: "status 404: the database, the model or the method is not there: is the CRM app installed?: werkzeug.exceptions.NotFound"},
		"an older Odoo":   {status: 404, body: "<html>", want: destination.Operator, reason: "status 404: there is no such API: Odoo 19 or later is needed, and the right database"},
		"a field missing": {status: 500, body: said("builtins.ValueError", "Invalid field 'x_fit' in 'crm.lead'"), want: destination.Operator, reason: "status 500: there is no field x_fit: builtins.ValueError"},
		"validation":      {status: 422, body: said("odoo.exceptions.ValidationError", "ana@initech.example is bad"), want: destination.Never, reason: "status 422: odoo.exceptions.ValidationError"},
		"a user's error":  {status: 422, body: said("odoo.exceptions.UserError", ""), want: destination.Never, reason: "status 422: odoo.exceptions.UserError"},
		"a constraint":    {status: 500, body: said("psycopg2.errors.NotNullViolation", ""), want: destination.Never, reason: "status 500: psycopg2.errors.NotNullViolation"},
		"busy":            {status: 500, body: said("psycopg2.errors.SerializationFailure", ""), want: destination.Again, reason: "status 500: psycopg2.errors.SerializationFailure"},
		"no database":     {status: 500, body: said("psycopg2.OperationalError", ""), want: destination.Again, sick: true, reason: "status 500: psycopg2.OperationalError"},
		"a proxy's 502":   {status: 502, body: "<html>", want: destination.Again, sick: true, reason: "status 502"},
		"a limit":         {status: 429, header: map[string]string{"Retry-After": "9"}, body: said("werkzeug.exceptions.TooManyRequests", ""), want: destination.Later, reason: "status 429"},
		"a strange name":  {status: 422, body: said("ana@initech.example", ""), want: destination.Never, reason: "status 422"},
	} {
		r := newRig(t, nil)
		r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
			return &destinationtest.Fault{Status: tc.status, Header: tc.header, Body: tc.body}
		})
		o := r.deliver(t, destinationtest.Routed(ho, ana))
		if o.Verdict != tc.want || o.Sick != tc.sick || o.Reason != tc.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestAFieldThatIsMissing(t *testing.T) {
	r := newRig(t, nil)
	r.Missing = true
	if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict != destination.Operator || r.Records()["leads"] != 0 {
		t.Errorf("%+v", o)
	}
	problems, err := r.dest.(destination.Checker).Check(t.Context())
	if err != nil || len(problems) != 2 || !strings.Contains(problems[0], `fields.lead_on_stage.priority: "3"`) || !strings.HasPrefix(problems[1], "options.handoff_field") {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"url: is missing":               func(c *destination.Config) { c.URL = "" },
		"auth.token: is missing":        func(c *destination.Config) { c.Auth.Token = "" },
		"auth.database: has":            func(c *destination.Config) { c.Auth.Database = "a\nb" },
		"auth.tenant: is not":           func(c *destination.Config) { c.Auth.Tenant = "x" },
		"options.handoff_field":         func(c *destination.Config) { c.Options["handoff_field"] = "X" },
		"options.activity":              func(c *destination.Config) { c.Options["activity"] = "todo" },
		"fields.contact: is not an obj": func(c *destination.Config) { c.Fields["contact"] = nil },
	} {
		cfg := crmtest.Config(t, odoo.Type(), "https://odoo.example", auth(), nil, nil)
		change(&cfg)
		if _, err := odoo.New(cfg, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzAnswers: no answer makes it panic, and none lets what a stranger wrote into a reason.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`[{"id":5,"body":"x"}]`))
	f.Add(200, []byte(`[5]`))
	f.Add(500, []byte(`{"name":"builtins.ValueError","message":"Invalid field 'ana@initech.example' in 'crm.lead'"}`))
	f.Add(404, []byte(`{"name":"odoo.exceptions.MissingError"}`))
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
