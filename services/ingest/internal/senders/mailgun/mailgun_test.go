package mailgun

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	vendormodule "github.com/mailgun/mailgun-go/v4"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const event = `"event-data":{"id":"Ase7i2zsRYeDXztHGENqRA","event":"clicked","timestamp":1795168800.25,"recipient":"ana@initech.example","url":"https://www.initech.example/pricing",` +
	`"tags":["q4-launch","x"],"user-variables":{"no":7},"client-info":{"client-type":"browser","user-agent":"UA"},"message":{"headers":{"message-id":"m1@initech.example"}}}`

func mac(secret, stamp, token string) string {
	return hex.EncodeToString(sender.MAC(sha256.New, secret, []byte(stamp), []byte(token)))
}

// signed puts the signature into a body, before what it has.
func signed(body []byte, secret, token string, at time.Time) []byte {
	stamp := strconv.FormatInt(at.Unix(), 10)
	rest := bytes.TrimLeft(body, "{")
	if len(rest) > 0 && rest[0] != '}' {
		rest = append([]byte{','}, rest...)
	}
	return append(fmt.Appendf(nil, `{"signature":{"timestamp":"%s","token":"%s","signature":"%s"}`, stamp, token, mac(secret, stamp, token)), rest...)
}

// carried is a source whose signature comes in headers, as the suite knows it, and is put into the body for Mailgun's.
type carried struct{ sender.Sender }

func (c carried) Verify(r *sender.Request) (string, error) {
	inner := *r
	if token := r.Header.Get("T"); r.Header.Get("S") != "" {
		sig := fmt.Sprintf(`{"signature":{"timestamp":%q,"token":%q,"signature":%q},"event-data":{}}`, r.Header.Get("D"), token, r.Header.Get("S"))
		inner.Body = []byte(sig)
	} else {
		inner.Body = []byte(`{"event-data":{}}`)
	}
	return c.Sender.Verify(&inner)
}

func vendor() sendertest.Vendor {
	row := Type()
	row.New = func(c sender.Config) (sender.Sender, error) {
		s, err := New(c)
		if err != nil {
			return nil, err
		}
		return carried{s}, nil
	}
	return sendertest.Vendor{
		Type: row, Secret: "signing-key", OldSecret: "older-key", Stale: Tolerance, Body: []byte("{" + event + "}"), ContentType: "application/json",
		Sign: func(r *sender.Request, secret string) {
			stamp := strconv.FormatInt(r.Now.Unix(), 10)
			token := sender.BodyID([]byte(stamp + secret + string(r.Body)))
			r.Header.Set("T", token)
			r.Header.Set("D", stamp)
			r.Header.Set("S", mac(secret, stamp, token))
		},
		Want:    []string{"email_clicked ana@initech.example at 2026-11-20T10:00:00.25Z by email/q4-launch"},
		Again:   [][]byte{[]byte(`{"event-data":{"id":"Ase7i2zsRYeDXztHGENqRA","event":"clicked","recipient":"ana@initech.example"}}`)},
		Alike:   [][]byte{[]byte(`{"event-data":{"id":"Ase7i2zsRYeDXztHGENqRB","event":"clicked","recipient":"ana@initech.example"}}`)},
		Unknown: [][]byte{[]byte(`{"event-data":{"id":"1","event":"teleported","recipient":"ana@initech.example"}}`), []byte(`{"event-data":{"id":"1","event":"teleported"}}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	of := func(name, more string) string {
		return `{"event-data":{"id":"e1","event":"` + name + `","timestamp":1795168800,"recipient":"ana@initech.example"` + more + `}}`
	}
	const at = " ana@initech.example at 2026-11-20T10:00:00Z by email/"
	v.Maps(t, map[string]string{
		of("accepted", `,"campaigns":[{"id":"c","name":"Q4"}]`): "email_sent" + at + "Q4",
		of("delivered", ""): "email_delivered" + at,
		of("failed", `,"severity":"permanent","delivery-status":{"message":"550 no","code":550}`): "email_bounced" + at + ` reason="550 no"`,
		of("failed", `,"severity":"temporary"`):                                                   "ignored: not delivered yet: Mailgun tries again",
		of("opened", `,"client-info":{"user-agent":"UA","bot":""}`):                               "email_opened" + at + ` agent="UA"`,
		of("opened", `,"client-info":{"bot":"apple"}`):                                            "email_opened" + at + " automated",
		of("clicked", `,"url":"https://x.example/","client-info":{"client-type":"robot"}`):        "email_clicked" + at + ` automated url="https://x.example/"`,
		of("unsubscribed", `,"mailing-list":{"address":"news@initech.example"}`):                  "email_unsubscribed" + at + ` list="news@initech.example"`,
		of("complained", ""):                "consent_changed" + at + ` email="objected"`,
		of("rejected", ""):                  `custom "mailgun: rejected"` + at,
		`{"event-data":{"event":"opened"}}`: "ignored: about no recipient",
		`{"event-data":{}}`:                 "unreadable: event-data.event: is required: what became of the mail",
		"event=complained&recipient=ana@initech.example&timestamp=1795168800": "consent_changed" + at + ` email="objected"`,
	})
}

func made(t testing.TB) sender.Sender {
	t.Helper()
	s, err := New(sender.Config{Name: "s", Secrets: []string{"signing-key"}, MaxEvent: 64 << 10, MaxEvents: 100})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verify(s sender.Sender, body []byte, now time.Time) (string, error) {
	return s.Verify(&sender.Request{Method: http.MethodPost, Header: http.Header{}, Body: body, Now: now})
}

// A token is good for one body, as often as that is sent.
func TestTokenIsSpent(t *testing.T) {
	s, now := made(t), sendertest.Now()
	body := signed([]byte("{"+event+"}"), "signing-key", "t1", now)
	for range 3 {
		if token, err := verify(s, body, now); err != nil || token != "t1" {
			t.Fatalf("%q, %v", token, err)
		}
	}
	other := bytes.Replace(body, []byte("ana@"), []byte("eve@"), 1)
	if _, err := verify(s, other, now.Add(time.Hour)); !errors.Is(err, ErrSpent) {
		t.Errorf("another body under the token: %v", err)
	}
	if _, err := verify(s, other, now.Add(Tolerance+time.Second)); !errors.Is(err, sender.ErrStale) {
		t.Errorf("later: %v", err)
	}
	if _, err := verify(s, signed([]byte("{"+event+"}"), "signing-key", "t2", now), now); err != nil {
		t.Errorf("signed anew: %v", err)
	}
}

// Of many bodies that come at once under one token, one is believed.
func TestTokenIsSpentOnce(t *testing.T) {
	s, now := made(t), sendertest.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	believed := 0
	for i := range 16 {
		wg.Go(func() {
			body := signed(fmt.Appendf(nil, `{"event-data":{"id":"%d"}}`, i), "signing-key", "t1", now)
			if _, err := verify(s, body, now); err == nil {
				mu.Lock()
				believed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if believed != 1 {
		t.Errorf("%d are believed", believed)
	}
}

func TestSignatureInTheBody(t *testing.T) {
	now := sendertest.Now()
	good := signed([]byte("{"+event+"}"), "signing-key", "t", now)
	stamp := strconv.FormatInt(now.Unix(), 10)
	form := "event=opened&recipient=ana%40initech.example&timestamp=" + stamp + "&token=t&signature=" + mac("signing-key", stamp, "t")
	for body, want := range map[string]bool{
		string(good):                       true,
		"{" + event + "}":                  false,
		`{"signature":null,` + event + `}`: false,
		`{"signature":{},"signature":` + string(good[len(`{"signature":`):]): false,
		string(good[:len(good)-5]): true, // genuine, and cannot be read: that is for the quarantine
		form:                       true,
		form + "0":                 false,
		"x":                        false,
		"":                         false,
		"[" + string(good) + "]":   false,
	} {
		if _, err := verify(made(t), []byte(body), now); (err == nil) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	// The old form has no id: the token is it.
	s := made(t)
	facts := sendertest.Check(t, s, &sender.Delivery{ID: "t", Body: []byte(form), Received: fact.At(now)})
	if len(facts) != 1 || facts[0].Event.Id != "t" || facts[0].Event.Type != "email_opened" {
		t.Errorf("%v", facts)
	}
}

// What Mailgun's own module believes, and what it does not, so do we.
func TestAgreesWithMailgunsModule(t *testing.T) {
	theirs := vendormodule.NewMailgun("initech.example", "api-key")
	theirs.SetWebhookSigningKey("signing-key")
	rapid.Check(t, func(t *rapid.T) {
		now := sendertest.Now()
		payload := vendormodule.WebhookPayload{EventData: []byte("{}")}
		payload.Signature.TimeStamp = strconv.FormatInt(now.Unix(), 10)
		payload.Signature.Token = rapid.StringMatching(`[0-9a-f]{50}`).Draw(t, "token")
		payload.Signature.Signature = mac("signing-key", payload.Signature.TimeStamp, payload.Signature.Token)
		tampered := rapid.IntRange(0, 5).Draw(t, "tampered")
		switch tampered {
		case 1:
			payload.Signature.Token += "0"
		case 2:
			payload.Signature.TimeStamp = strconv.FormatInt(now.Unix()+1, 10)
		case 3:
			payload.Signature.Signature = rapid.String().Draw(t, "signature")
		case 4:
			payload.Signature.Signature = mac("another-key", payload.Signature.TimeStamp, payload.Signature.Token)
		case 5:
			payload.Signature.Signature += "00"
		}
		body, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(sender.Config{Name: "s", Secrets: []string{"signing-key"}, MaxEvent: 1 << 16, MaxEvents: 9})
		if err != nil {
			t.Fatal(err)
		}
		_, mine := verify(s, body, now)
		yours, err := theirs.VerifyWebhookSignature(payload.Signature)
		if (mine == nil) != (yours && err == nil) || (mine == nil) != (tampered == 0) {
			t.Fatalf("we say %v, Mailgun's module %v, %v", mine, yours, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("{"+event+"}"), "t")
	f.Add([]byte(`{"event-data":{"event":"opened","recipient":"a@b.example","client-info":[],"tags":{},"campaigns":[1]}}`), "")
	f.Add([]byte("event=opened&recipient=a@b.example&token=x"), "token")
	s := made(f)
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		sendertest.Check(t, s, &sender.Delivery{ID: string([]rune(id)), Body: body, Received: fact.At(sendertest.Now())})
	})
}

// Whatever surrounds it, nothing is believed but a signature by the key.
func FuzzVerify(f *testing.F) {
	now := sendertest.Now()
	f.Add(signed([]byte("{"+event+"}"), "another-key", "t", now))
	f.Add([]byte(`{"signature":{"timestamp":"1","token":"","signature":""},"signature":{}}`))
	f.Add([]byte("timestamp=1&token=t&signature=00"))
	s := made(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := verify(s, body, now); err == nil {
			t.Fatalf("%q is believed", body)
		}
	})
}
