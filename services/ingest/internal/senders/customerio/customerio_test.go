package customerio

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const body = `{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQJ","object_type":"email","metric":"clicked","timestamp":"1795168800","data":{"action_id":96,"campaign_id":23,` +
	`"customer_id":"u-42","delivery_id":"RPILAgUBcRhIBqSfeiIwdIYJKxTY","href":"https://www.initech.example/pricing","link_id":1,"recipient":"ana@initech.example",` +
	`"identifiers":{"id":"u-42","email":"ana@initech.example","cio_id":"d9c106000001"}}}`

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "signing-key", OldSecret: "older-key", Covers: true, Stale: Tolerance, Body: []byte(body), ContentType: "application/json",
		Sign: func(r *sender.Request, secret string) {
			stamp := strconv.FormatInt(r.Now.Unix(), 10)
			r.Header.Set(HeaderTimestamp, stamp)
			r.Header.Set(HeaderSignature, hex.EncodeToString(sender.MAC(sha256.New, secret, []byte("v0:"+stamp+":"), r.Body)))
		},
		Want:    []string{"email_clicked ana@initech.example u-42 customerio:d9c106000001 at 2026-11-20T10:00:00Z by email/23"},
		Again:   [][]byte{[]byte(`{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQJ","metric":"clicked","timestamp":1795168800,"data":{"customer_id":"u-42"}}`)},
		Alike:   [][]byte{[]byte(`{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQK","metric":"clicked","timestamp":1795168800,"data":{"customer_id":"u-42"}}`)},
		Unknown: [][]byte{[]byte(`{"event_id":"1","object_type":"email","metric":"teleported","data":{"customer_id":"u"}}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	event := func(object, metric, more string) string {
		return `{"event_id":"1","object_type":"` + object + `","metric":"` + metric + `","timestamp":1795168800,"data":{"identifiers":{"id":"u-42","email":"ana@initech.example"}` + more + `}}`
	}
	const who, at = " ana@initech.example u-42", " at 2026-11-20T10:00:00Z by email/"
	v.Maps(t, map[string]string{
		event("email", "sent", `,"newsletter_id":3`):                                 "email_sent" + who + at + "3",
		event("email", "delivered", ""):                                              "email_delivered" + who + at,
		event("email", "opened", `,"proxied":true`):                                  "email_opened" + who + at,
		event("email", "opened", `,"prefetched":true`):                               "email_opened" + who + at + " automated",
		event("email", "clicked", `,"machine":true,"href":"https://x.example"`):      "email_clicked" + who + at + ` automated url="https://x.example"`,
		event("email", "bounced", `,"failure_message":"550"`):                        "email_bounced" + who + at + ` reason="550"`,
		event("email", "unsubscribed", ""):                                           "email_unsubscribed" + who + at,
		event("email", "spammed", ""):                                                "consent_changed" + who + at + ` email="objected"`,
		event("email", "converted", ""):                                              `custom "customerio: email_converted"` + who + at,
		event("email", "dropped", ""):                                                `custom "customerio: email_dropped"` + who + at,
		event("email", "attempted", ""):                                              "ignored: not sent yet: Customer.io has drafted the message, or tries again",
		event("sms", "delivered", ""):                                                `custom "customerio: sms_delivered"` + who + " at 2026-11-20T10:00:00Z by sms/",
		event("push", "opened", ""):                                                  `custom "customerio: push_opened"` + who + " at 2026-11-20T10:00:00Z by push/",
		event("sms", "unsubscribed", ""):                                             "consent_changed" + who + ` at 2026-11-20T10:00:00Z by sms/ sms="withdrawn"`,
		event("customer", "subscribed", ""):                                          "consent_changed" + who + ` at 2026-11-20T10:00:00Z email="granted"`,
		event("customer", "unsubscribed", ""):                                        "email_unsubscribed" + who + " at 2026-11-20T10:00:00Z",
		`{"event_id":"1","metric":"sent","data":{"recipient":"bo@initech.example"}}`: "email_sent bo@initech.example at 2026-11-20T12:00:00Z",
		`{"event_id":"1","metric":"sent","data":{}}`:                                 "unreadable: data.identifiers: says of nobody: at least one of e-mail, user id, anonymous id and external ids is required",
		`{"metric":"sent","data":{"customer_id":"u"}}`:                               "unreadable: event_id: is required: by it a repeated event is recognised",
		`{"event_id":"1"}`:                                                           "unreadable: metric: is required: what happened to the message",
	})
	v.Config.Map = map[string]string{"email_converted": "demo_requested"}
	v.Maps(t, map[string]string{event("email", "converted", ""): "demo_requested" + who + at})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte(`[{"event_id":7,"metric":"opened","timestamp":1e99,"data":[]}]`))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
