package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Tolerance is how far the time that a sender signed may lie from ours.
const Tolerance = 5 * time.Minute

// Why a request is not believed.
var (
	ErrUnsigned = errors.New("the signature is missing")
	ErrForged   = errors.New("the signature is not by any of the source's secrets")
	ErrStale    = errors.New("the signed time is too far from now: it was recorded and sent again, or a clock is wrong")
	ErrToken    = errors.New("the token is missing or wrong")
)

// ForgedAt is ErrForged of a sender that signs the address that it calls. It names the one that was looked at, without query and
// token: most often it is the address that differs, behind a proxy, and not the secret.
func ForgedAt(r *Request) error {
	address, _, _ := strings.Cut(r.URL, "?")
	if before, rest, ok := strings.Cut(address, "/webhooks/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		address = before + "/webhooks/" + name
	}
	return fmt.Errorf("%w, with %s as the address that was called (see http.public_url)", ErrForged, address)
}

// NeedSecrets checks what the types have in common whose senders prove themselves by a secret; what says which secret that is.
func (c *Config) NeedSecrets(what string) error {
	if c.WriteKey != "" {
		return errors.New("write_key: sources of this type have none, they prove themselves by secrets")
	}
	if len(c.Secrets) == 0 {
		return errors.New("secrets: at least one is required: " + what)
	}
	for i, s := range c.Secrets {
		if strings.TrimSpace(s) == "" {
			return fmt.Errorf("secrets[%d]: is empty", i)
		}
	}
	return CheckMap("map", c.Map)
}

// MAC gives the HMAC of parts, one after the other, by a secret.
func MAC(h func() hash.Hash, secret string, parts ...[]byte) []byte {
	m := hmac.New(h, []byte(secret))
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// SignedBy reports whether a signature is the one that sign makes by any of the secrets, in a time that does not tell how much
// of it was right.
func SignedBy(secrets []string, signature []byte, sign func(secret string) []byte) bool {
	found := 0
	for _, secret := range secrets {
		found |= subtle.ConstantTimeCompare(signature, sign(secret))
	}
	return found == 1
}

// Fresh checks a signed time against ours.
func Fresh(signed, now time.Time, tolerance time.Duration) error {
	if d := now.Sub(signed); d > tolerance || d < -tolerance {
		return ErrStale
	}
	return nil
}

// Seconds reads a time in seconds since 1970, as headers have it; Millis one in milliseconds.
func Seconds(s string) (time.Time, error) { return epoch(s, time.Second) }

// Millis reads a time in milliseconds since 1970.
func Millis(s string) (time.Time, error) { return epoch(s, time.Millisecond) }

func epoch(s string, unit time.Duration) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if limit := int64(1<<62) / int64(unit); err != nil || n < 0 || n > limit {
		return time.Time{}, fmt.Errorf("the signed time is not a number of %ss since 1970", unit)
	}
	return time.Unix(0, n*int64(unit)).UTC(), nil
}

// HasToken checks the token of a sender that signs nothing: any of the secrets, behind the source's name in the path
// (/webhooks/{source}/{token}), as ?token=, as a Bearer, as the password of Basic, or in X-Baton-Token.
func HasToken(r *Request, secrets []string) error {
	shown := r.Token
	if shown == "" {
		shown = r.Query.Get("token")
	}
	if shown == "" {
		shown = r.Header.Get("X-Baton-Token")
	}
	if shown == "" {
		authorization := r.Header.Get("Authorization")
		if scheme, rest, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
			shown = strings.TrimSpace(rest)
		}
	}
	if shown == "" {
		shown = basicPassword(r)
	}
	if shown == "" || !SignedBy(secrets, digest(shown), digest) {
		return ErrToken
	}
	return nil
}

// digest makes texts comparable whose length must not show.
func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// maxPart is the longest text that stands in an id as it is.
const maxPart = 200

// ID makes an event's id of what its sender tells it apart by: the parts joined by ":", or their hash where that is too long
// or could be read two ways.
func ID(parts ...string) string {
	id, plain := strings.Join(parts, ":"), true
	for _, p := range parts {
		plain = plain && !strings.Contains(p, ":") && utf8.ValidString(p) && !strings.Contains(p, "\x00")
	}
	if plain && len(id) <= maxPart {
		return id
	}
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "sha256-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// BodyID names an event that its sender gives no id by its own bytes.
func BodyID(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256-" + hex.EncodeToString(sum[:16])
}

func basicPassword(r *Request) string {
	_, password, _ := (&http.Request{Header: r.Header}).BasicAuth()
	return password
}
