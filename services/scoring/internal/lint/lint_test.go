package lint

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
)

func parsed(t testing.TB, text string) *agreement.Agreement {
	t.Helper()
	a, err := agreement.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func report(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%d %s %s\n", f.Line, f.Field, f.Text)
	}
	return b.String()
}

func TestWhatIsMeantGivesNoFindings(t *testing.T) {
	for _, file := range []string{"../../../../deploy/config/agreement.yaml", "../../../internal/demo/agreement.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := Check(parsed(t, string(text))); len(got) > 0 {
			t.Errorf("%s:\n%s", file, report(got))
		}
	}
	for name, text := range map[string]string{
		"example": `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: {count: 2, per: 1d} }
  - { id: ebook,   on: asset_downloaded, points: 10, half_life: 30d, because: asked for something of worth }
  - { id: left,    on: email_unsubscribed, points: -25, half_life: none }
  - { id: talks,   on: [event_registered, event_attended], points: 2.5 }
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
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`,
		"short": `agreement: lead-handoff
engagement:
  - { id: webinar, on: event_attended, points: 60 }
fit:
  - { id: all, when: 'true', points: 40 }
  - { id: senior,  when: 'lead.title.matches("(?i)vp")', points: 40, because: decides or signs }
qualify:
  - { id: matrix,     when: 'grade in ["a","b"] && engagement >= 20' }
`,
		"engagement alone": "agreement: x\nengagement: [ {id: a, on: page_viewed, points: 1} ]\nqualify: [ {id: a, when: engagement >= 20} ]\n",
		"fit alone is at its bound": "agreement: x\nengagement: [ {id: a, on: page_viewed, points: 1} ]\n" +
			"fit: [ {id: a, when: lead.ok, points: 50}, {id: b, when: lead.fine, points: 25} ]\nqualify: [ {id: a, when: grade == 'a'} ]\n",
	} {
		if got := Check(parsed(t, text)); len(got) > 0 {
			t.Errorf("%s:\n%s", name, report(got))
		}
	}
}

// sound is an agreement without findings; the tests replace a line of it.
const sound = `agreement: x
half_life: 14d
engagement:
  - { id: page, on: page_viewed, points: 1 }
fit:
  - { id: big, when: 'account.employees > 10', points: 100 }
qualify:
  - { id: ready, when: 'engagement > 30 && grade == "b"' }
sla: { accept_within: 4h, contact_within: 1d, ladder: [ {at: 50%, notify: rep} ] }
`

const (
	engagementLine = "  - { id: page, on: page_viewed, points: 1 }\n"
	fitLine        = "  - { id: big, when: 'account.employees > 10', points: 100 }\n"
	qualifyLine    = "  - { id: ready, when: 'engagement > 30 && grade == \"b\"' }\n"
	slaLine        = "sla: { accept_within: 4h, contact_within: 1d, ladder: [ {at: 50%, notify: rep} ] }\n"
)

// check replaces a line of the sound agreement and compares all findings.
func check(t *testing.T, replaced, by string, want ...string) {
	t.Helper()
	t.Run(by, func(t *testing.T) {
		if !strings.Contains(sound, replaced) {
			t.Fatal("nothing is replaced")
		}
		got := strings.TrimSuffix(report(Check(parsed(t, strings.Replace(sound, replaced, by, 1)))), "\n")
		if got != strings.Join(want, "\n") {
			t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func quote(expression string) string { return "'" + strings.ReplaceAll(expression, "'", "''") + "'" }

// compiles makes sure that a condition is one that is judged.
func compiles(t *testing.T, when string) {
	t.Helper()
	c, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compile(&agreement.Agreement{Qualify: []agreement.QualifyRule{{ID: "x", When: when}}}, 1); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

func TestConditions(t *testing.T) {
	for when, want := range map[string]string{
		// Those that never hold,
		`grade == "a" && grade == "b"`:                           "can never hold: `grade == \"a\"` and `grade == \"b\"` exclude each other",
		`"a" == grade && grade in ["b", "c"]`:                    "can never hold: `\"a\" == grade` and `grade in [\"b\", \"c\"]` exclude each other",
		`engagement > 50 && engagement < 20`:                     "can never hold: `engagement > 50` and `engagement < 20` exclude each other",
		`20 < engagement && !(engagement > 10)`:                  "can never hold: `20 < engagement` and `engagement <= 10` exclude each other",
		`engagement > 20 && engagement <= 20.0`:                  "can never hold: `engagement > 20` and `engagement <= 20` exclude each other",
		`engagement > 30 && (grade == "a" && engagement < 3)`:    "can never hold: `engagement > 30` and `engagement < 3` exclude each other",
		`(grade == "a" || grade == "b") && grade == "c"`:         "can never hold: `grade == \"c\"` and `grade == \"a\"` exclude each other",
		`!(grade != "a" || engagement < 9) && engagement == 5.0`: "can never hold: `engagement >= 9` and `engagement == 5` exclude each other",
		`lead.country == "SE" && lead.country == "NO"`:           "can never hold: `lead.country == \"SE\"` and `lead.country == \"NO\"` exclude each other",
		`lead.x == 1 && lead.x == "1"`:                           "can never hold: `lead.x == 1` and `lead.x == \"1\"` exclude each other",
		`lead.x > 1 && lead.x == "b"`:                            "can never hold: `lead.x > 1` and `lead.x == \"b\"` exclude each other",
		`event.automated && !event.automated`:                    "can never hold: `event.automated` and `!event.automated` exclude each other",
		`has(lead.x) && !has(lead.x)`:                            "can never hold: `has(lead.x)` and `!has(lead.x)` exclude each other",
		`size(lead.title) > 5 && size(lead.title) < 3`:           "can never hold: `size(lead.title) > 5` and `size(lead.title) < 3` exclude each other",
		`lead.x in [1,2] && lead.x in [2,3] && lead.x in [1,3]`:  "can never hold: `lead.x in [1, 2]`, `lead.x in [2, 3]`, `lead.x in [1, 3]` cannot all be so",
		`grade in []`:                       "can never hold: `grade in []` names nothing",
		`grade == "e"`:                      "can never hold: `grade == \"e\"` is never so: grades are a, b, c and d",
		`!(grade in ["a","b","c","d"])`:     "can never hold: `!(grade in [\"a\", \"b\", \"c\", \"d\"])` is never so: grades are a, b, c and d",
		`stage == "sales"`:                  "can never hold: `stage == \"sales\"` is never so: stages are inquiry, mql, routed, accepted, sql, opportunity, won, lost, recycled, disqualified",
		`stage == "recycled"`:               "can never hold: `stage == \"recycled\"` is never so: a lead qualifies while its stage is inquiry, and at no other",
		`stage != "inquiry"`:                "can never hold: `stage != \"inquiry\"` is never so: a lead qualifies while its stage is inquiry, and at no other",
		`engagement > 100`:                  "can never hold: `engagement > 100` is never so: engagement lies between 0 and 100",
		`fit < 0`:                           "can never hold: `fit < 0` is never so: fit lies between 0 and 100",
		`1 == 2`:                            "can never hold: it is false whatever event and lead it looks at",
		`engagement > 20 && size("a") > 2`:  "can never hold: it is false whatever event and lead it looks at",
		`[1,2].exists(x, x > 3)`:            "can never hold: it is false whatever event and lead it looks at",
		`1 / 0 == 1`:                        "can never hold: it cannot be evaluated (division by zero)",
		`dyn("text")`:                       "can never hold: it cannot be evaluated (gives string, not true or false)",
		`engagement > 30 && false`:          "can never hold: it is false whatever event and lead it looks at",
		`lead.x == "a" && (lead.x == "b" )`: "can never hold: `lead.x == \"a\"` and `lead.x == \"b\"` exclude each other",
		// those that always do,
		`true`:                               "always holds: it leaves nothing out",
		`engagement >= 0`:                    "always holds: it leaves nothing out",
		`grade != "x"`:                       "always holds: it leaves nothing out",
		`engagement > 30 || engagement < 40`: "always holds: it leaves nothing out",
		`grade == "a" || grade != "a"`:       "always holds: it leaves nothing out",
		`grade in ["a","b","c","d"]`:         "always holds: it leaves nothing out",
		// and those of which a part never does.
		`fit > 120 || engagement > 20`:                         "can never hold by its part `fit > 120`: `fit > 120` is never so: fit lies between 0 and 100",
		`engagement > 20 && (stage == "mql" || grade == "a")`:  "can never hold by its part `stage == \"mql\"`: `stage == \"mql\"` is never so: a lead qualifies while its stage is inquiry, and at no other",
		`grade == "a" && (grade == "b" || engagement > 3)`:     "can never hold by its part `grade == \"b\"`: `grade == \"a\"` and `grade == \"b\"` exclude each other",
		`false || lead.x == "a"`:                               "can never hold by its part `false`: it is false",
		`grade in ["a", "A"]`:                                  "compares grade with \"A\": grades are a, b, c and d",
		`engagement > 3 && grade != "e"`:                       "compares grade with \"e\": grades are a, b, c and d",
		`event.type == "page_view"`:                            "compares event.type with \"page_view\": there is no such event type",
		`!(grade == "a" && stage == "new") && engagement > 90`: "compares stage with \"new\": stages are inquiry, mql, routed, accepted, sql, opportunity, won, lost, recycled, disqualified",
	} {
		compiles(t, when)
		check(t, qualifyLine, "  - { id: ready, when: "+quote(when)+" }\n", "8 qualify[0].when "+want)
	}
}

func TestConditionsThatMakeADifference(t *testing.T) {
	for _, when := range []string{
		`grade == "a" || grade == "b"`,
		`grade in ["a","b"] && grade in ["b","c"]`,
		`engagement > 20 && engagement < 50`,
		`engagement >= 20 && engagement <= 20`,
		`engagement >= 100`,
		`fit >= 100`,
		`engagement > 30 || engagement < 10`,
		`(engagement > 50 || grade == "a") && (engagement < 20 || grade == "b")`,
		`lead.country == "SE" || lead.country != "SE"`, // not known: neither holds
		`has(lead.x) || !has(lead.y)`,
		`!has(lead.x) && grade == "a"`,
		`has(lead.x) && lead.x == "a"`,
		`event.automated || !event.automated`, // with a timer there is no event
		`event.type == "page_viewed" || event.type == "ad_clicked"`,
		`"a" in event.properties.tags && "b" in event.properties.tags`,
		`lead.title.matches("a") && !lead.title.matches("b")`,
		`lead.x != 1 && lead.x != 2`,
		`lead.x == 9007199254740993 && lead.x > 9007199254740992`, // one apart: not to be told in a float64
		`account.employees > 5 && account.employees < 500`,
		`lead.?country.orValue("SE") == "SE"`,
		`stage == "inquiry" && grade == "a"`,
		`grade == "a" ? engagement > 10 : engagement > 50`,
		`event.properties.tags.exists(x, x == "a") && event.properties.tags.exists(x, x == "b")`,
		`lead.a < lead.b && lead.b < lead.a || engagement > 3`,
		`grade < "c"`,
		`[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9,10].size() > 0 && a + b > 0))`, // too much to find out
	} {
		compiles(t, when)
		check(t, qualifyLine, "  - { id: ready, when: "+quote(when)+" }\n")
	}
	// What does not compile is said by compiling it.
	check(t, qualifyLine, "  - { id: ready, when: 'score >' }\n")
}

func TestEngagementRules(t *testing.T) {
	rule := func(lines ...string) string { return "  - { " + strings.Join(lines, " }\n  - { ") + " }\n" }
	page := "id: page, on: page_viewed, points: 1"
	for _, c := range []struct {
		by   string
		want []string
	}{
		{rule("id: page, on: page_viewed, points: 0", "id: ad, on: ad_clicked, points: 1"), []string{"4 engagement[0].points gives no points"}},
		{rule(`id: page, on: page_viewed, points: 1, when: 'event.type == "ad_clicked"'`, "id: ad, on: ad_clicked, points: 1"),
			[]string{"4 engagement[0].when can never hold: the rule looks at page_viewed alone, so that `event.type == \"ad_clicked\"` is never so"}},
		{rule(`id: page, on: [page_viewed, ad_clicked], points: 1, when: 'event.type == "ad_clicked"'`), nil},
		{rule(`id: page, on: page_viewed, points: 1, when: 'stage == "recycled" || stage == ""'`), nil},
		{rule(page, `id: e, on: ad_clicked, points: 1, when: "true"`), []string{"5 engagement[1].when always holds: it leaves nothing out"}},
		// The same twice.
		{rule(page, "id: again, on: [ad_clicked, page_viewed], points: 2"), []string{`5 engagement[1].on looks at the same as "page" (line 4) on page_viewed, and neither has a condition: both rules count`}},
		{rule(page, "id: other, on: ad_clicked, points: 1"), nil},
		{rule(page, "id: some, on: page_viewed, points: 1, when: event.automated"), nil},
		{rule("id: a, on: [page_viewed, ad_clicked], points: 1, when: lead.x == 1 && lead.y == 2.0", "id: b, on: [ad_clicked, page_viewed], points: 1, when: '2==lead.y  &&  lead.x == 1'"),
			[]string{`5 engagement[1].when is the same as that of "a" (line 4) on ad_clicked, page_viewed: both rules count`}},
		{rule("id: a, on: page_viewed, points: 1, when: lead.x == 1", "id: b, on: page_viewed, points: 1, when: lead.x == 2"), nil},
		{rule("id: a, on: page_viewed, points: 1, when: lead.x == 1", "id: b, on: ad_clicked, points: 1, when: lead.x == 1"), nil},
		{rule("id: a, on: page_viewed, points: 9, when: lead.x == 1, cap: {count: 2, per: 1d}", "id: b, on: page_viewed, points: 9, when: lead.x == 1, cap: {count: 9, per: 7d}"),
			[]string{`5 engagement[1].cap overlaps the cap of "a" (line 4) on page_viewed: with the same condition both rules count, one 9 in 7d and the other 2 in 1d`}},
		{rule("id: a, on: page_viewed, points: 9, when: lead.x == 1, cap: {count: 2, per: 1d}", "id: b, on: page_viewed, points: 9, when: lead.x == 1, cap: {count: 2, per: 1d}"),
			[]string{`5 engagement[1].when is the same as that of "a" (line 4) on page_viewed: both rules count`}},
		{rule("id: a, on: page_viewed, points: 9, when: lead.x ==", "id: b, on: page_viewed, points: 9, when: lead.x =="),
			[]string{`5 engagement[1].when is the same as that of "a" (line 4) on page_viewed: both rules count`}},
		// Caps and half-lives.
		{rule(page, "id: ad, on: ad_clicked, points: 1, half_life: 12h, cap: {count: 3, per: 1d}"), []string{"5 engagement[1].cap counts 3 in 1d, but half of that is gone after 12h: most of it is over long before it may count again"}},
		{rule(page, "id: ad, on: ad_clicked, points: 1, half_life: 12h, cap: {count: 3, per: 12h}"), nil},
		{rule(page, "id: ad, on: ad_clicked, points: 1, half_life: 1d, cap: {count: 3, per: 7d}"), nil},
		{rule(page, "id: ad, on: ad_clicked, points: 1, half_life: none, cap: {count: 3, per: 7d}"), nil},
		{rule(page, "id: ad, on: ad_clicked, points: 1, half_life: 1h"), nil},
	} {
		check(t, engagementLine, c.by, c.want...)
	}
	check(t, "engagement:\n"+engagementLine, "", "0 engagement there are no engagement rules: whatever leads do gives no points",
		"6 qualify[0].when can never hold: `engagement > 30` is out of reach: no rule gives points for engagement")
}

func TestOutOfReach(t *testing.T) {
	// With a half-life as long as the cap's span, a lead has at most count * points * (1 + 1/(1-1/2)) = 3 * count * points.
	capped := func(count int, more string) string {
		return fmt.Sprintf("  - { id: page, on: page_viewed, points: 4.9, half_life: 1d, cap: {count: %d, per: 1d} }\n%s", count, more)
	}
	const why = "qualify[0].when can never hold: `engagement > 30` is out of reach: with these caps, half-lives and limits engagement is at most "
	check(t, engagementLine, capped(1, ""), "8 "+why+"14.7")
	check(t, engagementLine, capped(2, ""), "8 "+why+"29.4")
	check(t, engagementLine, capped(3, ""))
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: 0.1, half_life: 30d, cap: {count: 1, per: 1h} }\n"))
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: -9 }\n"), "9 "+why+"29.4")
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: 1 }\n"))
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: 1, half_life: none, cap: {count: 1, per: 30d} }\n"))
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: 1, when: 1 > 2 }\n"), "5 engagement[1].when can never hold: it is false whatever event and lead it looks at", "9 "+why+"29.4")
	check(t, engagementLine, capped(2, "  - { id: ad, on: ad_clicked, points: 1, when: engagement > 40 }\n")) // out of reach were it not for itself

	fit := func(points int, more string) string {
		return fmt.Sprintf("  - { id: big, when: 'account.employees > 10', points: %d }\n%s", points, more)
	}
	const letter = "8 qualify[0].when can never hold: `grade == \"b\"` is out of reach: grade b begins at 50 points of fit, and all fit rules together give at most "
	check(t, fitLine, fit(75, ""))
	check(t, fitLine, fit(74, ""), "0 grades.a no lead can get grade a: it begins at 75 points, and all fit rules together give at most 74")
	check(t, fitLine, fit(50, "  - { id: small, when: 'account.employees > 5', points: 25 }\n"))
	check(t, fitLine, fit(49, ""), "0 grades.a no lead can get grade a: it begins at 75 points, and all fit rules together give at most 49",
		"0 grades.b no lead can get grade b: it begins at 50 points, and all fit rules together give at most 49", letter+"49")
	check(t, fitLine, fit(20, ""), "0 fit all rules together give at most 20 points, and grade c begins at 25: every lead gets grade d", letter+"20")
	check(t, fitLine, fit(80, "  - { id: none, when: 'true', points: -10 }\n"), "0 grades.a no lead can get grade a: it begins at 75 points, and all fit rules together give at most 70")
	check(t, fitLine, fit(80, "  - { id: some, when: lead.x == 1, points: -10 }\n"))
	check(t, fitLine, fit(70, "  - { id: some, when: lead.x == 1 && lead.x == 2, points: 10 }\n"),
		"0 grades.a no lead can get grade a: it begins at 75 points, and all fit rules together give at most 70",
		"7 fit[1].when can never hold: `lead.x == 1` and `lead.x == 2` exclude each other")
	check(t, fitLine, fit(80, "  - { id: some, when: lead.x == 1, points: 0 }\n"), "7 fit[1].points gives no points")
	check(t, "fit:\n"+fitLine, "", "6 qualify[0].when can never hold: `grade == \"b\"` is out of reach: grade b begins at 50 points of fit, and there are no fit rules")

	threshold := func(when string) string { return "  - { id: ready, when: " + quote(when) + " }\n" }
	small := strings.Replace(sound, fitLine, fit(60, ""), 1)
	for when, want := range map[string]string{
		`fit >= 60`:                      "",
		`fit > 60`:                       "8 qualify[0].when can never hold: `fit > 60` is out of reach: all fit rules together give at most 60",
		`grade in ["a","b"]`:             "",
		`grade == "a"`:                   "8 qualify[0].when can never hold: `grade == \"a\"` is out of reach: grade a begins at 75 points of fit, and all fit rules together give at most 60",
		`engagement > 20 || grade=="a"`:  "8 qualify[0].when can never hold by its part `grade == \"a\"`: `grade == \"a\"` is out of reach: grade a begins at 75 points of fit, and all fit rules together give at most 60",
		`!(grade in ["b", "c", "d"])`:    "8 qualify[0].when can never hold: `!(grade in [\"b\", \"c\", \"d\"])` is out of reach: grade a begins at 75 points of fit, and all fit rules together give at most 60",
		`grade != "a" && engagement > 3`: "",
	} {
		got := strings.TrimPrefix(report(Check(parsed(t, strings.Replace(small, qualifyLine, threshold(when), 1)))),
			"0 grades.a no lead can get grade a: it begins at 75 points, and all fit rules together give at most 60\n")
		if got != want+strings.Repeat("\n", min(len(want), 1)) {
			t.Errorf("%s: got %swant %s", when, got, want)
		}
	}
	check(t, qualifyLine, threshold(`grade == "d"`)+"grades: { a: 75, b: 50, c: 0 }\n",
		"8 qualify[0].when can never hold: `grade == \"d\"` is out of reach: grade c begins at 0 points of fit, so that nobody gets grade d")
}

func TestQualifyRules(t *testing.T) {
	rule := func(lines ...string) string { return "  - { " + strings.Join(lines, " }\n  - { ") + " }\n" }
	never := `9 qualify[1] never decides: "a" (line 8) above it holds whenever it does`
	for _, c := range []struct {
		by   string
		want []string
	}{
		{rule("id: a, when: engagement > 30", "id: b, when: 30.0 < engagement"), []string{never}},
		{rule("id: a, when: engagement > 30", "id: b, when: 'engagement > 30 && grade == \"a\"'"), []string{never}},
		{rule("id: a, when: engagement > 30", "id: b, when: engagement >= 50"), []string{never}},
		{rule("id: a, when: engagement > 30", "id: b, when: engagement >= 30"), nil},
		{rule("id: a, when: engagement >= 50", "id: b, when: engagement > 30"), nil},
		{rule(`id: a, when: 'grade in ["a","b"] && engagement >= 20'`, `id: b, when: 'grade == "a" && engagement >= 50'`), []string{never}},
		{rule(`id: a, when: 'grade in ["a","b"] && engagement >= 20'`, `id: b, when: 'grade == "c" && engagement >= 50'`), nil},
		{rule(`id: a, when: 'lead.x == 1'`, `id: b, when: 'lead.y == 2 && lead.x == 1'`), []string{never}},
		{rule(`id: a, when: 'lead.x == 1'`, `id: b, when: 'lead.y == 2 || lead.x == 1'`), nil},
		{rule(`id: a, when: 'lead.x > 1'`, `id: b, when: 'lead.x > 2'`), nil}, // not seen, nor reported
		{rule("id: a, on: page_viewed", "id: b, on: page_viewed, when: lead.x == 1"), []string{never}},
		{rule("id: a, on: page_viewed", "id: b, on: ad_clicked, when: lead.x == 1"), nil},
		{rule("id: a, on: page_viewed", "id: b, when: lead.x == 1"), nil},
		{rule("id: a, on: [page_viewed, ad_clicked], when: lead.x == 1", "id: b, on: ad_clicked, when: lead.x == 1"), []string{never}},
		{rule("id: a, on: ad_clicked, when: lead.x == 1", "id: b, on: [page_viewed, ad_clicked], when: lead.x == 1"), nil},
		{rule("id: a, when: lead.x == 1", "id: b, on: ad_clicked, when: lead.x == 1"), []string{never}},
		{rule("id: a, on: ad_clicked, when: lead.x == 1", "id: b, when: lead.x == 1"), nil},
		{rule("id: a, on: ad_clicked", "id: b, on: page_viewed", "id: c, on: [page_viewed, ad_clicked], when: lead.x == 1"),
			[]string{`10 qualify[2] never decides: for each of its event types a rule above it holds, "b" (line 9) the last of them, whenever it does`}},
		{rule("id: a, when: lead.x == 1 && lead.x == 2", "id: b, when: lead.x == 1 && lead.x == 2 && lead.y == 3"), []string{
			"8 qualify[0].when can never hold: `lead.x == 1` and `lead.x == 2` exclude each other",
			"9 qualify[1].when can never hold: `lead.x == 1` and `lead.x == 2` exclude each other"}},
		{rule("id: a, when: 'stage == \"inquiry\"'", "id: b, when: lead.x == 1"), []string{never}},
		{rule("id: a, when: lead.x ==", "id: b, when: lead.x == 2"), nil},
		{rule(`id: a, on: page_viewed, when: 'event.type == "ad_clicked"'`), []string{"8 qualify[0].when can never hold: the rule looks at page_viewed alone, so that `event.type == \"ad_clicked\"` is never so"}},
	} {
		check(t, qualifyLine, c.by, c.want...)
	}
	check(t, "qualify:\n"+qualifyLine, "", "0 qualify there are no qualify rules: no lead is ever handed over")
}

func TestSLA(t *testing.T) {
	for by, want := range map[string]string{
		"":                             "",
		"sla: { accept_within: 4h }\n": "",
		"sla: { ladder: [ {at: 50%, notify: rep} ] }\n":                                                                            "0 sla.ladder has steps, but neither accept_within nor contact_within is promised: they are never taken",
		"sla: { contact_within: 4h, ladder: [ {at: 50%, notify: rep} ] }\n":                                                        "0 sla.ladder has steps, but no accept_within: it watches contact_within alone, and reassigns nothing",
		"sla: { accept_within: 4h, ladder: [ {at: 50%, notify: rep}, {at: 150%, reassign: true} ] }\n":                             "0 sla.ladder[1].reassign gives the lead to another rep, but max_reassigns is 0: it never does",
		"sla: { accept_within: 4h, max_reassigns: 1, ladder: [ {at: 50%, notify: rep}, {at: 150%, reassign: true} ] }\n":           "",
		"sla: { accept_within: 4h }\nreject_reasons: [ {id: bad-data, fixable_by: marketing} ]\n":                                  "",
		"sla: { accept_within: 4h }\nrecycle_reasons: [ {id: timing, wake_after: 90d} ]\ngoals: [{id: a, metric: m, target: 1}]\n": "",
	} {
		if want == "" {
			check(t, slaLine, by)
		} else {
			check(t, slaLine, by, want)
		}
	}
}

func TestFindingsAreInTheOrderOfTheText(t *testing.T) {
	text := "agreement: x\nqualify:\n  - { id: a, when: 'engagement > 200' }\nengagement:\n  - { id: a, on: page_viewed, points: 0, when: 1 > 2 }\n"
	want := "3 qualify[0].when can never hold: `engagement > 200` is never so: engagement lies between 0 and 100\n" +
		"5 engagement[0].when can never hold: it is false whatever event and lead it looks at\n5 engagement[0].points gives no points\n"
	if got := report(Check(parsed(t, text))); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
