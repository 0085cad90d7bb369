package standardwebhooks

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	reference "github.com/standard-webhooks/standard-webhooks/libraries/go"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	secret    = "whsec_c2VjcmV0c2VjcmV0"
	oldSecret = "whsec_b2xkZXJvbGRlcm9sZGVy"
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: secret, OldSecret: oldSecret, Covers: true, Stale: webhook.Tolerance,
		Config: sender.Config{Map: map[string]string{"contact.ready": "demo_requested"}},
		Body:   []byte(`{"type":"contact.ready","timestamp":"2026-11-20T10:00:00Z","data":{"lead":{"email":"ana@initech.example"},"properties":{"campaign":"q4"}},"tenant":"t1"}`),
		Sign: func(r *sender.Request, secret string) {
			signer, err := webhook.NewSigner([]string{secret})
			if err != nil { // not a secret of this kind
				return
			}
			signer.SetHeaders(r.Header, "msg_1", r.Now, r.Body)
		},
		Want: []string{"demo_requested ana@initech.example at 2026-11-20T10:00:00Z by /q4"},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

// asymmetric is a sender that signs with a private key of ed25519; the source has the public one.
func asymmetric() sendertest.Vendor {
	v := vendor()
	private := map[string]string{}
	pair := func(seed byte) string {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
		public, _ := key.Public().(ed25519.PublicKey)
		name := "whpk_" + base64.StdEncoding.EncodeToString(public)
		private[name] = "whsk_" + base64.StdEncoding.EncodeToString(key)
		return name
	}
	v.Secret, v.OldSecret = pair(1), pair(2)
	v.Sign = func(r *sender.Request, secret string) {
		signer, err := webhook.NewSigner([]string{private[secret]})
		if err != nil || private[secret] == "" {
			return
		}
		signer.SetHeaders(r.Header, "msg_1", r.Now, r.Body)
	}
	return v
}

func TestConformsAsymmetric(t *testing.T) { sendertest.Conform(t, asymmetric()) }

// throughSvix has the headers' names that Svix gives them.
func throughSvix() sendertest.Vendor {
	v := vendor()
	sign := v.Sign
	v.Sign = func(r *sender.Request, secret string) {
		sign(r, secret)
		for name, values := range maps.Clone(r.Header) {
			if rest, ok := strings.CutPrefix(name, "Webhook-"); ok {
				r.Header["Svix-"+rest] = values
				delete(r.Header, name)
			}
		}
	}
	return v
}

func TestConformsSvix(t *testing.T) { sendertest.Conform(t, throughSvix()) }

// library is how the reference library and Svix's speak: both have this.
type library interface {
	Sign(id string, at time.Time, payload []byte) (string, error)
	Verify(payload []byte, headers http.Header) error
}

func libraries(t *testing.T) map[string]library {
	t.Helper()
	reference, err := reference.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := svix.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]library{"reference": reference, "svix": theirs}
}

// TestAgreesWithLibraries: what they sign we accept, what we sign they accept, and what is tampered with both refuse. Their
// clocks are the machine's, so that these requests are of now.
func TestAgreesWithLibraries(t *testing.T) {
	v := vendor()
	s := v.New(t, secret)
	now := time.Now()
	for name, lib := range libraries(t) {
		signature, err := lib.Sign("msg_7", now, v.Body)
		if err != nil {
			t.Fatal(err)
		}
		signed := func() *sender.Request {
			return &sender.Request{Method: http.MethodPost, Body: slices.Clone(v.Body), Now: now, Header: http.Header{
				"Webhook-Id": {"msg_7"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
			}}
		}
		agree := func(what string, r *sender.Request, want bool) {
			t.Helper()
			id, ours := s.Verify(r)
			theirs := lib.Verify(r.Body, r.Header)
			if (ours == nil) != want || (theirs == nil) != want || want && id != "msg_7" {
				t.Errorf("%s: %s: we say %v, they say %v", name, what, ours, theirs)
			}
		}
		agree("as they sign it", signed(), true)
		mine := v.Request(v.Body, secret, now)
		mine.Now = now
		mine.Header.Set("Webhook-Id", "msg_7")
		signer, err := webhook.NewSigner([]string{secret})
		if err != nil {
			t.Fatal(err)
		}
		signer.SetHeaders(mine.Header, "msg_7", now, mine.Body)
		agree("as we sign it", mine, true)
		for what, change := range map[string]func(r *sender.Request){
			"body":           func(r *sender.Request) { r.Body[3] ^= 1 },
			"id":             func(r *sender.Request) { r.Header.Set("Webhook-Id", "msg_8") },
			"time":           func(r *sender.Request) { r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix()+1, 10)) },
			"signature":      func(r *sender.Request) { r.Header.Set("Webhook-Signature", "v1,"+strings.Repeat("A", 43)+"=") },
			"version":        func(r *sender.Request) { r.Header.Set("Webhook-Signature", "v2"+signature[2:]) },
			"none":           func(r *sender.Request) { r.Header.Del("Webhook-Signature") },
			"something more": func(r *sender.Request) { r.Body = append(r.Body, ' ') },
		} {
			r := signed()
			change(r)
			agree(what, r, false)
		}
		r := signed()
		r.Header.Set("Webhook-Signature", "v1,AAAA "+signature+" v3,x")
		agree("one of several signatures", r, true)
	}
}

// FuzzDecode reads whatever a verified sender may post.
func FuzzDecode(f *testing.F) {
	v := vendor()
	f.Add(v.Body, "application/json")
	f.Add([]byte(`[{"type":"x","data":{}},{"type":"demo.requested","data":{"lead":{"user_id":"7"}},"a":[1]}]`), "")
	s := v.New(f, secret)
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		sendertest.Check(t, s, &sender.Delivery{ID: "msg", ContentType: contentType, Body: body, Received: fact.At(sendertest.Now())})
	})
}
