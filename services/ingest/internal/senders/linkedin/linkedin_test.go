package linkedin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/rounds"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func mac(secret, text string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

const lead = `{"type":"LEAD_ACTION","leadGenFormResponse":"urn:li:leadGenFormResponse:r-1","leadGenForm":"urn:li:leadGenForm:77","leadType":"SPONSORED",` +
	`"owner":{"sponsoredAccount":"urn:li:sponsoredAccount:500"},"associatedEntity":"urn:li:sponsoredCreative:9","leadAction":"CREATED","occurredAt":1795168800000}`

const social = `{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[
	{"notificationId":2001,"organizationalEntity":"urn:li:organization:42","action":"LIKE","sourcePost":"urn:li:share:1","generatedActivity":"urn:li:reaction:(urn:li:person:p-1,urn:li:activity:1)","lastModifiedAt":1795168800000},
	{"notificationId":2002,"organizationalEntity":"urn:li:organization:42","action":"COMMENT","sourcePost":"urn:li:share:1","generatedActivity":"urn:li:comment:(urn:li:activity:1,2)","decoratedGeneratedActivity":{"comment":{"owner":"urn:li:person:p-2","text":"Tell me more"}},"lastModifiedAt":1795168801000},
	{"notificationId":2003,"organizationalEntity":"urn:li:organization:42","action":"ADMIN_COMMENT","generatedActivity":"urn:li:comment:(urn:li:activity:1,3)","lastModifiedAt":1795168802000},
	{"notificationId":2004,"organizationalEntity":"urn:li:organization:42","action":"SHARE","generatedActivity":"urn:li:share:3","lastModifiedAt":1795168802000},
	{"notificationId":2005,"organizationalEntity":"urn:li:organization:43","action":"COMMENT_DELETE","decoratedGeneratedActivity":{"comment":{"owner":"urn:li:person:p-2"}},"lastModifiedAt":1795168802000}]}`

const (
	when     = " at 2026-11-20T10:00:00Z"
	wantLead = "form_submitted linkedin:urn:li:leadGenFormResponse:r-1" + when + " by paid_social/"
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "client secret", OldSecret: "an older one", Covers: true, ContentType: "application/json",
		Body: []byte(lead), Want: []string{wantLead},
		Sign: func(r *sender.Request, secret string) {
			r.Header.Set("X-LI-Signature", signing+mac(secret, signing+string(r.Body)))
		},
		Alike: [][]byte{
			[]byte(strings.Replace(lead, "CREATED", "DELETED", 1)), []byte(strings.Replace(lead, "r-1", "r-2", 1)), []byte(strings.Replace(lead, "1795168800000", "1795168800001", 1)),
		},
		Unknown: [][]byte{[]byte(strings.Replace(lead, "CREATED", "PONDERED", 1)), []byte(`{"type":"SOMETHING_ELSE"}`)},
	}
}

func notifications() sendertest.Vendor {
	v := vendor()
	v.Body, v.Alike, v.Unknown = []byte(social), nil, nil
	v.Sign = func(r *sender.Request, secret string) {
		r.Header.Set("X-LI-Signature", mac(secret, signing+string(r.Body)))
	}
	v.Want = []string{
		"social_engaged linkedin:urn:li:person:p-1" + when + " by social/ asset=urn:li:share:1",
		"social_engaged linkedin:urn:li:person:p-2 at 2026-11-20T10:00:01Z by social/ asset=urn:li:share:1",
		`custom "linkedin: COMMENT_DELETE" linkedin:urn:li:person:p-2 at 2026-11-20T10:00:02Z by social/`,
	}
	return v
}

func TestConforms(t *testing.T)       { sendertest.Conform(t, vendor()) }
func TestSocialConforms(t *testing.T) { sendertest.Conform(t, notifications()) }

func decode(t *testing.T, cfg sender.Config, body string) (facts []fact.Fact, refused, ignored []string) {
	t.Helper()
	v := vendor()
	v.Config = cfg
	err := v.New(t, "k").Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		switch {
		case item.Errors != nil:
			refused = append(refused, item.Errors.Error())
		case item.Ignored != "":
			ignored = append(ignored, item.Ignored)
		default:
			facts = append(facts, item.Fact)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts, refused, ignored
}

func TestLeads(t *testing.T) {
	with := func(old, new string) string { return strings.Replace(lead, old, new, 1) }
	api := with(`"leadAction"`, `"formResponse":{"answers":[{"questionId":1,"name":"firstName","answerDetails":{"textQuestionAnswer":{"answer":"Ana"}}},`+
		`{"questionId":2,"answerDetails":{"textQuestionAnswer":{"answer":"Ana@initech.example"}}}]},"hiddenFields":[{"name":"utm_campaign","value":"q4"}],"leadAction"`)
	relay := with(`"leadAction"`, `"answers":{"EMAIL":"ana@initech.example","LAST_NAME":"Lind","COMPANY_NAME":"Initech"},"hiddenFields":{"utm_medium":"cpc"},"leadAction"`)
	for name, tc := range map[string]struct {
		body, want string
		cfg        sender.Config
	}{
		"deleted":      {with("CREATED", "DELETED"), `custom "linkedin: LEAD_ACTION DELETED" linkedin:urn:li:leadGenFormResponse:r-1` + when + " by paid_social/", sender.Config{}},
		"with answers": {api, "form_submitted ana@initech.example linkedin:urn:li:leadGenFormResponse:r-1" + when + " by paid_social/q4", sender.Config{}},
		"by a relay":   {relay, "form_submitted ana@initech.example linkedin:urn:li:leadGenFormResponse:r-1" + when + " by cpc/", sender.Config{}},
		"a campaign":   {with(`"leadAction"`, `"leadMetadataInfo":{"sponsoredLeadMetadataInfo":{"campaign":{"id":"urn:li:sponsoredCampaign:8","name":"Q4 leads"}}},"leadAction"`), wantLead + "Q4 leads", sender.Config{}},
		"of an event":  {with("SPONSORED", "EVENT"), "form_submitted linkedin:urn:li:leadGenFormResponse:r-1" + when + " by social/", sender.Config{}},
		"a test":       {with(`"leadAction"`, `"testLead":true,"leadAction"`), wantLead + " automated", sender.Config{}},
		"mapped":       {lead, strings.Replace(wantLead, "form_submitted", "demo_requested", 1), sender.Config{Map: map[string]string{"urn:li:leadGenForm:77": "demo_requested"}}},
		"listed":       {lead, wantLead, sender.Config{Accounts: []string{"500"}}},
		"an odd time":  {with("1795168800000", `"soon"`), strings.Replace(wantLead, "10:00:00", "12:00:00", 1), sender.Config{}},
	} {
		facts, refused, ignored := decode(t, tc.cfg, tc.body)
		if len(facts) != 1 || sendertest.Tell(facts[0]) != tc.want {
			t.Errorf("%s: %v %v %v, want %s", name, facts, refused, ignored, tc.want)
		}
	}
	facts, _, _ := decode(t, sender.Config{}, relay)
	if ev := facts[0].Event; ev.Traits.GetLastName() != "Lind" || ev.Account.GetName() != "Initech" || ev.GetFormSubmitted().GetForm() != "urn:li:leadGenForm:77" || ev.Properties.AsMap()["associatedEntity"] == nil {
		t.Errorf("%v", ev)
	}
	if facts, _, ignored := decode(t, sender.Config{Accounts: []string{"501"}}, lead); len(ignored) != 1 {
		t.Errorf("not listed: %v", facts)
	}
	if facts, refused, _ := decode(t, sender.Config{}, with(`"leadGenFormResponse":"urn:li:leadGenFormResponse:r-1",`, "")); len(refused) != 1 {
		t.Errorf("no response: %v", facts)
	}
}

// TestCutOut: a notification that was quarantined is decoded by itself, and is the same event.
func TestCutOut(t *testing.T) {
	whole, _, _ := decode(t, sender.Config{}, social)
	var list struct {
		Notifications []json.RawMessage `json:"notifications"`
	}
	if err := json.Unmarshal([]byte(social), &list); err != nil {
		t.Fatal(err)
	}
	one, _, _ := decode(t, sender.Config{}, string(list.Notifications[1]))
	if len(one) != 1 || one[0].Event.Id != whole[1].Event.Id {
		t.Errorf("%v", one)
	}
	if facts, _, ignored := decode(t, sender.Config{Accounts: []string{"urn:li:organization:43"}}, social); len(facts) != 1 || len(ignored) != 4 {
		t.Errorf("%v %v", facts, ignored)
	}
}

func greet(t *testing.T, method, code string) sender.Greeting {
	t.Helper()
	v := vendor()
	g, ok := v.New(t, "client secret", "an older one").(sender.Greeter)
	if !ok {
		t.Fatal("it answers no challenge")
	}
	hello, err := g.Greet(&sender.Request{Method: method, Query: url.Values{"challengeCode": {code}, "applicationId": {"7"}}})
	if err != nil {
		t.Fatal(err)
	}
	return hello
}

func TestChallenge(t *testing.T) {
	const code = "0f8fad5b-d9cb-469f-a165-70867728950e"
	g := greet(t, http.MethodGet, code)
	var answer map[string]string
	if err := json.Unmarshal(g.Body, &answer); err != nil {
		t.Fatal(err)
	}
	if g.Status != 200 || g.Header["Content-Type"] != "application/json" || answer["challengeCode"] != code || answer["challengeResponse"] != mac("client secret", code) {
		t.Errorf("%+v %v", g, answer)
	}
	if g := greet(t, http.MethodHead, code); g.Status != 405 {
		t.Errorf("%+v", g)
	}
}

// TestTheChallengeSignsNoForgery: an answer to a challenge must never be a signature of a body.
func TestTheChallengeSignsNoForgery(t *testing.T) {
	for _, code := range []string{signing + lead, signing, "", "a=b", "a b", "{}", strings.Repeat("a", 101), "ä"} {
		if g := greet(t, http.MethodGet, code); g.Status != 400 || strings.Contains(string(g.Body), "challengeResponse") {
			t.Errorf("%.30q: %+v", code, g)
		}
	}
}

func TestSignatureHeader(t *testing.T) {
	v := vendor()
	s := v.New(t, "k")
	signature := mac("k", signing+"{}")
	for header, want := range map[string]bool{signature: true, signing + signature: true, strings.ToUpper(signature): true, mac("k", "{}"): false, "sha256=" + signature: false, signing: false} {
		r := &sender.Request{Header: http.Header{"X-Li-Signature": {header}}, Body: []byte("{}")}
		if _, err := s.Verify(r); (err == nil) != want {
			t.Errorf("%s: %v", header, err)
		}
	}
}

func TestNew(t *testing.T) {
	for _, cfg := range []sender.Config{{}, {Secrets: []string{"a"}, WriteKey: "wk"}, {Secrets: []string{"a"}, Map: map[string]string{"a": "b"}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendor()
	s := v.New(f, "k")
	f.Add([]byte(lead))
	f.Add([]byte(social))
	f.Add([]byte(`{"leadGenFormResponse":"r","answers":[{"name":"a","value":7},{"answerDetails":{}}],"hiddenFields":[1,{"name":"x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

func TestTooManyNotifications(t *testing.T) {
	one := `{"notificationId":1,"action":"LIKE","actor":"urn:li:person:a"}`
	_, refused, ignored := decode(t, sender.Config{MaxEvents: 2}, `{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[`+one+`,`+one+`,`+one+`]}`)
	if len(refused) != 1 || len(ignored) != 0 {
		t.Errorf("refused %v, ignored %v", refused, ignored)
	}
}

// FuzzNotification: whatever LinkedIn answers, what is made of it is one notification that Decode reads, or nothing.
func FuzzNotification(f *testing.F) {
	f.Add([]byte(`{"id":"a-1","submittedAt":1763632800000,"formResponse":{"answers":[{"questionId":1,"answerDetails":{"textQuestionAnswer":{"answer":"ana@initech.example"}}}]},
"form":{"hiddenFields":[{"name":"utm_campaign","value":"x"}],"content":{"questions":[{"questionId":1,"predefinedField":"WORK_EMAIL"}]}}}`))
	f.Add([]byte(`{"id":"urn:li:leadGenFormResponse:b","formResponse":{"answers":[null,{}]},"form":{"content":{"questions":[null]}}}`))
	s, err := New(sender.Config{Name: "s", Secrets: []string{"k"}, MaxEvents: 10, MaxEvent: 1 << 20, Accounts: []string{"urn:li:sponsoredAccount:5"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		it, ok, err := notification(raw)
		if err != nil || !ok {
			return
		}
		sendertest.Check(t, s, &sender.Delivery{Body: (*api)(nil).Put([]rounds.Item{it}), Received: fact.At(sendertest.Now())})
	})
}
