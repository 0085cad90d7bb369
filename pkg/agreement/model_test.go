package agreement

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everything states every field of every struct, where full leaves out what rules seldom have.
const everything = `agreement: lead-handoff
half_life: 14d
timeframe: 180d
groups: [ {id: content, limit: 30}, {id: prices, limit: 40} ]
scores: [ {id: payroll}, {id: ledger_2} ]
engagement:
  - { id: pricing, on: [page_viewed, ad_clicked], when: 'event.automated', points: 8, half_life: 30d, timeframe: 90d, cap: {count: 2, per: 1d}, limit: 20, group: prices, score: payroll, because: compares }
  - { id: ebook, on: asset_downloaded, when: event.automated, points: 10, half_life: 7d, cap: {count: 1, per: 7d}, limit: 12.5, group: content, score: ledger_2, because: asked }
fit:
  - { id: size, when: 'account.employees >= 200', points: 40, because: large enough }
grades: { a: 75, b: 50, c: 25 }
qualify:
  - { id: matrix, on: page_viewed, matrix: {b: 35, a: 20} }
  - { id: fast, on: demo_requested, matrix: {c: 0.5, d: 90} }
disqualify:
  - { id: competitor, when: 'account.domain in ["rival.example"]', because: sells the same }
  - { id: student, when: 'lead.title == "student"', because: does not buy }
sla:
  accept_within: 4h
  contact_within: 24h
  clock: working
  ladder: [ {at: 50%, notify: rep, reassign: true}, {at: 100%, notify: manager, reassign: true}, {at: 8h, overflow: true} ]
  contact_ladder: [ {at: 30m, notify: rep} ]
  max_reassigns: 2
  pause: {at_most: 5d}
handover: { at_once: [matrix], hold: {after_touch: 30m, after_mail: 4h, at_most: 24h}, owner: wait, owner_wait: 16h }
outreach: {quiet: 48h, sales_first: true}
reject_reasons:  [ {id: no-fit, fixable_by: marketing, sub: [size, industry]} ]
recycle_reasons: [ {id: timing, wake_after: 90d, wake_on: engagement} ]
goals: [ {id: mql-to-sql, metric: mql_to_sql_rate, target: 0.3, window: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func TestParseReadsTheModel(t *testing.T) {
	got := parsed(t, everything)
	want := parsed(t, everything)
	want.Timeframe = 180 * day
	want.Groups = []Group{{"content", 30 * Point, 4}, {"prices", 40 * Point, 4}}
	want.Scores = []Score{{"payroll", 5}, {"ledger_2", 5}}
	r := &want.Engagement[0]
	r.Timeframe, r.Limit, r.Group, r.Score = 90*day, 20*Point, "prices", "payroll"
	r = &want.Engagement[1]
	r.Timeframe, r.Limit, r.Group, r.Score = 180*day, 12_500_000, "content", "ledger_2"
	want.Qualify = []QualifyRule{
		{ID: "matrix", On: []string{"page_viewed"}, When: `grade == "a" && engagement >= 20.0 || grade == "b" && engagement >= 35.0`, Matrix: []Cell{{"a", 20 * Point}, {"b", 35 * Point}}, Line: 13},
		{ID: "fast", On: []string{"demo_requested"}, When: `grade == "c" && engagement >= 0.5 || grade == "d" && engagement >= 90.0`, Matrix: []Cell{{"c", Point / 2}, {"d", 90 * Point}}, Line: 14},
	}
	want.Disqualify = []DisqualifyRule{
		{"competitor", `account.domain in ["rival.example"]`, "sells the same", 16}, {"student", `lead.title == "student"`, "does not buy", 17},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	a := parsed(t, "agreement: a\ntimeframe: 30d\nengagement: [{id: x, on: page_viewed, points: 1, timeframe: none}]")
	if a.Engagement[0].Timeframe != 0 {
		t.Errorf("none is %v", a.Engagement[0].Timeframe)
	}
}

func TestErrorsOfTheModel(t *testing.T) {
	rule := func(head, s string) string {
		return "agreement: a\n" + head + "\nengagement:\n  - { id: x, on: page_viewed, points: 1, " + s + " }\n"
	}
	many := make([]string, MaxScores+1)
	for i := range many {
		many[i] = fmt.Sprintf("{id: s%d}", i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown group":     {rule("groups: [{id: g, limit: 1}]", "group: h"), `line 4: engagement[0].group: "h" is not among the groups`},
		"unknown score":     {rule("scores: [{id: s}]", "score: t"), `line 4: engagement[0].score: "t" is not among the scores`},
		"two scores":        {rule("groups: [{id: g, limit: 1}]\nscores: [{id: s}]", "group: g }\n  - { id: y, on: page_viewed, points: 1, group: g, score: s"), `engagement[1].group: "g" is of the main score by "x" (line 5), and this rule is of score s`},
		"group's limit":     {"agreement: a\ngroups: [{id: g}]", "line 2: groups[0].limit: is missing"},
		"group twice":       {"agreement: a\ngroups: [{id: g, limit: 1}, {id: g, limit: 2}]", `groups[1].id: "g" is taken by line 2`},
		"limit 0":           {rule("", "limit: 0"), "engagement[0].limit: must be more than 0"},
		"limit against":     {rule("", "limit: -5"), "engagement[0].limit: must be between 0 and 1000"},
		"timeframe":         {rule("", "timeframe: 0d"), "engagement[0].timeframe: must be a duration"},
		"score's name":      {"agreement: a\nscores: [{id: pay-roll}]", "line 2: scores[0].id: must be a name of a-z, 0-9 and _"},
		"reserved":          {"agreement: a\nscores: [{id: in}]", "it is written scores.in there"},
		"too many scores":   {"agreement: a\nscores: [" + strings.Join(many, ", ") + "]", "scores: has 21 entries, at most 20"},
		"matrix and when":   {"agreement: a\nqualify: [{id: x, when: 'true', matrix: {a: 1}}]", "qualify[0].matrix: cannot stand beside when"},
		"empty matrix":      {"agreement: a\nqualify: [{id: x, matrix: {}}]", "qualify[0].matrix: must give the least engagement"},
		"matrix's grade":    {"agreement: a\nqualify: [{id: x, matrix: {e: 1}}]", "qualify[0].matrix.e: is not known here; known are a, b, c, d"},
		"matrix's number":   {"agreement: a\nqualify: [{id: x, matrix: {a: 101}}]", "qualify[0].matrix.a: must be between 0 and 100"},
		"disqualify always": {"agreement: a\ndisqualify: [{id: x}]", "line 2: disqualify[0].when: is missing"},
		"cyclic aliases":    {"agreement: a\nscores: &s [ *s ]", "anchors and aliases are not allowed"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestDiffOfTheModelInWords(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		want    string
	}{
		"limit":             {[]string{"limit: 20,", "limit: 25,"}, "engagement/pricing changed: pricing: limited to 20 → 25 points together\n"},
		"limit gone":        {[]string{"limit: 20, ", ""}, "engagement/pricing changed: pricing: limited to 20 points together → without a limit\n"},
		"group's limit":     {[]string{"limit: 30", "limit: 1"}, "groups/content changed: content: limited to 30 → 1 point together\n"},
		"group":             {[]string{"group: content, ", ""}, "engagement/ebook changed: ebook: group content → none\n"},
		"new group":         {[]string{"{id: content, limit: 30}", "{id: content, limit: 30}, {id: new, limit: 5}"}, "groups/new added: new: new limited to 5 points together\n"},
		"score":             {[]string{"score: payroll, ", ""}, "engagement/pricing changed: pricing: counts for score payroll → the main score\n"},
		"new score":         {[]string{"{id: payroll}", "{id: payroll}, {id: tax}"}, "scores/tax added: new: tax is a score of its own\n"},
		"timeframe":         {[]string{"timeframe: 90d", "timeframe: none"}, "engagement/pricing changed: pricing: counts for 90d → good\n"},
		"all timeframes":    {[]string{"timeframe: 180d", "timeframe: 365d"}, "general/timeframe changed: events count for 180d → 365d, for ebook\n"},
		"matrix":            {[]string{"{b: 35, a: 20}", "{a: 25, c: 60}"}, "qualify/matrix changed: matrix: grade a from 20 → 25 points of engagement\nqualify/matrix changed: matrix: grade c never → from 60 points of engagement\nqualify/matrix changed: matrix: grade b from 35 points of engagement → never\n"},
		"matrix to when":    {[]string{"matrix: {c: 0.5, d: 90}", "when: 'grade != \"d\"'"}, "qualify/fast changed: fast: condition changed from `grade == \"c\" && engagement >= 0.5 || grade == \"d\" && engagement >= 90.0` to `grade != \"d\"`\n"},
		"a matrix's rule":   {[]string{"id: fast,", "id: quick,"}, "qualify/quick added: new: quick qualifies with demo_requested, grade c from 0.5 points, grade d from 90 points of engagement\nqualify/fast removed: removed: fast (qualified with demo_requested, grade c from 0.5 points, grade d from 90 points of engagement)\n"},
		"disqualify":        {[]string{"rival.example", "rivals.example"}, "disqualify/competitor changed: competitor: condition changed from `account.domain in [\"rival.example\"]` to `account.domain in [\"rivals.example\"]`\n"},
		"disqualify's name": {[]string{"id: student", "id: pupil"}, "disqualify/pupil added: new: pupil keeps leads from qualifying when `lead.title == \"student\"`\ndisqualify/student removed: removed: student (kept leads from qualifying when `lead.title == \"student\"`)\n"},
		"a rule with all":   {[]string{"id: pricing", "id: price"}, "engagement/price added: new: price gives 8 points for page_viewed or ad_clicked when `event.automated`, at most 2 times a day, half-life 30d, for 90d, limited to 20 points together, in group prices, counting for score payroll\nengagement/pricing removed: removed: pricing (8 points for page_viewed or ad_clicked when `event.automated`)\n"},
	} {
		for i := 0; i < len(c.replace); i += 2 {
			if !strings.Contains(everything, c.replace[i]) {
				t.Fatalf("%q is not in the text", c.replace[i])
			}
		}
		got := lines(Diff(parsed(t, everything), parsed(t, strings.NewReplacer(c.replace...).Replace(everything))))
		if got != c.want {
			t.Errorf("%s: got:\n%swant:\n%s", name, got, c.want)
		}
	}
}

func TestDeepBlockNestingIsRefusedQuickly(t *testing.T) {
	var b strings.Builder
	b.WriteString("agreement: a\n")
	for i := range 1400 { // spaces and all, just below the size that is read
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	start := time.Now()
	if _, err := Parse([]byte(b.String())); err == nil {
		t.Error("it was read")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
