package core

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// asks is a stand-in for a qualify rule's expression.
type asks struct {
	engagement Micros
	grades     string
	// brings is the URL that the event must have, "" for any event or none.
	brings string
	looked *int
	// score beside the main one that counts instead of it.
	score string
}

func (p asks) Eval(v *View) Verdict {
	if p.looked != nil {
		*p.looked++
	}
	worth := v.Engagement
	if p.score != "" {
		worth = func() Micros { return v.Score(p.score) }
	}
	ok := worth() >= p.engagement && (p.grades == "" || strings.Contains(p.grades, v.Grade()))
	switch {
	case !ok || p.brings == "":
		return Verdict{Holds: ok}
	case v.Event == nil:
		return Verdict{Missing: "event is not known"}
	case v.Event.URL == "":
		return Verdict{Missing: "event.url is not known"}
	}
	return Verdict{Holds: v.Event.URL == p.brings}
}

type never struct{}

func (never) Eval(*View) Verdict { return Verdict{Missing: "lead.country is not known"} }

func inquiry(a *Agreement, fit Micros, items ...Item) *Lead {
	l := &Lead{ID: "ld_e1", Named: true, Lasting: true, Stated: Inquiry, Highest: Inquiry, Run: Run{Epoch: 1, Stage: Inquiry}, Fit: Fit{a.Version, fit}}
	for _, it := range items {
		l.addItem(it)
	}
	return l
}

func texts(missing []Missing) string {
	out := make([]string, len(missing))
	for i, m := range missing {
		out[i] = m.Qualify + ": " + m.Text
	}
	return strings.Join(out, "\n")
}

func TestMissing(t *testing.T) {
	matrix := &QualifyRule{ID: "matrix", When: asks{engagement: 20 * Point, grades: "ab"}}
	fast := &QualifyRule{ID: "fast", On: []string{"demo_requested", "deal_opened"}, When: asks{grades: "abc"}}
	base := func() *Agreement {
		return &Agreement{
			Version: 1, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}, Fit: []*FitRule{{ID: "size", Points: 80 * Point, When: never{}}},
			ByType: map[string][]*Rule{
				"page_viewed":      {rule("pricing", 8*Point, 3*day, 2, day, contains("pricing"))},
				"asset_downloaded": {rule("ebook", 10*Point, 30*day, 0, 0, nil)},
				"event_attended":   {rule("webinar", 12_500_000, 0, 0, 0, nil)},
			},
			Qualify: []*QualifyRule{matrix},
		}
	}
	pricing := func(ago time.Duration, id string) Item {
		return Item{At: now - int64(ago), ID: id, Terms: &base().ByType["page_viewed"][0].Terms, Count: 1}
	}
	worth := func(p Micros) Item { return Item{At: now, ID: "w", Terms: &Terms{Rule: "w", Raw: p}, Count: 1} }
	for name, c := range map[string]struct {
		change func(*Agreement)
		lead   func(*Agreement) *Lead
		want   string
	}{
		"little": {lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(12*Point)) }, want: `
matrix: 1 more ebook event (asset_downloaded, 10 points)
matrix: 1 more pricing event (page_viewed, 8 points)
matrix: 1 more webinar event (event_attended, 12.5 points)`},
		"a cap": {lead: func(a *Agreement) *Lead {
			return inquiry(a, 50*Point, pricing(time.Hour, "a"), pricing(2*time.Hour, "b"))
		}, want: `
matrix: 1 more ebook event (asset_downloaded, 10 points)
matrix: 1 more webinar event (event_attended, 12.5 points)`},
		"yesterday's cap": {lead: func(a *Agreement) *Lead {
			return inquiry(a, 50*Point, pricing(26*time.Hour, "a"), pricing(26*time.Hour, "b"))
		}, want: `
matrix: 1 more ebook event (asset_downloaded, 10 points)
matrix: 1 more pricing event (page_viewed, 8 points)
matrix: 1 more webinar event (event_attended, 12.5 points)`},
		"a grade": {lead: func(a *Agreement) *Lead { return inquiry(a, 25*Point, worth(20*Point)) }, want: "\nmatrix: grade b instead of c"},
		"a grade that nothing gives": {
			change: func(a *Agreement) { a.Fit = []*FitRule{{ID: "size", Points: 40 * Point}} },
			lead:   func(a *Agreement) *Lead { return inquiry(a, 25*Point, worth(20*Point)) },
		},
		"points against": {
			change: func(a *Agreement) {
				a.ByType = map[string][]*Rule{"asset_downloaded": {rule("ebook", 10*Point, 0, 1, day, nil), rule("odd", -3*Point, 0, 0, 0, nil)}}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(-1_250_000)) },
			want: "\nmatrix: 21.3 more points of engagement",
		},
		"both": {lead: func(a *Agreement) *Lead { return inquiry(a, 0, worth(2*Point)) }, want: `
matrix: 2 more ebook and grade b
matrix: 2 more webinar and grade b`},
		"both, in points": {
			change: func(a *Agreement) { delete(a.ByType, "asset_downloaded"); delete(a.ByType, "event_attended") },
			lead:   func(a *Agreement) *Lead { return inquiry(a, 0, worth(2*Point)) },
			want:   "\nmatrix: 18 more points of engagement and grade b",
		},
		"an event": {
			change: func(a *Agreement) {
				a.Qualify = append(a.Qualify, fast)
				a.ByType["demo_requested"] = []*Rule{rule("demo", 30*Point, 0, 0, 0, nil)}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 25*Point) },
			want: "\nfast: a demo_requested\nmatrix: 1 more demo and grade b\nmatrix: 2 more ebook and grade b\nmatrix: 2 more webinar and grade b",
		},
		"an event and a grade": {
			change: func(a *Agreement) { a.Qualify = []*QualifyRule{fast} },
			lead:   func(a *Agreement) *Lead { return inquiry(a, 0) },
			want:   "\nfast: a demo_requested and grade c",
		},
		"an event of which more must be known": {
			change: func(a *Agreement) {
				a.Qualify = []*QualifyRule{{ID: "large", On: []string{"email_replied"}, When: asks{brings: "large"}}, {ID: "where", On: []string{"form_submitted"}, When: never{}}}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 25*Point) },
			want: "\nlarge: an email_replied",
		},
		"nothing would do": {
			change: func(a *Agreement) { a.Qualify = []*QualifyRule{{ID: "where", When: never{}}} },
			lead:   func(a *Agreement) *Lead { return inquiry(a, 25*Point) },
		},
		"a version that it was not looked at with": {
			change: func(a *Agreement) { a.Fit[0].When, a.Grades[0] = nil, 90*Point },
			lead:   func(a *Agreement) *Lead { l := inquiry(a, 0, worth(10*Point)); l.Fit.Version = 7; return l },
			want: `
matrix: 1 more ebook event (asset_downloaded, 10 points)
matrix: 1 more webinar event (event_attended, 12.5 points)
matrix: 2 more pricing events (page_viewed, 8 points each)`,
		},
		"a limit": {
			change: func(a *Agreement) { a.ByType["asset_downloaded"][0].Limit = 15 * Point },
			lead: func(a *Agreement) *Lead {
				return inquiry(a, 50*Point, Item{At: now, ID: "e", Terms: &a.ByType["asset_downloaded"][0].Terms, Count: 1})
			},
			want: `
matrix: 1 more webinar event (event_attended, 12.5 points)
matrix: 2 more pricing events (page_viewed, 8 points each)`, // an ebook more gives 5 of the 10 that are missing, and no more after it
		},
		"a group": {
			change: func(a *Agreement) {
				for _, r := range []*Rule{a.ByType["asset_downloaded"][0], a.ByType["page_viewed"][0], a.ByType["event_attended"][0]} {
					r.Group, r.GroupLimit = "g", 15*Point
				}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(6*Point)) },
			want: `
matrix: 2 more ebook events (asset_downloaded, 10 points each)
matrix: 2 more pricing events (page_viewed, 8 points each)
matrix: 2 more webinar events (event_attended, 12.5 points each)`,
		},
		"a group that is not enough": {
			change: func(a *Agreement) {
				for _, r := range []*Rule{a.ByType["asset_downloaded"][0], a.ByType["page_viewed"][0], a.ByType["event_attended"][0]} {
					r.Group, r.GroupLimit = "g", 15*Point
				}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(4*Point)) },
			want: "\nmatrix: 16 more points of engagement",
		},
		"another score": {
			change: func(a *Agreement) {
				a.Scores = []string{"payroll"}
				a.Qualify = []*QualifyRule{{ID: "payroll", When: asks{engagement: 15 * Point, score: "payroll"}}}
				a.ByType["asset_downloaded"][0].Score = "payroll"
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(12*Point)) },
			want: "\npayroll: 2 more ebook events (asset_downloaded, 10 points each of payroll)",
		},
		"what is too old": {
			change: func(a *Agreement) { a.ByType["asset_downloaded"][0].Timeframe = day },
			lead: func(a *Agreement) *Lead {
				return inquiry(a, 50*Point, Item{At: now - int64(day), ID: "e", Terms: &a.ByType["asset_downloaded"][0].Terms, Count: 1}, worth(10*Point))
			},
			want: `
matrix: 1 more ebook event (asset_downloaded, 10 points)
matrix: 1 more webinar event (event_attended, 12.5 points)
matrix: 2 more pricing events (page_viewed, 8 points each)`,
		},
		"disqualified": {
			change: func(a *Agreement) { a.Disqualify = []*DisqualifyRule{{ID: "x", When: never{}}, {ID: "always"}} },
			lead:   func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(12*Point)) },
		},
		"it qualifies": {lead: func(a *Agreement) *Lead { return inquiry(a, 50*Point, worth(20*Point)) }},
		"sales has it": {lead: func(a *Agreement) *Lead { l := inquiry(a, 50*Point); l.Run.Stage = Routed; return l }},
		"a device":     {lead: func(a *Agreement) *Lead { l := inquiry(a, 50*Point); l.Lasting = false; return l }},
		"an objection": {lead: func(a *Agreement) *Lead {
			l := inquiry(a, 50*Point)
			l.putConsent(Consent{Purpose: "profiling", Decision: "objected", At: now})
			return l
		}},
		"many, and a grade": {
			change: func(a *Agreement) {
				a.Qualify = append(a.Qualify, &QualifyRule{ID: "active", When: asks{engagement: 25 * Point}})
				for i := range 9 {
					a.ByType["asset_downloaded"] = append(a.ByType["asset_downloaded"], rule(fmt.Sprint("r", i), Point, 0, 0, 0, contains("x")))
				}
			},
			lead: func(a *Agreement) *Lead { return inquiry(a, 25*Point, worth(20*Point)) },
			want: `
active: 1 more ebook event (asset_downloaded, 10 points)
active: 1 more pricing event (page_viewed, 8 points)
active: 1 more r0 event (asset_downloaded, 1 point)
active: 1 more r1 event (asset_downloaded, 1 point)
matrix: grade b instead of c`, // each of the r fires the ebook as well
		},
	} {
		a := base()
		if c.change != nil {
			c.change(a)
		}
		l := c.lead(a)
		if got := texts(l.Missing(a, now)); got != strings.TrimPrefix(c.want, "\n") {
			t.Errorf("%s: got\n%s\nwant%s", name, got, c.want)
		}
	}
	if got := inquiry(base(), 0).Missing(nil, now); got != nil {
		t.Errorf("without an agreement: %v", got)
	}
}

func drawAgreement(t *rapid.T) *Agreement {
	a := &Agreement{
		Version: 1, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}, ByType: map[string][]*Rule{},
		Fit: []*FitRule{{ID: "vp", Points: 30 * Point, When: titled("VP")}, {ID: "size", Points: Micros(rapid.IntRange(0, 80).Draw(t, "size")) * Point, When: never{}}},
	}
	a.Scores = []string{"payroll"}
	if rapid.IntRange(0, 3).Draw(t, "disqualify") == 0 {
		a.Disqualify = []*DisqualifyRule{{ID: "d", When: asks{engagement: 60 * Point, score: rapid.SampledFrom([]string{"", "payroll"}).Draw(t, "too much")}}}
	}
	id := 0
	for _, eventType := range []string{"page_viewed", "asset_downloaded", "email_opened", "form_submitted"} {
		for i := range rapid.IntRange(0, 3).Draw(t, "rules") {
			var when Program
			switch {
			case i == 0 && rapid.Bool().Draw(t, "pricing"):
				when = asks{brings: "pricing"}
			case rapid.IntRange(0, 2).Draw(t, "vp") == 0:
				when = titled("VP")
			}
			id++
			points := Micros(rapid.IntRange(-9, 30).Draw(t, "points"))*Point + Micros(rapid.IntRange(0, 2).Draw(t, "thirds"))*333_333
			r := rule(fmt.Sprint("r", id), points,
				rapid.SampledFrom([]time.Duration{0, 3 * day, 14 * day}).Draw(t, "half-life"), rapid.IntRange(0, 3).Draw(t, "cap"), day, when)
			r.Timeframe = rapid.SampledFrom([]time.Duration{0, 0, 2 * day}).Draw(t, "timeframe")
			r.Limit = Micros(rapid.SampledFrom([]int{0, 0, 10, 30}).Draw(t, "limit")) * Point
			if r.Group = rapid.SampledFrom([]string{"", "", "g", "h"}).Draw(t, "group"); r.Group != "" {
				r.GroupLimit = 35 * Point
			}
			if r.Score = rapid.SampledFrom([]string{"", "", "payroll"}).Draw(t, "score"); r.Score != "" && r.Group != "" {
				r.Group += "-payroll"
			}
			a.ByType[eventType] = append(a.ByType[eventType], r)
		}
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "qualify") {
		q := &QualifyRule{ID: fmt.Sprint("q", i)}
		when := asks{engagement: Micros(rapid.IntRange(0, 90).Draw(t, "engagement")) * Point, grades: rapid.SampledFrom([]string{"", "a", "ab", "abc"}).Draw(t, "grades"), score: rapid.SampledFrom([]string{"", "", "payroll"}).Draw(t, "of")}
		if rapid.Bool().Draw(t, "waits") {
			q.On = []string{"demo_requested", rapid.SampledFrom([]string{"form_submitted", "meeting_booked"}).Draw(t, "on")}
			when.brings = rapid.SampledFrom([]string{"", "", "large"}).Draw(t, "brings")
		}
		q.When = when
		a.Qualify = append(a.Qualify, q)
	}
	return a
}

// qualifiesBy applies an event, now, and gives the rule by which the lead then qualifies.
func qualifiesBy(r *Rules, l *Lead, at int64, id, eventType, url string) string {
	e := &Event{ID: id, Type: eventType, URL: url, At: at, Now: at}
	l.Apply(r, e)
	for _, f := range l.Decide(r, e) {
		if q, ok := f.(*Qualification); ok {
			return q.Rule
		}
	}
	return ""
}

// TestWhatIsMissingIsTrue has each suggestion happen: the lead qualifies then, by that rule, and not an event earlier.
func TestWhatIsMissingIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAgreement(t)
		r := rulesWith(a)
		events := drawEvents(t, 8)
		for _, e := range events {
			e.URL = "about"
		}
		at := now + int64(rapid.IntRange(0, 3*24).Draw(t, "hours later"))*int64(time.Hour)
		lead := func() *Lead { return folded(r, events) }
		missing := lead().Missing(a, at)
		if again := lead().Missing(a, at); !reflect.DeepEqual(again, missing) || len(missing) > maxMissing {
			t.Fatalf("%d: got %v and then %v", len(missing), missing, again)
		}
		if l := lead(); (l.Stage() != Inquiry || l.Explain(r.Book, at).QualifiesBy != "") && len(missing) > 0 {
			t.Fatalf("%s, qualifies by %q: %v", l.Stage(), l.Explain(r.Book, at).QualifiesBy, missing)
		}
		said := map[string]bool{}
		for _, m := range missing {
			if said[m.Text] {
				t.Fatalf("twice: %s", m.Text)
			}
			said[m.Text] = true
			l := lead()
			if m.Grade != "" {
				l.Fit.Points = a.Grades[strings.Index("abc", m.Grade)]
			}
			eventType, times, url := "identified", 1, ""
			switch {
			case m.Rule != "":
				eventType, times = m.Type, m.Times
				for _, er := range a.ByType[m.Type] {
					if w, ok := er.When.(asks); ok && er.Rule == m.Rule {
						url = w.brings
					}
				}
			case m.Waits != "" && m.unsure:
				eventType, url = m.Waits, "large"
			case m.Waits != "":
				eventType = m.Waits
			case m.Engagement > 0:
				l.addItem(Item{At: at, ID: "points", Terms: &Terms{Rule: "points", Raw: m.Engagement}, Count: 1})
			}
			for n := 1; n <= times; n++ {
				want := ""
				if n == times {
					want = m.Qualify
				}
				if got := qualifiesBy(r, l, at, fmt.Sprint("x", n), eventType, url); got != want {
					t.Fatalf("%+v: event %d of %d qualifies by %q, want %q", m, n, times, got, want)
				}
				gave := m.Rule == ""
				l.capped(func(it *Item, counts bool) {
					gave = gave || counts && it.Rule == m.Rule && it.ID == fmt.Sprint("x", n)
				})
				if !gave {
					t.Fatalf("%+v: event %d of %d gives nothing by %s", m, n, times, m.Rule)
				}
			}
		}
		if l := lead(); len(missing) > 0 || l.Stage() != Inquiry || l.Explain(r.Book, at).QualifiesBy != "" {
			return
		}
		for _, eventType := range append([]string{"demo_requested", "meeting_booked"}, "page_viewed", "asset_downloaded", "email_opened", "form_submitted") {
			if by := qualifiesBy(r, lead(), at, "x", eventType, ""); by != "" {
				t.Fatalf("nothing is missing, but one %s qualifies by %s", eventType, by)
			}
		}
	})
}

func TestTheSearchIsBounded(t *testing.T) {
	looked := 0
	a := &Agreement{Version: 1, ByType: map[string][]*Rule{}, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}, Fit: []*FitRule{{Points: 100 * Point}}}
	for i := range 1000 {
		a.ByType["page_viewed"] = append(a.ByType["page_viewed"], rule(fmt.Sprint("p", i), 1, 0, 0, 0, asks{looked: &looked}))
		a.ByType[fmt.Sprint("type", i)] = []*Rule{rule(fmt.Sprint("t", i), 1, 0, 0, 0, nil)}
		a.Qualify = append(a.Qualify, &QualifyRule{ID: fmt.Sprint("q", i), When: asks{engagement: 101 * Point, looked: &looked}, On: []string{"page_viewed", "x", "y"}[:i%4]})
	}
	if got := inquiry(a, 0).Missing(a, now); got != nil || looked == 0 || looked > 2*maxTries {
		t.Errorf("got %v after %d evaluations", got, looked)
	}
	// Where no expression looks at the score, rules are looked at and not evaluated again.
	for _, q := range a.Qualify {
		q.When = never{}
	}
	for _, r := range a.ByType["page_viewed"] {
		r.When = nil
	}
	s := newSearch(inquiry(a, 0), a, now)
	if got := s.engagement(0, nil); got != nil || s.looks < -len(a.Qualify)-len(a.ByType["page_viewed"]) {
		t.Errorf("got %v, %d looks left", got, s.looks)
	}
}
