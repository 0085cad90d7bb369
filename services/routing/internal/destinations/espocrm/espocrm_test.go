package espocrm_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/espocrmtest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/espocrm"
)

const (
	ho  = "ho_1"
	ana = "ana@initech.example"
)

func made(t *testing.T, url string, deps destination.Deps, options map[string]string) destination.Destination {
	t.Helper()
	return crmtest.New(t, espocrm.Type(), crmtest.Config(t, espocrm.Type(), url, destination.Auth{Token: "espo-secret"}, options, nil), deps)
}

func TestConform(t *testing.T) {
	for name, options := range map[string]map[string]string{"reuse": nil, "create": {"duplicates": "create"}} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					f := espocrmtest.New()
					return f, f.Records
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					return made(t, url, deps, options)
				},
				Secrets: []string{"espo-secret"},
			})
		})
	}
}

type rig struct {
	*espocrmtest.Fake
	server *destinationtest.Server
	dest   destination.Destination
	refs   map[string]string
}

func newRig(t *testing.T, options map[string]string) *rig {
	f := espocrmtest.New()
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
	lead, note, task := r.First("Lead"), r.First("Note"), r.First("Task")
	if lead["lastName"] != "Lind" || lead["emailAddress"] != ana || lead["accountName"] != "Initech" || lead["cHandoffId"] != ho || lead["assignedUserId"] != "u-ana" || lead["status"] != "Assigned" {
		t.Errorf("lead %v", lead)
	}
	if note["type"] != "Post" || note["parentType"] != "Lead" || !strings.HasPrefix(note["post"].(string), "Brief of ho_1") {
		t.Errorf("note %v", note)
	}
	if task["dateEnd"] != "2026-11-20 16:00:00" || task["assignedUserId"] != "u-ana" || task["status"] != "Not Started" || task["name"] != "Handoff ho_1" {
		t.Errorf("task %v", task)
	}
	for _, job := range life[1:5] {
		r.done(t, job)
	}
	if lead["assignedUserId"] != "u-bo" || task["assignedUserId"] != "u-bo" || lead["status"] != "In Process" {
		t.Errorf("accepted by the second owner: %v, %v", lead, task)
	}
	r.done(t, life[5])
	if lead["status"] != "Recycled" || task["status"] != "Completed" || r.Records()["notes"] != 2 {
		t.Errorf("recalled: %v, %v, %v", lead, task, r.Records())
	}
}

func TestDuplicates(t *testing.T) {
	existing := func() []map[string]any {
		return []map[string]any{
			{"id": "x1", "firstName": "ana", "lastName": "Lind", "emailAddress": "another@initech.example", "status": "New"},
			{"id": "x2", "firstName": "A.", "lastName": "L.", "emailAddress": ana, "status": "New"},
		}
	}
	for name, tc := range map[string]struct {
		options map[string]string
		change  func([]map[string]any)
		leads   int
		ref     string
	}{
		"the same address is the same person":     {leads: 2, ref: "x2"},
		"the same name alone is somebody else":    {change: func(o []map[string]any) { o[1]["emailAddress"] = "b@initech.example" }, leads: 3, ref: "e1"},
		"one that was converted is left alone":    {change: func(o []map[string]any) { o[1]["status"] = "Converted" }, leads: 3, ref: "e1"},
		"duplicates are made where that is asked": {options: map[string]string{"duplicates": "create"}, leads: 3, ref: "e1"},
	} {
		r := newRig(t, tc.options)
		r.All["Lead"] = existing()
		if tc.change != nil {
			tc.change(r.All["Lead"])
		}
		r.done(t, destinationtest.Routed(ho, ana))
		if r.Records()["leads"] != tc.leads || r.refs["lead"] != tc.ref {
			t.Errorf("%s: %v, %v", name, r.Records(), r.refs)
		}
	}
}

func TestALeadIsNotLostForItsPhoneNumber(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.OfHandoff("handoff.routed", ho, ana, func(p *routingv1.Payload) { p.Lead.Phone = "ask the desk" }))
	if l := r.First("Lead"); l["phoneNumber"] != nil || l["cHandoffId"] != ho {
		t.Errorf("%v", l)
	}
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, func(p *routingv1.Payload) { p.Lead.Phone = "still" }))
}

func TestAFieldThatIsMissingMakesNoSecondLead(t *testing.T) {
	for _, silent := range []bool{false, true} {
		r := newRig(t, nil)
		r.NoField, r.Silent = true, silent
		for range 3 {
			if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict == destination.Never || o.Verdict == destination.Again || !silent && o.Verdict != destination.Operator {
				t.Errorf("%+v", o)
			}
		}
		if n := r.Records()["leads"]; n > 1 {
			t.Errorf("silent %v: %d leads", silent, n)
		}
	}
}

func TestAPostThatCanNoLongerBeChanged(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.OldNotes = true
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, nil))
	if n := r.Records()["notes"]; n != 2 {
		t.Errorf("%d notes", n)
	}
}

func TestAUserWhoLeftIsNoOwner(t *testing.T) {
	r := newRig(t, map[string]string{"unknown_owner": "refuse"})
	if o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", ho, ana, func(p *routingv1.Payload) { p.Owner.Email = "cy@us.example" })); o.Verdict != destination.Never {
		t.Errorf("%+v", o)
	}
}

func TestWhatWasDeletedThereStaysDeleted(t *testing.T) {
	r := newRig(t, nil)
	r.done(t, destinationtest.Routed(ho, ana))
	r.All["Lead"] = nil
	r.done(t, destinationtest.OfHandoff("handoff.updated", ho, ana, nil))
	r.done(t, destinationtest.Moved(ho, ana, "accepted", "recycled"))
	if n := r.Records(); n["leads"] != 0 || n["notes"] != 1 {
		t.Errorf("%v", n)
	}
}

func TestVerdicts(t *testing.T) {
	field := func(name, check string) string {
		return `{"messageTranslation":{"label":"validationFailure","data":{"field":"` + name + `","type":"` + check + `"}}}`
	}
	for name, tc := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   destination.Verdict
		after  time.Duration
		reason string
		on     string
	}{
		"unauthorized":        {status: 401, want: destination.Operator, reason: "status 401"},
		"forbidden":           {status: 403, header: map[string]string{"X-Status-Reason": "No create access for ana@initech.example"}, want: destination.Operator, reason: "status 403"},
		"bad address":         {status: 400, body: field("emailAddress", "valid"), on: "POST", want: destination.Never, reason: "status 400: field emailAddress (valid)"},
		"required, not there": {status: 400, body: field("industry", "required"), on: "POST", want: destination.Operator, reason: "status 400: field industry (required)"},
		"required, empty":     {status: 400, body: field("title", "required"), on: "POST", want: destination.Never, reason: "status 400: field title (required)"},
		"unexplained":         {status: 400, on: "POST", want: destination.Never, reason: "status 400"},
		"strange field":       {status: 400, body: field("ana@initech.example", "valid"), on: "POST", want: destination.Never, reason: "status 400"},
		"500":                 {status: 500, want: destination.Again, reason: "status 500"},
		"maintenance":         {status: 503, want: destination.Again, reason: "status 503: perhaps it is being maintained"},
		"maintenance, timed":  {status: 503, header: map[string]string{"Retry-After": "60"}, want: destination.Later, after: time.Minute, reason: "status 503"},
		"a proxy's limit":     {status: 429, header: map[string]string{"Retry-After": "5"}, want: destination.Later, after: 5 * time.Second, reason: "status 429"},
	} {
		r := newRig(t, nil)
		r.server.Faults(func(_ int, req *destinationtest.Request) *destinationtest.Fault {
			if tc.on != "" && req.Method != tc.on {
				return nil
			}
			return &destinationtest.Fault{Status: tc.status, Header: tc.header, Body: tc.body}
		})
		o := r.deliver(t, destinationtest.Routed(ho, ana))
		if o.Verdict != tc.want || o.After != tc.after || o.Reason != tc.reason {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil)
	r.NoField = true
	cfg := crmtest.Config(t, espocrm.Type(), r.server.URL, destination.Auth{Token: "espo-secret"}, nil, map[string]map[string]string{"lead": {"createdAt": `"x"`, "assignedUserId": `"x"`, "cScore": "score.fit"}})
	problems, err := crmtest.New(t, espocrm.Type(), cfg, destinationtest.Deps(r.server)).(destination.Checker).Check(t.Context())
	all := strings.Join(problems, "\n")
	if err != nil || len(problems) != 4 {
		t.Errorf("%v, %s", err, all)
	}
	for _, want := range []string{"fields.lead.cScore", "fields.lead.createdAt: the field can only be read", `fields.lead_on_stage.status: "Dead"`, "options.handoff_field"} {
		if !strings.Contains(all, want) {
			t.Errorf("no word of %s in:\n%s", want, all)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"url: is missing":        func(c *destination.Config) { c.URL = "" },
		"auth.token: is missing": func(c *destination.Config) { c.Auth.Token = "" },
		"options.handoff_field":  func(c *destination.Config) { c.Options["handoff_field"] = "c handoff" },
		"options.duplicates":     func(c *destination.Config) { c.Options["duplicates"] = "merge" },
	} {
		cfg := crmtest.Config(t, espocrm.Type(), "https://espo.example", destination.Auth{Token: "x"}, nil, nil)
		change(&cfg)
		if _, err := espocrm.New(cfg, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzAnswers: no answer makes it panic, and none lets what a stranger wrote into a reason.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"total":1,"list":[{"id":"5"}],"id":"5"}`))
	f.Add(409, []byte(`[{"id":"5","emailAddress":"ana@initech.example"}]`))
	f.Add(400, []byte(`{"messageTranslation":{"data":{"field":"phoneNumber","type":"valid"}}}`))
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
