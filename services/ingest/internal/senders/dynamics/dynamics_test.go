package dynamics

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	key    = "k3y-of-the-webhook"
	leadID = "1b0c7a60-0000-4000-8000-0000000000aa"
	dealID = "2b0c7a60-0000-4000-8000-0000000000bb"
	at     = " at 2026-11-20T08:00:00Z"
)

// post makes an execution context.
func post(table, message, record, parameters, more string) string {
	return `{"BusinessUnitId":"b","CorrelationId":"c-1","Depth":1,"InputParameters":[` + parameters + `],"MessageName":"` + message + `","Mode":1,
		"OperationCreatedOn":"\/Date(1795161600000-0700)\/","OperationId":"3b0c7a60-0000-4000-8000-0000000000cc","OrganizationId":"4B0C7A60-0000-4000-8000-0000000000DD",
		"OrganizationName":"initech","PrimaryEntityId":"` + record + `","PrimaryEntityName":"` + table + `"` + more + `}`
}

func target(attributes string) string {
	return `{"key":"Target","value":{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Attributes":[` + attributes + `],"FormattedValues":[],"LogicalName":"x"}}`
}

func attr(name, value string) string { return `{"key":"` + name + `","value":` + value + `}` }

func vendorTest() sendertest.Vendor {
	body := post("lead", "Create", leadID, target(attr("emailaddress1", `"ana@initech.example"`)+","+attr("firstname", `"Ana"`)), "")
	return sendertest.Vendor{
		Type: Type(), Secret: key, OldSecret: "0ld-key", ContentType: "application/json", Body: []byte(body),
		Sign:  func(r *sender.Request, secret string) { r.Header.Set("X-Our-Own-Key", secret) },
		Want:  []string{"identified ana@initech.example dynamics:" + leadID + at},
		Alike: [][]byte{[]byte(strings.Replace(body, "cc", "ce", 1)), []byte(strings.Replace(body, "Create", "Update", 1))},
		Unknown: [][]byte{
			[]byte(post("lead", "Teleport", leadID, "", "")), []byte(post("moon", "Create", leadID, "", "")),
		},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendorTest()) }

func TestKeyInTheAddress(t *testing.T) {
	v := vendorTest()
	s := v.New(t, key)
	for query, want := range map[string]bool{"code=" + key: true, "whatever=" + key: true, "code=x": false, "": false} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		r := v.Request(v.Body, "", sendertest.Now())
		r.Query = values
		if _, err := s.Verify(r); (err == nil) != want {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestContexts(t *testing.T) {
	v := vendorTest()
	lead, deal := " dynamics:"+leadID+at, " dynamics-opportunity:"+dealID+at
	image := func(attributes string) string {
		return `,"PostEntityImages":[{"key":"Image","value":{"Attributes":[` + attributes + `]}}]`
	}
	handoff := attr("new_handoffid", `"`+crmtest.Handoff+`"`)
	choice := func(n string) string { return `{"__type":"OptionSetValue:x","Value":` + n + `}` }
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "lead", Body: post("lead", "Update", leadID, target(attr("lastname", `"Lind"`)+","+attr("modifiedon", `"\/Date(1795161600000)\/"`)+","+attr("leadid", `"`+leadID+`"`)), ""), Want: []string{"identified" + lead + " last_name=Lind other[modifiedon]"}},
		{Name: "a contact's image says who it is", Body: post("contact", "Update", leadID, target(attr("jobtitle", `"CTO"`)), image(attr("emailaddress1", `"ana@initech.example"`))), Want: []string{"identified ana@initech.example" + lead + " title=CTO"}},
		{Name: "status without a handoff", Body: post("lead", "Update", leadID, target(attr("statuscode", choice("2"))), ""), Want: []string{"identified" + lead + " other[statuscode]"}},
		{Name: "status of a handoff", Body: post("lead", "Update", leadID, target(attr("statuscode", choice("2"))), image(handoff)), Want: []string{"contacted " + crmtest.Lead + lead + " answer[" + crmtest.Handoff + " ] other[new_handoffid statuscode]"}},
		{Name: "only what changed is news", Body: post("lead", "Update", leadID, target(attr("jobtitle", `"CTO"`)), image(handoff+","+attr("statuscode", choice("2")))), Want: []string{"identified " + crmtest.Lead + lead + " title=CTO other[new_handoffid statuscode]"}},
		{Name: "qualified", Body: post("lead", "QualifyLead", leadID, `{"key":"LeadId","value":{"Id":"`+leadID+`","LogicalName":"lead"}},{"key":"Status","value":`+choice("3")+`}`, image(handoff)), Want: []string{"sql " + crmtest.Lead + lead + " answer[" + crmtest.Handoff + " ] other[new_handoffid statuscode]"}},
		{Name: "a choice's label", Config: sender.Config{Stages: map[string]string{"no budget": "recycled"}}, Body: post("lead", "Update", leadID,
			`{"key":"Target","value":{"Attributes":[`+attr("statuscode", choice("100"))+`,`+handoff+`],"FormattedValues":[`+attr("statuscode", `"No Budget"`)+`]}}`, ""), Want: []string{"recycled " + crmtest.Lead + lead + " answer[" + crmtest.Handoff + " no-budget] other[new_handoffid statuscode]"}},
		{Name: "no more mails", Body: post("contact", "Update", leadID, target(attr("donotbulkemail", `true`)), ""), Want: []string{"identified" + lead + " other[donotbulkemail]", "consent_changed" + lead + " email=withdrawn"}},
		{Name: "deleted", Body: post("lead", "Delete", leadID, `{"key":"Target","value":{"Id":"`+leadID+`","LogicalName":"lead"}}`, ""), Want: []string{`custom "dynamics: lead.Delete"` + lead}},
		{Name: "opportunity", Body: post("opportunity", "Create", dealID, target(attr("estimatedvalue", `{"__type":"Money:x","Value":1200.50}`)+","+attr("stepname", `"2-Develop"`)), ""), Want: []string{"deal_opened" + deal + " deal[" + dealID + " 2-Develop 1200.50  ]"}},
		{Name: "opportunity of a contact", Body: post("opportunity", "Update", dealID, target(attr("stepname", `"3-Propose"`)+","+attr("parentcontactid", `{"Id":"`+strings.ToUpper(leadID)+`","LogicalName":"contact"}`)), ""), Want: []string{"deal_stage_changed" + lead + " deal[" + dealID + " 3-Propose   ]"}},
		{Name: "won", Body: post("opportunity", "Win", dealID, `{"key":"OpportunityClose","value":{"Attributes":[`+attr("actualrevenue", `{"Value":99}`)+`]}},{"key":"Status","value":`+choice("3")+`}`, image(handoff)), Want: []string{"deal_won " + crmtest.Lead + deal + " deal[" + dealID + " 3 99  ]"}},
		{Name: "made earlier", Body: post("opportunity", "Update", dealID, target(attr("statecode", choice("1"))), image(attr("createdon", `"\/Date(1793520000000)\/"`))), Want: []string{"deal_won" + deal + " deal[" + dealID + "    ] created=2026-11-01T08:00:00Z"}},
		{Name: "lost", Body: post("opportunity", "Lose", dealID, ``, ""), Want: []string{"deal_lost" + deal + " deal[" + dealID + "    ]"}},
		{Name: "state", Body: post("opportunity", "Update", dealID, target(attr("statecode", choice("1"))), ""), Want: []string{"deal_won" + deal + " deal[" + dealID + "    ]"}},
		{Name: "another column", Body: post("opportunity", "Update", dealID, target(attr("name", `"x"`)), ""), Want: []string{`custom "dynamics: opportunity.Update"` + deal}},
		{Name: "account", Body: post("account", "Create", leadID, target(attr("name", `"Initech"`)), ""), Want: []string{"ignored: neither"}},
		{Name: "too large to be sent", Header: map[string]string{"x-ms-dynamics-msg-size-exceeded": "true"}, Body: post("lead", "Update", leadID, "", ""), Want: []string{"refused: read lead " + leadID + " again"}},
		{Name: "another organisation", Config: sender.Config{Accounts: []string{"x"}}, Body: post("lead", "Update", leadID, "", ""), Want: []string{"ignored: account"}},
		{Name: "our organisation", Config: sender.Config{Accounts: []string{"{4b0c7a60-0000-4000-8000-0000000000dd}"}}, Body: post("lead", "Update", leadID, "", ""), Want: []string{"identified" + lead}},
		{Name: "no table", Body: `{"MessageName":"Update"}`, Want: []string{"refused: PrimaryEntityName"}},
		{Name: "nobody", Body: post("lead", "Update", noID, "", ""), Want: []string{"refused: says of nobody"}},
	})
}

func TestDate(t *testing.T) {
	for s, want := range map[string]string{
		"/Date(1506409448000-0700)/": "2017-09-26T07:04:08Z", "/Date(1506409448000)/": "2017-09-26T07:04:08Z", "/Date(-1000)/": "1969-12-31T23:59:59Z",
		"2026-11-20T08:00:00Z": "2026-11-20T08:00:00Z", "/Date(x)/": "", "/Date(1": "", "/Date(99999999999999999999)/": "", "": "",
	} {
		got := ""
		if at, ok := Date(s); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}

// A synchronous step has no operation of its own: what it tells apart is the request and the moment.
func TestSynchronousStep(t *testing.T) {
	v := vendorTest()
	s := v.New(t, key)
	id := func(body string) string {
		return sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})[0].Event.Id
	}
	sync := strings.Replace(string(v.Body), "3b0c7a60-0000-4000-8000-0000000000cc", noID, 1)
	if id(sync) == id(strings.Replace(sync, "1795161600000", "1795161600001", 1)) || id(sync) == id(strings.Replace(sync, "c-1", "c-2", 1)) {
		t.Error("two changes are one event")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]sender.Config{"secrets": {}, "write_key": {WriteKey: "k", Secrets: []string{"s"}}, "stages": {Secrets: []string{"s"}, Stages: map[string]string{"a": "b"}}} {
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendorTest()
	f.Add(v.Body, "")
	f.Add([]byte(post("opportunity", "Win", dealID, `{"key":"OpportunityClose","value":{"Attributes":[`+attr("actualrevenue", `{"Value":99}`)+`]}}`, "")), "true")
	f.Add([]byte(post("contact", "Update", leadID, target(attr("donotemail", "true")), "")), "")
	s := v.New(f, key)
	f.Fuzz(func(t *testing.T, body []byte, exceeded string) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Header: map[string]string{headerExceeded: exceeded}, Received: fact.At(sendertest.Now())})
	})
}

// A synchronous step has no operation: what was changed tells two changes of one request and moment apart.
func TestOneMoment(t *testing.T) {
	v := vendorTest()
	s := v.New(t, key)
	ids := map[string]bool{}
	for _, title := range []string{`"CTO"`, `"CEO"`, `"CTO"`} {
		body := strings.Replace(post("lead", "Update", leadID, target(attr("jobtitle", title)), ""), "3b0c7a60-0000-4000-8000-0000000000cc", noID, 1)
		for _, f := range sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}) {
			ids[f.Event.Id] = true
		}
	}
	if len(ids) != 2 {
		t.Errorf("two changes have the ids %v", ids)
	}
}
