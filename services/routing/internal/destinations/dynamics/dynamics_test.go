package dynamics

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/dynamicstest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

func config(t testing.TB, url string, options map[string]string, fields map[string]map[string]string) destination.Config {
	c := crmtest.Config(t, Type(), url, destination.Auth{}, options, fields)
	c.Auth = destination.Auth{ClientID: "application", ClientSecret: "very-secret", Tenant: "us.example", TokenURL: url + "/token"}
	return c
}

type rig struct {
	*dynamicstest.Fake
	server *destinationtest.Server
	dest   *Destination
}

func newRig(t *testing.T, options map[string]string, fields map[string]map[string]string) *rig {
	t.Helper()
	r := &rig{Fake: dynamicstest.New()}
	r.server = destinationtest.NewServer(t, r.Fake)
	d, err := New(config(t, r.server.URL, options, fields), destinationtest.Deps(r.server))
	if err != nil {
		t.Fatal(err)
	}
	r.dest = d.(*Destination)
	return r
}

func (r *rig) deliver(t *testing.T, job *destination.Job) destination.Outcome {
	t.Helper()
	job.Attempt++
	return r.dest.Deliver(t.Context(), job)
}

func TestConform(t *testing.T) {
	for name, tc := range map[string]struct {
		options map[string]string
		keyed   bool
	}{
		"plain":         {},
		"keys answered": {keyed: true, options: map[string]string{"match_email": "false", "status_recycled": "2:7", "status_routed": "0:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					e := dynamicstest.New()
					e.Keyed = tc.keyed
					return e, e.Counts
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					d, err := New(config(t, url, tc.options, nil), deps)
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Secrets:   []string{"very-secret", "eyJtoken"},
				TokenPath: "/token",
				Limited: &destinationtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "7"},
					Body: dynamicstest.Failure("0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds.")},
			})
		})
	}
}

func TestRouted(t *testing.T) {
	r := newRig(t, nil, map[string]map[string]string{"lead": {"baton_topics": `[1, 2]`}})
	o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
	if o.Verdict != destination.Done || !isGUID(o.Refs[crm.RefPerson]) || o.Refs[refTask] != taskID("ho_1") {
		t.Fatalf("%+v", o)
	}
	for i, want := range []string{
		`{"subject": "Handoff ho_1", "firstname": "ana", "lastname": "Lind", "emailaddress1": "ana@initech.example", "jobtitle": "VP Engineering",
			"telephone1": "+46 8 123 456", "companyname": "Initech", "baton_topics": "1,2", "ownerid@odata.bind": "/systemusers(` + dynamicstest.AnaID + `)"}`,
		`{"subject": "Handoff ho_1", "description": "Brief of ho_1", "prioritycode": 2, "scheduledend": "2026-11-20T16:00:00Z",
			"regardingobjectid_lead_task@odata.bind": "/leads(` + o.Refs[crm.RefPerson] + `)", "ownerid@odata.bind": "/systemusers(` + dynamicstest.AnaID + `)"}`,
	} {
		var got, wanted any
		if json.Unmarshal([]byte(r.Bodies[i]), &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || !reflect.DeepEqual(got, wanted) {
			t.Errorf("request %d: %s\nwant %s", i, r.Bodies[i], want)
		}
	}
	if g := r.Grants[0]; g.Get("grant_type") != "client_credentials" || g.Get("scope") != r.server.URL+"/.default" {
		t.Errorf("%v", g)
	}
}

func TestLife(t *testing.T) {
	r := newRig(t, map[string]string{"status_recycled": "2:7"}, map[string]map[string]string{
		"Change": {"baton_stage": `change.to`}, "Breach": {"baton_late": `handoff.breach.clock`},
	})
	refs := map[string]string{}
	for _, job := range destinationtest.Life("ho_1", "ana@initech.example") {
		job.Refs = refs
		o := r.deliver(t, job)
		if o.Verdict != destination.Done {
			t.Fatalf("%s: %+v", job.Event, o)
		}
		refs = o.Refs
		lead, task := r.Only("leads"), r.Only("tasks")
		switch job.Event {
		case "sla.breached":
			if lead["baton_late"] != "accept" {
				t.Errorf("after a breach: %v", lead)
			}
		case "handoff.reassigned":
			if lead["ownerid@odata.bind"] != "/systemusers("+dynamicstest.BoID+")" || task["ownerid@odata.bind"] != lead["ownerid@odata.bind"] || task["statuscode"] != 2.0 {
				t.Errorf("after the reassignment: %v, %v", lead, task)
			}
		case "handoff.recalled":
			if task["statuscode"] != 6.0 || task["subject"] != "Withdrawn: Handoff ho_1" {
				t.Errorf("after the recall: %v", task)
			}
		}
	}
	if lead := r.Only("leads"); lead["baton_stage"] != "recycled" || lead["statecode"] != 2.0 || lead["statuscode"] != 7.0 {
		t.Errorf("at the end: %v", lead)
	}
}

func TestUpdated(t *testing.T) {
	r := newRig(t, nil, nil)
	refs := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")).Refs
	r.Tables["tasks"][taskID("ho_1")]["ownerid@odata.bind"] = "/systemusers(" + dynamicstest.BoID + ")" // passed on by hand
	job := destinationtest.OfHandoff("handoff.updated", "ho_1", "ana@initech.example", nil)
	job.Refs = refs
	if o := r.deliver(t, job); o.Verdict != destination.Done || r.Only("tasks")["ownerid@odata.bind"] != "/systemusers("+dynamicstest.BoID+")" {
		t.Errorf("%+v: %v", o, r.Only("tasks"))
	}
	delete(r.Tables["tasks"], taskID("ho_1"))
	if o := r.deliver(t, job); o.Verdict != destination.Done || r.Only("tasks")["ownerid@odata.bind"] != "/systemusers("+dynamicstest.AnaID+")" {
		t.Errorf("a task that was deleted: %+v: %v", o, r.Only("tasks"))
	}
}

func TestFound(t *testing.T) {
	r := newRig(t, nil, nil)
	id := r.Lead(map[string]any{"emailaddress1": "o'hara@initech.example"})
	job := destinationtest.Routed("ho_1", "o'hara@initech.example")
	if o := r.deliver(t, job); o.Refs[crm.RefPerson] != id || r.Only("leads")["baton_handoffid"] != "ho_1" {
		t.Errorf("by e-mail address: %+v, %v", o, r.Only("leads"))
	}
	delete(r.Tables["leads"], id)
	job.Refs = map[string]string{crm.RefPerson: id, crm.RefHandoff: "ho_1"}
	other := r.Lead(map[string]any{"emailaddress1": "o'hara@initech.example"})
	if o := r.deliver(t, job); o.Refs[crm.RefPerson] != other || r.Only("leads")["firstname"] == nil {
		t.Errorf("deleted, and there again: %+v, %v", o, r.Only("leads"))
	}
	r = newRig(t, nil, nil)
	id = r.Lead(map[string]any{"emailaddress1": "old@initech.example"})
	known := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Lead.ExternalIds["dynamics"] = id })
	if o := r.deliver(t, known); o.Refs[crm.RefPerson] != id {
		t.Errorf("by the id that its sources know: %+v", o)
	}
	recalled := destinationtest.OfHandoff("handoff.recalled", "ho_9", "cy@initech.example", nil)
	if o := r.deliver(t, recalled); o.Verdict != destination.Done || r.Counts()["leads"] != 1 || r.Counts()["tasks"] != 1 {
		t.Errorf("recalled, and never there: %+v, %v", o, r.Counts())
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		text   string
		want   destination.Verdict
		sick   bool
	}{
		{429, "0x80072322", "", destination.Later, false},
		{429, "0x80072321", "", destination.Later, false},
		{429, "0x80072326", "", destination.Later, false},
		{403, "0x80040220", "Principal user is missing prvCreateLead privilege", destination.Operator, false},
		{403, "0x80072560", "The user is not a member of the organization.", destination.Operator, false},
		{400, "0x80048d19", "An undeclared property 'baton_x' was found", destination.Operator, false},
		{400, "0x80048d19", "Cannot convert the literal to the expected type", destination.Never, false},
		{404, "0x80060888", "Resource not found for the segment", destination.Operator, false},
		{412, "0x80060892", "Entity Key violated", destination.Again, false},
		{412, "0x80040237", "A record with matching key values already exists.", destination.Again, false},
		{412, "0x80040333", "A duplicate was found", destination.Never, false},
		{400, "0x80040265", "a plug-in's words about ana@initech.example", destination.Never, false},
		{500, "0x80044151", "SQL timeout", destination.Again, true},
		{500, "0x80040216", "unexpected", destination.Again, true},
		{400, "0x80099999", "", destination.Never, false},
		{503, "", "", destination.Again, true},
	} {
		for _, table := range []string{"leads", "tasks"} {
			r := newRig(t, nil, nil)
			r.Rule = func(at string, _ map[string]any) (int, string) {
				if at != table {
					return 0, ""
				}
				return tc.status, dynamicstest.Failure(tc.code, tc.text)
			}
			o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
			if o.Verdict != tc.want || o.Sick != tc.sick || !strings.Contains(o.Reason, tc.code) || strings.Contains(o.Reason, "initech") {
				t.Errorf("%d %s at %s: %+v", tc.status, tc.code, table, o)
			}
		}
	}
}

// Titles too long are cut to what the dynamicstest.Metadata says, once Dataverse complains.
func TestTooLong(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Rule = func(_ string, columns map[string]any) (int, string) {
		if s, _ := columns["jobtitle"].(string); len([]rune(s)) > 10 {
			return 400, dynamicstest.Failure("0x80044331", "A validation error occurred. The length of the 'jobtitle' attribute exceeded the maximum allowed length of '10'.")
		}
		return 0, ""
	}
	if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done || r.Only("leads")["jobtitle"] != "VP Engine…" {
		t.Errorf("%+v: %v", o, r.Only("leads"))
	}
}

func TestOwners(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, owner := range map[string]*routingv1.Owner{
		"nobody has the address": {Id: "cy", Email: "cy@us.example"},
		"no id of a user":        {Id: "cy", ExternalIds: map[string]string{"dynamics": "cy"}},
		"a user who left":        {Id: "cy", ExternalIds: map[string]string{"dynamics": "10000000-0000-0000-0000-000000000009"}},
	} {
		job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner = owner })
		if o := r.deliver(t, job); o.Verdict != destination.Again || o.Sick || len(r.Counts()) != 0 {
			t.Errorf("%s: %+v, %v", name, o, r.Counts())
		}
	}
	r = newRig(t, map[string]string{"fallback_owner": dynamicstest.BoID}, nil)
	job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner = &routingv1.Owner{Id: "cy", Email: "cy@us.example"} })
	if o := r.deliver(t, job); o.Verdict != destination.Done || r.Only("leads")["ownerid@odata.bind"] != "/systemusers("+dynamicstest.BoID+")" {
		t.Errorf("%+v", o)
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil, nil)
	if problems, err := r.dest.Check(t.Context()); err != nil || len(problems) != 0 {
		t.Errorf("a fitting mapping: %q, %v", problems, err)
	}
	r = newRig(t, map[string]string{"external_id_field": "baton_other"}, map[string]map[string]string{"lead": {"nope": `lead.title`, "createdon": `sla.accept_by`, "campaignid@odata.bind": `"/campaigns(1)"`}})
	problems, err := r.dest.Check(t.Context())
	if err != nil || len(problems) != 3 {
		t.Errorf("%q, %v", problems, err)
	}
	for _, want := range []string{"fields.lead.nope: there is no such field", "fields.lead.createdon: the field can only be read", "baton_other has no alternate key"} {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("%q is not among %q", want, problems)
		}
	}
}

func TestNew(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"url: is missing":                  func(c *destination.Config) { c.URL = "" },
		"auth.client_secret: is missing":   func(c *destination.Config) { c.Auth.ClientSecret = "" },
		"auth.tenant: is missing":          func(c *destination.Config) { c.Auth.Tenant, c.Auth.TokenURL = "", "" },
		"auth.tenant: must be":             func(c *destination.Config) { c.Auth.Tenant = "a/b" },
		"auth.password: is not used":       func(c *destination.Config) { c.Auth.Password = "p" },
		"options.status_won: must be":      func(c *destination.Config) { c.Options["status_won"] = "Won" },
		"options.fallback_owner: must be":  func(c *destination.Config) { c.Options["fallback_owner"] = "bo" },
		"fields.lead.ownerid@odata.bind: ": func(c *destination.Config) { c.Fields["lead"]["ownerid@odata.bind"] = c.Fields["lead"]["subject"] },
	} {
		c := config(t, "https://initech.crm4.dynamics.example", nil, nil)
		change(&c)
		if _, err := New(c, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(404, []byte(`{"error":{"code":"0x80040217","message":"lead With Id = … Does Not Exist"}}`), "https://initech.crm4.dynamics.example/api/data/v9.2/leads(20000000-0000-0000-0000-000000000001)")
	f.Add(200, []byte(`{"value":[{"leadid":"20000000-0000-0000-0000-000000000001"}]}`), "leads(baton_handoffid='ho_1')")
	f.Add(429, []byte(`{"error":{"code":"0X80072322"}}`), "")
	f.Fuzz(func(t *testing.T, status int, body []byte, entity string) {
		a := &destination.Answer{Status: status, Header: http.Header{"Odata-Entityid": {entity}}, Body: body}
		j := judge(a, time.Time{})
		if !a.OK() && (j.outcome.Verdict == destination.Done || j.outcome.Reason == "") {
			t.Errorf("%+v", j)
		}
		if id := idOf(a); id != "" && !isGUID(id) {
			t.Errorf("%q is no id", id)
		}
		if rows, ok := readRows(body); ok && rows == nil {
			t.Error("rows that are not there")
		}
	})
}

// Two handoffs have two tasks, and the id is always the same one.
func TestTaskID(t *testing.T) {
	a, b := taskID("ho_1"), taskID("ho_2")
	if a == b || a != taskID("ho_1") || !isGUID(a) || a[14] != '8' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("%s, %s", a, b)
	}
}
