package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	secret    = "6f1e-client-secret"
	oldSecret = "99aa-client-secret"
)

func signV3(r *sender.Request, secret string) {
	stamp := strconv.FormatInt(r.Now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(r.Method + r.URL + string(r.Body) + stamp))
	r.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	r.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func signPlain(version string) func(*sender.Request, string) {
	return func(r *sender.Request, secret string) {
		text := secret
		if version == "v2" {
			text += r.Method + r.URL
		}
		sum := sha256.Sum256([]byte(text + string(r.Body)))
		r.Header.Set("X-HubSpot-Signature-Version", version)
		r.Header.Set("X-HubSpot-Signature", hex.EncodeToString(sum[:]))
	}
}

const dealEvent = `{"eventId":31,"subscriptionId":8,"portalId":77,"appId":5,"occurredAt":1795161600000,"subscriptionType":"deal.propertyChange","attemptNumber":0,"objectId":9001,"propertyName":"dealstage","propertyValue":"closedwon","changeSource":"CRM_UI","sourceId":"userId:4"}`

func vendorTest() sendertest.Vendor {
	other := strings.Replace(dealEvent, `"propertyName":"dealstage"`, `"propertyName":"dealname"`, 1)
	return sendertest.Vendor{
		Type: Type(), Secret: secret, OldSecret: oldSecret, Covers: true, Stale: sender.Tolerance, Sign: signV3,
		Body: []byte("[" + dealEvent + "]"), ContentType: "application/json",
		Want: []string{"deal_won hubspot-deal:9001 at 2026-11-20T08:00:00Z"},
		Again: [][]byte{
			[]byte("[" + strings.Replace(dealEvent, `"attemptNumber":0`, `"attemptNumber":3`, 1) + "]"),
		},
		Alike: [][]byte{
			[]byte("[" + strings.Replace(dealEvent, `"eventId":31`, `"eventId":32`, 1) + "]"),
			[]byte("[" + strings.Replace(dealEvent, `"objectId":9001`, `"objectId":9002`, 1) + "]"),
			[]byte("[" + strings.Replace(dealEvent, `1795161600000`, `1795161600001`, 1) + "]"),
			[]byte("[" + other + "]"),
		},
		Unknown: [][]byte{
			[]byte(`[{"eventId":1,"portalId":77,"objectId":5,"subscriptionType":"contact.teleported","occurredAt":1795161600000}]`),
			[]byte(`[{"eventId":1,"portalId":77,"objectId":5,"subscriptionType":"moon.creation","occurredAt":1795161600000}]`),
		},
	}
}

func TestConforms(t *testing.T) {
	t.Run("v3", func(t *testing.T) { sendertest.Conform(t, vendorTest()) })
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			v := vendorTest()
			v.Sign, v.Stale = signPlain(version), 0
			sendertest.Conform(t, v)
		})
	}
}

func TestWrongV3IsNotSavedByARightV1(t *testing.T) {
	v := vendorTest()
	s := v.New(t, secret)
	for _, version := range []string{"v1", "v2"} {
		for name, spoil := range map[string]func(*sender.Request){
			"forged": func(r *sender.Request) { r.Header.Set("X-HubSpot-Signature-v3", "AAAA") },
			"empty":  func(r *sender.Request) { r.Header.Set("X-HubSpot-Signature-v3", "") },
			"stale":  func(r *sender.Request) { r.Now = r.Now.Add(6 * 60e9) },
		} {
			r := v.Request(v.Body, secret, sendertest.Now())
			signPlain(version)(r, secret)
			spoil(r)
			if _, err := s.Verify(r); err == nil {
				t.Errorf("%s beside a v3 that is %s: believed", version, name)
			}
		}
	}
	r := v.Request(v.Body, secret, sendertest.Now())
	r.Header.Del("X-HubSpot-Signature-v3")
	signPlain("v1")(r, secret)
	r.Header.Set("X-HubSpot-Signature-Version", "v9")
	if _, err := s.Verify(r); err == nil {
		t.Error("a version that does not exist is believed")
	}
}

// HubSpot's documentation has some characters of the address decoded before it is signed, its libraries do not.
func TestSignedAddressMayBeDecoded(t *testing.T) {
	v := vendorTest()
	v.URL = "https://baton.example/webhooks/s?to=a%40b&x=%2Fy%3f&keep=%20%25"
	s := v.New(t, secret)
	for signed, want := range map[string]bool{
		v.URL: true,
		"https://baton.example/webhooks/s?to=a@b&x=/y?&keep=%20%25": true,
		"https://baton.example/webhooks/s?to=a@b&x=/y?&keep= %":     false,
		"https://other.example/webhooks/s":                          false,
	} {
		for name, sign := range map[string]func(*sender.Request, string){"v2": signPlain("v2"), "v3": signV3} {
			r := v.Request(v.Body, secret, sendertest.Now())
			clear(r.Header)
			r.URL = signed
			sign(r, secret)
			r.URL = v.URL
			if _, err := s.Verify(r); (err == nil) != want {
				t.Errorf("%s of %s: %v", name, signed, err)
			}
		}
	}
}

func subscription(kind string, members string) string {
	return `[{"eventId":1,"subscriptionId":2,"portalId":77,"occurredAt":1795161600000,"subscriptionType":"` + kind + `",` + members + `}]`
}

func TestSubscriptions(t *testing.T) {
	const at = " at 2026-11-20T08:00:00Z"
	v := vendorTest()
	change := func(name, value string) string {
		return `"objectId":12,"propertyName":"` + name + `","propertyValue":"` + value + `"`
	}
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "contact created", Body: subscription("contact.creation", `"objectId":12`), Want: []string{"identified hubspot:12" + at}},
		{Name: "contact created, new app", Body: subscription("object.creation", `"objectTypeId":"0-1","objectId":12`), Want: []string{"identified hubspot:12" + at}},
		{Name: "name", Body: subscription("contact.propertyChange", change("firstname", "Ana")), Want: []string{"identified hubspot:12" + at + " first_name=Ana"}},
		{Name: "new app, title", Body: subscription("object.propertyChange", `"objectTypeId":"0-1",`+change("jobtitle", "CTO")), Want: []string{"identified hubspot:12" + at + " title=CTO"}},
		{Name: "address", Body: subscription("contact.propertyChange", change("email", "Ana@Initech.example")), Want: []string{"identified ana@initech.example hubspot:12" + at}},
		{Name: "a property of one's own", Body: subscription("contact.propertyChange", change("shoe_size", "38")), Want: []string{"identified hubspot:12" + at + " other[shoe_size]"}},
		{Name: "handoff", Body: subscription("contact.propertyChange", change("baton_handoff_id", crmtest.Handoff)), Want: []string{"identified " + crmtest.Lead + " hubspot:12" + at + " other[baton_handoff_id]"}},
		{Name: "no handoff", Body: subscription("contact.propertyChange", change("baton_handoff_id", "ho_x")), Want: []string{"identified hubspot:12" + at + " other[baton_handoff_id]"}},
		{Name: "a stage without a handoff is no answer", Body: subscription("contact.propertyChange", change("hs_lead_status", "CONNECTED")), Want: []string{"identified hubspot:12" + at + " other[hs_lead_status]"}},
		{Name: "a stage that the operator maps", Config: sender.Config{Stages: map[string]string{"Opportunity": "deal_opened"}}, Body: subscription("contact.propertyChange", change("lifecyclestage", "opportunity")), Want: []string{"deal_opened hubspot:12" + at + " deal[12    ] other[lifecyclestage]"}},
		{Name: "opted out", Body: subscription("contact.propertyChange", change("hs_email_optout", "true")), Want: []string{"email_unsubscribed hubspot:12" + at + " other[hs_email_optout]"}},
		{Name: "opted out of one list", Body: subscription("contact.propertyChange", change("hs_email_optout_345", "true")), Want: []string{"email_unsubscribed hubspot:12" + at + " list=345 other[hs_email_optout_345]"}},
		{Name: "opted in again", Body: subscription("contact.propertyChange", change("hs_email_optout", "false")), Want: []string{"identified hubspot:12" + at + " other[hs_email_optout]"}},
		{Name: "forgotten", Body: subscription("contact.privacyDeletion", `"objectId":12`), Want: []string{"consent_changed hubspot:12" + at + " email=withdrawn profiling=objected"}},
		{Name: "deleted", Body: subscription("contact.deletion", `"objectId":12`), Want: []string{`custom "hubspot: contact.deletion" hubspot:12` + at}},
		{Name: "merged", Body: subscription("contact.merge", `"primaryObjectId":12,"mergedObjectIds":[13]`), Want: []string{`custom "hubspot: contact.merge" hubspot:12` + at}},
		{Name: "deal created", Body: subscription("deal.creation", `"objectId":9`), Want: []string{"deal_opened hubspot-deal:9" + at + " deal[9    ] created=2026-11-20T08:00:00Z"}},
		{Name: "a deal's date of creation", Body: subscription("deal.propertyChange", change("createdate", "1793520000000")), Want: []string{"deal_stage_changed hubspot-deal:12" + at + " deal[12    ] created=2026-11-01T08:00:00Z"}},
		{Name: "a workflow tells when the deal was made", Body: `{"objectId":9,"objectType":"DEAL","properties":{"dealstage":{"value":"closedwon"},"createdate":{"value":"1793520000000"}}}`,
			Want: []string{"deal_won hubspot-deal:9 at 2026-11-20T12:00:00Z deal[9 closedwon   ] created=2026-11-01T08:00:00Z"}},
		{Name: "deal won", Body: subscription("deal.propertyChange", change("dealstage", "closedwon")), Want: []string{"deal_won hubspot-deal:12" + at + " deal[12 closedwon   ]"}},
		{Name: "deal lost, other case", Body: subscription("object.propertyChange", `"objectTypeId":"0-3",`+change("dealstage", "ClosedLost")), Want: []string{"deal_lost hubspot-deal:12" + at + " deal[12 ClosedLost   ]"}},
		{Name: "deal moved", Body: subscription("deal.propertyChange", change("dealstage", "contractsent")), Want: []string{"deal_stage_changed hubspot-deal:12" + at + " deal[12 contractsent   ]"}},
		{Name: "a stage of one's own", Config: sender.Config{Stages: map[string]string{"1234": "deal_won", "closedwon": "deal_reopened"}}, Body: subscription("deal.propertyChange", change("dealstage", "1234")), Want: []string{"deal_won hubspot-deal:12" + at + " deal[12 1234   ]"}},
		{Name: "the operator's stage counts above ours", Config: sender.Config{Stages: map[string]string{"CLOSEDWON": "deal_stage_changed"}}, Body: subscription("deal.propertyChange", change("dealstage", "closedwon")), Want: []string{"deal_stage_changed hubspot-deal:12" + at + " deal[12 closedwon   ]"}},
		{Name: "amount", Body: subscription("deal.propertyChange", change("amount", "12000.50")), Want: []string{"deal_stage_changed hubspot-deal:12" + at + " deal[12  12000.50  ]"}},
		{Name: "whose deal", Body: subscription("deal.propertyChange", change("baton_handoff_id", crmtest.Handoff)), Want: []string{"deal_stage_changed " + crmtest.Lead + " hubspot-deal:12" + at + " deal[12    ]"}},
		{Name: "another property of a deal", Body: subscription("deal.propertyChange", change("dealname", "Big")), Want: []string{`custom "hubspot: deal.propertyChange" hubspot-deal:12` + at}},
		{Name: "lead object", Body: subscription("object.propertyChange", `"objectTypeId":"0-136",`+change("hs_pipeline_stage", "qualified-stage-id")), Want: []string{`custom "hubspot: lead.propertyChange" hubspot-lead:12` + at}},
		{Name: "an association joins nobody", Body: subscription("contact.associationChange", `"associationType":"CONTACT_TO_DEAL","fromObjectId":12,"toObjectId":9,"associationRemoved":false`), Want: []string{`custom "hubspot: contact.associationChange" hubspot:12` + at}},
		{Name: "unless the operator says so", Config: sender.Config{Map: map[string]string{"deal.associationChange": "identified"}}, Body: subscription("deal.associationChange", `"associationType":"DEAL_TO_CONTACT","fromObjectId":9,"toObjectId":12`), Want: []string{"identified hubspot:12 hubspot-deal:9" + at}},
		{Name: "and then not when it is taken back", Config: sender.Config{Map: map[string]string{"deal.associationChange": "identified"}}, Body: subscription("deal.associationChange", `"associationType":"DEAL_TO_CONTACT","fromObjectId":9,"toObjectId":12,"associationRemoved":true`), Want: []string{"identified hubspot:12" + at}},
		{Name: "company", Body: subscription("company.creation", `"objectId":4`), Want: []string{"ignored: company"}},
		{Name: "another portal", Config: sender.Config{Accounts: []string{"78"}}, Body: subscription("contact.creation", `"objectId":12`), Want: []string{"ignored: account"}},
		{Name: "our portal", Config: sender.Config{Accounts: []string{"77"}}, Body: subscription("contact.creation", `"objectId":12`), Want: []string{"identified hubspot:12" + at}},
		{Name: "no object", Body: subscription("contact.creation", `"x":1`), Want: []string{"refused: says of nobody"}},
		{Name: "no event id", Body: `[{"subscriptionType":"contact.creation","objectId":12}]`, Want: []string{"refused: eventId"}},
		{Name: "one is bad", Body: `[7,` + strings.Trim(subscription("contact.creation", `"objectId":12`), "[]") + `]`, Want: []string{"refused: object", "identified hubspot:12" + at}},
	})
}

func TestWorkflows(t *testing.T) {
	v := vendorTest()
	const now = " at 2026-11-20T12:00:00Z"
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "contact as the API has it", Body: `{"vid":12,"portal-id":77,"is-contact":true,"properties":{"email":{"value":"ana@initech.example","versions":[{"value":"ana@initech.example"}]},"firstname":{"value":"Ana"},"lifecyclestage":{"value":"lead"}},
			"form-submissions":[{"conversion-id":"c-1","timestamp":1795161600000,"form-id":"f-9","page-url":"https://www.initech.example/demo?utm_medium=email&utm_campaign=q4"}]}`,
			Want: []string{"identified ana@initech.example hubspot:12" + now + " first_name=Ana other[lifecyclestage]", "form_submitted ana@initech.example hubspot:12 at 2026-11-20T08:00:00Z by email/q4 form=f-9"}},
		{Name: "flat", Body: `{"objectId":12,"email":"ana@initech.example","lastname":"Lind","company":"Initech"}`, Want: []string{"identified ana@initech.example hubspot:12" + now + " last_name=Lind company=Initech"}},
		{Name: "answer", Body: `{"objectId":12,"properties":{"hs_lead_status":"UNQUALIFIED","baton_handoff_id":"` + crmtest.Handoff + `","hs_lead_disqualification_reason":"NO_BUDGET"}}`,
			Want: []string{"disqualified " + crmtest.Lead + " hubspot:12" + now + " answer[" + crmtest.Handoff + " no-budget] other[baton_handoff_id hs_lead_disqualification_reason hs_lead_status]"}},
		{Name: "deal", Body: `{"objectId":9,"objectType":"DEAL","properties":{"dealstage":"closedwon","amount":"50","deal_currency_code":"EUR","baton_handoff_id":"` + crmtest.Handoff + `"}}`,
			Want: []string{"deal_won " + crmtest.Lead + " hubspot-deal:9" + now + " deal[9 closedwon 50 EUR ]"}},
		{Name: "form", Body: `{"email":"ana@initech.example","form_id":"f-9"}`, Want: []string{"form_submitted ana@initech.example" + now + " form=f-9 other[form_id]"}},
		{Name: "nobody", Body: `{"a":1}`, Want: []string{"refused: says of nobody"}},
	})
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]sender.Config{
		"secrets":   {},
		"write_key": {WriteKey: "k", Secrets: []string{"s"}},
		"map":       {Secrets: []string{"s"}, Map: map[string]string{"a": "deal_wun"}},
		"stages":    {Secrets: []string{"s"}, Stages: map[string]string{"a": "deal_wun"}},
	} {
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendorTest()
	f.Add(v.Body)
	f.Add([]byte(subscription("contact.associationChange", `"associationType":"CONTACT_TO_DEAL","fromObjectId":12,"toObjectId":9`)))
	f.Add([]byte(subscription("contact.propertyChange", `"objectId":12,"propertyName":"email","propertyValue":"a@b.example"`)))
	f.Add([]byte(`{"vid":12,"properties":{"email":{"value":"ana@initech.example"}},"form-submissions":[{"conversion-id":"c-1","timestamp":1}]}`))
	s := v.New(f, secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
