package mautic

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// lead is a contact as Mautic writes it: fields by group, a group without any as [], slashes escaped.
const (
	lead = `{"id":26,"points":10,"color":null,"fields":{"core":{"firstname":{"id":"2","label":"First Name","alias":"firstname","type":"text","group":"core","value":"Ana"},` +
		`"lastname":{"alias":"lastname","value":"Lind"},"position":{"alias":"position","value":"VP"},"company":{"alias":"company","value":"Initech"},"country":{"alias":"country","value":"Sweden"},` +
		`"email":{"alias":"email","value":"ana@initech.example"},"mobile":{"alias":"mobile","value":"+46 8 1"},"fax":{"alias":"fax","value":null},"team_size":{"alias":"team_size","value":"12"}},` +
		`"social":[],"personal":[],"professional":[]},"tags":[{"tag":"hot"}]}`
	plain  = `{"id":27,"fields":[],"points":0}`
	submit = `{"submission":{"id":13,"ipAddress":[],"form":{"id":4,"name":"Get the guide","alias":"getguide","category":null},"lead":` + lead +
		`,"trackingId":"dd4a","dateSubmitted":"2026-11-20T10:00:00+00:00","referer":"https:\/\/www.initech.example\/guide?utm_medium=ads&utm_campaign=q4","page":null,"results":{"email":"ana@initech.example","question":"x"}},"timestamp":"2026-11-20T10:00:02+00:00"}`
	open = `{"stat":{"id":8,"emailAddress":"bo@initech.example","ipAddress":[],"dateRead":"2026-11-20T09:00:00+00:00","lastOpened":"2026-11-20T10:00:00+00:00","openCount":2,"lead":` + plain +
		`,"email":{"id":5,"name":"Launch mail","subject":"Hi","utmTags":{"utmCampaign":"q4","utmMedium":""}}},"timestamp":"2026-11-20T10:00:01+00:00"}`
	hit = `{"hit":{"dateHit":"2026-11-20T10:00:00+00:00","page":{"id":1,"title":"Pricing"},"redirect":null,"email":null,"lead":` + plain +
		`,"ipAddress":[],"code":200,"referer":"https://search.example/","url":"https://www.initech.example/pricing","urlTitle":null,"userAgent":"UA","query":{"utm_campaign":"q4","utm_medium":"ads"}},"timestamp":"2026-11-20T10:00:00+00:00"}`
	body = `{"mautic.form_on_submit":[` + submit + `],"mautic.email_on_open":` + open + `,"mautic.page_on_hit":[` + hit + `],"mautic.email_on_send":[]}`
)

const (
	ana  = " ana@initech.example mautic:26"
	said = ` name="Ana Lind" position="VP" phone="+46 8 1" country="Sweden" company="Initech"`
	at   = " at 2026-11-20T10:00:00Z"
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "any-secret", OldSecret: "older-secret", Covers: true, Body: []byte(body), ContentType: "application/json",
		Sign: func(r *sender.Request, secret string) {
			r.Header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(sender.MAC(sha256.New, secret, r.Body)))
		},
		Want: []string{
			"form_submitted" + ana + at + " by ads/q4",
			"email_opened bo@initech.example mautic:27" + at + " by email/q4",
			"page_viewed mautic:27" + at + " by ads/q4",
		},
		Again: [][]byte{
			[]byte(`{"mautic.page_on_hit":[` + hit + `],"mautic.email_on_open":[` + open + `],"mautic.form_on_submit":[` + strings.Replace(submit, ":02+", ":09+", 1) + `]}`),
		},
		Alike: [][]byte{
			[]byte(`{"mautic.form_on_submit":[` + strings.Replace(submit, `"id":13`, `"id":14`, 1) + `],"mautic.email_on_open":[` + strings.Replace(open, `"openCount":2`, `"openCount":3`, 1) + `]}`),
			[]byte(`{"mautic.page_on_hit":[` + strings.Replace(hit, "/pricing", "/about", 1) + `,` + strings.Replace(hit, "10:00:00", "10:00:01", 1) + `]}`),
			[]byte(`{"mautic.lead_points_change":[{"lead":` + lead + `,"points":{"old_points":0,"new_points":1}},{"lead":` + lead + `,"points":{"old_points":1,"new_points":2}}]}`),
		},
		Unknown: [][]byte{[]byte(`{"mautic.teleported":[{"contact":` + lead + `},{"x":1}],"version":3}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	of := func(name, event string) string { return `{"mautic.` + name + `":[` + event + `]}` }
	with := func(person, more string) string {
		return `{` + person + more + `,"timestamp":"2026-11-20T10:00:00+00:00"}`
	}
	const contact = `"contact":` + lead
	v.Maps(t, map[string]string{
		of("form_on_submit", submit): "form_submitted" + ana + at + ` by ads/q4 url="https://www.initech.example/guide?utm_medium=ads&utm_campaign=q4" form="Get the guide"` + said,
		of("form_on_submit", `{"submission":{"id":1,"form":{"alias":"f"},"lead":`+plain+`,"dateSubmitted":"2026-11-20T10:00:00+00:00","results":{"email":"bo@initech.example"}}}`): "form_submitted bo@initech.example mautic:27" + at + ` form="f"`,
		of("form_on_submit", `{"submission":[]}`): "unreadable: submission: is required: what the event is of",
		of("email_on_open", open):                 "email_opened bo@initech.example mautic:27" + at + " by email/q4",
		of("page_on_hit", hit):                    "page_viewed mautic:27" + at + ` by ads/q4 url="https://www.initech.example/pricing" title="Pricing" agent="UA"`,
		of("page_on_hit", `{"hit":{"dateHit":"2026-11-20T10:00:00+00:00","lead":`+plain+`,"url":"https://m.initech.example/r/1","redirect":{"url":"https://www.initech.example/pricing"},"email":{"id":5,"name":"Launch mail"},"source":"email"}}`): "email_clicked mautic:27" + at + ` by email/Launch mail url="https://www.initech.example/pricing"`,
		of("email_on_send", `{"email":{"id":5,"name":"Launch mail"},"contact":{"id":26,"email":"ana@initech.example","firstname":"Ana"},"idHash":"h1","timestamp":"2026-11-20T10:00:00+00:00"}`):                                                    "email_sent" + ana + at + ` by email/Launch mail name="Ana"`,
		of("lead_post_save_new", with(contact, "")):                                                                                                                               "identified" + ana + at + said,
		of("lead_post_save_update", with(`"lead":`+lead, "")):                                                                                                                     "identified" + ana + at + said,
		of("lead_points_change", with(contact, `,"points":{"old_points":1,"new_points":9}`)):                                                                                      `custom "mautic: lead_points_change"` + ana + at + said,
		of("lead_channel_subscription_changed", with(contact, `,"channel":"email","old_status":"contactable","new_status":"unsubscribed"`)):                                       "email_unsubscribed" + ana + at + " by email/" + said,
		of("lead_channel_subscription_changed", with(contact, `,"channel":"sms","new_status":"unsubscribed"`)):                                                                    "consent_changed" + ana + at + ` by sms/ sms="withdrawn"` + said,
		of("lead_channel_subscription_changed", with(contact, `,"channel":"email","new_status":"manual"`)):                                                                        "consent_changed" + ana + at + ` by email/ email="denied"` + said,
		of("lead_channel_subscription_changed", with(contact, `,"channel":"email","new_status":"contactable"`)):                                                                   "consent_changed" + ana + at + ` by email/ email="granted"` + said,
		of("lead_channel_subscription_changed", with(contact, `,"channel":"email","new_status":"bounced"`)):                                                                       "email_bounced" + ana + at + " by email/" + said,
		of("lead_post_delete", with(contact, "")):                                                                                                                                 `custom "mautic: lead_post_delete"` + ana + at + said,
		of("lead_company_change", with(contact, `,"added":true,"company":{"fields":{"core":{"companyname":{"value":"Umbrella"},"companynumber_of_employees":{"value":"420"}}}}`)): "identified" + ana + at + strings.Replace(said, "Initech", "Umbrella", 1),
		of("lead_company_change", with(contact, `,"added":false`)):                                                                                                                `custom "mautic: lead_company_change"` + ana + at + said,
		of("company_post_save", `{"company":{"id":3}}`):                                                                                                                           "ignored: about a company and none of its contacts",
		of("sms_on_send", with(contact, `,"smsId":1`)):                                                                                                                            `custom "mautic: sms_on_send"` + ana + at + said,
		of("something", `{"x":1}`):              "ignored: about no contact",
		of("something", `7`):                    "unreadable: an event must be an object",
		`[]`:                                    "",
		`{}`:                                    "",
		`{"mautic.email_on_open":` + open + `}`: "email_opened bo@initech.example mautic:27" + at + " by email/q4",
	})
	v.Config.Map = map[string]string{"mautic.lead_points_change": "product_used", "mautic.form_on_submit/getguide": "asset_downloaded"}
	v.Maps(t, map[string]string{
		of("lead_points_change", with(contact, "")): "product_used" + ana + at + said,
		of("form_on_submit", submit):                "asset_downloaded" + ana + at + ` by ads/q4 url="https://www.initech.example/guide?utm_medium=ads&utm_campaign=q4"` + said,
	})
}

// Everything that the vendor says of the event and the person is kept.
func TestKeepsWhatIsSaid(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	ev := sendertest.Check(t, s, &sender.Delivery{Body: []byte(`{"mautic.form_on_submit":[` + submit + `]}`), Received: fact.At(sendertest.Now())})[0].Event
	p, other := ev.Properties.Fields, ev.Traits.Other.Fields
	if got := p["results"].GetStructValue().GetFields()["question"].GetStringValue(); got != "x" {
		t.Errorf("%v", p)
	}
	if other["team_size"].GetStringValue() != "12" || other["points"].GetNumberValue() != 10 || other["tags"] == nil || other["fax"] != nil || p["lead"] != nil {
		t.Errorf("%v", other)
	}
}

// An address that Mautic has for the contact is the contact's; one that was only entered in a form is whoever's.
func TestAnEnteredAddressIsUnproven(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	for person, want := range map[string]bool{lead: false, plain: true} {
		body := `{"mautic.form_on_submit":[{"submission":{"id":1,"form":{"alias":"f"},"lead":` + person + `,"results":{"email":"cy@initech.example"}}}]}`
		facts := sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})
		if len(facts) != 1 || facts[0].Unproven != want || facts[0].Event.Identity.Email == "" {
			t.Errorf("%s: %+v", person, facts)
		}
	}
}

// What is quarantined out of a list can be decoded by itself.
func TestOneEventAlone(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	bad := strings.Replace(submit, `"id":26`, `"id":26,"id":27`, 1)
	var raw []byte
	if err := s.Decode(&sender.Delivery{Body: []byte(`{"mautic.email_on_open":[` + open + `],"mautic.form_on_submit":[` + bad + `]}`), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		if item.Errors != nil {
			raw = bytes.Clone(item.Raw)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	fixed := bytes.Replace(raw, []byte(`"id":26,"id":27`), []byte(`"id":26`), 1)
	facts := sendertest.Check(t, s, &sender.Delivery{Body: fixed, Received: fact.At(sendertest.Now())})
	if len(facts) != 1 || facts[0].Event.Type != "form_submitted" || facts[0].Event.Id != "mautic.form_on_submit:13" {
		t.Errorf("%s: %v", fixed, facts)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte(`{"mautic.lead_channel_subscription_changed":[{"contact":` + lead + `,"channel":7,"new_status":"manual"}],"a":[[]],"b":{}}`))
	f.Add([]byte(`{"mautic.page_on_hit":{"hit":{"lead":{"id":1,"fields":{"all":{"email":"a@b.example","a":{"value":[]}}}},"query":[{"utm_medium":"x"}]}}}`))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
