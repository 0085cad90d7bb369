package mapped

import (
	"crypto/sha1" //nolint:gosec // some platforms sign with nothing better; HMAC holds with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// signature verifies as configured.
type signature struct {
	header, field, prefix string
	hash                  func() hash.Hash
	decode                func(string) ([]byte, error)
	content               []part
	timed                 bool
	at                    sender.SignedTime
}

// part is a piece of what is signed: text as it is, or what a placeholder stands for.
type part struct{ text, placeholder string }

// newSignature reads the setting. The errors name what is wrong with it.
func newSignature(c *sender.Signature) (*signature, []error) {
	s := &signature{header: c.Header, field: c.Field, prefix: c.Prefix}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("signature."+format, args...)) }
	if !headerName(c.Header) {
		bad("header: %q is not the name of a header, such as X-Signature", c.Header)
	}
	switch c.Algorithm {
	case "", "hmac-sha256":
		s.hash = sha256.New
	case "hmac-sha512":
		s.hash = sha512.New
	case "hmac-sha1":
		s.hash = sha1.New
	default:
		bad("algorithm: %q is none of hmac-sha256, hmac-sha512, hmac-sha1", c.Algorithm)
	}
	switch c.Encoding {
	case "", "hex":
		s.decode = hex.DecodeString
	case "base64":
		s.decode = base64.StdEncoding.DecodeString
	case "base64url":
		s.decode = func(t string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(strings.TrimRight(t, "=")) }
	default:
		bad("encoding: %q is none of hex, base64, base64url", c.Encoding)
	}
	content := c.Content
	if content == "" {
		content = "{body}"
	}
	var err error
	if s.content, err = parts(content); err != nil {
		bad("content: %w", err)
	}
	for _, p := range s.content {
		s.timed = s.timed || p.placeholder == "timestamp"
	}
	switch t := c.Timestamp; {
	case s.timed && t == nil:
		bad("timestamp: is required, the content has {timestamp}: say which header has it")
	case t != nil && !s.timed:
		bad("timestamp: the content has no {timestamp}: a time that is not signed proves nothing")
	case t != nil:
		s.at = *t
		errs = append(errs, s.timestamp()...)
	}
	return s, errs
}

func (s *signature) timestamp() (errs []error) {
	if !headerName(s.at.Header) {
		errs = append(errs, fmt.Errorf("signature.timestamp.header: %q is not the name of a header", s.at.Header))
	}
	switch s.at.Unit {
	case "", "s", "ms", "rfc3339":
	default:
		errs = append(errs, fmt.Errorf("signature.timestamp.unit: %q is none of s, ms, rfc3339", s.at.Unit))
	}
	if s.at.Tolerance == 0 {
		s.at.Tolerance = sender.Tolerance
	}
	if s.at.Tolerance < time.Second || s.at.Tolerance > 24*time.Hour {
		errs = append(errs, fmt.Errorf("signature.timestamp.tolerance: %v is not between 1s and 24h", s.at.Tolerance))
	}
	return errs
}

// parts takes a content apart: {timestamp}.{body}.
func parts(content string) (out []part, err error) {
	body := false
	for content != "" {
		text, rest, found := strings.Cut(content, "{")
		if text != "" {
			out = append(out, part{text: text})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a { without a }")
		}
		header, named := strings.CutPrefix(name, "header:")
		switch {
		case named && headerName(header), name == "timestamp", name == "url", name == "method":
		case name == "body":
			body = true
		default:
			return nil, fmt.Errorf("{%s} is none of {body}, {timestamp}, {url}, {method}, {header:NAME}", name)
		}
		out = append(out, part{placeholder: name})
		content = after
	}
	if !body {
		return nil, errors.New("has no {body}: what is not signed could be anybody's")
	}
	return out, nil
}

// maxSignatures of one request are tried.
const maxSignatures = 8

// verify checks a request. The header may have several signatures, as while a platform replaces its secret.
func (s *signature) verify(r *sender.Request, secrets []string) error {
	shown := fields(r.Header, s.header, s.field)
	if len(shown) == 0 {
		return sender.ErrUnsigned
	}
	stamp := ""
	if s.timed {
		stamps := fields(r.Header, s.at.Header, s.at.Field)
		if len(stamps) != 1 {
			return fmt.Errorf("%w: %s must have one time", sender.ErrUnsigned, s.at.Header)
		}
		stamp = stamps[0]
	}
	pieces := s.pieces(r, stamp)
	sign := func(secret string) []byte { return sender.MAC(s.hash, secret, pieces...) }
	found := false
	for _, text := range shown[:min(len(shown), maxSignatures)] {
		text, ok := strings.CutPrefix(text, s.prefix)
		if !ok {
			continue
		}
		if raw, err := s.decode(text); err == nil && sender.SignedBy(secrets, raw, sign) {
			found = true
		}
	}
	if !found && slices.ContainsFunc(s.content, func(p part) bool { return p.placeholder == "url" }) {
		return sender.ForgedAt(r)
	}
	if !found {
		return sender.ErrForged
	}
	if !s.timed {
		return nil
	}
	at, err := s.time(stamp)
	if err != nil {
		return err
	}
	return sender.Fresh(at, r.Now, s.at.Tolerance)
}

func (s *signature) time(stamp string) (time.Time, error) {
	switch s.at.Unit {
	case "ms":
		return sender.Millis(stamp)
	case "rfc3339":
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			return time.Time{}, errors.New("the signed time is not RFC 3339")
		}
		return at, nil
	}
	return sender.Seconds(stamp)
}

// pieces are what is signed.
func (s *signature) pieces(r *sender.Request, stamp string) [][]byte {
	out := make([][]byte, 0, len(s.content))
	for _, p := range s.content {
		switch p.placeholder {
		case "":
			out = append(out, []byte(p.text))
		case "body":
			out = append(out, r.Body)
		case "timestamp":
			out = append(out, []byte(stamp))
		case "url":
			out = append(out, []byte(r.URL))
		case "method":
			out = append(out, []byte(r.Method))
		default:
			out = append(out, []byte(r.Header.Get(strings.TrimPrefix(p.placeholder, "header:"))))
		}
	}
	return out
}

// fields gives a header's value, or those of a field of it where it is a list of name=value.
func fields(h http.Header, name, field string) (out []string) {
	value := strings.TrimSpace(h.Get(name))
	if field == "" {
		if value == "" {
			return nil
		}
		return []string{value}
	}
	for item := range strings.SplitSeq(value, ",") {
		if key, v, ok := strings.Cut(strings.TrimSpace(item), "="); ok && key == field && v != "" {
			out = append(out, v)
		}
	}
	return out
}

func headerName(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}
