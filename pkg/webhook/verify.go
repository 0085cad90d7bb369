package webhook

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Why a webhook was not accepted. None of them says anything about the secret or about which part of a signature differs.
var (
	// ErrMissing: a header of Standard Webhooks is absent or empty. The sender does not sign, or signs in another way.
	ErrMissing = errors.New("webhook signature missing")
	// ErrMalformed: a header is there but cannot be read: given twice, or a timestamp that is not whole seconds.
	ErrMalformed = errors.New("webhook signature malformed")
	// ErrStale: the timestamp lies too far from now, in the past (a replay, or a queue in between) or in the future (a
	// wrong clock). The signature has not been looked at.
	ErrStale = errors.New("webhook timestamp stale")
	// ErrMismatch: no signature of the list was made with any of the secrets over these bytes.
	ErrMismatch = errors.New("webhook signature does not match")
)

// Tolerance is how far a timestamp may lie from now, either way, as Standard Webhooks recommends.
const Tolerance = 5 * time.Minute

// maxSignatures bounds the work that one header can ask for: a sender in the middle of a rotation sends two or three.
const maxSignatures = 16

// Verifier checks incoming webhooks. It is safe for use by several goroutines.
type Verifier struct {
	keys      []key
	tolerance time.Duration
}

// NewVerifier makes a verifier that accepts what any of the secrets has signed, and timestamps within tolerance of now.
// Errors say which secret is wrong and why, and never show it.
func NewVerifier(secrets []string, tolerance time.Duration) (*Verifier, error) {
	keys, err := parseSecrets(secrets)
	if err != nil {
		return nil, fmt.Errorf("webhook verifier: %w", err)
	}
	if tolerance <= 0 {
		return nil, fmt.Errorf("webhook verifier: the tolerance %v is not positive", tolerance)
	}
	return &Verifier{keys: keys, tolerance: tolerance}, nil
}

// Verify reports whether the body, byte for byte, was signed by a holder of one of the secrets at about the given time.
// nil: it was. Otherwise the error is one of ErrMissing, ErrMalformed, ErrStale and ErrMismatch. It says nothing about
// whether the same message has been here before: that is for the receiver to recognise, by its webhook-id.
//
// Signatures are compared in constant time. At most 16 of a list are looked at, and none of an unknown scheme.
func (v *Verifier) Verify(h http.Header, body []byte, now time.Time) error {
	id, err := single(h, HeaderID)
	if err != nil {
		return err
	}
	timestamp, err := single(h, HeaderTimestamp)
	if err != nil {
		return err
	}
	list := h.Values(HeaderSignature)
	if len(list) == 0 || len(list) == 1 && list[0] == "" {
		return fmt.Errorf("%w: no %s header", ErrMissing, HeaderSignature)
	}
	if err := v.fresh(timestamp, now); err != nil {
		return err
	}
	shared, asymmetric := split(list)
	if len(shared) > 0 && v.matchShared(shared, id, timestamp, body) {
		return nil
	}
	if len(asymmetric) > 0 && v.matchAsymmetric(asymmetric, id, timestamp, body) {
		return nil
	}
	return ErrMismatch
}

func single(h http.Header, name string) (string, error) {
	switch values := h.Values(name); {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", fmt.Errorf("%w: no %s header", ErrMissing, name)
	case len(values) > 1:
		return "", fmt.Errorf("%w: the %s header is given %d times", ErrMalformed, name, len(values))
	default:
		return values[0], nil
	}
}

func (v *Verifier) fresh(timestamp string, now time.Time) error {
	for i := range len(timestamp) {
		if timestamp[i] < '0' || timestamp[i] > '9' {
			return fmt.Errorf("%w: %s is not a number of seconds", ErrMalformed, HeaderTimestamp)
		}
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds > 1<<40 {
		return fmt.Errorf("%w: %s is not a number of seconds", ErrMalformed, HeaderTimestamp)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > v.tolerance || age < -v.tolerance {
		return fmt.Errorf("%w: more than %v from now", ErrStale, v.tolerance)
	}
	return nil
}

// split gives the signatures of the two schemes, without their prefix.
func split(list []string) (shared, asymmetric []string) {
	n := 0
	for _, line := range list {
		for part := range strings.SplitSeq(line, " ") {
			if part == "" {
				continue
			}
			if n++; n > maxSignatures {
				return shared, asymmetric
			}
			if s, ok := strings.CutPrefix(part, schemeShared); ok {
				shared = append(shared, s)
			} else if s, ok := strings.CutPrefix(part, schemeAsymmetric); ok {
				asymmetric = append(asymmetric, s)
			}
		}
	}
	return shared, asymmetric
}

func (v *Verifier) matchShared(signatures []string, id, timestamp string, body []byte) bool {
	for _, k := range v.keys {
		if k.shared == nil {
			continue
		}
		var want, got [macLen]byte
		k.shared.sign(&want, id, timestamp, body)
		found := 0
		for _, s := range signatures {
			if len(s) == macLen {
				copy(got[:], s)
				found |= subtle.ConstantTimeCompare(want[:], got[:])
			}
		}
		if found == 1 {
			return true
		}
	}
	return false
}

func (v *Verifier) matchAsymmetric(signatures []string, id, timestamp string, body []byte) bool {
	var message []byte
	for _, k := range v.keys {
		if k.public == nil {
			continue
		}
		if message == nil {
			message = content(id, timestamp, body)
		}
		for _, s := range signatures {
			raw, err := base64.StdEncoding.DecodeString(s)
			if err == nil && len(raw) == ed25519.SignatureSize && ed25519.Verify(k.public, message, raw) {
				return true
			}
		}
	}
	return false
}
