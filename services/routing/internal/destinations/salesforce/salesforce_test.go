package salesforce

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/fakes/salesforcetest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

func config(t testing.TB, url string, options map[string]string, fields map[string]map[string]string) destination.Config {
	c := crmtest.Config(t, Type(), url, destination.Auth{}, options, fields)
	c.Auth = destination.Auth{ClientID: "consumer", ClientSecret: "very-secret"}
	return c
}

type rig struct {
	*salesforcetest.Fake
	server *destinationtest.Server
	dest   *Destination
	now    time.Time
}

func newRig(t *testing.T, options map[string]string, fields map[string]map[string]string) *rig {
	t.Helper()
	r := &rig{Fake: salesforcetest.New(), now: destinationtest.Noon()}
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
		"leads":    nil,
		"statuses": {"status_routed": "Open", "status_recycled": "Recycled", "status_recalled": "Withdrawn", "match_email": "false"},
		"contacts": {"object": "Contact"},
	} {
		t.Run(name, func(t *testing.T) {
			destinationtest.Conform(t, destinationtest.Case{
				Vendor: func(*testing.T) (http.Handler, func() map[string]int) {
					o := salesforcetest.New()
					return o, o.Counts
				},
				New: func(t *testing.T, url string, deps destination.Deps) destination.Destination {
					d, err := New(config(t, url, options, nil), deps)
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Secrets:      []string{"very-secret", "00Dtoken"},
				TokenPath:    "/services/oauth2/token",
				Limited:      &destinationtest.Fault{Status: 403, Body: salesforcetest.Failure("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")},
				Unauthorized: &destinationtest.Fault{Status: 401, Body: salesforcetest.Failure("INVALID_SESSION_ID", "Session expired or invalid")},
			})
		})
	}
}

// The request that hands a lead over, as a whole.
func TestRouted(t *testing.T) {
	r := newRig(t, map[string]string{"status_routed": "Open"}, map[string]map[string]string{"Lead": {"Topics__c": `["a", "b"]`}})
	o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
	if o.Verdict != destination.Done || objectOf(o.Refs[crm.RefPerson]) != "Lead" || !strings.HasPrefix(o.Refs[refTask], "00T") {
		t.Fatalf("%+v", o)
	}
	if len(r.Composites) != 1 {
		t.Fatalf("%d composite requests", len(r.Composites))
	}
	got, err := json.MarshalIndent(r.Composites[0], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal([]byte(`{"allOrNone": true, "compositeRequest": [
		{"method": "PATCH", "url": "/services/data/v66.0/sobjects/Lead/Baton_Handoff_Id__c/ho_1", "referenceId": "lead", "body": {
			"FirstName": "ana", "LastName": "Lind", "Email": "ana@initech.example", "Title": "VP Engineering", "Phone": "+46 8 123 456", "Company": "Initech",
			"Topics__c": "a;b", "Status": "Open", "OwnerId": "005000000000000001"}},
		{"method": "POST", "url": "/services/data/v66.0/sobjects/Task", "referenceId": "task", "body": {
			"WhoId": "@{lead.id}", "Subject": "Handoff ho_1 [ho_1]", "Description": "Brief of ho_1", "Priority": "High", "Status": "Not Started",
			"ActivityDate": "2026-11-20", "OwnerId": "005000000000000001"}}]}`), &want); err != nil {
		t.Fatal(err)
	}
	wanted, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(wanted) {
		t.Errorf("got %s\nwant %s", got, wanted)
	}
	if h := r.Header; h.Get("Sforce-Auto-Assign") != "FALSE" || h.Get("Sforce-Duplicate-Rule-Header") != "allowSave=true" || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
}

// What is told later changes the same two records.
func TestLife(t *testing.T) {
	r := newRig(t, map[string]string{"status_recycled": "Recycled"}, map[string]map[string]string{
		"Change": {"Stage__c": `change.to`}, "Breach": {"Late__c": `handoff.breach.clock`},
	})
	refs := map[string]string{}
	for _, job := range destinationtest.Life("ho_1", "ana@initech.example") {
		job.Refs = refs
		o := r.deliver(t, job)
		if o.Verdict != destination.Done {
			t.Fatalf("%s: %+v", job.Event, o)
		}
		for k, v := range o.Refs {
			refs[k] = v
		}
		lead, task := r.Only("Lead"), r.Only("Task")
		switch job.Event {
		case "sla.breached":
			if lead["Late__c"] != "accept" {
				t.Errorf("after a breach: %v", lead)
			}
		case "handoff.reassigned":
			if lead["OwnerId"] != "005000000000000002" || task["OwnerId"] != "005000000000000002" || task["Status"] != "Not Started" {
				t.Errorf("after the reassignment: %v, %v", lead, task)
			}
		case "handoff.recalled":
			if task["Status"] != "Completed" || task["Subject"] != "Withdrawn: Handoff ho_1 [ho_1]" {
				t.Errorf("after the recall: %v", task)
			}
		}
	}
	if lead := r.Only("Lead"); lead["Stage__c"] != "recycled" || lead["Status"] != "Recycled" {
		t.Errorf("at the end: %v", lead)
	}
}

// A brief that is brought up to date leaves alone whom people there have given the lead and the task to.
func TestUpdated(t *testing.T) {
	for _, withRefs := range []bool{true, false} {
		r := newRig(t, nil, nil)
		o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
		for _, ref := range []string{crm.RefPerson, refTask} {
			r.Records[o.Refs[ref]]["OwnerId"] = "005000000000000002"
		}
		r.Records[o.Refs[refTask]]["Status"] = "Completed"
		job := destinationtest.OfHandoff("handoff.updated", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Lead.Title = "CTO" })
		if withRefs {
			job.Refs = o.Refs
		}
		again := r.deliver(t, job)
		lead, task := r.Only("Lead"), r.Only("Task")
		if again.Verdict != destination.Done || lead["Title"] != "CTO" || lead["OwnerId"] != "005000000000000002" || task["OwnerId"] != lead["OwnerId"] || task["Status"] != "Completed" {
			t.Errorf("%+v: %v, %v", again, lead, task)
		}
	}
}

// What asks nothing of the organisation forgets nothing, either.
func TestNothingToDo(t *testing.T) {
	r := newRig(t, nil, nil)
	job := destinationtest.Moved("ho_1", "ana@initech.example", "routed", "accepted")
	job.Refs = map[string]string{crm.RefHandoff: "ho_1", crm.RefPerson: "00Q000000000000009", refTask: "00T000000000000009"}
	if o := r.deliver(t, job); o.Verdict != destination.Done || o.Status != 0 || !maps.Equal(o.Refs, job.Refs) || len(r.server.Requests()) != 0 {
		t.Errorf("%+v after %d requests", o, len(r.server.Requests()))
	}
}

// A lead that is there already is used, and is nobody's twice.
func TestFound(t *testing.T) {
	t.Run("by e-mail address", func(t *testing.T) {
		r := newRig(t, nil, nil)
		id := r.Add("Lead", map[string]any{"Email": "o'hara@initech.example", "LastName": "O", "Company": "I"})
		if o := r.deliver(t, destinationtest.Routed("ho_1", "o'hara@initech.example")); o.Refs[crm.RefPerson] != id {
			t.Errorf("%+v", o)
		}
		if l := r.Only("Lead"); l["Baton_Handoff_Id__c"] != "ho_1" {
			t.Errorf("%v", l)
		}
	})
	t.Run("not where two have the address", func(t *testing.T) {
		r := newRig(t, nil, nil)
		for range 2 {
			r.Add("Lead", map[string]any{"Email": "ana@initech.example", "LastName": "O", "Company": "I"})
		}
		if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done || r.Counts()["Lead"] != 3 {
			t.Errorf("%+v, %v", o, r.Counts())
		}
	})
	t.Run("by the id that its sources know", func(t *testing.T) {
		r := newRig(t, nil, nil)
		id := r.Add("Lead", map[string]any{"Email": "old@initech.example"})
		job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Lead.ExternalIds["salesforce"] = id })
		if o := r.deliver(t, job); o.Refs[crm.RefPerson] != id {
			t.Errorf("%+v", o)
		}
		r.Records[id]["deleted"] = true
		job.Refs = map[string]string{crm.RefPerson: id, crm.RefHandoff: "ho_1"}
		if o := r.deliver(t, job); o.Verdict != destination.Done || o.Refs[crm.RefPerson] == id {
			t.Errorf("deleted there: %+v", o)
		}
	})
	t.Run("converted meanwhile", func(t *testing.T) {
		for _, withRefs := range []bool{true, false} {
			r := newRig(t, nil, nil)
			job := destinationtest.Routed("ho_1", "ana@initech.example")
			o := r.deliver(t, job)
			contact := r.Add("Contact", map[string]any{"LastName": "Lind", "OwnerId": "kept"})
			r.Records[o.Refs[crm.RefPerson]]["IsConverted"], r.Records[o.Refs[crm.RefPerson]]["ConvertedContactId"] = true, contact
			r.Records[o.Refs[refTask]]["WhoId"] = contact
			again := destinationtest.OfHandoff("handoff.reassigned", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner = &routingv1.Owner{Id: "bo", Email: "bo@us.example"} })
			if withRefs {
				again.Refs = o.Refs
			}
			o = r.deliver(t, again)
			if c := r.Only("Contact"); o.Verdict != destination.Done || o.Refs[crm.RefPerson] != contact || c["OwnerId"] != "kept" || r.Only("Task")["OwnerId"] != "005000000000000002" {
				t.Errorf("%+v: %v, %v", o, c, r.Only("Task"))
			}
		}
	})
	t.Run("a task that was deleted is made anew", func(t *testing.T) {
		r := newRig(t, nil, nil)
		job := destinationtest.Routed("ho_1", "ana@initech.example")
		o := r.deliver(t, job)
		r.Records[o.Refs[refTask]]["deleted"] = true
		old := o.Refs[refTask]
		job.Refs = o.Refs
		if o = r.deliver(t, job); o.Verdict != destination.Done || o.Refs[refTask] == old || r.Counts()["Lead"] != 1 {
			t.Errorf("%+v", o)
		}
	})
}

// A duplicate rule's answer comes under either name; one match is used, several are not.
func TestDuplicates(t *testing.T) {
	for _, key := range []string{"duplicateResut", "duplicateResult"} {
		r := newRig(t, nil, nil)
		contact := r.Add("Contact", map[string]any{"LastName": "Lind"})
		ids := []string{contact}
		r.Rule = func(method, object string, _ map[string]any) (int, string) {
			if object != "Lead" {
				return 0, ""
			}
			var matches []map[string]any
			for _, id := range ids {
				matches = append(matches, map[string]any{"matchConfidence": 100.0, "record": map[string]any{"attributes": map[string]any{"type": "Contact"}, "Id": id}})
			}
			raw, err := json.Marshal([]map[string]any{{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", key: map[string]any{
				"allowSave": false, "matchResults": []map[string]any{{"size": 1, "success": true, "matchRecords": matches}}}}})
			if err != nil {
				t.Error(err)
			}
			return 400, string(raw)
		}
		job := destinationtest.Routed("ho_1", "ana@initech.example")
		for range 2 {
			if o := r.deliver(t, job); o.Verdict != destination.Done || o.Refs[crm.RefPerson] != contact || r.Counts()["Task"] != 1 {
				t.Errorf("%s: %+v, %v", key, o, r.Counts())
			}
		}
		ids = append(ids, r.Add("Contact", map[string]any{"LastName": "Lindh"}))
		if o := r.deliver(t, destinationtest.Routed("ho_2", "bo@initech.example")); o.Verdict != destination.Never || !strings.Contains(o.Reason, "DUPLICATES_DETECTED") {
			t.Errorf("%s, two matches: %+v", key, o)
		}
	}
}

// What Salesforce cannot do without is filled in where a record is made, and only then.
func TestMissing(t *testing.T) {
	r := newRig(t, nil, nil)
	job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Account, p.Lead.LastName = nil, "" })
	if o := r.deliver(t, job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	l := r.Only("Lead")
	if l["Company"] != "[not provided]" || l["LastName"] != "[not provided]" {
		t.Errorf("%v", l)
	}
	r.Records[l["Id"].(string)]["Company"] = "Initech AB"
	if o := r.deliver(t, job); o.Verdict != destination.Done || r.Only("Lead")["Company"] != "Initech AB" {
		t.Errorf("%+v: %v", o, r.Only("Lead"))
	}
}

// Values too long are cut to what the object's description says, once Salesforce complains.
func TestTooLong(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Rule = func(_, object string, fields map[string]any) (int, string) {
		if s, _ := fields["Title"].(string); object == "Lead" && len([]rune(s)) > 10 {
			return 400, salesforcetest.Failure("STRING_TOO_LONG", "Title: data value too large", "Title")
		}
		return 0, ""
	}
	if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done || r.Only("Lead")["Title"] != "VP Engine…" {
		t.Errorf("%+v: %v", o, r.Only("Lead"))
	}
}

func TestOwners(t *testing.T) {
	r := newRig(t, nil, nil)
	stranger := func(p *routingv1.Payload) { p.Owner = &routingv1.Owner{Id: "cy", Email: "cy@us.example"} }
	job := destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", stranger)
	if o := r.deliver(t, job); o.Verdict != destination.Again || o.Sick || !strings.Contains(o.Reason, "cy") {
		t.Errorf("nobody there: %+v", o)
	}
	cy := r.Add("User", map[string]any{"Email": "cy@us.example", "IsActive": true})
	r.now = r.now.Add(2 * time.Minute)
	if o := r.deliver(t, job); o.Verdict != destination.Done || r.Only("Lead")["OwnerId"] != cy {
		t.Errorf("there by now: %+v", o)
	}
	named := destinationtest.OfHandoff("handoff.reassigned", "ho_1", "ana@initech.example", func(p *routingv1.Payload) {
		p.Owner = &routingv1.Owner{Id: "dee", ExternalIds: map[string]string{"salesforce": "005000000000000002"}}
	})
	if o := r.deliver(t, named); o.Verdict != destination.Done || r.Only("Lead")["OwnerId"] != "005000000000000002" {
		t.Errorf("by the directory: %+v", o)
	}
}

// Near the limit of requests nothing is asked until it may have moved.
func TestLimit(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Usage = "4750/5000; per-app-api-usage=17/250(appName=baton)"
	if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Later && o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	r.server.Faults(nil)
	if o := r.deliver(t, destinationtest.Routed("ho_2", "bo@initech.example")); o.Verdict != destination.Later || o.After != limitPause || len(r.server.Requests()) != 0 {
		t.Errorf("%+v after %d requests", o, len(r.server.Requests()))
	}
	r.now, r.Usage = r.now.Add(limitPause), "4000/5000"
	if o := r.deliver(t, destinationtest.Routed("ho_2", "bo@initech.example")); o.Verdict != destination.Done {
		t.Errorf("%+v", o)
	}
}

// A token by an assertion: what Salesforce verifies of it holds.
func TestAssertion(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"PKCS#1": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}, "PKCS#8": {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		o := salesforcetest.New()
		server := destinationtest.NewServer(t, o)
		deps := destinationtest.Deps(server)
		deps.Now = destinationtest.Noon
		c := config(t, server.URL, nil, nil)
		c.Auth = destination.Auth{ClientID: "consumer", User: "baton@us.example", PrivateKey: string(pem.EncodeToMemory(block))}
		d, err := New(c, deps)
		if err != nil {
			t.Fatal(err)
		}
		if out := d.Deliver(t.Context(), destinationtest.Routed("ho_1", "ana@initech.example")); out.Verdict != destination.Done {
			t.Fatalf("%s: %+v", name, out)
		}
		form := o.Grants[0]
		parts := strings.Split(form.Get("assertion"), ".")
		if form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || len(parts) != 3 {
			t.Fatalf("%s: %v", name, form)
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var claims struct {
			Iss, Sub, Aud string
			Exp           int64
		}
		raw, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(raw, &claims) != nil {
			t.Fatal("claims")
		}
		life := time.Unix(claims.Exp, 0).Sub(destinationtest.Noon())
		if claims.Iss != "consumer" || claims.Sub != "baton@us.example" || claims.Aud != "https://login.salesforce.com" || life <= 0 || life > 5*time.Minute {
			t.Errorf("%s: %+v", name, claims)
		}
	}
}

// The day that a task is due is the owner's, not the one in Greenwich.
func TestATaskIsDueOnTheOwnersDay(t *testing.T) {
	for zone, want := range map[string]string{"Asia/Tokyo": "2026-11-21", "": "2026-11-20"} {
		r := newRig(t, nil, nil)
		o := r.deliver(t, destinationtest.OfHandoff("handoff.routed", "ho_1", "ana@initech.example", func(p *routingv1.Payload) { p.Owner.TimeZone = zone }))
		if got := r.Only("Task")["ActivityDate"]; o.Verdict != destination.Done || got != want {
			t.Errorf("%s: %v, %+v", zone, got, o)
		}
	}
}

func TestCheck(t *testing.T) {
	r := newRig(t, nil, map[string]map[string]string{"Lead": {"Region__c": `lead.country`}})
	problems, err := r.dest.Check(t.Context())
	if err != nil || len(problems) != 0 {
		t.Errorf("a fitting mapping: %q, %v", problems, err)
	}
	r = newRig(t, map[string]string{"external_id_field": "Old_Id__c", "status_won": "Sold", "task_closed": "Shut"}, map[string]map[string]string{
		"Lead": {"Nope__c": `lead.title`, "Score__c": `score.fit`},
	})
	problems, err = r.dest.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fields.Lead.Nope__c: there is no such field", "fields.Lead.Score__c: the field can only be read", "Old_Id__c is no external id", "Region__c must have a value", `options.status_won: "Sold" is none`, `options.task_closed: "Shut" is none`} {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
			t.Errorf("%q is not among %q", want, problems)
		}
	}
}

func TestNew(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"url: is missing":                   func(c *destination.Config) { c.URL = "" },
		"auth.client_id: is missing":        func(c *destination.Config) { c.Auth.ClientID = "" },
		"auth.client_secret: is missing":    func(c *destination.Config) { c.Auth.ClientSecret = "" },
		"auth.private_key: is not in PEM":   func(c *destination.Config) { c.Auth = destination.Auth{ClientID: "c", User: "u", PrivateKey: "x"} },
		"auth.user: is missing":             func(c *destination.Config) { c.Auth = destination.Auth{ClientID: "c", PrivateKey: "x"} },
		"auth.token: is not used":           func(c *destination.Config) { c.Auth.Token = "t" },
		"options.object: must be":           func(c *destination.Config) { c.Options["object"] = "Account" },
		"options.limit_percent: must be":    func(c *destination.Config) { c.Options["limit_percent"] = "200" },
		"options.match_email: must be true": func(c *destination.Config) { c.Options["match_email"] = "perhaps" },
		"options.external_id_field: may":    func(c *destination.Config) { c.Options["external_id_field"] = "a/b" },
		"fields.Account: is not an object":  func(c *destination.Config) { c.Fields["Account"] = destination.Fields{} },
		"fields.Lead.OwnerId: is set by":    func(c *destination.Config) { c.Fields["Lead"]["OwnerId"] = c.Fields["Lead"]["Email"] },
	} {
		c := config(t, "https://initech.my.salesforce.example", nil, nil)
		change(&c)
		if _, err := New(c, destination.Deps{Now: time.Now}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
