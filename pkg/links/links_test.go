package links

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
)

var (
	key     = identity.Key("0123456789abcdef0123456789abcdef")
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	handoff = identity.Handoff(key.Lead(identity.Email, "", "ana@initech.example"), 3)
)

func signer(t testing.TB, key identity.Key) *Signer {
	t.Helper()
	s, err := New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func token(t testing.TB, s *Signer) string {
	t.Helper()
	text, err := s.Make(handoff, "ana", 2, Accept, noon)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatIsMadeOpens(t *testing.T) {
	s := signer(t, key)
	rapid.Check(t, func(t *rapid.T) {
		want := Link{
			Handoff: identity.Handoff(key.Lead(identity.Email, "", rapid.String().Draw(t, "email")), rapid.Int32Range(1, 1<<30).Draw(t, "epoch")),
			Rep:     rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`).Draw(t, "rep"), Attempt: rapid.IntRange(0, 1<<31-1).Draw(t, "attempt"),
			Action: rapid.SampledFrom([]Action{Accept, Reject, Read}).Draw(t, "action"), Expires: time.Unix(rapid.Int64Range(1, 1<<32-1).Draw(t, "expires"), 0).UTC(),
		}
		text, err := s.Make(want.Handoff, want.Rep, want.Attempt, want.Action, want.Expires)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return !identity.Safe(string(r)) }) {
			t.Fatalf("a token of %d characters: %s", len(text), text)
		}
		got, err := s.Open(text, want.Expires.Add(-time.Second))
		want.RequestID = got.RequestID
		if err != nil || got != want || !strings.HasPrefix(got.RequestID, "link-") {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		late, err := s.Open(text, want.Expires)
		if !errors.Is(err, ErrExpired) || late != want {
			t.Fatalf("at its expiry: %+v, %v", late, err)
		}
	})
}

// Changing any one bit of a token makes it nobody's.
func TestForged(t *testing.T) {
	s := signer(t, key)
	text := token(t, s)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		b := append([]byte(nil), raw...)
		b[i/8] ^= 1 << (i % 8)
		if l, err := s.Open(base64.RawURLEncoding.EncodeToString(b), noon.Add(-time.Hour)); !errors.Is(err, ErrForged) || l != (Link{}) {
			t.Fatalf("with bit %d turned: %+v, %v", i, l, err)
		}
	}
	for name, other := range map[string]string{
		"nothing": "", "cut": text[:len(text)-4], "longer": text + "AAAA", "endless": strings.Repeat("A", 1<<20), "padded": text + "=", "no base64": "?" + text[1:],
	} {
		if _, err := s.Open(other, noon.Add(-time.Hour)); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signer(t, identity.Key("another journal's key, 32 bytes.")).Open(text, noon.Add(-time.Hour)); !errors.Is(err, ErrForged) {
		t.Errorf("with another journal's key: %v", err)
	}
	// The key itself, without its label, makes none.
	if _, err := (&Signer{key: key}).Open(text, noon.Add(-time.Hour)); !errors.Is(err, ErrForged) {
		t.Errorf("with the identity key as it is: %v", err)
	}
}

// Each link is a request of its own, and the same link always the same one.
func TestRequestIDs(t *testing.T) {
	s := signer(t, key)
	seen := map[string]string{}
	for _, l := range []Link{
		{handoff, "ana", 0, Accept, noon, ""}, {handoff, "ana", 1, Accept, noon, ""}, {handoff, "ana", 0, Reject, noon, ""},
		{handoff, "bo", 0, Accept, noon, ""}, {handoff, "ana", 0, Accept, noon.Add(time.Second), ""},
	} {
		for range 2 {
			text, err := s.Make(l.Handoff, l.Rep, l.Attempt, l.Action, l.Expires)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Open(text, noon.Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if other, ok := seen[got.RequestID]; ok && other != text {
				t.Errorf("two links are one request %s", got.RequestID)
			}
			seen[got.RequestID] = text
		}
	}
	if len(seen) != 5 {
		t.Errorf("5 links are %d requests", len(seen))
	}
}

func TestUnfit(t *testing.T) {
	s := signer(t, key)
	for field, make := range map[string]func() (string, error){
		"handoff": func() (string, error) { return s.Make("42", "ana", 0, Accept, noon) },
		"rep":     func() (string, error) { return s.Make(handoff, "", 0, Accept, noon) },
		"attempt": func() (string, error) { return s.Make(handoff, "ana", -1, Accept, noon) },
		"action":  func() (string, error) { return s.Make(handoff, "ana", 0, 7, noon) },
		"expires": func() (string, error) { return s.Make(handoff, "ana", 0, Accept, time.Time{}) },
	} {
		if text, err := make(); text != "" || !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %q, %v", field, text, err)
		}
	}
}

// Whatever is opened, either it is one of ours, letter by letter, or it is refused.
func FuzzOpen(f *testing.F) {
	s, err := New(key)
	if err != nil {
		f.Fatal(err)
	}
	good := token(f, s)
	for _, seed := range []string{good, good[:40], "", "AQE", strings.Repeat("_", 200), good + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := s.Open(text, noon.Add(-time.Hour))
		if err != nil {
			if !errors.Is(err, ErrForged) && !errors.Is(err, ErrExpired) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := s.Make(l.Handoff, l.Rep, l.Attempt, l.Action, l.Expires)
		if err != nil || again != text {
			t.Fatalf("%q opens, but is made as %q, %v", text, again, err)
		}
	})
}

// What was signed is parsed with the same care: a body of any bytes never panics.
func FuzzParse(f *testing.F) {
	raw, err := base64.RawURLEncoding.DecodeString(token(f, signer(f, key)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:len(raw)-macSize])
	f.Add([]byte{1, 1, 0, 0, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		if l, ok := parse(body); ok {
			if _, _, known := identity.LeadOfHandoff(l.Handoff); !known || l.Attempt < 0 {
				t.Fatalf("%x is read as %+v", body, l)
			}
		}
	})
}

func TestURL(t *testing.T) {
	for base, want := range map[string]string{"": "", "https://baton.example": "https://baton.example/r/t", "https://baton.example/in/": "https://baton.example/in/r/t"} {
		if got := URL(base, "t"); got != want {
			t.Errorf("under %q: %s, want %s", base, got, want)
		}
	}
}
