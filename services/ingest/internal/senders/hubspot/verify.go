package hubspot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// The headers of HubSpot's signatures ("Validating requests from HubSpot" in its documentation).
const (
	headerSignature = "X-HubSpot-Signature"
	headerVersion   = "X-HubSpot-Signature-Version"
	headerV3        = "X-HubSpot-Signature-v3"
	headerTimestamp = "X-HubSpot-Request-Timestamp"
)

var errVersion = errors.New("the signature's version is none of v1, v2 and v3")

// Verify checks the strongest signature that the request has, and that one alone: a request whose v3 is wrong is not saved by
// a v1 beside it, which says nothing of when it was sent.
//
//	v1: hex(SHA-256(secret + body))
//	v2: hex(SHA-256(secret + method + uri + body))
//	v3: base64(HMAC-SHA-256(secret, method + uri + body + timestamp)), the timestamp in milliseconds
func (s *source) Verify(r *sender.Request) (string, error) {
	if v3, there := r.Header[http.CanonicalHeaderKey(headerV3)]; there {
		return "", s.verifyV3(r, strings.Join(v3, ","))
	}
	signature := r.Header.Get(headerSignature)
	if signature == "" {
		return "", sender.ErrUnsigned
	}
	var parts [][]string
	switch version := r.Header.Get(headerVersion); version {
	case "v1", "":
		parts = [][]string{nil}
	case "v2":
		for _, uri := range s.uris(r.URL) {
			parts = append(parts, []string{r.Method, uri})
		}
	default:
		return "", errVersion
	}
	for _, part := range parts {
		if sender.SignedBy(s.cfg.Secrets, []byte(strings.ToLower(signature)), func(secret string) []byte { return plain(secret, part, r.Body) }) {
			return "", nil
		}
	}
	if parts[0] != nil {
		return "", sender.ForgedAt(r)
	}
	return "", sender.ErrForged
}

func (s *source) verifyV3(r *sender.Request, signature string) error {
	stamp := r.Header.Get(headerTimestamp)
	if signature == "" || stamp == "" {
		return sender.ErrUnsigned
	}
	at, err := sender.Millis(stamp)
	if err != nil {
		return err
	}
	for _, uri := range s.uris(r.URL) {
		signed := sender.SignedBy(s.cfg.Secrets, []byte(signature), func(secret string) []byte {
			mac := sender.MAC(sha256.New, secret, []byte(r.Method), []byte(uri), r.Body, []byte(stamp))
			return base64.StdEncoding.AppendEncode(nil, mac)
		})
		if signed {
			return sender.Fresh(at, r.Now, sender.Tolerance)
		}
	}
	return sender.ForgedAt(r)
}

// plain is the signature of v1 (no parts) and v2.
func plain(secret string, parts []string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(secret))
	for _, p := range parts {
		h.Write([]byte(p))
	}
	h.Write(body)
	return hex.AppendEncode(nil, h.Sum(nil))
}

// newDecoder decodes the characters that HubSpot's documentation lists (v3: :/?@!$'()*,;). Its own libraries decode none.
func newDecoder() *strings.Replacer {
	return strings.NewReplacer(
		"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'",
		"%28", "(", "%29", ")", "%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
	)
}

// uris gives the forms of an address that HubSpot may have signed: as it is, and decoded.
func (s *source) uris(address string) []string {
	if !strings.Contains(address, "%") {
		return []string{address}
	}
	if decoded := s.decoder.Replace(address); decoded != address {
		return []string{address, decoded}
	}
	return []string{address}
}
