package core

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestVocabulary(t *testing.T) {
	for _, name := range Types() {
		if ClassOf(name) == Unknown {
			t.Errorf("%s has no class", name)
		}
		if Snake(name) != name {
			t.Errorf("%s is not in snake case: %s", name, Snake(name))
		}
		if Nearest(name) != name {
			t.Errorf("nearest to %s is %s", name, Nearest(name))
		}
	}
	if ClassOf("qualified") != Unknown || ClassOf("") != Unknown {
		t.Error("a type that senders may not state is known")
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"page_view": "page_viewed", "Page Viewed": "page_viewed", "asset_download": "asset_downloaded",
		"download_asset": "asset_downloaded", "email_open": "email_opened", "emailClicked": "email_clicked",
		"meeting_cancelled": "meeting_canceled", "demo": "demo_requested", "requested_demo": "demo_requested",
		"deal_win": "deal_won", "opportunity_won": "deal_won", "form_submit": "form_submitted", "unsubscribed": "email_unsubscribed",
	} {
		if got := Nearest(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	if Nearest(strings.Repeat("é\xff", 1000)) == "" || Nearest("") == "" {
		t.Error("always some type")
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"Demo Requested": "demo_requested", "demoRequested": "demo_requested", "DEMO-REQUESTED": "demo_requested",
		"demo.requested": "demo_requested", "  Demo   requested! ": "demo_requested", "HTTPServer started": "http_server_started",
		"Page2View": "page2_view", "Überblick Gelesen": "überblick_gelesen", "": "", "---": "", "a": "a", "\xff": "", "日本": "日本",
	} {
		if got := Snake(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Snake(rapid.String().Draw(t, "name"))
		if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
			t.Fatalf("%q", s)
		}
	})
}

func TestPlaceholder(t *testing.T) {
	for _, id := range []string{"undefined", "NULL", " null ", `"null"`, "[object Object]", "{}", "", "  ", "N/A", "00000000-0000-0000-0000-000000000000"} {
		if !Placeholder(id) {
			t.Errorf("%q names somebody", id)
		}
	}
	for _, id := range []string{"0", "1", "test", "019mr8mf4r", "nullmann", "user-7", "anon-39239-239239", strings.Repeat("0", 37), "a.b*c> d"} {
		if Placeholder(id) {
			t.Errorf("%q names nobody", id)
		}
	}
}

func TestOccurred(t *testing.T) {
	received := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		stated, want time.Time
		err          error
	}{
		{received, received, nil},
		{received.Add(-time.Hour), received.Add(-time.Hour), nil},
		{received.Add(time.Nanosecond), received, nil},
		{received.Add(MaxAhead), received, nil},
		{received.Add(MaxAhead + time.Nanosecond), time.Time{}, ErrFuture},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Time{}, ErrFuture},
		{Earliest(), Earliest(), nil},
		{Earliest().Add(-time.Nanosecond), time.Time{}, ErrAncient},
		{time.Time{}, time.Time{}, ErrAncient},
		{time.Unix(0, 0), time.Time{}, ErrAncient},
	} {
		got, err := Occurred(tc.stated, received)
		if !got.Equal(tc.want) || !errors.Is(err, tc.err) {
			t.Errorf("%v: %v %v, want %v %v", tc.stated, got, err, tc.want, tc.err)
		}
	}
}

func TestCorrected(t *testing.T) {
	received := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name               string
		stated, sent, want time.Time
	}{
		{"right clock", received.Add(-time.Minute), received.Add(-time.Second), received.Add(-59 * time.Second)},
		{"ten years slow", received.AddDate(-10, 0, 0).Add(-time.Minute), received.AddDate(-10, 0, 0), received.Add(-time.Minute)},
		{"an hour fast", received.Add(30 * time.Minute), received.Add(time.Hour), received.Add(-30 * time.Minute)},
		{"queued for days", received.AddDate(0, 0, -3), received, received.AddDate(0, 0, -3)},
		{"sent at the epoch", received.Add(-time.Minute), time.Unix(0, 0), received.Add(-time.Minute)},
		{"a clock that was never set", time.Unix(300, 0), time.Unix(360, 0), received.Add(-time.Minute)},
		{"a clock that was never set, set since", time.Unix(300, 0), received.AddDate(0, 0, -1), time.Unix(300, 0).Add(24 * time.Hour)},
		{"a clock that was set to nonsense", received, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), received},
		{"a clock in the far future", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 9, 0, time.UTC), received.Add(-9 * time.Second)},
		{"the hour that summer time takes", received.Add(-time.Hour), received.Add(-time.Hour).Add(time.Second), received.Add(-time.Second)},
		{"sent a little before it happened", received.Add(time.Second), received, received.Add(time.Second)},
		{"sent long before it happened", received, received.AddDate(0, -1, 0), received},
	} {
		if got := Corrected(tc.stated, tc.sent, received); !got.Equal(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 11, 20, 10, 0, 0, 120_000_000, time.UTC)
	for _, s := range []string{"2026-11-20T10:00:00.12Z", "2026-11-20T10:00:00.120000000Z", "2026-11-20T11:00:00.12+01:00"} {
		if got, err := ParseTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"", "yesterday", "2026-11-20", "2026-11-20T10:00:00", "1795287836", "10000-01-01T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-02-30T00:00:00Z", "2026-11-20T25:00:00Z", "+012026-11-20T10:00:00Z", "2026-11-20T10:00:00." + strings.Repeat("1", 99) + "Z"} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	for _, s := range []string{"2026-11-20T10:00:00.12", "2026-11-20 10:00:00.12", "2026-11-20 10:00:00.12Z", "2026-11-20T10:00:00.12Z"} {
		if got, err := ParseLooseTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for s, want := range map[string]string{ // leap seconds, and the hour that there is twice
		"2016-12-31T23:59:60Z": "2017-01-01T00:00:00Z", "2016-12-31T23:59:60.5Z": "2017-01-01T00:00:00.5Z", "2017-01-01T00:59:60+01:00": "2017-01-01T00:00:00Z",
		"2026-10-25T02:30:00+02:00": "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+01:00": "2026-10-25T01:30:00Z",
	} {
		if got, err := ParseTime(s); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v, want %s", s, got, err, want)
		}
	}
	for s, want := range map[string]string{
		"2026-11-20T10:00:00.000+0000": "2026-11-20T10:00:00Z", "2026-11-20 10:00:00-0530": "2026-11-20T15:30:00Z", "2016-12-31 23:59:60": "2017-01-01T00:00:00Z",
		"2026-03-29T02:30:00": "2026-03-29T02:30:00Z", // an hour that there is not where summer time begins: without a zone it is UTC
	} {
		if got, err := ParseLooseTime(s); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v, want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"2016-12-31T23:59:61Z", "2016-12-31T23:60:00Z", "2016-12-31T24:00:00Z", "-0001-01-01T00:00:00Z", "2026-11-20T10:00:00+25:00", "2026-11-20T10:00:-1Z"} {
		if got, err := ParseLooseTime(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	if _, err := ParseLooseTime("soon"); err == nil {
		t.Error("soon is a time")
	}
}

func TestAmount(t *testing.T) {
	for in, want := range map[string]string{
		"12000.50": "12000.50", "12000": "12000", "0": "0", "-0": "0", "-0.00": "0.00", "+5": "5", "007": "7", "1.2e4": "12000",
		"1.25e1": "12.5", "12.5E-3": "0.0125", "1e0": "1", "-3": "-3", " 5.10 ": "5.10", "0.1": "0.1", "1e30": "1" + strings.Repeat("0", 30),
		"12345678901234567890.123456789": "12345678901234567890.123456789",
	} {
		if got, err := Amount(in); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", ".", "1.", ".5", "1,000", "€5", "1e31", "1e", "1e99999999999", "--1", "0x10", "NaN", "1 2", strings.Repeat("1", 65)} {
		if got, err := Amount(in); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,6})?([eE][+-]?[12]?[0-9])?`).Draw(t, "amount")
		got, err := Amount(in)
		if err != nil {
			t.Fatal(err)
		}
		a, ok := new(big.Rat).SetString(in)
		b, ok2 := new(big.Rat).SetString(got)
		if !ok || !ok2 || a.Cmp(b) != 0 {
			t.Fatalf("%s became %s", in, got)
		}
	})
}

func TestCurrency(t *testing.T) {
	if got, err := Currency(" eur "); got != "EUR" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	for _, in := range []string{"", "EURO", "E1R", "€€€", "EU"} {
		if _, err := Currency(in); err == nil {
			t.Errorf("%q is a currency", in)
		}
	}
}
