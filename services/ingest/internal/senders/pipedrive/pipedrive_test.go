package pipedrive

import (
	"net/http"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func basic(r *sender.Request, secret string) {
	user, password, _ := strings.Cut(secret, ":")
	h := &http.Request{Header: r.Header}
	h.SetBasicAuth(user, password)
}

func post(entity, action, data, previous string) string {
	return `{"meta":{"action":"` + action + `","entity":"` + entity + `","entity_id":"5","id":"e-1","company_id":"88","timestamp":"2026-11-20T08:00:00.000Z","attempt":1,"version":"2.0"},"data":` + data + `,"previous":` + previous + `}`
}

const at = " at 2026-11-20T08:00:00Z"

func vendorTest() sendertest.Vendor {
	won := post("deal", "change", `{"id":5,"status":"won","stage_id":3,"value":1200.5,"currency":"EUR","person_id":12}`, `{"status":"open"}`)
	return sendertest.Vendor{
		Type: Type(), Secret: "baton:pa:ss", OldSecret: "baton:before", Sign: basic, ContentType: "application/json",
		Body:  []byte(won),
		Want:  []string{"deal_won pipedrive:12" + at},
		Again: [][]byte{[]byte(strings.Replace(won, `"attempt":1`, `"attempt":2`, 1))},
		Alike: [][]byte{
			[]byte(strings.Replace(won, `"id":"e-1"`, `"id":"e-2"`, 1)),
			[]byte(strings.Replace(won, `"id":"e-1",`, ``, 1)),
		},
		Unknown: [][]byte{
			[]byte(post("moon", "change", `{"id":5,"person_id":12}`, `{}`)), []byte(post("moon", "change", `{"id":5}`, `null`)),
			[]byte(post("deal", "teleport", `{"id":5,"person_id":12}`, `{"title":"x"}`)),
		},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendorTest()) }

func TestPasswordAlone(t *testing.T) {
	v := vendorTest()
	s := v.New(t, "only")
	for shown, want := range map[string]bool{"any:only": true, ":only": true, "only:": false, "any:onl": false, "only:only2": false} {
		if _, err := s.Verify(v.Request(v.Body, shown, sendertest.Now())); (err == nil) != want {
			t.Errorf("%s: %v", shown, err)
		}
	}
	if _, err := v.New(t, "u:p").Verify(v.Request(v.Body, "x:p", sendertest.Now())); err == nil {
		t.Error("another user is believed")
	}
}

// Early events of version 2 have the record's id for their own: then what happened when tells them apart.
func TestRecordsIDIsNoEventID(t *testing.T) {
	v := vendorTest()
	s := v.New(t, v.Secret)
	id := func(body string) string {
		return sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})[0].Event.Id
	}
	first := strings.Replace(string(v.Body), `"id":"e-1"`, `"id":5`, 1)
	if id(first) != id(strings.Replace(first, `"attempt":1`, `"attempt":2`, 1)) {
		t.Error("a retry is another event")
	}
	if id(first) == id(strings.Replace(first, `08:00:00`, `08:00:01`, 1)) {
		t.Error("a later change is the same event")
	}
}

func TestEvents(t *testing.T) {
	v := vendorTest()
	person := `{"id":12,"name":"Ana Lind","first_name":"Ana","last_name":"Lind","job_title":"CTO","emails":[{"value":"old@initech.example","primary":false},{"value":"ana@initech.example","primary":true}],"phones":[{"value":"+46 1","primary":true}],"marketing_status":"unsubscribed"}`
	who := " ana@initech.example pipedrive:12" + at
	said := " first_name=Ana last_name=Lind title=CTO phone=+46 1 other[emails marketing_status name phones]"
	handoff := `,"custom_fields":{"9f0a":{"type":"varchar","value":"` + crmtest.Handoff + `"}}`
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "person", Body: post("person", "create", strings.Replace(person, "unsubscribed", "subscribed", 1), `null`), Want: []string{"identified" + who + said}},
		{Name: "opted out", Body: post("person", "change", person, `{"marketing_status":"subscribed"}`), Want: []string{"identified" + who + said, "consent_changed" + who + " email=withdrawn"}},
		{Name: "opted out long ago", Body: post("person", "change", person, `{"job_title":"x"}`), Want: []string{"identified" + who + said}},
		{Name: "person deleted", Body: post("person", "delete", `null`, `{"id":12}`), Want: []string{`custom "pipedrive: person.delete" pipedrive:12` + at}},
		{Name: "deal opened", Body: post("deal", "create", `{"id":5,"status":"open","stage_id":1,"value":0,"currency":"EUR","person_id":12}`, `null`), Want: []string{"deal_opened pipedrive:12" + at + " deal[5 1 0 EUR ]"}},
		{Name: "deal moved", Body: post("deal", "change", `{"id":5,"status":"open","stage_id":2,"value":10,"currency":"EUR"}`, `{"stage_id":1}`), Want: []string{"deal_stage_changed pipedrive-deal:5" + at + " deal[5 2 10 EUR ]"}},
		{Name: "made earlier", Body: post("deal", "change", `{"id":5,"status":"won","stage_id":2,"add_time":"2026-11-01T08:00:00Z"}`, `{"status":"open"}`), Want: []string{"deal_won pipedrive-deal:5" + at + " deal[5 2   ] created=2026-11-01T08:00:00Z"}},
		{Name: "made earlier, as older accounts write it", Body: post("deal", "change", `{"id":5,"status":"won","stage_id":2,"add_time":"2026-11-01 08:00:00"}`, `{"status":"open"}`), Want: []string{"deal_won pipedrive-deal:5" + at + " deal[5 2   ] created=2026-11-01T08:00:00Z"}},
		{Name: "a stage of one's own", Config: sender.Config{Stages: map[string]string{"2": "deal_lost"}}, Body: post("deal", "change", `{"id":5,"status":"open","stage_id":2}`, `{"stage_id":1}`), Want: []string{"deal_lost pipedrive-deal:5" + at + " deal[5 2   ]"}},
		{Name: "a stage that is an answer", Config: sender.Config{Stages: map[string]string{"2": "sql"}}, Body: post("deal", "change", `{"id":5,"status":"open","stage_id":2`+handoff+`}`, `{"stage_id":1}`), Want: []string{"sql " + crmtest.Lead + " pipedrive-deal:5" + at + " answer[" + crmtest.Handoff + " ]"}},
		{Name: "deal lost", Body: post("deal", "change", `{"id":5,"status":"lost","lost_reason":"Too dear"`+handoff+`}`, `{"status":"open"}`), Want: []string{"deal_lost " + crmtest.Lead + " pipedrive-deal:5" + at + " deal[5    Too dear]"}},
		{Name: "a handoff's deal is not its person's", Body: post("deal", "create", `{"id":5,"status":"open","person_id":12`+handoff+`}`, `null`), Want: []string{"deal_opened " + crmtest.Lead + " pipedrive-deal:5" + at + " deal[5    ]"}},
		{Name: "a handoff's activity is not its person's", Body: post("activity", "create", `{"id":1,"type":"meeting","person_id":12`+handoff+`}`, `null`), Want: []string{"meeting_booked " + crmtest.Lead + at}},
		{Name: "deal reopened", Body: post("deal", "change", `{"id":5,"status":"open"}`, `{"status":"lost"}`), Want: []string{"deal_reopened pipedrive-deal:5" + at + " deal[5    ]"}},
		{Name: "a won deal's amount", Body: post("deal", "change", `{"id":5,"status":"won","value":7}`, `{"value":6}`), Want: []string{"deal_stage_changed pipedrive-deal:5" + at + " deal[5  7  ]"}},
		{Name: "a won deal's title", Body: post("deal", "change", `{"id":5,"status":"won","title":"x"}`, `{"title":"y"}`), Want: []string{`custom "pipedrive: deal.change" pipedrive-deal:5` + at}},
		{Name: "lead", Body: post("lead", "change", `{"id":"l-1","person_id":12}`, `{}`), Want: []string{`custom "pipedrive: lead.change" pipedrive:12` + at}},
		{Name: "lead of nobody", Body: post("lead", "change", `{"id":"l-1","person_id":null}`, `{}`), Want: []string{"ignored: belongs to no person"}},
		{Name: "the operator's word", Config: sender.Config{Map: map[string]string{"lead.create": "identified"}}, Body: post("lead", "create", `{"id":"l-1","person_id":12}`, `{}`), Want: []string{"identified pipedrive:12" + at}},
		{Name: "a handoff's activity with nobody", Body: post("activity", "create", `{"id":1,"type":"meeting"`+handoff+`}`, `null`), Want: []string{"meeting_booked " + crmtest.Lead + at}},
		{Name: "call made", Body: post("activity", "change", `{"id":1,"type":"call","done":true,"person_id":12}`, `{"done":false}`), Want: []string{"call_logged pipedrive:12" + at}},
		{Name: "call planned", Body: post("activity", "create", `{"id":1,"type":"call","done":false,"person_id":12}`, `null`), Want: []string{`custom "pipedrive: activity.create" pipedrive:12` + at}},
		{Name: "meeting", Body: post("activity", "create", `{"id":1,"type":"meeting","due_date":"2026-11-25","due_time":"10:00:00","person_id":12}`, `null`), Want: []string{"meeting_booked pipedrive:12" + at}},
		{Name: "another company", Config: sender.Config{Accounts: []string{"1"}}, Body: post("person", "create", person, `null`), Want: []string{"ignored: account"}},
		{Name: "version 1", Body: `{"v":1,"event":"added.deal","current":{}}`, Want: []string{"refused: version 2"}},
	})
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]sender.Config{"secrets": {Secrets: []string{""}}, "write_key": {WriteKey: "k", Secrets: []string{"s"}}, "map": {Secrets: []string{"s"}, Map: map[string]string{"a": "b"}}} {
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendorTest()
	f.Add(v.Body)
	f.Add([]byte(post("person", "change", `{"id":12,"emails":[{"value":"ana@initech.example"}],"marketing_status":"unsubscribed"}`, `{}`)))
	f.Add([]byte(post("activity", "create", `{"type":"meeting","due_date":"2026-11-25","person_id":{"value":3}}`, `[]`)))
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
