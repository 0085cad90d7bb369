package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The headers of Standard Webhooks.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Signer signs outgoing webhooks. It is safe for use by several goroutines.
type Signer struct {
	keys []key
}

// NewSigner makes a signer from one or more secrets, the newest first: that is their order in the signature. A public key
// (whpk_) cannot sign and is refused. Errors say which secret is wrong and why, and never show it.
func NewSigner(secrets []string) (*Signer, error) {
	keys, err := parseSecrets(secrets)
	if err != nil {
		return nil, fmt.Errorf("webhook signer: %w", err)
	}
	for i, k := range keys {
		if k.shared == nil && k.private == nil {
			return nil, fmt.Errorf("webhook signer: secret %d: a public key (%s) cannot sign", i+1, prefixPublic)
		}
	}
	return &Signer{keys: keys}, nil
}

// Sign gives the value of the webhook-signature header: one signature per secret, in their order. The time counts in whole
// seconds, as in the webhook-timestamp header.
func (s *Signer) Sign(id string, at time.Time, body []byte) (signature string) {
	return s.sign(id, strconv.FormatInt(at.Unix(), 10), body)
}

// SetHeaders sets the three headers of a request that will carry exactly these bytes as its body.
func (s *Signer) SetHeaders(h http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, s.sign(id, timestamp, body))
}

func (s *Signer) sign(id, timestamp string, body []byte) string {
	out := make([]byte, 0, 96*len(s.keys))
	for i, k := range s.keys {
		if i > 0 {
			out = append(out, ' ')
		}
		if k.shared != nil {
			var mac [macLen]byte
			k.shared.sign(&mac, id, timestamp, body)
			out = append(out, schemeShared...)
			out = append(out, mac[:]...)
			continue
		}
		out = append(out, schemeAsymmetric...)
		out = base64.StdEncoding.AppendEncode(out, ed25519.Sign(k.private, content(id, timestamp, body)))
	}
	return string(out)
}
