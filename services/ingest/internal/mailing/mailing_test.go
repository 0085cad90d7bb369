package mailing

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"1795168800":                    at,
		" 1795168800 ":                  at,
		"1795168800.250001":             at.Add(250001 * time.Microsecond),
		"1795168800.1234567891":         at.Add(123456789),
		"1795168800123":                 at.Add(123 * time.Millisecond),
		"2026-11-20T05:00:00-05:00":     at,
		"2026-11-20 10:00:00":           at,
		"Fri, 20 Nov 2026 10:00:00 GMT": at,
		"":                              {},
		"-1":                            {},
		"1795168800.x":                  {},
		"99999999999999999":             {},
		"yesterday":                     {},
	} {
		got, ok := Moment(s)
		if ok == want.IsZero() || ok && !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
}

// A believable time comes back the same from every way of writing it.
func FuzzMoment(f *testing.F) {
	f.Add("1795168800.5")
	f.Add("2026-11-20T10:00:00Z")
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := Moment(s)
		if !ok || at.Year() < 1 || at.Year() > 9999 {
			return
		}
		if again, ok := Moment(at.Format(time.RFC3339Nano)); !ok || !again.Equal(at) {
			t.Fatalf("%q: %v, and %v", s, at, again)
		}
	})
}
