// Package links makes and reads the tokens of one-click links: an address in a mail or a chat message with which a rep
// accepts, rejects or reads a handoff without logging in. A token says which handoff, for whom, in which assignment, what to do and
// until when; whoever holds the journal's key can read it, and nobody else can make one.
//
// # Format
//
// A token is base64url without padding (RFC 4648, section 5) of
//
//	version (1 byte, 1) | action (1 byte) | expiry (4 bytes, big endian, seconds since 1970) | attempt (uvarint) |
//	length and bytes of the rep | length and bytes of the handoff | the first 16 bytes of HMAC-SHA-256 over all before
//
// The HMAC's key comes from the journal's identity key by HKDF-SHA-256 (RFC 5869) under a label of its own, so that neither
// use of the key says anything of the other. 128 bits of it cannot be guessed.
//
// A token carries no personal data, but it is a secret: it must not be logged, and no page that it opens may pass it on.
package links

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
)

// Action is what a link does.
type Action byte

// The actions. A reject link asks for the reason first; one that reads shows the brief, as often as it is opened.
const (
	Accept Action = 1
	Reject Action = 2
	Read   Action = 3
)

// String gives the action as the JSON API calls it.
func (a Action) String() string {
	switch a {
	case Accept:
		return "accept"
	case Reject:
		return "reject"
	case Read:
		return "read"
	}
	return "unknown"
}

// Link is what a token says.
type Link struct {
	// Handoff and Rep are ids; Attempt counts the handoff's assignments from 0: the link is for that one alone.
	Handoff, Rep string
	Attempt      int
	Action       Action
	// Expires to the second: the token is good before it.
	Expires time.Time
	// RequestID is the token's own: however often the link is used, it is one request, which takes effect once.
	RequestID string
}

var (
	// ErrForged says that a token was not made with this key, or was damaged underway: nothing in it can be believed.
	ErrForged = errors.New("links: this is no link of ours")
	// ErrExpired says that a token is genuine and too old. Open gives its link along.
	ErrExpired = errors.New("links: the link has expired")
	// ErrUnfit says that a link cannot be made of what was given.
	ErrUnfit = errors.New("links: no link can be made of this")
)

const (
	version = 1
	macSize = 16
	// maxToken bounds what is looked at: two ids of 64 characters at most, and what stands around them.
	maxToken = 256
	label    = "baton one-click links v1"
)

// Signer makes and opens tokens. It may be used by several goroutines at once.
type Signer struct{ key []byte }

// New gives a signer for a journal's identity key. Every process with that key opens what any of them made.
func New(key identity.Key) (*Signer, error) {
	k, err := hkdf.Key(sha256.New, key, nil, label, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("links: derive the key: %w", err)
	}
	return &Signer{key: k}, nil
}

// Make gives the token of a link: 100 to 200 characters of [A-Za-z0-9_-], the same for the same link. The error is an
// ErrUnfit and names the member that is not fit: an id that is none, an attempt below 0, an unknown action, or an expiry
// that is not between 1970 and 2106.
func (s *Signer) Make(handoff, rep string, attempt int, action Action, expires time.Time) (string, error) {
	at := expires.Unix()
	_, _, known := identity.LeadOfHandoff(handoff)
	switch {
	case !known || len(handoff) > 64:
		return "", fmt.Errorf("%w: handoff: not a handoff's id", ErrUnfit)
	case !identity.Safe(rep):
		return "", fmt.Errorf("%w: rep: not a rep's id", ErrUnfit)
	case attempt < 0 || attempt > math.MaxInt32:
		return "", fmt.Errorf("%w: attempt: %d", ErrUnfit, attempt)
	case action < Accept || action > Read:
		return "", fmt.Errorf("%w: action: %d", ErrUnfit, action)
	case at < 0 || at > math.MaxUint32:
		return "", fmt.Errorf("%w: expires: %s", ErrUnfit, expires)
	}
	b := make([]byte, 0, maxToken)
	b = append(b, version, byte(action))
	b = binary.BigEndian.AppendUint32(b, uint32(at))
	b = binary.AppendUvarint(b, uint64(attempt))
	for _, id := range []string{rep, handoff} {
		b = append(b, byte(len(id)))
		b = append(b, id...)
	}
	b = append(b, s.mac(b)...)
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// Open reads a token. The error is ErrForged, with no link, or ErrExpired, with the link as it was.
func (s *Signer) Open(token string, now time.Time) (Link, error) {
	if len(token) > maxToken {
		return Link{}, ErrForged
	}
	// Strict: of two spellings of the same bytes only one is ours.
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < macSize {
		return Link{}, ErrForged
	}
	body, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, s.mac(body)) {
		return Link{}, ErrForged
	}
	l, ok := parse(body)
	if !ok {
		return Link{}, ErrForged
	}
	if !now.Before(l.Expires) {
		return l, ErrExpired
	}
	return l, nil
}

func (s *Signer) mac(body []byte) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write(body)
	return m.Sum(nil)[:macSize]
}

// parse reads what was signed. It is checked again all the same: a later version of this package may sign other things.
func parse(b []byte) (Link, bool) {
	if len(b) < 6 || b[0] != version {
		return Link{}, false
	}
	digest := sha256.Sum256(b)
	l := Link{
		Action: Action(b[1]), Expires: time.Unix(int64(binary.BigEndian.Uint32(b[2:6])), 0).UTC(),
		RequestID: "link-" + hex.EncodeToString(digest[:16]),
	}
	rest := b[6:]
	attempt, n := binary.Uvarint(rest)
	if n <= 0 || attempt > math.MaxInt32 {
		return Link{}, false
	}
	l.Attempt, rest = int(attempt), rest[n:]
	for _, id := range []*string{&l.Rep, &l.Handoff} {
		if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
			return Link{}, false
		}
		*id, rest = string(rest[1:1+int(rest[0])]), rest[1+int(rest[0]):]
	}
	_, _, known := identity.LeadOfHandoff(l.Handoff)
	return l, len(rest) == 0 && known && identity.Safe(l.Rep) && l.Action >= Accept && l.Action <= Read
}

// Path is where the HTTP port answers links.
const Path = "/r/"

// URL gives a token's address under the public address of the HTTP port (http.public_url); "" where there is none: then no link
// leads anywhere.
func URL(publicURL, token string) string {
	if publicURL == "" {
		return ""
	}
	return strings.TrimRight(publicURL, "/") + Path + token
}
