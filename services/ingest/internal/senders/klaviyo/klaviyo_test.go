package klaviyo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	meta    = `"meta":{"klaviyo_account_id":"AcC1","klaviyo_webhook_id":"wh1","timestamp":"2026-11-20T12:00:00.1+00:00"}`
	profile = `"included":[{"type":"metric","id":"m1"},{"type":"profile","id":"p1","attributes":{"email":"ana@initech.example","phone_number":"+4681","first_name":"Ana","last_name":"Lind","organization":"Initech","title":"VP","location":{"country":"SE"},"properties":{"tier":"gold"}}}]`
	opened  = `{"external_id":"e1","topic":"event:klaviyo.opened_email","payload":{"data":{"type":"event","id":"e1","attributes":{"timestamp":1795168800,"datetime":"2026-11-20T10:00:00+00:00","event_properties":{"Campaign Name":"Q4","Subject":"Hi","machine_open":true},"uuid":"u1"},"relationships":{"profile":{"data":{"type":"profile","id":"p1"}}}},` + profile + `}}`
	left    = `{"external_id":"e2","topic":"event:klaviyo.unsubscribed_from_email_marketing","payload":{"data":{"attributes":{"timestamp":1795168801,"event_properties":{"email_address":"bo@initech.example","List":"News"}}}}}`
	body    = `{"data":[` + opened + "," + left + `],` + meta + `}`
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "a-secret-of-16-or-more", OldSecret: "an-older-secret-key", Covers: true, Stale: Tolerance, Body: []byte(body), ContentType: "application/json",
		Sign: func(r *sender.Request, secret string) {
			stamp := r.Now.UTC().Format(http.TimeFormat)
			r.Header.Set(HeaderTimestamp, stamp)
			r.Header.Set(HeaderSignature, hex.EncodeToString(sender.MAC(sha256.New, secret, r.Body, []byte(stamp))))
		},
		Want: []string{
			"email_opened ana@initech.example klaviyo:p1 at 2026-11-20T10:00:00Z by email/Q4 automated",
			"email_unsubscribed bo@initech.example at 2026-11-20T10:00:01Z by email/",
		},
		Again:   [][]byte{[]byte(`{"data":[` + left + "," + opened + `],"meta":{}}`)},
		Alike:   [][]byte{[]byte(strings.ReplaceAll(body, `"external_id":"e`, `"external_id":"f`))},
		Unknown: [][]byte{[]byte(`{"data":[{"external_id":"1","topic":"event:klaviyo.teleported","payload":{"data":{"attributes":{"event_properties":{"email_address":"ana@initech.example"}}}}}]}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	of := func(topic, properties string) string {
		return `{"data":[{"external_id":"e1","topic":"` + topic + `","payload":{"data":{"attributes":{"timestamp":1795168800,"event_properties":{"email_address":"ana@initech.example"` + properties + `}}}}}]}`
	}
	const who, at, mail = " ana@initech.example", " at 2026-11-20T10:00:00Z", " by email/"
	v.Maps(t, map[string]string{
		`{"data":[` + opened + `]}`:                                       "email_opened ana@initech.example klaviyo:p1" + at + ` by email/Q4 automated name="Ana Lind" position="VP" phone="+4681" country="SE" company="Initech"`,
		of("event:klaviyo.received_email", ""):                            "email_delivered" + who + at + mail,
		of("event:klaviyo.sent_email", ""):                                "email_sent" + who + at + mail,
		of("event:klaviyo.clicked_email", `,"URL":"https://x.example/"`):  "email_clicked" + who + at + mail + ` url="https://x.example/"`,
		of("event:klaviyo.bounced_email", `,"Bounce Type":"Hard"`):        "email_bounced" + who + at + mail + ` reason="Hard"`,
		of("event:klaviyo.dropped_email", ""):                             `custom "klaviyo: dropped_email"` + who + at + mail,
		of("event:klaviyo.subscribed_to_email_marketing", ""):             "consent_changed" + who + at + mail + ` email="granted"`,
		of("event:klaviyo.manually_suppressed_from_email_marketing", ""):  "consent_changed" + who + at + mail + ` email="denied"`,
		of("event:klaviyo.marked_email_as_spam", ""):                      "consent_changed" + who + at + mail + ` email="objected"`,
		of("event:klaviyo.subscribed_to_sms_marketing", ""):               "consent_changed" + who + at + ` by sms/ sms="granted"`,
		of("event:klaviyo.unsubscribed_from_sms_marketing", ""):           "consent_changed" + who + at + ` by sms/ sms="withdrawn"`,
		of("event:klaviyo.form_submitted_by_profile", `,"form_name":"F"`): "form_submitted" + who + at + ` form="F"`,
		of("event:api.demo_requested", ""):                                "demo_requested" + who + at,
		of("event:api.deal_won", ""):                                      `custom "klaviyo: api.deal_won"` + who + at,
		of("", ""):                                                        "unreadable: topic: is required: event:klaviyo.opened_email and its like",
		`{"data":[7]}`:                                                    "unreadable: an event must be an object",
		`{"data":{}}`:                                                     "unreadable: data: is required: a list of events",
		opened[:len(opened)-1] + `,"x":1}`:                                "email_opened ana@initech.example klaviyo:p1" + at + ` by email/Q4 automated name="Ana Lind" position="VP" phone="+4681" country="SE" company="Initech"`,
	})
	v.Config.Map = map[string]string{"event:klaviyo.dropped_email": "email_bounced"}
	v.Maps(t, map[string]string{of("event:klaviyo.dropped_email", ""): "email_bounced" + who + at + mail})
	v.Config.Accounts = []string{"AcC2"}
	v.Maps(t, map[string]string{`{"data":[` + opened + `],` + meta + `}`: "ignored: of an account that is not one of the source's"})
}

// Klaviyo's times have been seen in three ways.
func TestTimestamps(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	for stamp, want := range map[string]error{
		"1795176000":                    nil,
		"2026-11-20T12:00:00+00:00":     nil,
		"Fri, 20 Nov 2026 17:00:00 GMT": nil, // five hours ahead
		"Mon, 23 Nov 2026 12:00:00 GMT": sender.ErrStale,
		"1795000000":                    sender.ErrStale,
	} {
		r := v.Request(v.Body, v.Secret, sendertest.Now())
		r.Header.Set(HeaderTimestamp, stamp)
		r.Header.Set(HeaderSignature, hex.EncodeToString(sender.MAC(sha256.New, v.Secret, r.Body, []byte(stamp))))
		if _, err := s.Verify(r); !errors.Is(err, want) {
			t.Errorf("%s: %v", stamp, err)
		}
	}
}

func TestWebhookMustBeTheHeaders(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	d := &sender.Delivery{Body: v.Body, Header: map[string]string{"klaviyo-webhook-id": "wh2"}, Received: fact.At(sendertest.Now())}
	var unreadable *sender.Unreadable
	if err := s.Decode(d, func(sender.Item) error { return nil }); !errors.As(err, &unreadable) {
		t.Errorf("%v", err)
	}
	d.Header["klaviyo-webhook-id"] = "wh1"
	if got := sendertest.Check(t, s, d); len(got) != 2 || got[0].Event.OccurredAt.AsTime() != time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) {
		t.Errorf("%v", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte(opened))
	f.Add([]byte(`{"data":[{"topic":"a.b","payload":{"included":[{"type":"profile"}]}},[],{}],"meta":[]}`))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
