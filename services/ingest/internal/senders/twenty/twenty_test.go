package twenty

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func signAt(stamp func(time.Time) string) func(*sender.Request, string) {
	return func(r *sender.Request, secret string) {
		ts := stamp(r.Now)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(ts + ":" + string(r.Body)))
		r.Header.Set("X-Twenty-Webhook-Timestamp", ts)
		r.Header.Set("X-Twenty-Webhook-Signature", hex.EncodeToString(mac.Sum(nil)))
	}
}

const at = " at 2026-11-20T08:00:00Z"

func post(event, record, updated string) string {
	return `{"targetUrl":"https://baton.example/webhooks/s","eventName":"` + event + `","objectMetadata":{"id":"m","nameSingular":"x"},"workspaceId":"ws","webhookId":"wh","eventDate":"2026-11-20T08:00:00.000Z","record":` + record + updated + `}`
}

const ana = `{"id":"p1","name":{"firstName":"Ana","lastName":"Lind"},"emails":{"primaryEmail":"ana@initech.example","additionalEmails":null},"phones":{"primaryPhoneNumber":"701","primaryPhoneCallingCode":"+46"},"jobTitle":"CTO","company":{"name":"Initech"}}`

func vendorTest() sendertest.Vendor {
	body := post("person.updated", ana, `,"updatedFields":["jobTitle"]`)
	return sendertest.Vendor{
		Type: Type(), Secret: "s3cret", OldSecret: "0ld", Covers: true, Stale: sender.Tolerance, ContentType: "application/json", Body: []byte(body),
		Sign: signAt(func(now time.Time) string { return strconv.FormatInt(now.UnixMilli(), 10) }),
		Want: []string{"identified ana@initech.example twenty:p1" + at},
		Alike: [][]byte{
			[]byte(strings.Replace(body, "08:00:00.000Z", "08:00:00.001Z", 1)), []byte(strings.Replace(body, "person.updated", "person.created", 1)), []byte(strings.Replace(body, `"p1"`, `"p2"`, 1)),
		},
		Unknown: [][]byte{[]byte(post("person.teleported", ana, "")), []byte(post("moon.created", `{"id":"m1"}`, ""))},
	}
}

func TestConforms(t *testing.T) {
	sendertest.Conform(t, vendorTest())
	t.Run("seconds", func(t *testing.T) {
		v := vendorTest()
		v.Sign = signAt(func(now time.Time) string { return strconv.FormatInt(now.Unix(), 10) })
		sendertest.Conform(t, v)
	})
}

func TestEvents(t *testing.T) {
	v := vendorTest()
	deal := func(members string) string {
		return `{"id":"o1","amount":{"amountMicros":"12000500000","currencyCode":"EUR"},` + members + `}`
	}
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "person", Body: post("person.created", ana, ""), Want: []string{"identified ana@initech.example twenty:p1" + at + " first_name=Ana last_name=Lind title=CTO phone=+46701 company=Initech other[company emails name phones]"}},
		{Name: "person, as documented", Body: `{"event":"person.created","data":{"id":"p1","firstName":"Ana","email":"ana@initech.example"},"timestamp":"2026-11-20T08:00:00Z"}`, Want: []string{"identified ana@initech.example twenty:p1" + at + " first_name=Ana"}},
		{Name: "person deleted", Body: post("person.deleted", `{"id":"p1"}`, ""), Want: []string{`custom "twenty: person.deleted" twenty:p1` + at}},
		{Name: "person with a handoff", Body: post("person.updated", `{"id":"p1","handoffId":"`+crmtest.Handoff+`"}`, ""), Want: []string{"identified " + crmtest.Lead + " twenty:p1" + at + " other[handoffId]"}},
		{Name: "opportunity", Body: post("opportunity.created", deal(`"stage":"NEW","pointOfContactId":"p1"`), ""), Want: []string{"deal_opened twenty:p1" + at + " deal[o1 NEW 12000.5 EUR ]"}},
		{Name: "moved", Body: post("opportunity.updated", deal(`"stage":"MEETING"`), `,"updatedFields":["stage"]`), Want: []string{"deal_stage_changed twenty-opportunity:o1" + at + " deal[o1 MEETING 12000.5 EUR ]"}},
		{Name: "won", Body: post("opportunity.updated", deal(`"stage":"CUSTOMER"`), `,"updatedFields":["stage"]`), Want: []string{"deal_won twenty-opportunity:o1" + at + " deal[o1 CUSTOMER 12000.5 EUR ]"}},
		{Name: "made earlier", Body: post("opportunity.updated", deal(`"stage":"CUSTOMER","createdAt":"2026-11-01T08:00:00.000Z"`), `,"updatedFields":["stage"]`), Want: []string{"deal_won twenty-opportunity:o1" + at + " deal[o1 CUSTOMER 12000.5 EUR ] created=2026-11-01T08:00:00Z"}},
		{Name: "a won one's name", Body: post("opportunity.updated", deal(`"stage":"CUSTOMER"`), `,"updatedFields":["name"]`), Want: []string{`custom "twenty: opportunity.updated" twenty-opportunity:o1` + at}},
		{Name: "its amount", Body: post("opportunity.updated", deal(`"stage":"CUSTOMER"`), `,"updatedFields":["amount"]`), Want: []string{"deal_stage_changed twenty-opportunity:o1" + at + " deal[o1 CUSTOMER 12000.5 EUR ]"}},
		{Name: "a stage that is an answer", Config: sender.Config{Stages: map[string]string{"screening": "accepted"}}, Body: post("opportunity.updated", deal(`"stage":"SCREENING","batonHandoffId":"`+crmtest.Handoff+`"`), ""), Want: []string{"accepted " + crmtest.Lead + " twenty-opportunity:o1" + at + " answer[" + crmtest.Handoff + " ]"}},
		{Name: "note of a handoff", Body: post("note.created", `{"id":"n1","batonHandoffId":"`+crmtest.Handoff+`"}`, ""), Want: []string{`custom "twenty: note.created" ` + crmtest.Lead + at}},
		{Name: "note of a person", Body: post("note.created", `{"id":"n1","personId":"p1"}`, ""), Want: []string{`custom "twenty: note.created" twenty:p1` + at}},
		{Name: "company", Body: post("company.created", `{"id":"c1"}`, ""), Want: []string{"ignored: company"}},
		{Name: "another workspace", Config: sender.Config{Accounts: []string{"x"}}, Body: post("person.created", ana, ""), Want: []string{"ignored: account"}},
		{Name: "no record", Body: `{"eventName":"person.created"}`, Want: []string{"refused: record"}},
		{Name: "nobody", Body: post("person.created", `{"name":{}}`, ""), Want: []string{"refused: says of nobody"}},
	})
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
	f.Add(v.Body)
	f.Add([]byte(post("opportunity.updated", `{"id":"o1","stage":"CUSTOMER","amount":{"amountMicros":1,"currencyCode":"EUR"}}`, `,"updatedFields":["stage"]`)))
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

// Two changes of a record within a millisecond are two events; one that two webhooks send is one.
func TestOneMoment(t *testing.T) {
	v := vendorTest()
	s := v.New(t, "s3cret")
	id := func(body string) string {
		facts := sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})
		if len(facts) != 1 {
			t.Fatalf("%s: %v", body, facts)
		}
		return facts[0].Event.Id
	}
	first := post("person.updated", ana, `,"updatedFields":["jobTitle"]`)
	if id(first) == id(strings.Replace(first, "CTO", "CEO", 1)) {
		t.Error("two titles in one moment have one id")
	}
	if id(first) != id(strings.Replace(first, `"webhookId":"wh"`, `"webhookId":"wi"`, 1)) {
		t.Error("what two webhooks send has two ids")
	}
}
