package sendgrid

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/sendgrid/sendgrid-go/helpers/eventwebhook"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// body has the line ends that SendGrid puts between and behind the events.
const body = "[{\"email\":\"ana@initech.example\",\"timestamp\":1795168800,\"event\":\"open\",\"sg_event_id\":\"b3Blbi0x\",\"sg_message_id\":\"14c5d75ce93.filter1\",\"sg_machine_open\":true,\"useragent\":\"Mozilla/5.0\",\"category\":[\"q4\",\"launch\"]},\r\n" +
	"{\"email\":\"bo@initech.example\",\"timestamp\":1795168801,\"event\":\"click\",\"sg_event_id\":\"Y2xpY2st\",\"url\":\"https://www.initech.example/pricing\",\"marketing_campaign_name\":\"Q4 launch\",\"order\":{\"no\":7}}]\r\n"

// newKey makes a key, and what a console shows of it.
func newKey() (*ecdsa.PrivateKey, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the machine has no randomness
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return key, base64.StdEncoding.EncodeToString(der)
}

func sign(r *sender.Request, key *ecdsa.PrivateKey) {
	stamp := strconv.FormatInt(r.Now.Unix(), 10)
	sum := sha256.Sum256(append([]byte(stamp), r.Body...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return
	}
	r.Header.Set(HeaderTimestamp, stamp)
	r.Header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(signature))
}

func vendor() sendertest.Vendor {
	key, public := newKey()
	oldKey, oldPublic := newKey()
	otherKey, _ := newKey()
	keys := map[string]*ecdsa.PrivateKey{public: key, oldPublic: oldKey}
	return sendertest.Vendor{
		Type: Type(), Secret: public, OldSecret: oldPublic, Covers: true, Stale: Tolerance,
		Body: []byte(body), ContentType: "application/json; charset=utf-8",
		Sign: func(r *sender.Request, secret string) {
			if keys[secret] == nil {
				sign(r, otherKey)
				return
			}
			sign(r, keys[secret])
		},
		Want: []string{
			"email_opened ana@initech.example at 2026-11-20T10:00:00Z by email/q4 automated",
			"email_clicked bo@initech.example at 2026-11-20T10:00:01Z by email/Q4 launch",
		},
		Again: [][]byte{
			[]byte("[{\"email\":\"bo@initech.example\",\"timestamp\":1795168801,\"event\":\"click\",\"sg_event_id\":\"Y2xpY2st\"},{\"email\":\"ana@initech.example\",\"event\":\"open\",\"sg_event_id\":\"b3Blbi0x\"}]"),
		},
		Alike: [][]byte{
			[]byte(`[{"email":"ana@initech.example","timestamp":1795168800,"event":"open","sg_event_id":"b3Blbi0y"}]`),
			[]byte(`[{"email":"ana@initech.example","timestamp":1795168800,"event":"open"},{"email":"ana@initech.example","timestamp":1795168801,"event":"open"}]`),
		},
		Unknown: [][]byte{[]byte(`[{"email":"ana@initech.example","event":"teleported","sg_event_id":"x"},{"event":"account_status_change","sg_event_id":"y"}]`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	const who, at = `"email":"ana@initech.example","timestamp":1795168800,"sg_event_id":"e1","sg_message_id":"m1.f"`, " ana@initech.example at 2026-11-20T10:00:00Z by email/"
	v.Maps(t, map[string]string{
		`{"event":"processed","singlesend_name":"Q4",` + who + `}`:                "email_sent" + at + "Q4",
		`{"event":"deferred",` + who + `}`:                                        "ignored: not delivered yet: SendGrid tries again",
		`{"event":"delivered","category":"q4",` + who + `}`:                       "email_delivered" + at + "q4",
		`{"event":"open","useragent":"UA",` + who + `}`:                           "email_opened" + at + ` agent="UA"`,
		`{"event":"click","url":"https://x.example/?utm_campaign=c",` + who + `}`: "email_clicked" + at + `c url="https://x.example/?utm_campaign=c"`,
		`{"event":"bounce","reason":"550 no","type":"bounce",` + who + `}`:        "email_bounced" + at + ` reason="550 no"`,
		`{"event":"bounce","type":"blocked",` + who + `}`:                         "email_bounced" + at + ` reason="blocked"`,
		`{"event":"dropped","reason":"Bounced Address",` + who + `}`:              `custom "sendgrid: dropped"` + at,
		`{"event":"spamreport",` + who + `}`:                                      "consent_changed" + at + ` email="objected"`,
		`{"event":"unsubscribe",` + who + `}`:                                     "email_unsubscribed" + at,
		`{"event":"group_unsubscribe","asm_group_id":12,` + who + `}`:             "email_unsubscribed" + at + ` list="12"`,
		`{"event":"group_resubscribe","asm_group_id":12,` + who + `}`:             "consent_changed" + at + ` email:12="granted"`,
		`{"event":"account_status_change","type":"suspended"}`:                    "ignored: about no recipient",
		`{` + who + `}`: "unreadable: event: is required: what became of the mail",
		`[1]`:           "unreadable: an event must be an object",
	})
	v.Config.Map = map[string]string{"dropped": "email_bounced", "deferred": "custom"}
	v.Maps(t, map[string]string{
		`{"event":"dropped",` + who + `}`:  "email_bounced" + at,
		`{"event":"deferred",` + who + `}`: `custom "sendgrid: deferred"` + at,
	})
}

func TestKeepsWhatTheCallerAdded(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	ev := sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})[1].Event
	if got := ev.Properties.Fields["order"].GetStructValue().GetFields()["no"].GetNumberValue(); got != 7 {
		t.Errorf("%v", ev.Properties)
	}
}

func TestConfiguration(t *testing.T) {
	key, public := newKey()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(sender.Config{Secrets: []string{public, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}); err != nil {
		t.Error(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"", "secret", "c2VjcmV0", base64.StdEncoding.EncodeToString(wrong), public[:40]} {
		if _, err := New(sender.Config{Secrets: []string{secret}}); err == nil {
			t.Errorf("%q is taken", secret)
		}
	}
}

// What SendGrid's own module believes, and what it does not, so do we.
func TestAgreesWithSendGridsModule(t *testing.T) {
	key, public := newKey()
	theirs, err := eventwebhook.ConvertPublicKeyBase64ToECDSA(public)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(sender.Config{Name: "s", Secrets: []string{public}})
	if err != nil {
		t.Fatal(err)
	}
	both := func(t *rapid.T, r *sender.Request) bool {
		_, mine := s.Verify(r)
		yours, err := eventwebhook.VerifySignature(theirs, r.Body, r.Header.Get(HeaderSignature), r.Header.Get(HeaderTimestamp))
		if (mine == nil) != (yours && err == nil) {
			t.Fatalf("we say %v, SendGrid's module %v, %v", mine, yours, err)
		}
		return mine == nil
	}
	rapid.Check(t, func(t *rapid.T) {
		r := &sender.Request{Header: http.Header{}, Now: sendertest.Now(), Body: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")}
		sign(r, key)
		if !both(t, r) {
			t.Fatal("a genuine one is refused")
		}
		switch rapid.IntRange(0, 3).Draw(t, "tampered") {
		case 0:
			r.Body = append(r.Body, '\r')
		case 1:
			r.Header.Set(HeaderTimestamp, strconv.FormatInt(r.Now.Unix()+1, 10))
		case 2:
			raw, _ := base64.StdEncoding.DecodeString(r.Header.Get(HeaderSignature))
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			r.Header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(raw))
		case 3:
			r.Header.Set(HeaderSignature, rapid.String().Draw(t, "signature"))
		}
		if both(t, r) {
			t.Fatal("a tampered one is believed")
		}
	})
}

// A signature of zeros, or over another digest, proves nothing.
func TestForgeries(t *testing.T) {
	key, public := newKey()
	s, err := New(sender.Config{Name: "s", Secrets: []string{public}})
	if err != nil {
		t.Fatal(err)
	}
	r := &sender.Request{Header: http.Header{}, Now: sendertest.Now(), Body: []byte(body)}
	sign(r, key)
	sum := sha512.Sum512(append([]byte(r.Header.Get(HeaderTimestamp)), r.Body...))
	other, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	for _, signature := range [][]byte{other, {0x30, 6, 2, 1, 0, 2, 1, 0}, append([]byte{0x30, 6}, big.NewInt(0x020101020101).Bytes()...), {}} {
		r.Header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(signature))
		if _, err := s.Verify(r); err == nil {
			t.Errorf("%x is believed", signature)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte(`{"email":"a","event":"open","timestamp":"1e3","category":[[]]}`))
	f.Add([]byte(`[{"email":"a@b.example","event":"group_resubscribe","asm_group_id":null,"timestamp":-1}]`))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

func FuzzVerify(f *testing.F) {
	v := vendor()
	r := v.Request(v.Body, v.Secret, sendertest.Now())
	f.Add(v.Body, r.Header.Get(HeaderSignature), r.Header.Get(HeaderTimestamp))
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte, signature, stamp string) {
		forged := &sender.Request{Header: http.Header{HeaderSignature: {signature}, HeaderTimestamp: {stamp}}, Body: body, Now: sendertest.Now()}
		if _, err := s.Verify(forged); err == nil && string(body) != string(v.Body) {
			t.Fatalf("%q is believed", body)
		}
	})
}

// What ECDSA costs beside an HMAC over the same body, and beside reading it.
func BenchmarkVerify(b *testing.B) {
	v := vendor()
	s := v.New(b, v.Secret)
	r := v.Request(v.Body, v.Secret, sendertest.Now())
	b.Run("ecdsa", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Verify(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	mac := sender.MAC(sha256.New, "secret", r.Body)
	b.Run("hmac", func(b *testing.B) {
		for b.Loop() {
			if !sender.SignedBy([]string{"secret"}, mac, func(secret string) []byte { return sender.MAC(sha256.New, secret, r.Body) }) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		d := &sender.Delivery{Body: v.Body, Received: fact.At(time.Now())}
		for b.Loop() {
			if err := s.Decode(d, func(sender.Item) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
