package calendar

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func load(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func weekdays(loc *time.Location, spans ...Span) *Calendar {
	c := &Calendar{Location: loc, Holidays: map[Date]struct{}{}}
	for d := time.Monday; d <= time.Friday; d++ {
		c.Week[d] = spans
	}
	return c
}

func TestHoursInTheRepsOwnZone(t *testing.T) {
	c := weekdays(load(t, "Europe/Stockholm"), Span{9 * 60, 12 * 60}, Span{13 * 60, 17*60 + 30})
	c.Holidays[Date{2026, time.December, 25}] = struct{}{}
	c.Away = []Absence{{at(t, "2026-12-28T00:00:00+01:00"), at(t, "2026-12-30T00:00:00+01:00")}}
	for _, tc := range []struct {
		at       string
		want     State
		nextOpen string
	}{
		{"2026-12-24T08:00:00Z", Open, "2026-12-24T08:00:00Z"},           // 09:00
		{"2026-12-24T07:59:59Z", OutsideHours, "2026-12-24T08:00:00Z"},   // before
		{"2026-12-24T11:00:00Z", OutsideHours, "2026-12-24T12:00:00Z"},   // the break
		{"2026-12-24T16:30:00Z", OutsideHours, "2026-12-30T08:00:00Z"},   // evening, then holiday, weekend, away
		{"2026-12-25T09:00:00Z", OutsideHours, "2026-12-30T08:00:00Z"},   // holiday
		{"2026-12-29T09:00:00Z", Away, "2026-12-30T08:00:00Z"},           // away
		{"2026-07-06T07:00:00Z", Open, "2026-07-06T07:00:00Z"},           // summer time: 09:00
		{"2026-07-06T15:30:00Z", OutsideHours, "2026-07-07T07:00:00Z"},   // 17:30
		{"2026-07-04T10:00:00Z", OutsideHours, "2026-07-06T07:00:00Z"},   // Saturday
		{"2026-12-30T16:29:59Z", Open, "2026-12-30T16:29:59Z"},           // last second
		{"2026-12-31T12:00:00.5Z", Open, "2026-12-31T12:00:00.5Z"},       // fractions stay
		{"2026-12-31T11:59:59.5Z", OutsideHours, "2026-12-31T12:00:00Z"}, // …and round nowhere
	} {
		when := at(t, tc.at)
		if got := c.At(when); got != tc.want {
			t.Errorf("At(%s) = %v, want %v", tc.at, got, tc.want)
		}
		if got, ok := c.NextOpen(when); !ok || !got.Equal(at(t, tc.nextOpen)) {
			t.Errorf("NextOpen(%s) = %s %v, want %s", tc.at, got.UTC(), ok, tc.nextOpen)
		}
	}
}

func TestNeverOpens(t *testing.T) {
	c := &Calendar{Location: time.UTC}
	if got, ok := c.NextOpen(at(t, "2026-01-01T00:00:00Z")); ok {
		t.Errorf("a calendar without hours opens at %s", got)
	}
	if _, ok := c.Add(at(t, "2026-01-01T00:00:00Z"), time.Minute); ok {
		t.Error("working time passes where nobody works")
	}
	c = &Calendar{Location: time.UTC, Always: true, Away: []Absence{{at(t, "2020-01-01T00:00:00Z"), at(t, "2090-01-01T00:00:00Z")}}}
	if got, ok := c.NextOpen(at(t, "2026-01-01T00:00:00Z")); ok {
		t.Errorf("somebody who is away for decades opens at %s", got)
	}
}

func TestAddWorkingTime(t *testing.T) {
	c := weekdays(load(t, "Europe/Stockholm"), Span{9 * 60, 12 * 60}, Span{13 * 60, 17*60 + 30})
	for _, tc := range []struct {
		from string
		d    time.Duration
		want string
	}{
		{"2026-11-20T08:00:00Z", 4 * time.Hour, "2026-11-20T13:00:00Z"}, // over the break
		{"2026-11-20T15:00:00Z", 4 * time.Hour, "2026-11-23T10:30:00Z"}, // over the weekend
		{"2026-11-20T08:00:00Z", 3 * time.Hour, "2026-11-20T11:00:00Z"}, // to the end of a span, not the next one's start
		{"2026-03-27T15:30:00Z", 2 * time.Hour, "2026-03-30T08:00:00Z"}, // over the change to summer time
		{"2026-11-20T08:00:00Z", 0, "2026-11-20T08:00:00Z"},
	} {
		if got, ok := c.Add(at(t, tc.from), tc.d); !ok || !got.Equal(at(t, tc.want)) {
			t.Errorf("Add(%s, %s) = %s %v, want %s", tc.from, tc.d, got.UTC(), ok, tc.want)
		}
	}
}

// zones where clocks change in every way there is: by an hour, by half an hour, at midnight, a whole day left out.
var zones = []struct{ name, around string }{
	{"Europe/Stockholm", "2026-03-29T00:00:00Z"}, {"Europe/Stockholm", "2026-10-25T00:00:00Z"},
	{"America/New_York", "2026-11-01T00:00:00Z"}, {"Australia/Lord_Howe", "2026-04-05T00:00:00Z"},
	{"America/Sao_Paulo", "2018-11-04T00:00:00Z"}, {"Pacific/Apia", "2011-12-30T00:00:00Z"},
	{"Asia/Kathmandu", "2026-06-01T00:00:00Z"}, {"Africa/Casablanca", "2026-02-15T00:00:00Z"}, {"UTC", "2026-01-01T00:00:00Z"},
}

func genCalendar(t *rapid.T) (*Calendar, time.Time) {
	zone := rapid.SampledFrom(zones).Draw(t, "zone")
	loc, err := time.LoadLocation(zone.name)
	if err != nil {
		t.Fatal(err)
	}
	around, _ := time.Parse(time.RFC3339, zone.around)
	c := &Calendar{Location: loc, Always: rapid.IntRange(0, 9).Draw(t, "always") == 0, Holidays: map[Date]struct{}{}}
	for d := range c.Week {
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, 24*60), 0, 4, rapid.ID).Draw(t, "cuts")
		if len(cuts)%2 == 1 {
			cuts = cuts[1:]
		}
		for i := range cuts {
			for k := i + 1; k < len(cuts); k++ {
				if cuts[k] < cuts[i] {
					cuts[i], cuts[k] = cuts[k], cuts[i]
				}
			}
		}
		for i := 0; i+1 < len(cuts); i += 2 {
			c.Week[d] = append(c.Week[d], Span{cuts[i], cuts[i+1]})
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "holidays") {
		c.Holidays[DateOf(around.AddDate(0, 0, rapid.IntRange(-3, 5).Draw(t, "holiday")).In(loc))] = struct{}{}
	}
	for range rapid.IntRange(0, 2).Draw(t, "away") {
		from := around.Add(time.Duration(rapid.IntRange(-4000, 6000).Draw(t, "from")) * time.Minute)
		c.Away = append(c.Away, Absence{from, from.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "length")) * time.Minute)})
	}
	c.Normalize()
	start := around.Add(time.Duration(rapid.IntRange(-3000, 3000).Draw(t, "start")) * time.Minute)
	return c, start
}

// What is computed must be what somebody sees who looks at the clock every minute.
func TestAgainstAMinuteByMinuteWalker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, start := genCalendar(t)
		const minutes = 9 * 24 * 60
		open := func(m int) bool { return c.At(start.Add(time.Duration(m)*time.Minute)) == Open }

		first := -1
		for m := 0; m < minutes; m++ {
			if open(m) {
				first = m
				break
			}
		}
		got, ok := c.NextOpen(start)
		switch want := start.Add(time.Duration(first) * time.Minute); {
		case first >= 0 && (!ok || !got.Equal(want)):
			t.Fatalf("NextOpen(%s) = %s %v, the walker says %s", start, got, ok, want)
		case first < 0 && ok && got.Before(start.Add(minutes*time.Minute)):
			t.Fatalf("NextOpen(%s) = %s, the walker found none in nine days", start, got)
		}

		need := rapid.IntRange(1, 3000).Draw(t, "working minutes")
		worked, end := 0, -1
		for m := 0; m < minutes; m++ {
			if open(m) {
				if worked++; worked == need {
					end = m + 1
					break
				}
			}
		}
		got, ok = c.Add(start, time.Duration(need)*time.Minute)
		if end >= 0 && (!ok || !got.Equal(start.Add(time.Duration(end)*time.Minute))) {
			t.Fatalf("Add(%s, %d min) = %s %v, the walker says %s", start, need, got, ok, start.Add(time.Duration(end)*time.Minute))
		}
		if end < 0 && ok && got.Before(start.Add(minutes*time.Minute)) {
			t.Fatalf("Add(%s, %d min) = %s, the walker had not got there in nine days", start, need, got)
		}
	})
}

// A search that crosses the end of a leap year beyond the zone's listed transitions used to stand still there for ever.
func TestLastDayOfADistantLeapYear(t *testing.T) {
	loc := load(t, "Europe/Stockholm")
	c := &Calendar{Location: loc, Holidays: map[Date]struct{}{}}
	c.Week[time.Monday] = []Span{{60, 61}}
	got, ok := c.Add(time.Date(2040, 12, 24, 12, 0, 0, 0, time.UTC), 3*time.Minute)
	if want := time.Date(2041, 1, 14, 1, 1, 0, 0, loc); !ok || !got.Equal(want) {
		t.Fatalf("got %s %v, want %s", got, ok, want)
	}
}

func TestWindows(t *testing.T) {
	stockholm := load(t, "Europe/Stockholm")
	for _, tc := range []struct {
		per          Per
		at, from, to string
	}{
		{Hour, "2026-11-20T10:59:00Z", "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"},
		{Day, "2026-11-20T22:59:00Z", "2026-11-19T23:00:00Z", "2026-11-20T23:00:00Z"},
		{Day, "2026-11-20T23:00:00Z", "2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"},
		{Day, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},  // 23 hours long
		{Week, "2026-11-22T22:59:00Z", "2026-11-15T23:00:00Z", "2026-11-22T23:00:00Z"}, // Sunday night
		{Week, "2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z", "2026-11-29T23:00:00Z"}, // Monday
	} {
		from, to := tc.per.Window(at(t, tc.at), stockholm)
		if !from.Equal(at(t, tc.from)) || !to.Equal(at(t, tc.to)) {
			t.Errorf("window %v of %s is %s to %s, want %s to %s", tc.per, tc.at, from.UTC(), to.UTC(), tc.from, tc.to)
		}
	}
}
