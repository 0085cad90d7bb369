package zoho

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/zohotest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

func config(t testing.TB, url string, options map[string]string, fields map[string]map[string]string) destination.Config {
	c := crmtest.Config(t, Type(), url, destination.Auth{}, options, fields)
	c.Auth = destination.Auth{ClientID: "1000.client", ClientSecret: "very-secret", RefreshToken: "1000.refresh", TokenURL: url + "/oauth/v2/token"}
	return c
}

type rig struct {
	*zohotest.Fake
	server *destinationtest.Server
	dest   *Destination
	now    time.Time
}

func newRig(t *testing.T, options map[string]string, fields map[string]map[string]string) *rig {
	t.Helper()
	r := &rig{Fake: zohotest.New(), now: destinationtest.Noon()}
	r.server = destinationtest.NewServer(t, r.Fake)
	deps := destinationtest.Deps(r.server)
	deps.Now = func() time.Time { return r.now }
	d, err := New(config(t, r.server.URL, options, fields), deps)
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
	for name, options := range map[string]map[string]string{
		"notes": nil,
		"tasks": {"brief": "Tasks", "external_id_field": "Handoff", "status_recycled": "Lost Lead", "status_routed": "Open"},
	} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					o := zohotest.New()
					return o, o.Counts
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					d, err := New(config(t, url, options, nil), deps)
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Secrets:      []string{"very-secret", "1000.refresh", "1000.access"},
				TokenPath:    "/oauth/v2/token",
				Limited:      &destinationtest.Fault{Status: 429, Body: zohotest.Text(zohotest.Refusal("TOO_MANY_REQUESTS", nil))},
				Unauthorized: &destinationtest.Fault{Status: 401, Body: zohotest.Text(zohotest.Refusal("INVALID_TOKEN", nil))},
			})
		})
	}
}

func TestRouted(t *testing.T) {
	for brief, bodies := range map[string][]string{
		"Notes": {
			`{"data": [{"First_Name": "ana", "Last_Name": "Lind", "Email": "ana@initech.example", "Designation": "VP Engineering", "Phone": "+46 8 123 456",
				"Company": "Initech", "Owner": {"id": "` + zohotest.AnaID + `"}}], "duplicate_check_fields": ["Email"], "trigger": []}`,
			`{"data": [{"Note_Title": "Handoff ho_1 [ho_1]", "Note_Content": "Brief of ho_1"}]}`,
		},
		"Tasks": {"", `{"data": [{"Subject": "Handoff ho_1 [ho_1]", "Description": "Brief of ho_1", "Priority": "High", "Status": "Not Started", "Due_Date": "2026-11-20",
			"What_Id": {"id": "400000000000001"}, "$se_module": "Leads", "Owner": {"id": "` + zohotest.AnaID + `"}}], "trigger": []}`},
	} {
		r := newRig(t, map[string]string{"brief": brief}, nil)
		o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
		if o.Verdict != destination.Done || !isID(o.Refs[crm.RefPerson]) || !isID(o.Refs[refBrief]) || len(r.Bodies) != 2 {
			t.Fatalf("%+v", o)
		}
		for i, want := range bodies {
			want = strings.ReplaceAll(want, "400000000000001", o.Refs[crm.RefPerson])
			var got, wanted any
			if want != "" && (json.Unmarshal([]byte(r.Bodies[i]), &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || !reflect.DeepEqual(got, wanted)) {
				t.Errorf("request %d: %s\nwant %s", i, r.Bodies[i], want)
			}
		}
	}
}

func TestLife(t *testing.T) {
	for _, withRefs := range []bool{true, false} {
		r := newRig(t, map[string]string{"status_recycled": "Lost Lead", "brief": "Tasks"}, map[string]map[string]string{
			"Change": {"Stage": `change.to`}, "Breach": {"Late": `handoff.breach.clock`},
		})
		refs := map[string]string{}
		for _, job := range destinationtest.Life("ho_1", "ana@initech.example") {
			job.Refs = refs
			o := r.deliver(t, job)
			if o.Verdict != destination.Done {
				t.Fatalf("%s: %+v", job.Event, o)
			}
			if withRefs {
				maps.Copy(refs, o.Refs)
			}
			lead, task := r.Only(leads), r.Only(tasks)
			switch job.Event {
			case "sla.breached":
				if lead["Late"] != "accept" {
					t.Errorf("after a breach: %v", lead)
				}
			case "handoff.reassigned":
				if !reflect.DeepEqual(lead["Owner"], map[string]any{"id": zohotest.BoID}) || !reflect.DeepEqual(task["Owner"], lead["Owner"]) || task["Status"] != "Not Started" {
					t.Errorf("after the reassignment: %v, %v", lead, task)
				}
			case "handoff.recalled":
				if task["Status"] != "Completed" || task["Subject"] != "Withdrawn: Handoff ho_1 [ho_1]" {
					t.Errorf("after the recall: %v", task)
				}
			}
		}
		if lead := r.Only(leads); lead["Stage"] != "recycled" || lead["Lead_Status"] != "Lost Lead" {
			t.Errorf("at the end: %v", lead)
		}
	}
}

// A brief that is brought up to date leaves alone whom people there have given the lead to.
func TestUpdated(t *testing.T) {
	for _, brief := range []string{"Notes", "Tasks"} {
		r := newRig(t, map[string]string{"brief": brief}, nil)
		o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
		r.Modules[leads][o.Refs[crm.RefPerson]]["Owner"] = map[string]any{"id": zohotest.BoID}
		job := destinationtest.OfHandoff("handoff.updated", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Lead.Title = "CTO" })
		job.Refs = o.Refs
		o = r.deliver(t, job)
		if lead := r.Only(leads); o.Verdict != destination.Done || lead["Designation"] != "CTO" || !reflect.DeepEqual(lead["Owner"], map[string]any{"id": zohotest.BoID}) || r.Only(brief) == nil {
			t.Errorf("%s: %+v, %v", brief, o, lead)
		}
		delete(r.Modules[brief], o.Refs[refBrief])
		if o = r.deliver(t, job); o.Verdict != destination.Done || r.Only(brief) == nil {
			t.Errorf("%s that was deleted: %+v", brief, o)
		}
	}
}

func TestFound(t *testing.T) {
	r := newRig(t, nil, nil)
	id := r.Add(leads, map[string]any{"Email": "ana@initech.example", "Last_Name": "Lindh"})
	job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Lead.LastName = "" })
	if o := r.deliver(t, job); o.Verdict != destination.Done || o.Refs[crm.RefPerson] != id || r.Only(leads)["Last_Name"] != "Lindh" {
		t.Errorf("a name that is there was replaced by a filling: %+v, %v", o, r.Only(leads))
	}
	delete(r.Modules[leads], id)
	job.Refs = map[string]string{crm.RefPerson: id, refBrief: "400000000009999", crm.RefHandoff: "ho_1"}
	if o := r.deliver(t, job); o.Verdict != destination.Done || o.Refs[crm.RefPerson] == id || r.Only(leads)["Last_Name"] != "[not provided]" {
		t.Errorf("deleted there: %+v, %v", o, r.Only(leads))
	}
	nameless := destinationtest.OfHandoff("handoff.routed", "ho_2", "", nil)
	if o := r.deliver(t, nameless); o.Verdict != destination.Never {
		t.Errorf("a lead that cannot be found again: %+v", o)
	}
	other := r.Add(leads, map[string]any{"Email": "other@initech.example", "Last_Name": "O"})
	r.Rule = func(module string, record map[string]any) map[string]any {
		if module == leads && record["Phone"] != nil && r.Modules[leads][other]["Phone"] == nil {
			r.Modules[leads][other]["Phone"] = "+46"
			return zohotest.Refusal("DUPLICATE_DATA", map[string]any{"api_name": "Phone", "duplicate_record": map[string]any{"id": other, "module": map[string]any{"api_name": "Leads"}}})
		}
		return nil
	}
	if o := r.deliver(t, destinationtest.Routed("ho_3", "cy@initech.example")); o.Verdict != destination.Done || o.Refs[crm.RefPerson] != other {
		t.Errorf("in the way of a unique field: %+v", o)
	}
}

// Every error that the documentation lists, for the record inside an answer of status 200, and for the request.
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		status  int
		code    string
		details map[string]any
		want    destination.Verdict
		sick    bool
	}{
		{200, "INVALID_DATA", map[string]any{"api_name": "Email", "expected_data_type": "email"}, destination.Never, false},
		{200, "INVALID_DATA", map[string]any{"api_name": "Owner"}, destination.Again, false},
		{200, "MANDATORY_NOT_FOUND", map[string]any{"api_name": "Region"}, destination.Never, false},
		{200, "DUPLICATE_DATA", map[string]any{"api_name": "Email"}, destination.Never, false},
		{200, "NOT_ALLOWED", nil, destination.Never, false},
		{200, "LIMIT_EXCEEDED", nil, destination.Later, false},
		{200, "RECORD_LOCKED", nil, destination.Again, false},
		{200, "INTERNAL_ERROR", nil, destination.Again, true},
		{200, "NO_PERMISSION", nil, destination.Operator, false},
		{200, "MULTIPLE_OR_MULTI_ERRORS", map[string]any{"errors": []any{zohotest.Refusal("NO_PERMISSION", nil)}}, destination.Operator, false},
		{200, "SOMETHING_NEW", nil, destination.Never, false},
		{401, "OAUTH_SCOPE_MISMATCH", nil, destination.Operator, false},
		{401, "INVALID_TOKEN", nil, destination.Operator, false},
		{403, "NO_PERMISSION", nil, destination.Operator, false},
		{404, "INVALID_URL_PATTERN", nil, destination.Operator, false},
		{400, "INVALID_MODULE", nil, destination.Operator, false},
		{429, "TOO_MANY_REQUESTS", nil, destination.Later, false},
		{429, "SOMETHING_NEW", nil, destination.Later, false},
		{500, "INTERNAL_ERROR", nil, destination.Again, true},
		{500, "SOMETHING_NEW", nil, destination.Again, true},
	} {
		r := newRig(t, nil, nil)
		refused := zohotest.Refusal(tc.code, tc.details)
		if tc.status == 200 {
			r.Rule = func(module string, _ map[string]any) map[string]any {
				if module == leads {
					return refused
				}
				return nil
			}
		} else {
			r.server.Faults(func(_ int, req *destinationtest.Request) *destinationtest.Fault {
				if strings.HasSuffix(req.Path, "/upsert") {
					return &destinationtest.Fault{Status: tc.status, Body: zohotest.Text(refused)}
				}
				return nil
			})
		}
		o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
		named := strings.Contains(o.Reason, tc.code) || tc.code == "MULTIPLE_OR_MULTI_ERRORS" || tc.code == "INVALID_TOKEN"
		if o.Verdict != tc.want || o.Sick != tc.sick || !named || strings.Contains(o.Reason, "initech") || len(r.Counts()) != 0 {
			t.Errorf("%d %s %v: %+v", tc.status, tc.code, tc.details, o)
		}
		if o.Verdict == destination.Later && tc.code != "SOMETHING_NEW" && o.After == 0 {
			t.Errorf("%s: no time to wait", tc.code)
		}
	}
}

func TestTokenErrors(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   destination.Verdict
	}{
		{200, `{"error":"invalid_code"}`, destination.Operator},
		{200, `{"error":"invalid_client"}`, destination.Operator},
		{400, `{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}`, destination.Later},
		{500, ``, destination.Again},
	} {
		r := newRig(t, nil, nil)
		r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
			return &destinationtest.Fault{Status: tc.status, Body: tc.body}
		})
		if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != tc.want || o.Reason == "" || tc.want == destination.Later && o.After < time.Minute {
			t.Errorf("%s: %+v", tc.body, o)
		}
	}
}

func TestTooLong(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Rule = func(module string, record map[string]any) map[string]any {
		if s, _ := record["Designation"].(string); len([]rune(s)) > 10 {
			return zohotest.Refusal("INVALID_DATA", map[string]any{"api_name": "Designation", "maximum_length": 10})
		}
		return nil
	}
	if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done || r.Only(leads)["Designation"] != "VP Engine…" {
		t.Errorf("%+v: %v", o, r.Only(leads))
	}
}

// The day that a task is due is the owner's, not the one in Greenwich.
func TestATaskIsDueOnTheOwnersDay(t *testing.T) {
	for zone, want := range map[string]string{"Asia/Tokyo": "2026-11-21", "": "2026-11-20"} {
		r := newRig(t, map[string]string{"brief": "Tasks"}, nil)
		o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner.TimeZone = zone }))
		if got := r.Only(tasks)["Due_Date"]; o.Verdict != destination.Done || got != want {
			t.Errorf("%s: %v, %+v", zone, got, o)
		}
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil, map[string]map[string]string{"Leads": {"Region": `lead.country`}})
	if problems, err := r.dest.Check(t.Context()); err != nil || len(problems) != 0 {
		t.Errorf("a fitting mapping: %q, %v", problems, err)
	}
	r = newRig(t, map[string]string{"external_id_field": "Handoff", "status_won": "Sold", "brief": "Tasks"}, map[string]map[string]string{
		"Leads": {"Nope": `lead.title`, "Created_Time": `sla.accept_by`}, "Tasks": {"Nay": `lead.title`},
	})
	problems, err := r.dest.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fields.Leads.Nope: there is no such field", "fields.Tasks.Nay: there is", "fields.Leads.Created_Time: the field can only be read", "Leads.Handoff is not unique", "field Region must have", `"Sold" is none`} {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("%q is not among %q", want, problems)
		}
	}
}

func TestNew(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"auth.refresh_token: is missing":     func(c *destination.Config) { c.Auth.RefreshToken = "" },
		"auth.tenant: is not used":           func(c *destination.Config) { c.Auth.Tenant = "t" },
		"options.data_center: is not known":  func(c *destination.Config) { c.Options["data_center"] = "moon" },
		"options.trigger: may have":          func(c *destination.Config) { c.Options["trigger"] = "all" },
		"options.brief: must be":             func(c *destination.Config) { c.Options["brief"] = "Calls" },
		"options.duplicate_check_fields: is": func(c *destination.Config) { c.Options["duplicate_check_fields"] = "" },
		"fields.Leads.Owner: is set by":      func(c *destination.Config) { c.Fields["Leads"]["Owner"] = c.Fields["Leads"]["Email"] },
	} {
		c := config(t, "https://www.zohoapis.example", nil, nil)
		change(&c)
		if _, err := New(c, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	c := config(t, "", map[string]string{"data_center": "eu"}, nil)
	c.Auth.TokenURL = ""
	d, err := New(c, destination.Deps{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if z := d.(*Destination); z.accounts != "https://accounts.zoho.eu/oauth/v2/token" || z.api.Base != "https://www.zohoapis.eu" {
		t.Errorf("%s, %s", z.accounts, z.api.Base)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"data":[{"code":"SUCCESS","details":{"id":"400000000000001"},"status":"success"}]}`))
	f.Add(202, []byte(`{"data":[{"code":"MULTIPLE_OR_MULTI_ERRORS","details":{"errors":[{"code":"INVALID_DATA","details":{"api_name":"Email","maximum_length":100}}]},"status":"error"}]}`))
	f.Add(200, []byte(`{"data":[{"code":"DUPLICATE_DATA","details":{"duplicate_record":{"id":"400000000000001"}},"status":"error"}]}`))
	f.Add(401, []byte(`{"code":"INVALID_TOKEN","details":[],"status":"error"}`))
	f.Add(200, []byte(`{"users":[{"id":"1"}],"info":{"more_records":true}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := &destination.Answer{Status: status, Header: http.Header{}, Body: body}
		j := judge(a, time.Time{})
		if (j.outcome.Verdict == destination.Done) != (a.OK() && j.code == "SUCCESS") || j.outcome.Verdict != destination.Done && j.outcome.Reason == "" {
			t.Errorf("%+v", j)
		}
		if j.id != "" && !isID(j.id) {
			t.Errorf("%q is no id", j.id)
		}
		refused(a)
		for _, name := range []string{"data", "users", "fields"} {
			if rows, _, ok := readPage(body, name); ok && rows == nil {
				t.Error("rows that are not there")
			}
		}
	})
}
