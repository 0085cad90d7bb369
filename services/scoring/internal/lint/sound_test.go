package lint

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// anExpression draws conditions that often contradict themselves.
func anExpression(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kind := rapid.IntRange(0, 8).Draw(t, "kind")
		if depth == 0 {
			kind = min(kind, 4)
		}
		operator := func() string {
			return rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")
		}
		number := func() string {
			return rapid.SampledFrom([]string{"0.0", "20.0", "50.0", "100.0"}).Draw(t, "number")
		}
		sub := anExpression(max(0, depth-1))
		switch kind {
		case 0:
			return rapid.SampledFrom([]string{"engagement ", "fit ", "lead.x "}).Draw(t, "score") + operator() + " " + number()
		case 1:
			return number() + " " + operator() + " engagement"
		case 2:
			return rapid.SampledFrom([]string{`grade == "a"`, `grade != "b"`, `"c" == grade`, `grade in ["a", "b"]`, `grade in ["c", "d", "e"]`, `grade in []`, `stage == "mql"`, `stage != "inquiry"`, `grade < "b"`}).Draw(t, "word")
		case 3:
			return rapid.SampledFrom([]string{`lead.x == "a"`, `lead.x != "a"`, `lead.x in ["a", 20.0]`, `lead.x == true`, `lead.x`, `has(lead.x)`, `lead.x == lead.x`, `lead.x > lead.y`}).Draw(t, "unknown")
		case 4:
			return rapid.SampledFrom([]string{"true", "false", "1 > 2", `size("ab") == 2`}).Draw(t, "constant")
		case 5:
			return "!(" + sub.Draw(t, "not") + ")"
		case 6:
			return "(" + sub.Draw(t, "left") + " || " + sub.Draw(t, "right") + ")"
		}
		return "(" + sub.Draw(t, "left") + " && " + sub.Draw(t, "right") + ")"
	})
}

// views are leads of all kinds that the drawn conditions can tell from each other.
func views(t *testing.T) []*core.View {
	a := &core.Agreement{Grades: [3]core.Micros{75 * core.Point, 50 * core.Point, 25 * core.Point}}
	var xs []core.Profile
	for _, x := range []*structpb.Value{nil, structpb.NewStringValue("a"), structpb.NewStringValue("b"), structpb.NewBoolValue(true), structpb.NewBoolValue(false),
		structpb.NewNumberValue(-1), structpb.NewNumberValue(20), structpb.NewNumberValue(30), structpb.NewNumberValue(100), structpb.NewNumberValue(101)} {
		if x == nil {
			xs = append(xs, nil)
			continue
		}
		encoded, err := proto.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		xs = append(xs, core.Profile{{Name: "other.x", Value: string(encoded)}, {Name: "other.y", Value: string(encoded)}})
	}
	var out []*core.View
	for _, engagement := range []core.Micros{0, 10, 20, 30, 50, 70, 100} {
		for _, fit := range []core.Micros{0, 20, 30, 50, 60, 80, 100} {
			for _, x := range xs {
				lead := &core.Lead{ID: "ld_e1", Fit: core.Fit{Points: fit * core.Point}, Profile: x}
				lead.Items = []core.Item{{Terms: &core.Terms{Rule: "r", Raw: engagement * core.Point}, Count: 1}}
				out = append(out, core.NewView(a, lead, nil, core.Inquiry, 0))
			}
		}
	}
	return out
}

func TestJudgementsAreTrue(t *testing.T) {
	compiler, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	all := views(t)
	var never, always, shadowed int
	compiles := func(when string) bool {
		_, err := compiler.Compile(&agreement.Agreement{Qualify: []agreement.QualifyRule{{ID: "x", When: when}}}, 1)
		return err == nil
	}
	rapid.Check(t, func(t *rapid.T) {
		a := &agreement.Agreement{
			Grades:     agreement.Grades{A: 75 * agreement.Point, B: 50 * agreement.Point, C: 25 * agreement.Point},
			Engagement: []agreement.EngagementRule{{ID: "all", On: []string{"page_viewed"}, Points: agreement.Point}},
			Fit:        []agreement.FitRule{{ID: "all", When: "true", Points: 100 * agreement.Point}},
			Qualify: []agreement.QualifyRule{
				{ID: "first", When: anExpression(3).Filter(compiles).Draw(t, "first"), Line: 1},
				{ID: "second", When: anExpression(3).Filter(compiles).Draw(t, "second"), Line: 2},
			},
		}
		compiled, err := compiler.Compile(a, 1)
		if err != nil {
			t.Fatal(err)
		}
		findings := Check(a)
		said := func(line int, text string) bool {
			return slices.ContainsFunc(findings, func(f Finding) bool { return f.Line == line && strings.HasPrefix(f.Text, text) })
		}
		for _, v := range all {
			var held [2]bool
			for i, r := range compiled.Qualify {
				held[i] = r.When.Eval(v).Holds
				if held[i] && said(i+1, "can never hold: ") || !held[i] && said(i+1, "always holds") {
					t.Fatalf("%s\nholds: %v, but found are\n%s", a.Qualify[i].When, held[i], report(findings))
				}
			}
			if held[1] && !held[0] && said(2, "never decides") {
				t.Fatalf("%s\ndecides, %s\ndoes not, but found are\n%s", a.Qualify[1].When, a.Qualify[0].When, report(findings))
			}
		}
		for _, f := range findings {
			switch {
			case strings.HasPrefix(f.Text, "can never hold: "):
				never++
			case strings.HasPrefix(f.Text, "always holds"):
				always++
			case strings.HasPrefix(f.Text, "never decides"):
				shadowed++
			}
		}
	})
	if never == 0 || always == 0 || shadowed == 0 {
		t.Errorf("%d never, %d always, %d shadowed: too little was judged", never, always, shadowed)
	}
}

// TestReachIsABound lets leads do as much as caps allow, as late as they can: their engagement stays within what is said to
// be reachable, and comes close.
func TestReachIsABound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 3).Draw(t, "count")
		per := time.Duration(rapid.IntRange(1, 48).Draw(t, "per")) * time.Hour
		halfLife := time.Duration(rapid.IntRange(1, 48).Draw(t, "half-life")) * time.Hour
		// So few points that nothing is clamped.
		rule := agreement.EngagementRule{Points: agreement.Micros(rapid.Int64Range(1000, 100_000).Draw(t, "points")), HalfLife: halfLife, Cap: agreement.Cap{Count: count, Per: per}}
		rule.Timeframe = time.Duration(rapid.IntRange(0, 96).Draw(t, "timeframe")) * time.Hour
		rule.Limit = agreement.Micros(rapid.Int64Range(-200_000, 200_000).Draw(t, "limit"))
		rule.Limit = max(rule.Limit, 0)
		exact := rule.Timeframe == 0 && rule.Limit == 0
		reach := reachOf(&agreement.Agreement{Engagement: []agreement.EngagementRule{rule}}, make([]condition, 1), "")

		terms := &core.Terms{Rule: "r", Raw: core.Micros(rule.Points), HalfLife: halfLife, CapCount: count, CapPer: per, Timeframe: rule.Timeframe, Limit: core.Micros(rule.Limit)}
		now := int64(1000 * per)
		times := map[int64]bool{}
		for bucket := int64(0); bucket < 500; bucket++ {
			for k := range int64(count) {
				times[now-bucket*int64(per)-k-1] = true // right before the end of a bucket
			}
		}
		for k := range int64(count) {
			times[now+k] = true
		}
		reached := func() float64 {
			lead := &core.Lead{}
			for at := range times {
				lead.Items = append(lead.Items, core.Item{At: at, ID: fmt.Sprint(at), Terms: terms, Count: 1})
			}
			slices.SortFunc(lead.Items, func(x, y core.Item) int { return int(x.At - y.At) })
			return lead.Engagement(now + int64(count)).Points()
		}
		if got := reached(); got > reach+rounding || exact && got < reach*0.97 {
			t.Fatalf("reached %v, said to be at most %v", got, reach)
		}
		for range 20 {
			times[rapid.Int64Range(0, now).Draw(t, "at")] = true
		}
		if got := reached(); got > reach+rounding {
			t.Fatalf("reached %v, said to be at most %v", got, reach)
		}
	})
}

func TestHostileAgreementsAreChecked(t *testing.T) {
	qualify := func(n int, when func(i int) string) string {
		var b strings.Builder
		b.WriteString("agreement: x\nqualify:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - { id: r%d, when: %s }\n", i, quote(when(i)))
		}
		return b.String()
	}
	repeated := func(n int, part func(k int) string, by string) string {
		parts := make([]string, n)
		for k := range parts {
			parts[k] = part(k)
		}
		return strings.Join(parts, by)
	}
	list := func(n int) string {
		return "[" + repeated(n, func(k int) string { return fmt.Sprint(k) }, ",") + "]"
	}
	for name, text := range map[string]string{
		"many pairs": qualify(1000, func(i int) string {
			return fmt.Sprintf(`lead.x%d == "a" || lead.y%d == "b" || engagement > %d`, i, i, i%90)
		}),
		"long and": qualify(8, func(i int) string {
			return repeated(180, func(k int) string { return fmt.Sprintf("lead.x != %d", k+i) }, "&&")
		}),
		"long or": qualify(8, func(i int) string {
			return "engagement > 20 && grade == \"a\" && (" + repeated(150, func(k int) string { return fmt.Sprintf("grade ==\"b\"&&fit>%d", k+i) }, "||") + ")"
		}),
		"lists": qualify(8, func(i int) string {
			return fmt.Sprintf("lead.x in %s && %s", list(500), repeated(100, func(k int) string { return fmt.Sprintf("lead.x != %d", k+i) }, "&&"))
		}),
		"loops": qualify(8, func(int) string { return fmt.Sprintf("%s.all(a, %s.all(b, a + b >= 0))", list(450), list(450)) }),
		"deep":  qualify(8, func(int) string { return strings.Repeat("!(", 25) + `grade == "a"` + strings.Repeat(")", 25) }),
		"same":  qualify(1000, func(int) string { return `engagement > 20 && grade == "a"` }),
	} {
		t.Run(name, func(t *testing.T) {
			a := parsed(t, text)
			start := time.Now()
			got := Check(a)
			took := time.Since(start)
			t.Logf("%d findings in %v", len(got), took)
			if len(got) > maxFindings {
				t.Errorf("%d findings", len(got))
			}
			for _, f := range got {
				if len(f.Text) > 2000 {
					t.Errorf("%d bytes: %.200s", len(f.Text), f.Text)
				}
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for _, file := range []string{"../../../../deploy/config/agreement.yaml", "../../../internal/demo/agreement.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(sound))
	for _, when := range []string{
		`!(grade in [])`, `[1].all(a, a > 0) && 1/0 == 1`, `{"a": 1}.a == 1`, `lead.?x.orValue(1) in [1, "a", true, 2.5]`, `b"\xff" == b""`, `dyn(null)`, `-9223372036854775808 < lead.x`,
		`grade == "a" ? true : lead`, `event.properties["a"][0] in ["\u0000"]`, `1u < 2u`, `lead.x == 1e308 && lead.x > -1e308`, `cel.bind(x, 1, x > 0)`, `has(lead.x.y)`,
	} {
		f.Add([]byte(strings.Replace(sound, qualifyLine, "  - { id: q, when: "+quote(when)+" }\n", 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := agreement.Parse(text)
		if err != nil {
			var errs agreement.Errors
			if !errors.As(err, &errs) {
				t.Fatal(err)
			}
			return
		}
		findings := Check(a)
		for _, f := range findings {
			if f.Field == "" || f.Text == "" || f.Line < 0 || f.Line > 1+strings.Count(string(text), "\n")+strings.Count(string(text), "\r") {
				t.Fatalf("got %+v", f)
			}
		}
		if !slices.Equal(findings, Check(a)) {
			t.Fatal("not the same twice")
		}
	})
}
