package celrules_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/agreement"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

func compiler(t testing.TB) *celrules.Compiler {
	t.Helper()
	c, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rule compiles one expression as a qualify rule, which sees everything.
func rule(t testing.TB, expression string) (core.Program, error) {
	t.Helper()
	a, err := compiler(t).Compile(&agreement.Agreement{Qualify: []agreement.QualifyRule{{ID: "x", When: expression, Line: 7}}}, 1)
	if err != nil {
		return nil, err
	}
	return a.Qualify[0].When, nil
}

func view(t testing.TB) *core.View {
	t.Helper()
	properties, err := structpb.NewStruct(map[string]any{
		"url": "https://initech.example/pricing?x=1", "count": 3, "plan": map[string]any{"name": "pro", "seats": 12.5},
		"tags": []any{"b", "a"}, "nothing": nil, "ok": true, "z": 1, "y": 2, "x": 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	seniority, err := proto.Marshal(structpb.NewStringValue("c-level"))
	if err != nil {
		t.Fatal(err)
	}
	event := &core.Event{
		ID: "e1", Type: "page_viewed", Source: "site", Channel: "email", Content: core.Asset{Topic: "pricing", Persona: "buyer", Kind: "video"}, At: int64(90 * 24 * time.Hour), Now: int64(91 * 24 * time.Hour),
		Raw: &journalv1.Event{Properties: properties},
	}
	lead := &core.Lead{ID: "ld_e1", Email: "ana@initech.example", Fit: core.Fit{Points: 40 * core.Point}, Profile: core.Profile{
		{Name: "account.employees", Value: "420"}, {Name: "account.name", Value: "Initech"}, {Name: "external.hubspot", Value: "123"},
		{Name: "first_name", Value: "Ana"}, {Name: "other.seniority", Value: string(seniority)}, {Name: "title", Value: "VP Engineering"},
	}, Consent: []core.Consent{{Key: "e:ana@initech.example", Purpose: "email", Decision: "granted"}},
		Rated: core.Rating{Account: "ac_x", Micros: 45_250_000, People: 3},
	}
	return core.NewView(&core.Agreement{Grades: [3]core.Micros{75 * core.Point, 50 * core.Point, 25 * core.Point}}, lead, event, "inquiry", event.Now)
}

func TestExpressions(t *testing.T) {
	v := view(t)
	for expression, want := range map[string]core.Verdict{
		`event.properties.url.contains("/pricing")`:                     {Holds: true},
		`event.properties.url.contains("/about")`:                       {},
		`event.properties.count == 3`:                                   {Holds: true},
		`event.properties.count >= 2.5 && event.properties.count < 4`:   {Holds: true},
		`event.properties.plan.name == "pro"`:                           {Holds: true},
		`event.properties.plan.seats > 12`:                              {Holds: true},
		`event.properties["plan"]["seats"] > 12`:                        {Holds: true},
		`"a" in event.properties.tags && event.properties.tags[0]=="b"`: {Holds: true},
		`event.properties.tags.exists(x, x == "a")`:                     {Holds: true},
		`event.properties.ok`:                                           {Holds: true},
		`has(event.properties.url) && !has(event.properties.nope)`:      {Holds: true},
		`event.properties.nope == "x"`:                                  {Missing: "nope is not known"},
		`event.properties.nothing.contains("x")`:                        {Missing: "no such overload"},
		`event.properties.?nope.orValue("x") == "x"`:                    {Holds: true},
		`event.type == "page_viewed" && event.source == "site"`:         {Holds: true},
		`event.topic == "pricing" && event.persona == "buyer"`:          {Holds: true},
		`event.asset_kind == "video" && !has(event.journey_stage)`:      {Holds: true},
		`event.journey_stage == "decision"`:                             {Missing: "event.journey_stage is not known"},
		`account.engagement > 45 && account.people == 3`:                {Holds: true},
		`has(account.engagement) && account.name == "Initech"`:          {Holds: true},
		`event.channel == "email" && !has(event.campaign)`:              {Holds: true},
		`event.campaign == "q4"`:                                        {Missing: "event.campaign is not known"},
		`event.campaign == "q4" || event.channel == "email"`:            {Holds: true},
		`event.occurred_at.getMonth() == 3`:                             {Holds: true},
		`event.received_at - event.occurred_at == duration("24h")`:      {Holds: true},
		`lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")`:      {Holds: true},
		`lead.first_name == "Ana" && lead.domain == "initech.example"`:  {Holds: true},
		`lead.country == "SE"`:                                          {Missing: "lead.country is not known"},
		`has(lead.country)`:                                             {},
		`lead.?country.orValue("SE") == "SE"`:                           {Holds: true},
		`lead.seniority == "c-level"`:                                   {Holds: true},
		`lead.shoe_size > 40`:                                           {Missing: "lead.shoe_size is not known"},
		`has(lead.seniority) && !has(lead.shoe_size)`:                   {Holds: true},
		`lead.external_ids.hubspot == "123"`:                            {Holds: true},
		`lead.consent["email"] == "granted"`:                            {Holds: true},
		`account.employees >= 200`:                                      {Holds: true},
		`account.employees >= 200.5`:                                    {Holds: true},
		`account.industry == "software"`:                                {Missing: "account.industry is not known"},
		`[lead][0].first_name == "Ana"`:                                 {Holds: true},
		`grade in ["a","b"] && engagement >= 20`:                        {},
		`engagement < 1 && fit >= 40 && stage == "inquiry"`:             {Holds: true},
		`event.properties.map(k, k)[0] == "count"`:                      {Holds: true}, // in order, always
		`dyn("text")`: {Missing: "gives string, not true or false"},
		`1 / 0 == 1`:  {Missing: "division by zero"},
	} {
		p, err := rule(t, expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		for range 20 { // the same every time
			if got := p.Eval(v); got != want {
				t.Errorf("%s: got %+v, want %+v", expression, got, want)
				break
			}
		}
	}
}

func TestWithoutEventItIsAbsent(t *testing.T) {
	p, err := rule(t, `event.type == "page_viewed"`)
	if err != nil {
		t.Fatal(err)
	}
	v := view(t)
	v.Event = nil
	if got := p.Eval(v); got.Holds || !strings.Contains(got.Missing, "event") {
		t.Errorf("got %+v", got)
	}
}

func TestWhatDoesNotCompileIsRefusedWithItsPlace(t *testing.T) {
	for expression, want := range map[string]string{
		`engagement >=`:                                              "line 7: qualify[0].when: column",
		`event.prperties.url == "x"`:                                 "undefined field 'prperties'",
		`score > 3`:                                                  "undeclared reference to 'score'",
		`engagement`:                                                 "must be true or false, but gives double",
		`lead.title > 3`:                                             "found no matching overload",
		`lead.title.matches("(")`:                                    "invalid matches argument",
		`"x".matches(event.properties.p)`:                            "must be written out",
		`"x".matches("(((a{100}){100}){5})")`:                        "", // the regex library or our limit refuses it
		`[1].all(a, [1].all(b, [1].all(c, a+b+c > 0)))`:              "nesting limit",
		`timestamp("yesterday") < timestamp("now")`:                  "timestamp",
		`baton.Lead{title: "x"}.title == "x"`:                        "messages cannot be made",
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): "",
		strings.Repeat("1+", 1500) + "1 == 1":                        "",
	} {
		_, err := rule(t, expression)
		var errs agreement.Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.80s: got %v, want %q", expression, err, want)
		}
	}
}

func TestFitLooksAtTheLeadAlone(t *testing.T) {
	for _, expression := range []string{"engagement > 1", `event.type == "x"`, "fit > 3", `grade == "a"`, `stage == "mql"`} {
		_, err := compiler(t).Compile(&agreement.Agreement{Fit: []agreement.FitRule{{ID: "x", When: expression, Line: 3}}}, 1)
		if err == nil || !strings.Contains(err.Error(), "line 3: fit[0].when") {
			t.Errorf("%s: got %v", expression, err)
		}
	}
}

func TestCostIsLimited(t *testing.T) {
	list := make([]any, 3000)
	for i := range list {
		list[i] = float64(i)
	}
	properties, err := structpb.NewStruct(map[string]any{"l": list})
	if err != nil {
		t.Fatal(err)
	}
	p, err := rule(t, `event.properties.l.all(a, event.properties.l.all(b, a + b >= 0.0))`)
	if err != nil {
		t.Fatal(err)
	}
	v := &core.View{Lead: &core.Lead{}, Event: &core.Event{Raw: &journalv1.Event{Properties: properties}}}
	start := time.Now()
	got := p.Eval(v)
	if got.Holds || !strings.Contains(got.Missing, "cost limit") {
		t.Errorf("got %+v", got)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestCompileIndexesRulesByType(t *testing.T) {
	a, err := compiler(t).Compile(&agreement.Agreement{
		Name: "n", Grades: agreement.Grades{A: 3, B: 2, C: 1},
		Engagement: []agreement.EngagementRule{
			{ID: "one", On: []string{"page_viewed"}, Points: 5, HalfLife: time.Hour, Cap: agreement.Cap{Count: 2, Per: time.Minute}, Because: "why"},
			{ID: "two", On: []string{"ad_clicked", "page_viewed"}, Points: 6},
		},
	}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.ByType["page_viewed"]) != 2 || len(a.ByType["ad_clicked"]) != 1 {
		t.Fatalf("got %+v", a.ByType)
	}
	want := core.Rule{Terms: core.Terms{Rule: "one", Raw: 5, HalfLife: time.Hour, CapCount: 2, CapPer: time.Minute, Version: 4}, Because: "why"}
	if got := *a.ByType["page_viewed"][0]; got != want {
		t.Errorf("got %+v", got)
	}
	if a.Grade(3) != "a" || a.Grade(2) != "b" || a.Grade(1) != "c" || a.Grade(0) != "d" {
		t.Error("grades are wrong")
	}
}

func TestThousandRulesCompileInBoundedTime(t *testing.T) {
	a := &agreement.Agreement{}
	for i := range agreement.MaxRules {
		a.Engagement = append(a.Engagement, agreement.EngagementRule{ID: fmt.Sprint("r", i), On: []string{"page_viewed"}, When: fmt.Sprintf(`event.properties.url.contains("/p%d") && lead.title.matches("(?i)vp|chief")`, i)})
	}
	start := time.Now()
	if _, err := compiler(t).Compile(a, 1); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func BenchmarkEval(b *testing.B) {
	v := view(b)
	for _, expression := range []string{
		`event.properties.url.contains("/pricing")`, `lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")`, `account.employees >= 200`,
		`grade in ["a","b"] && engagement >= 20`, `event.properties.tags.exists(x, x == "a")`,
	} {
		p, err := rule(b, expression)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expression, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Eval(v)
			}
		})
	}
}
