package standardwebhooks

import (
	"testing"

	"github.com/batonhq/baton/pkg/webhook"
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
