package espocrm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// sign signs as a webhook does whose id and key are joined by a colon.
func sign(r *sender.Request, secret string) {
	webhook, key, ok := strings.Cut(secret, ":")
	if !ok {
		webhook, key = "w9", secret
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(r.Body)
	r.Header.Set("Signature", base64.StdEncoding.EncodeToString([]byte(webhook+":"+hex.EncodeToString(mac.Sum(nil)))))
}

const (
	at  = " at 2026-11-20T08:00:00Z"
	ana = `{"id":"l1","firstName":"Ana","lastName":"Lind","emailAddress":"ana@initech.example","status":"New","modifiedAt":"2026-11-20 08:00:00"}`
)

func vendorTest() sendertest.Vendor {
	two := "[" + ana + `,{"id":"l2","status":"Dead","modifiedAt":"2026-11-20 08:00:00"}]`
	return sendertest.Vendor{
		Type: Type(), Secret: "w1:key-one", OldSecret: "w1:key-two", Covers: true, Sign: sign, ContentType: "application/json",
		URL: "https://baton.example/webhooks/s?event=Lead.update", Body: []byte(two),
		Want:    []string{"identified ana@initech.example espocrm:l1" + at, "identified espocrm:l2" + at},
		Again:   [][]byte{[]byte(`[{"id":"l2","status":"Dead","modifiedAt":"2026-11-20 08:00:00"}, ` + ana + `]`)},
		Alike:   [][]byte{[]byte(strings.ReplaceAll(two, "08:00:00", "08:00:01"))},
		Unknown: nil,
	}
}

func TestConforms(t *testing.T) {
	sendertest.Conform(t, vendorTest())
	t.Run("a key alone", func(t *testing.T) {
		v := vendorTest()
		v.Secret, v.OldSecret = "key-one", "key-two"
		sendertest.Conform(t, v)
	})
}

func TestAnotherWebhooksID(t *testing.T) {
	v := vendorTest()
	if _, err := v.New(t, "w1:key-one").Verify(v.Request(v.Body, "w2:key-one", sendertest.Now())); err == nil {
		t.Error("the key is that of another webhook")
	}
}

func TestRecords(t *testing.T) {
	v := vendorTest()
	v.URL = ""
	handoff := `,"cHandoffId":"` + crmtest.Handoff + `"`
	const moment = `,"modifiedAt":"2026-11-20 08:00:00"}]`
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "lead", Query: "event=Lead.create", Body: "[" + ana + "]", Want: []string{"identified ana@initech.example espocrm:l1" + at + " first_name=Ana last_name=Lind other[modifiedAt status]"}},
		{Name: "one field", Query: "event=Contact.fieldUpdate.title", Body: `[{"id":"c1","title":"CTO"` + moment, Want: []string{"identified espocrm:c1" + at + " title=CTO other[modifiedAt]"}},
		{Name: "status of a handoff", Query: "event=Lead.update", Body: `[{"id":"l1","status":"in process"` + handoff + moment, Want: []string{"contacted " + crmtest.Lead + " espocrm:l1" + at + " answer[" + crmtest.Handoff + " ] other[cHandoffId modifiedAt status]"}},
		{Name: "opted out", Query: "event=Lead.update", Body: `[{"id":"l1","emailAddressIsOptedOut":true` + moment, Want: []string{"identified espocrm:l1" + at + " other[emailAddressIsOptedOut modifiedAt]", "consent_changed espocrm:l1" + at + " email=withdrawn"}},
		{Name: "removed", Query: "event=Lead.delete", Body: `[{"id":"l1","status":"Dead"` + moment, Want: []string{`custom "espocrm: Lead.delete" espocrm:l1` + at}},
		{Name: "opportunity", Query: "event=Opportunity.create", Body: `[{"id":"o1","stage":"Prospecting","amount":500,"amountCurrency":"EUR","contactId":"c1"` + moment, Want: []string{"deal_opened espocrm:c1" + at + " deal[o1 Prospecting 500 EUR ]"}},
		{Name: "won", Query: "event=Opportunity.update", Body: `[{"id":"o1","stage":"Closed Won"` + moment, Want: []string{"deal_won espocrm-opportunity:o1" + at + " deal[o1 Closed Won   ]"}},
		{Name: "made earlier", Query: "event=Opportunity.update", Body: `[{"id":"o1","stage":"Closed Won","createdAt":"2026-11-01 08:00:00"` + moment, Want: []string{"deal_won espocrm-opportunity:o1" + at + " deal[o1 Closed Won   ] created=2026-11-01T08:00:00Z"}},
		{Name: "renamed", Query: "event=Opportunity.update", Body: `[{"id":"o1","name":"x"` + moment, Want: []string{`custom "espocrm: Opportunity.update" espocrm-opportunity:o1` + at}},
		{Name: "won, by its shape", Body: `[{"id":"o1","stage":"Closed Won"` + moment, Want: []string{"deal_won espocrm-opportunity:o1" + at + " deal[o1 Closed Won   ]"}},
		{Name: "person, by its shape", Body: `[{"id":"l1","phoneNumber":"+46 1"` + moment, Want: []string{"identified espocrm:l1" + at + " phone=+46 1 other[modifiedAt]"}},
		{Name: "no shape", Body: `[{"id":"l1","status":"Dead"` + moment, Want: []string{"refused: ?event="}},
		{Name: "no event", Query: "event=%00", Body: `[{"id":"l1","status":"Dead"` + moment, Want: []string{"refused: ?event="}},
		{Name: "call held", Query: "event=Call.update", Body: `[{"id":"k1","status":"Held","parentType":"Lead","parentId":"l1"` + moment, Want: []string{"call_logged espocrm:l1" + at}},
		{Name: "call of a handoff", Query: "event=Call.update", Body: `[{"id":"k1","status":"Held"` + handoff + moment, Want: []string{"call_logged " + crmtest.Lead + at}},
		{Name: "call of nobody", Query: "event=Call.update", Body: `[{"id":"k1","status":"Held"` + moment, Want: []string{"ignored: nobody"}},
		{Name: "account", Query: "event=Account.update", Body: `[{"id":"a1"` + moment, Want: []string{"ignored: Account"}},
		{Name: "nobody", Query: "event=Lead.update", Body: `[{"status":"Dead"` + moment, Want: []string{"refused: says of nobody"}},
	})
}

// What is quarantined can be decoded again although the address is not kept: the event's name is a part of its id.
func TestQuarantinedRecordKeepsItsEvent(t *testing.T) {
	v := vendorTest()
	v.Config.MaxEvent = 1 << 10
	small := v.New(t, v.Secret)
	v.Config.MaxEvent = 1 << 20
	large := v.New(t, v.Secret)
	body := `[{"id":"l1","status":"New","description":"` + strings.Repeat("x", 2000) + `"}]`
	r := v.Request([]byte(body), v.Secret, sendertest.Now())
	id, err := small.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	d := &sender.Delivery{ID: id, Body: r.Body, Received: fact.At(sendertest.Now())}
	again := &sender.Delivery{Received: d.Received}
	if err := small.Decode(d, func(item sender.Item) error {
		again.ID, again.Body = item.ID, append([]byte(nil), item.Raw...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	facts := sendertest.Check(t, large, again)
	if len(facts) != 1 || facts[0].Event.Type != "identified" {
		t.Errorf("%v", facts)
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
	f.Add(v.Body, "Lead.update")
	f.Add([]byte(`[{"id":"o1","stage":"Closed Won","amount":1}]`), "")
	f.Add([]byte(`[{"id":"k1","parentType":"Lead","parentId":"l1"}]`), "Meeting.create")
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte, event string) {
		if !plain(event) { // Verify lets no other through
			return
		}
		sendertest.Check(t, s, &sender.Delivery{ID: event + ":x", Body: body, Received: fact.At(sendertest.Now())})
	})
}

func FuzzVerify(f *testing.F) {
	v := vendorTest()
	s := v.New(f, v.Secret)
	f.Add("dzE6YWI=", "{}")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, signature, body string) {
		r := v.Request([]byte(body), "w1:another", sendertest.Now())
		r.Header.Set("Signature", signature)
		if _, err := s.Verify(r); err == nil {
			t.Errorf("%q of %q is believed", signature, body)
		}
	})
}
