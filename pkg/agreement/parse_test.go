package agreement

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/strictyaml"
)

const day = 24 * time.Hour

const example = `# how we pass leads
agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: {count: 2, per: 1d} }
  - { id: ebook,   on: asset_downloaded, points: 10, half_life: 30d, because: asked for something of worth }
  - { id: left,    on: email_unsubscribed, points: -25, half_life: none }
  - id: talks
    on: [event_registered, event_attended]
    points: 2.5
fit:
  - { id: senior,  when: 'lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")', points: 40, because: decides or signs }
  - { id: size,    when: 'account.employees >= 200', points: 40 }
grades: { a: 75, b: 50, c: 25 }
qualify:
  - { id: matrix,     when: 'grade in ["a","b"] && engagement >= 20' }
  - { id: fast-track, on: [demo_requested, meeting_booked], when: 'grade != "d"' }
sla:
  accept_within: 4h
  contact_within: 24h
  clock: working
  ladder: [ {at: 50%, notify: rep}, {at: 100%, notify: manager}, {at: 150%, reassign: true} ]
  max_reassigns: 2
reject_reasons:  [ {id: bad-data, fixable_by: marketing}, {id: no-fit, sub: [size, industry, role]}, {id: duplicate} ]
recycle_reasons: [ {id: timing, wake_after: 90d}, {id: unreachable, wake_on: engagement}, {id: other} ]
goals: [ {id: mql-to-sql, metric: mql_to_sql_rate, target: 0.3, window: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func TestParseReadsEveryField(t *testing.T) {
	got, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := &Agreement{
		Name: "lead-handoff", HalfLife: 14 * day,
		Engagement: []EngagementRule{
			{ID: "pricing", On: []string{"page_viewed"}, When: `event.properties.url.contains("/pricing")`, Points: 8 * Point, HalfLife: 14 * day, Cap: Cap{2, day}, Line: 5},
			{ID: "ebook", On: []string{"asset_downloaded"}, Points: 10 * Point, HalfLife: 30 * day, Because: "asked for something of worth", Line: 6},
			{ID: "left", On: []string{"email_unsubscribed"}, Points: -25 * Point, Line: 7},
			{ID: "talks", On: []string{"event_registered", "event_attended"}, Points: 2_500_000, HalfLife: 14 * day, Line: 8},
		},
		Fit: []FitRule{
			{ID: "senior", When: `lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")`, Points: 40 * Point, Because: "decides or signs", Line: 12},
			{ID: "size", When: "account.employees >= 200", Points: 40 * Point, Line: 13},
		},
		Grades: Grades{75 * Point, 50 * Point, 25 * Point},
		Qualify: []QualifyRule{
			{ID: "matrix", When: `grade in ["a","b"] && engagement >= 20`, Line: 16},
			{ID: "fast-track", On: []string{"demo_requested", "meeting_booked"}, When: `grade != "d"`, Line: 17},
		},
		SLA: SLA{AcceptWithin: 4 * time.Hour, ContactWithin: day, Clock: ClockWorking, MaxReassigns: 2,
			Ladder: []Step{{At: 50, Notify: NotifyRep}, {At: 100, Notify: NotifyManager}, {At: 150, Reassign: true}}},
		RejectReasons:  []RejectReason{{ID: "bad-data", FixableBy: "marketing"}, {ID: "no-fit", Sub: []string{"size", "industry", "role"}}, {ID: "duplicate"}},
		RecycleReasons: []RecycleReason{{ID: "timing", WakeAfter: 90 * day}, {ID: "unreachable", WakeOn: WakeOnEngagement}, {ID: "other", WakeOn: WakeOnEngagement}},
		Goals:          []Goal{{ID: "mql-to-sql", Metric: "mql_to_sql_rate", Target: 0.3, Window: 90 * day}},
		Signatures:     []Signature{{"marketing", "kim"}, {"sales", "ana"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !got.Signed() {
		t.Error("both roles signed, but Signed is false")
	}
	if r, ok := got.RejectReason("no-fit/role"); !ok || r.ID != "no-fit" {
		t.Error("a sub-reason was not found")
	}
	if _, ok := got.RejectReason("no-fit/weather"); ok {
		t.Error("a sub-reason that does not exist was found")
	}
}

func TestDefaults(t *testing.T) {
	got, err := Parse([]byte("agreement: a\nsignatures: [{role: sales, by: ana}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Agreement{Name: "a", Grades: Grades{75 * Point, 50 * Point, 25 * Point}, SLA: SLA{Clock: ClockElapsed}, Signatures: []Signature{{"sales", "ana"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got.Signed() {
		t.Error("one signature is not two")
	}
}

func TestErrorsNameLineFieldAndReason(t *testing.T) {
	rule := func(s string) string { return "agreement: a\nengagement:\n  - { " + s + " }\n" }
	for name, c := range map[string]struct{ text, want string }{
		"no name":          {"half_life: 14d", "agreement: is missing"},
		"unknown key":      {"agreement: a\nhalflife: 14d", "line 2: halflife: is not known here"},
		"unknown rule key": {rule("id: x, on: page_viewed, points: 1, decay: 3d"), "line 3: engagement[0].decay: is not known here"},
		"twice":            {"agreement: a\nagreement: b", "line 2"},
		"not a type":       {rule("id: x, on: page_view, points: 1"), `line 3: engagement[0].on: "page_view" is not an event type`},
		"a request":        {rule("id: x, on: accepted, points: 1"), `is not an event type that rules can look at`},
		"no types":         {rule("id: x, on: [], points: 1"), "engagement[0].on: must name at least one event type"},
		"type twice":       {rule("id: x, on: [ad_clicked, ad_clicked], points: 1"), "given twice"},
		"no points":        {rule("id: x, on: page_viewed"), "engagement[0].points: is missing"},
		"points text":      {rule("id: x, on: page_viewed, points: many"), "engagement[0].points: must be a number"},
		"points nan":       {rule("id: x, on: page_viewed, points: .nan"), "engagement[0].points: must be text"},
		"points too fine":  {rule("id: x, on: page_viewed, points: 1.0000001"), "at most 6 digits"},
		"points too many":  {rule("id: x, on: page_viewed, points: 1000.5"), "must be between -1000 and 1000"},
		"points huge":      {rule("id: x, on: page_viewed, points: 99999999999999999999"), "engagement[0].points"},
		"id shape":         {rule("id: A B, on: page_viewed, points: 1"), "engagement[0].id: must be a name"},
		"id twice":         {"agreement: a\nfit: [{id: x, when: 'true', points: 1}, {id: x, when: 'true', points: 1}]", `fit[1].id: "x" is taken by line 2`},
		"cap count":        {rule("id: x, on: page_viewed, points: 1, cap: {count: 0, per: 1d}"), "engagement[0].cap.count: must be a whole number"},
		"cap per":          {rule("id: x, on: page_viewed, points: 1, cap: {count: 1, per: 5s}"), "engagement[0].cap.per: must be at least 1m"},
		"cap half":         {rule("id: x, on: page_viewed, points: 1, cap: {count: 1}"), "engagement[0].cap.per: is missing"},
		"cap scalar":       {rule("id: x, on: page_viewed, points: 1, cap: 2"), "engagement[0].cap: must be a mapping"},
		"half life":        {"agreement: a\nhalf_life: soon", "line 2: half_life: must be a duration such as"},
		"half life zero":   {"agreement: a\nhalf_life: 0d", "half_life: must be a duration"},
		"half life short":  {"agreement: a\nhalf_life: 1s", "half_life: must be at least 1m"},
		"long duration":    {"agreement: a\nhalf_life: 9999d", "at most 3660d"},
		"grades order":     {"agreement: a\ngrades: {a: 50, b: 50, c: 25}", "grades: must fall from a to c"},
		"grades range":     {"agreement: a\ngrades: {a: 500, b: 50, c: 25}", "grades.a: must be between 0 and 100"},
		"qualify all":      {"agreement: a\nqualify: [{id: x}]", "qualify[0]: needs when, matrix, on, or several"},
		"clock":            {"agreement: a\nsla: {clock: mine}", "sla.clock: must be working or elapsed"},
		"ladder percent":   {"agreement: a\nsla: {ladder: [{at: 50, notify: rep}]}", "sla.ladder[0].at: must be a percentage"},
		"ladder idle":      {"agreement: a\nsla: {ladder: [{at: 50%}]}", "sla.ladder[0]: does nothing"},
		"ladder order":     {"agreement: a\nsla: {ladder: [{at: 50%, notify: rep}, {at: 20%, notify: rep}]}", "steps must ascend"},
		"notify":           {"agreement: a\nsla: {ladder: [{at: 50%, notify: everybody}]}", "sla.ladder[0].notify: must be rep or manager"},
		"reassign":         {"agreement: a\nsla: {ladder: [{at: 50%, reassign: maybe}]}", "must be true or false"},
		"fixable":          {"agreement: a\nreject_reasons: [{id: x, fixable_by: it}]", "must be marketing or sales"},
		"wake on":          {"agreement: a\nrecycle_reasons: [{id: x, wake_on: sunday}]", "must be engagement"},
		"signature":        {"agreement: a\nsignatures: [{role: sales}]", "signatures[0].by: is missing"},
		"goal":             {"agreement: a\ngoals: [{id: x, metric: y, target: high}]", "goals[0].target"},
		"empty":            {"", "is empty"},
		"comment only":     {"# nothing\n", "is empty"},
		"a list":           {"- agreement", "must be a mapping"},
		"two documents":    {"agreement: a\n---\nagreement: b", "more than one document"},
		"broken":           {"agreement: [a", "is not YAML"},
		"not UTF-8":        {"agreement: \xff", "not UTF-8"},
		"NUL":              {"agreement: \x00", "not UTF-8"},
		"alias":            {"agreement: &x a\nhalf_life: *x", "anchors and aliases are not allowed"},
		"tag":              {"agreement: !!str a", "tags, directives"},
		"merge":            {"<<: {agreement: a}", "merge keys"},
		"complex key":      {"? [a]\n: b", "keys are plain names"},
		"long expression":  {"agreement: a\nfit: [{id: x, points: 1, when: '" + strings.Repeat("a", MaxExpression+1) + "'}]", "fit[0].when: is 4097 bytes long, at most 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("got %v, want Errors", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllErrorsAreGivenUpToALimit(t *testing.T) {
	var b strings.Builder
	b.WriteString("agreement: a\nfit:\n")
	for range 100 {
		b.WriteString("  - {id: x, nonsense: 1}\n")
	}
	_, err := Parse([]byte(b.String()))
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != strictyaml.MaxErrors {
		t.Fatalf("got %d errors, want %d", len(errs), strictyaml.MaxErrors)
	}
}

func TestHostileTextsAreRefusedQuickly(t *testing.T) {
	rules := "agreement: a\nfit:\n"
	for i := range 10_000 {
		rules += fmt.Sprintf("  - {id: r%d, when: 'true', points: 1}\n", i)
	}
	conditions := "agreement: a\nfit:\n"
	for i := range 17 {
		conditions += fmt.Sprintf("  - {id: r%d, when: '%s', points: 1}\n", i, strings.Repeat("x", MaxExpression))
	}
	for name, c := range map[string]struct{ text, want string }{
		"ten thousand rules": {rules, "fit: has 10000 entries, at most 1000 are allowed"},
		"long conditions":    {conditions, "has conditions of 69632 bytes in all, at most 65536 are allowed"},
		"too long":           {strings.Repeat("a", MaxBytes+1), "at most 1048576 are read"},
		"flow nesting":       {"agreement: " + strings.Repeat("[", 500_000), "nested too deeply"},
		"mapping nesting":    {"agreement: " + strings.Repeat("{a: ", 200_000), "nested too deeply"},
		"dashes":             {"agreement:\n  " + strings.Repeat("- ", 400_000), "nested too deeply"},
		"megabyte regex":     {"agreement: a\nfit: [{id: x, points: 1, when: 'lead.title.matches(\"" + strings.Repeat("(a|b)*", 150_000) + "\")'}]", "at most 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2000 {
				t.Errorf("got %.300v, want %s", err, c.want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"15m": 15 * time.Minute, "4h": 4 * time.Hour, "14d": 14 * day, "2w": 14 * day, "90s": 90 * time.Second, "1d12h": 36 * time.Hour, "3660d": MaxDuration,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "d", "14", "14 d", "-1d", "1.5h", "1h1d", "1h1h", "0s", "3661d", "999999999w", "99999999999999999999d", "1y", "٣d"} {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(everything))
	for _, s := range []string{"", "agreement: a", "- - - -", "? a", "a: &b c", "agreement: |\n  x", "agreement: a\nsla: {ladder: [{at: 50%}]}", "{", "agreement: \"\\uD800\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := Parse(text)
		if err != nil {
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > strictyaml.MaxErrors {
				t.Fatalf("not a list of errors: %v", err)
			}
			return
		}
		if a.Name == "" || !(a.Grades.A > a.Grades.B && a.Grades.B > a.Grades.C) {
			t.Fatalf("accepted without its required fields: %+v", a)
		}
		for _, r := range a.Engagement {
			if r.ID == "" || len(r.On) == 0 || r.HalfLife < 0 || (r.Cap.Count > 0) != (r.Cap.Per > 0) || r.Limit < 0 || r.Timeframe < 0 {
				t.Fatalf("accepted rule %+v", r)
			}
		}
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("the same text reads differently: %v", err)
		}
	})
}
