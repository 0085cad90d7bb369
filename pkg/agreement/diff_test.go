package agreement

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// full states every field of every struct.
const full = `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: [page_viewed, ad_clicked], when: 'event.properties.url.contains("/pricing")', points: 8, half_life: 30d, cap: {count: 2, per: 1d}, because: compares prices }
  - { id: ebook, on: asset_downloaded, when: event.automated, points: 10, cap: {count: 1, per: 7d}, because: asked for something of worth }
fit:
  - { id: size, when: 'account.employees >= 200', points: 40, because: large enough }
grades: { a: 75, b: 50, c: 25 }
qualify:
  - { id: matrix, on: page_viewed, when: 'grade == "a"' }
  - { id: fast-track, on: [demo_requested, meeting_booked], when: 'grade != "d"' }
sla:
  accept_within: 4h
  contact_within: 24h
  clock: working
  ladder: [ {at: 50%, notify: rep, reassign: true}, {at: 100%, notify: manager, reassign: true} ]
  max_reassigns: 2
reject_reasons:  [ {id: no-fit, fixable_by: marketing, sub: [size, industry]} ]
recycle_reasons: [ {id: timing, wake_after: 90d, wake_on: engagement} ]
goals: [ {id: mql-to-sql, metric: mql_to_sql_rate, target: 0.3, window: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func parsed(t testing.TB, text string) *Agreement {
	t.Helper()
	a, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func lines(diff []Difference) string {
	var b strings.Builder
	for _, d := range diff {
		fmt.Fprintf(&b, "%s/%s %s: %s\n", d.Part, d.ID, d.Kind, d.Text)
	}
	return b.String()
}

func TestDiffInWords(t *testing.T) {
	for name, c := range map[string]struct {
		// replace pairs in full
		replace []string
		want    string
	}{
		"nothing":         {nil, ""},
		"signatures":      {[]string{"by: ana", "by: bo"}, ""},
		"lines":           {[]string{"half_life: 14d\n", "half_life: 14d\n\n# why\n"}, ""},
		"order of types":  {[]string{"[page_viewed, ad_clicked]", "[ad_clicked, page_viewed]"}, ""},
		"points":          {[]string{"points: 10,", "points: 15,"}, "engagement/ebook changed: ebook: 10 → 15 points\n"},
		"one point":       {[]string{"points: 10,", "points: 1,"}, "engagement/ebook changed: ebook: 10 → 1 point\n"},
		"fine points":     {[]string{"points: 10,", "points: -2.500001,"}, "engagement/ebook changed: ebook: 10 → -2.500001 points\n"},
		"fit points":      {[]string{"points: 40", "points: 35"}, "fit/size changed: size: 40 → 35 points of fit\n"},
		"cap":             {[]string{"count: 2", "count: 3"}, "engagement/pricing changed: pricing: counts 2 → 3 times a day\n"},
		"cap's length":    {[]string{"{count: 2, per: 1d}", "{count: 4, per: 36h}"}, "engagement/pricing changed: pricing: counts 2 times a day → 4 times every 1d12h\n"},
		"cap gone":        {[]string{"cap: {count: 2, per: 1d}, ", ""}, "engagement/pricing changed: pricing: counted at most 2 times a day → every time\n"},
		"half-life":       {[]string{"half_life: 30d", "half_life: none"}, "engagement/pricing changed: pricing: half-life 30d → none (no decay)\n"},
		"all half-lives":  {[]string{"half_life: 14d", "half_life: 10d"}, "general/half_life changed: half-life 14d → 10d, for ebook\n"},
		"because":         {[]string{"because: compares prices", "because: \"about\\e to buy\""}, `engagement/pricing changed: pricing: because "compares prices" → "about\x1b to buy"` + "\n"},
		"condition":       {[]string{`grade == "a"`, `grade in ["a", "b"]`}, "qualify/matrix changed: matrix: condition changed from `grade == \"a\"` to `grade in [\"a\", \"b\"]`\n"},
		"spaces":          {[]string{`grade == "a"`, `grade  == "a"`}, "qualify/matrix changed: matrix: condition changed in its spaces only: `grade == \"a\"`\n"},
		"no condition":    {[]string{`when: event.automated, `, ``}, "engagement/ebook changed: ebook: condition `event.automated` dropped, now always\n"},
		"more types":      {[]string{"on: asset_downloaded", "on: [asset_downloaded, form_submitted]"}, "engagement/ebook changed: ebook: now also for form_submitted\n"},
		"other types":     {[]string{"on: asset_downloaded", "on: form_submitted"}, "engagement/ebook changed: ebook: for asset_downloaded → form_submitted\n"},
		"fewer types":     {[]string{"[demo_requested, meeting_booked]", "demo_requested"}, "qualify/fast-track changed: fast-track: no longer for meeting_booked\n"},
		"any event":       {[]string{"on: [demo_requested, meeting_booked], ", ""}, "qualify/fast-track changed: fast-track: looked at with demo_requested or meeting_booked alone, now with any event\n"},
		"grades":          {[]string{"a: 75", "a: 80"}, "grades/a changed: grade a from 75 → 80 points of fit\n"},
		"accept":          {[]string{"accept_within: 4h", "accept_within: 2h"}, "sla/accept_within changed: accept within 4h → 2h\n"},
		"contact":         {[]string{"contact_within: 24h\n", "\n"}, "sla/contact_within changed: contact within 1d → at any time\n"},
		"clock":           {[]string{"clock: working", "clock: elapsed"}, "sla/clock changed: time runs in working hours → around the clock\n"},
		"reassigns":       {[]string{"max_reassigns: 2", "max_reassigns: 3"}, "sla/max_reassigns changed: given to another rep at most 2 → 3 times\n"},
		"step":            {[]string{"{at: 100%, notify: manager, reassign: true}", "{at: 100%, notify: rep}, {at: 100%, notify: manager}"}, "sla/ladder 100% changed: step at 100% of the time: tell the manager and give it to another rep → tell the rep, then tell the manager\n"},
		"step moved":      {[]string{"at: 100%", "at: 150%"}, "sla/ladder 150% added: new step: at 150% of the time tell the manager and give it to another rep\nsla/ladder 100% removed: removed step: at 100% of the time tell the manager and give it to another rep\n"},
		"mendable":        {[]string{"fixable_by: marketing, ", ""}, "reject_reasons/no-fit changed: no-fit: marketing can mend it → nobody can mend it\n"},
		"finer reasons":   {[]string{"[size, industry]", "[industry, role]"}, "reject_reasons/no-fit changed: no-fit: no longer has the finer reason size\nreject_reasons/no-fit changed: no-fit: has the new finer reason role\n"},
		"wake":            {[]string{"wake_after: 90d, wake_on: engagement", "wake_after: 60d"}, "recycle_reasons/timing changed: timing: wakes after 90d or with the next engagement → wakes after 60d\n"},
		"goal":            {[]string{"target: 0.3", "target: 0.35"}, "goals/mql-to-sql changed: mql-to-sql: target 0.3 → 0.35\n"},
		"goal's window":   {[]string{", window: 90d", ""}, "goals/mql-to-sql changed: mql-to-sql: measured over 90d → all time\n"},
		"name":            {[]string{"agreement: lead-handoff", "agreement: handoff"}, "general/agreement changed: name: lead-handoff → handoff\n"},
		"rule replaced":   {[]string{"{ id: ebook, on: asset_downloaded, when: event.automated, points: 10, cap: {count: 1, per: 7d}, because: asked for something of worth }", "{ id: webinar, on: event_attended, points: 60 }"}, "engagement/webinar added: new: webinar gives 60 points for event_attended\nengagement/ebook removed: removed: ebook (10 points for asset_downloaded when `event.automated`)\n"},
		"a rule with all": {[]string{"{ id: ebook, on: asset_downloaded, when: event.automated, points: 10, cap:", "{ id: ebooks, on: asset_downloaded, when: event.automated, points: 10, half_life: 3d, cap:"}, "engagement/ebooks added: new: ebooks gives 10 points for asset_downloaded when `event.automated`, at most 1 time a week, half-life 3d\nengagement/ebook removed: removed: ebook (10 points for asset_downloaded when `event.automated`)\n"},
		"fit rule":        {[]string{"id: size, when", "id: large, when"}, "fit/large added: new: large gives 40 points of fit when `account.employees >= 200`\nfit/size removed: removed: size (40 points of fit when `account.employees >= 200`)\n"},
		"qualify rule":    {[]string{"id: fast-track", "id: asked"}, "qualify/asked added: new: asked qualifies with demo_requested or meeting_booked when `grade != \"d\"`\nqualify/fast-track removed: removed: fast-track (qualified with demo_requested or meeting_booked when `grade != \"d\"`)\n"},
		"reasons":         {[]string{"id: timing", "id: later", "id: no-fit", "id: misfit"}, "reject_reasons/misfit added: new: misfit marketing can mend it, finer reasons size, industry\nreject_reasons/no-fit removed: removed: no-fit (marketing can mend it, finer reasons size, industry)\nrecycle_reasons/later added: new: later wakes after 90d or with the next engagement\nrecycle_reasons/timing removed: removed: timing (wakes after 90d or with the next engagement)\n"},
		"goals":           {[]string{"id: mql-to-sql", "id: rate"}, "goals/rate added: new: rate mql_to_sql_rate of 0.3 over 90d\ngoals/mql-to-sql removed: removed: mql-to-sql (mql_to_sql_rate of 0.3 over 90d)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for i := 0; i < len(c.replace); i += 2 {
				if !strings.Contains(full, c.replace[i]) {
					t.Fatalf("%q is not in the text", c.replace[i])
				}
			}
			got := lines(Diff(parsed(t, full), parsed(t, strings.NewReplacer(c.replace...).Replace(full))))
			if got != c.want {
				t.Errorf("got:\n%swant:\n%s", got, c.want)
			}
		})
	}
}

func TestOrderCountsWhereTheFirstRuleDecides(t *testing.T) {
	swapped := func() *Agreement {
		a := parsed(t, full)
		slices.Reverse(a.Engagement)
		slices.Reverse(a.Fit)
		slices.Reverse(a.RejectReasons)
		return a
	}
	a, b := parsed(t, full), swapped()
	if got := Diff(a, b); got != nil {
		t.Errorf("got %s", lines(got))
	}
	slices.Reverse(b.Qualify)
	if got, want := lines(Diff(a, b)), "qualify/ changed: order (the first that holds decides): matrix, fast-track → fast-track, matrix\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	// A new rule between them moves nobody.
	b = parsed(t, full)
	b.Qualify = slices.Insert(b.Qualify, 1, QualifyRule{ID: "new", When: "true"})
	if got, want := lines(Diff(a, b)), "qualify/new added: new: new qualifies when `true`\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	// Of many, only those between the first and the last that moved are named, and not all of those.
	var many, moved Agreement
	for i := range 100 {
		many.Qualify = append(many.Qualify, QualifyRule{ID: fmt.Sprint("r", i)})
	}
	moved.Qualify = slices.Clone(many.Qualify)
	slices.Reverse(moved.Qualify[10:20])
	if got, want := lines(Diff(&many, &moved)), "qualify/ changed: order (the first that holds decides): r10, r11, r12, r13, r14, r15 and 4 more → r19, r18, r17, r16, r15, r14 and 4 more\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

func TestDiffOfNothing(t *testing.T) {
	if got := Diff(nil, nil); got != nil {
		t.Errorf("got %v", got)
	}
	a := parsed(t, full)
	if into, back := Diff(nil, a), Diff(a, nil); len(into) == 0 || len(into) != len(back) {
		t.Errorf("got %s and %s", lines(into), lines(back))
	}
}

// TestEveryFieldIsCompared changes one field after the other: one that is added to the agreement cannot be forgotten.
func TestEveryFieldIsCompared(t *testing.T) {
	changes := 0
	var visit func(path string, find func(root reflect.Value) reflect.Value)
	visit = func(path string, find func(root reflect.Value) reflect.Value) {
		changed := func(how string, change func(v reflect.Value)) {
			changes++
			a := parsed(t, everything)
			change(find(reflect.ValueOf(a).Elem()))
			if len(Diff(parsed(t, everything), a)) == 0 || len(Diff(a, parsed(t, everything))) == 0 {
				t.Errorf("%s %s makes no difference", path, how)
			}
		}
		v := find(reflect.ValueOf(parsed(t, everything)).Elem())
		switch _, field, _ := strings.Cut(path, "adder["); {
		case !v.IsZero():
		case slices.Contains([]string{".At", ".After", ".Notify", ".Reassign", ".Overflow"}, strings.TrimLeft(field, "0123456789]")):
			return // of a step some exclude others: another step has them
		default:
			t.Errorf("%s is not stated in the full agreement", path)
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.Name != "Line" && f.Name != "Signatures" {
					visit(path+"."+f.Name, func(root reflect.Value) reflect.Value { return find(root).Field(i) })
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(fmt.Sprintf("%s[%d]", path, i), func(root reflect.Value) reflect.Value { return find(root).Index(i) })
			}
			changed("shortened", func(v reflect.Value) { v.Set(v.Slice(1, v.Len())) })
			changed("emptied", func(v reflect.Value) { v.SetZero() })
		case reflect.String:
			changed("lengthened", func(v reflect.Value) { v.SetString(v.String() + "x") })
			changed("emptied", func(v reflect.Value) { v.SetString("") })
		case reflect.Bool:
			changed("turned", func(v reflect.Value) { v.SetBool(!v.Bool()) })
		case reflect.Int, reflect.Int64:
			changed("grown", func(v reflect.Value) { v.SetInt(v.Int() + 1) })
			changed("at zero", func(v reflect.Value) { v.SetInt(0) })
		case reflect.Float64:
			changed("grown", func(v reflect.Value) { v.SetFloat(v.Float() + 1) })
			changed("at zero", func(v reflect.Value) { v.SetFloat(0) })
		default:
			t.Errorf("%s is a %s: this test cannot change it", path, v.Kind())
		}
	}
	visit("agreement", func(root reflect.Value) reflect.Value { return root })
	if changes < 120 {
		t.Errorf("only %d changes were tried", changes)
	}
}

// anAgreement draws agreements that have much in common.
func anAgreement() *rapid.Generator[*Agreement] {
	text := func(t *rapid.T) string { return rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "text") }
	span := func(t *rapid.T) time.Duration {
		return rapid.SampledFrom([]time.Duration{0, time.Hour, 14 * 24 * time.Hour}).Draw(t, "span")
	}
	micros := func(t *rapid.T) Micros { return Micros(rapid.Int64Range(-2, 2).Draw(t, "points")) * Point / 2 }
	types := func(t *rapid.T) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"page_viewed", "ad_clicked"}), 0, 2, rapid.ID).Draw(t, "on")
	}
	ids := func(t *rapid.T) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4, rapid.ID).Draw(t, "ids")
	}
	return rapid.Custom(func(t *rapid.T) *Agreement {
		a := &Agreement{Name: text(t), HalfLife: span(t), Timeframe: span(t), Grades: Grades{micros(t), micros(t), micros(t)}}
		for _, id := range ids(t) {
			r := EngagementRule{ID: id, On: types(t), When: text(t), Points: micros(t), HalfLife: span(t), Because: text(t), Timeframe: span(t), Limit: micros(t), Group: text(t), Score: text(t)}
			if r.Cap.Per = span(t); r.Cap.Per > 0 {
				r.Cap.Count = rapid.IntRange(1, 2).Draw(t, "count")
			}
			a.Engagement = append(a.Engagement, r)
		}
		for _, id := range ids(t) {
			a.Fit = append(a.Fit, FitRule{ID: id, When: text(t), Points: micros(t), Because: text(t)})
		}
		for _, id := range ids(t) {
			q := QualifyRule{ID: id, On: types(t), When: text(t)}
			for _, g := range ids(t) {
				q.Matrix = append(q.Matrix, Cell{g, micros(t)})
			}
			slices.SortFunc(q.Matrix, func(a, b Cell) int { return strings.Compare(a.Grade, b.Grade) }) // as the parser gives it
			a.Qualify = append(a.Qualify, q)
		}
		for _, id := range ids(t) {
			a.Groups = append(a.Groups, Group{ID: id, Limit: micros(t)})
			a.Scores = append(a.Scores, Score{ID: id})
			a.Disqualify = append(a.Disqualify, DisqualifyRule{ID: id, When: text(t), Because: text(t)})
		}
		a.SLA = SLA{AcceptWithin: span(t), ContactWithin: span(t), Clock: text(t), MaxReassigns: rapid.IntRange(0, 1).Draw(t, "reassigns")}
		for at := range rapid.IntRange(0, 3).Draw(t, "steps") {
			a.SLA.Ladder = append(a.SLA.Ladder, Step{At: 50 * (at / 2), Notify: text(t), Reassign: rapid.Bool().Draw(t, "reassign"), Overflow: rapid.Bool().Draw(t, "overflow")})
		}
		a.SLA.Pause, a.SLA.OwnContactLadder = Pause{AtMost: span(t)}, rapid.Bool().Draw(t, "own ladder")
		a.Handover = Handover{AtOnce: ids(t), AfterTouch: span(t), AfterMail: span(t), AtMost: span(t), OwnerWait: span(t)}
		a.Outreach = Outreach{Quiet: span(t), SalesFirst: rapid.Bool().Draw(t, "sales first")}
		for _, id := range ids(t) {
			a.RejectReasons = append(a.RejectReasons, RejectReason{ID: id, FixableBy: text(t), Sub: types(t)})
			a.RecycleReasons = append(a.RecycleReasons, RecycleReason{ID: id, WakeAfter: span(t), WakeOn: text(t)})
			a.Goals = append(a.Goals, Goal{ID: id, Metric: text(t), Target: float64(len(a.Goals)), Window: span(t)})
		}
		return a
	})
}

func TestDiffBothWays(t *testing.T) {
	parts := []string{"scores", "groups", "engagement", "fit", "grades", "qualify", "disqualify", "sla", "handover", "outreach", "reject_reasons", "recycle_reasons", "goals", "general"}
	rapid.Check(t, func(t *rapid.T) {
		a, b := anAgreement().Draw(t, "a"), anAgreement().Draw(t, "b")
		if d := Diff(a, a); d != nil {
			t.Fatalf("from itself: %s", lines(d))
		}
		// told maps what is told of to its kind, as seen from the other side where swap says so.
		told := func(diff []Difference, swap bool) map[string]string {
			out := map[string]string{}
			for _, d := range diff {
				if swap && d.Kind != DiffChanged {
					d.Kind = map[string]string{DiffAdded: DiffRemoved, DiffRemoved: DiffAdded}[d.Kind]
				}
				out[d.Part+"/"+d.ID] = d.Kind
			}
			return out
		}
		there, back := Diff(a, b), Diff(b, a)
		if x, y := told(there, false), told(back, true); !reflect.DeepEqual(x, y) {
			t.Fatalf("there\n%sback\n%s", lines(there), lines(back))
		}
		if again := Diff(a, b); !slices.Equal(there, again) {
			t.Fatalf("not the same twice:\n%s%s", lines(there), lines(again))
		}
		part, removed := 0, false
		for _, d := range there {
			at := slices.Index(parts, d.Part)
			if at > part {
				part, removed = at, false
			}
			if at < part || removed && d.Kind != DiffRemoved || d.Text == "" || strings.Contains(d.Text, "\n") {
				t.Fatalf("%+v is out of order, or not one line, in\n%s", d, lines(there))
			}
			removed = d.Kind == DiffRemoved
		}
	})
}

func TestDiffOfLargeAgreementsIsQuick(t *testing.T) {
	var a, b Agreement
	for i := range MaxRules {
		id := fmt.Sprint("r", i)
		a.Engagement = append(a.Engagement, EngagementRule{ID: id, HalfLife: 1, On: []string{"page_viewed"}})
		b.Engagement = append(b.Engagement, EngagementRule{ID: id, HalfLife: 2, On: []string{"ad_clicked"}})
		a.Qualify = append(a.Qualify, QualifyRule{ID: id})
		a.SLA.Ladder = append(a.SLA.Ladder, Step{At: i, Reassign: true})
	}
	b.Qualify, b.SLA.Ladder = slices.Clone(a.Qualify), nil
	slices.Reverse(b.Qualify)
	start := time.Now()
	if got := len(Diff(&a, &b)); got != 3*MaxRules+1 {
		t.Errorf("got %d differences", got)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestFormattedNumbersReadBack(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Hour: "4h", 14 * day: "14d", day: "1d", 36 * time.Hour: "1d12h", 90 * time.Second: "1m30s", MaxDuration: "3660d",
		0: "0s", 1500 * time.Millisecond: "1.5s", -time.Hour: "-1h0m0s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for m, want := range map[Micros]string{0: "0", 10 * Point: "10", -25 * Point: "-25", 2_500_000: "2.5", -1: "-0.000001", 1_000_000_000: "1000", -1 << 63: "-9223372036854.775808"} {
		if got := FormatMicros(m); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, int64(MaxDuration/time.Second)).Draw(t, "seconds")) * time.Second
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
			t.Fatalf("%v is written %s, which reads %v, %v", d, FormatDuration(d), got, err)
		}
		m := Micros(rapid.Int64Range(-MaxPoints*int64(Point), MaxPoints*int64(Point)).Draw(t, "micros"))
		if got, err := parseMicros(FormatMicros(m)); err != nil || got != m {
			t.Fatalf("%d is written %s, which reads %d, %v", m, FormatMicros(m), got, err)
		}
	})
}
