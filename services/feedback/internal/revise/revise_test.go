package revise

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
)

const sample = `# what both signed
agreement: lead-handoff
half_life: 14d # two weeks

engagement:
  # reading
  - { id: visit, on: page_viewed, points: 1 } # looks around, engagement >= 20
  -  id: ebook
     on: [asset_downloaded]   # any
     points:   10   # too many?
     because: 'it''s of worth'

  # leaving
  - { id: left, on: email_unsubscribed, points: -25 }
fit: [ { id: senior, when: 'lead.title == "é, VP"', points: 40 }, { id: size, when: 'account.employees >= 200', points: 40 }, ]
qualify:
  - id: cells
    matrix: { a: 20, b: 35 } # from here on
  - id: fits
    # engagement >= 20 was too much
    when: |
      grade == "c" &&
      engagement >= 45.0
sla: { accept_within: 4h, contact_within: 24h, ladder: [ {at: 50%, notify: rep} ] }
reject_reasons: [ { id: no-fit } ]
recycle_reasons:
- id: timing
  wake_after: 90d
goals: [ { id: g, metric: mql_to_sql_rate, target: 0.3, window: 90d } ]

# who signed
signatures:
  - { role: marketing, by: kim }
  - { role: sales, by: ana }
`

func value(part, id, field, from, to string) proposals.Change {
	return proposals.Change{Op: proposals.ChangeValue, Part: part, ID: id, Field: field, From: from, To: to}
}

func TestEdits(t *testing.T) {
	unsignedSample := sample[:strings.Index(sample, "signatures:")]
	for _, tc := range []struct {
		name     string
		change   proposals.Change
		old, new string // the one piece that differs
	}{
		{"points in brackets", value("engagement", "visit", "points", "1", "2"), "points: 1 }", "points: 2 }"},
		{"points on a line", value("engagement", "ebook", "points", "10", "5"), "points:   10   #", "points:   5   #"},
		{"negative points", value("engagement", "left", "points", "-25", "-12"), "-25", "-12"},
		{"points behind quotes", value("fit", "senior", "points", "40", "20"), `VP"', points: 40`, `VP"', points: 20`},
		{"a cell", value("qualify", "cells", "matrix.b", "35", "40"), "b: 35", "b: 40"},
		{"a number in an expression", value("qualify", "fits", "when", "45", "50"), "45.0", "50.0"},
		{"a promise", value("sla", "", "accept_within", "4h", "90m"), "accept_within: 4h", "accept_within: 90m"},
		{"a span", value("recycle_reasons", "timing", "wake_after", "90d", "60d"), "90d\ngoals", "60d\ngoals"},
		{"a fit rule", proposals.Change{Op: proposals.ChangeAdd, Part: "fit", ID: "small", When: `account.name == "it's"`, Points: "-25", Because: "sales' word"},
			"points: 40 }, ]", `points: 40 }, { id: small, when: 'account.name == "it''s"', points: -25, because: 'sales'' word' } ]`},
		{"a disqualify rule, the first", proposals.Change{Op: proposals.ChangeAdd, Part: "disqualify", ID: "small", When: "account.employees < 3"},
			"# who signed\n", "# who signed\n\ndisqualify:\n  - { id: small, when: 'account.employees < 3' }\n"},
		{"away", proposals.Change{Op: proposals.ChangeRemove, Part: "engagement", ID: "ebook"},
			"  -  id: ebook\n     on: [asset_downloaded]   # any\n     points:   10   # too many?\n     because: 'it''s of worth'\n", ""},
		{"away in brackets", proposals.Change{Op: proposals.ChangeRemove, Part: "fit", ID: "senior"}, `{ id: senior, when: 'lead.title == "é, VP"', points: 40 }, `, ""},
		{"the last away in brackets", proposals.Change{Op: proposals.ChangeRemove, Part: "fit", ID: "size"}, `, { id: size, when: 'account.employees >= 200', points: 40 },`, ","},
	} {
		got, err := Apply([]byte(sample), tc.change)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if strings.Count(unsignedSample, tc.old) != 1 {
			t.Fatalf("%s: %q is not in the sample once", tc.name, tc.old)
		}
		if want := strings.Replace(unsignedSample, tc.old, tc.new, 1); string(got) != want {
			t.Errorf("%s:\n%s", tc.name, got)
		}
	}
}

func TestWhatCannotBeEdited(t *testing.T) {
	for _, c := range []proposals.Change{
		value("engagement", "nobody", "points", "1", "2"), value("engagement", "visit", "limit", "1", "2"), value("engagement", "visit", "points", "1", "1"),
		value("engagement", "visit", "points", "1", "2, because: x"), value("sla", "", "accept_within", "4h", "never"),
		{Op: proposals.ChangeAdd, Part: "fit", ID: "size", When: "true", Points: "1"}, {Op: proposals.ChangeRemove, Part: "fit", ID: "nobody"}, {},
	} {
		if got, err := Apply([]byte(sample), c); !errors.Is(err, ErrCannot) {
			t.Errorf("%+v: %v, %q", c, err, got)
		}
	}
	if _, err := Apply([]byte(`{agreement: a, fit: [{id: x, when: "true", points: 1}]}`), value("fit", "x", "points", "1", "2")); !errors.Is(err, ErrCannot) {
		t.Errorf("all in brackets: %v", err)
	}
	if _, err := Apply([]byte("agreement: ["), value("fit", "x", "points", "1", "2")); err == nil || errors.Is(err, ErrCannot) {
		t.Errorf("no agreement: %v", err)
	}
}

// TestTheSample: the sample that is deployed can be edited.
func TestTheSample(t *testing.T) {
	text, err := os.ReadFile("../../../../deploy/config/agreement.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []proposals.Change{
		value("engagement", "download", "points", "10", "5"), value("qualify", "very-engaged", "when", "45", "40"), value("sla", "", "accept_within", "4h", "2h"),
		{Op: proposals.ChangeAdd, Part: "fit", ID: "tiny", When: "account.employees <= 10", Points: "-25", Because: "too small"},
		{Op: proposals.ChangeAdd, Part: "disqualify", ID: "tiny", When: "account.employees <= 10", Because: "too small"},
		{Op: proposals.ChangeRemove, Part: "fit", ID: "student"},
	} {
		if _, err := Apply(text, c); err != nil {
			t.Error(err)
		}
	}
}

// text draws an agreement as somebody may have written it.
func text(t *rapid.T) (string, *agreement.Agreement) {
	var b strings.Builder
	comment := func() {
		if rapid.Bool().Draw(t, "comment") {
			b.WriteString(rapid.SampledFrom([]string{"# ü: { id: r0, points: 3 }\n", "\n", "  # - { id: f0, engagement >= 20 }\n"}).Draw(t, "words"))
		}
	}
	tail := func() string {
		return rapid.SampledFrom([]string{"", " # why", "   "}).Draw(t, "tail") + "\n"
	}
	list := func(key string, entries [][]string) {
		comment()
		if len(entries) == 0 {
			if style := rapid.SampledFrom([]string{"", key + ":\n", key + ": []\n"}).Draw(t, "empty"); style != "" {
				b.WriteString(style)
			}
			return
		}
		if rapid.Bool().Draw(t, "brackets") {
			b.WriteString(key + ": [")
			for i, e := range entries {
				if i > 0 {
					b.WriteString(rapid.SampledFrom([]string{", ", ",", ",\n  "}).Draw(t, "glue"))
				}
				b.WriteString("{ " + strings.Join(e, ", ") + " }")
			}
			b.WriteString(rapid.SampledFrom([]string{"]", ", ]", "\n]"}).Draw(t, "end") + tail())
			return
		}
		b.WriteString(key + ":" + tail())
		indent := rapid.SampledFrom([]string{"", "  ", "    "}).Draw(t, "indent")
		for _, e := range entries {
			comment()
			if rapid.Bool().Draw(t, "one line") {
				b.WriteString(indent + "- { " + strings.Join(e, ", ") + " }" + tail())
				continue
			}
			for i, m := range e {
				lead := indent + "  "
				if i == 0 {
					lead = indent + "- "
				}
				b.WriteString(lead + m + tail())
			}
		}
	}
	b.WriteString("agreement: a" + tail())
	quoted := func(s string) string {
		if rapid.Bool().Draw(t, "double") {
			return fmt.Sprintf("%q", s)
		}
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	points := func() string {
		return rapid.SampledFrom([]string{"1", "10", "-25", "2.5"}).Draw(t, "points")
	}
	var engagement, fit, qualify, recycle [][]string
	for i := range rapid.IntRange(0, 4).Draw(t, "engagement") {
		engagement = append(engagement, []string{fmt.Sprintf("id: r%d", i), "on: page_viewed", "because: " + quoted("é's, { id: r1 }"), "points: " + points()})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "fit") {
		fit = append(fit, []string{"points: " + points(), fmt.Sprintf("id: f%d", i), "when: " + quoted(`lead.title == "ü's"`)})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "qualify") {
		if rapid.Bool().Draw(t, "matrix") {
			qualify = append(qualify, []string{fmt.Sprintf("id: q%d", i), "matrix: { a: 20, b: 35.5 }"})
		} else {
			qualify = append(qualify, []string{fmt.Sprintf("id: q%d", i), "when: " + quoted(`grade == "b" && engagement >= 30.0`)})
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "recycle") {
		recycle = append(recycle, []string{fmt.Sprintf("id: w%d", i), "wake_after: 90d"})
	}
	list("engagement", engagement)
	list("fit", fit)
	list("qualify", qualify)
	comment()
	b.WriteString("sla:\n  accept_within: 4h" + tail() + "  contact_within: 24h\n")
	if rapid.Bool().Draw(t, "signed") {
		list("signatures", [][]string{{"role: marketing", "by: kim"}, {"role: sales", "by: ana"}})
	}
	list("recycle_reasons", recycle)
	s := b.String()
	if rapid.Bool().Draw(t, "cut") {
		s = strings.TrimRight(s, "\n")
	}
	a, err := agreement.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	return s, a
}

// changes gives every kind of change that an agreement has a place for.
func changes(a *agreement.Agreement) []proposals.Change {
	out := []proposals.Change{
		value("sla", "", "accept_within", "4h", "3h"),
		{Op: proposals.ChangeAdd, Part: "fit", ID: "new", When: `account.name == "it's"`, Points: "-25", Because: "sales' word: # no"},
		{Op: proposals.ChangeAdd, Part: "disqualify", ID: "new", When: "account.employees <= 10"},
	}
	for _, r := range a.Engagement {
		out = append(out, value("engagement", r.ID, "points", agreement.FormatMicros(r.Points), "7"), proposals.Change{Op: proposals.ChangeRemove, Part: "engagement", ID: r.ID})
	}
	for _, r := range a.Fit {
		out = append(out, value("fit", r.ID, "points", agreement.FormatMicros(r.Points), "-7.5"), proposals.Change{Op: proposals.ChangeRemove, Part: "fit", ID: r.ID})
	}
	for _, q := range a.Qualify {
		if len(q.Matrix) > 0 {
			out = append(out, value("qualify", q.ID, "matrix.b", "35.5", "40"))
		} else {
			out = append(out, value("qualify", q.ID, "when", "30", "25"))
		}
	}
	for _, r := range a.RecycleReasons {
		out = append(out, value("recycle_reasons", r.ID, "wake_after", "90d", "60d"))
	}
	return out
}

// TestEveryEditIsTheOneThatIsMeant: however an agreement is written, a change can be made, and the two texts differ in it alone; every comment stays, but for those
// of what is taken out.
func TestEveryEditIsTheOneThatIsMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, a := text(t)
		c := rapid.SampledFrom(changes(a)).Draw(t, "change")
		after, err := Apply([]byte(before), c)
		if err != nil {
			t.Fatalf("%+v: %v\n%s", c, err, before)
		}
		b, err := agreement.Parse(after)
		if err != nil {
			t.Fatalf("%v\n%s", err, after)
		}
		diff := agreement.Diff(a, b)
		if len(diff) != 1 || diff[0].Part != c.Part || c.ID != "" && diff[0].ID != c.ID || len(b.Signatures) > 0 {
			t.Fatalf("%+v gives %+v\n%s\n%s", c, diff, before, after)
		}
		if c.Op == proposals.ChangeValue && !strings.Contains(before, "signatures") {
			old, now := strings.Split(before, "\n"), strings.Split(string(after), "\n")
			differ := 0
			for i := range old {
				if i >= len(now) || old[i] != now[i] {
					differ++
				}
			}
			if len(old) != len(now) || differ != 1 {
				t.Fatalf("%d lines differ\n%s\n%s", differ, before, after)
			}
		}
		if c.Op == proposals.ChangeAdd && !strings.Contains(before, "signatures") && strings.Count(string(after), "#") < strings.Count(before, "#") {
			t.Fatalf("a comment is gone\n%s\n%s", before, after)
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add([]byte(sample), "visit")
	f.Add([]byte("agreement: a\nfit: [ {id: x, when: 'true', points: 1} ]"), "x")
	f.Fuzz(func(t *testing.T, text []byte, id string) {
		for _, c := range []proposals.Change{value("fit", id, "points", "1", "2"), value("qualify", id, "when", "1", "2"), value("qualify", id, "matrix.a", "1", "2"),
			{Op: proposals.ChangeRemove, Part: "engagement", ID: id}, {Op: proposals.ChangeAdd, Part: "fit", ID: "new", When: "true", Points: "1"}} {
			got, err := Apply(text, c)
			if err != nil {
				continue
			}
			if _, err := agreement.Parse(got); err != nil {
				t.Fatalf("%v: %q", err, got)
			}
		}
	})
}
