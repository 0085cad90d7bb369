package brief

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/routing/internal/core"
)

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func testDirectory() *core.Directory {
	d := &core.Directory{
		Assets: []core.Asset{
			{ID: "pricing-guide", Kind: "white-paper", Topic: "pricing", Stage: "decision", Persona: "economic-buyer"},
			{ID: "roi-sheet", Title: "What it saves", Kind: "calculator", Topic: "pricing", Stage: "decision", Persona: "economic-buyer", URL: "https://us.example/roi"},
			{ID: "api-tour", Kind: "video", Topic: "integration", Stage: "consideration", Persona: "developer"},
			{ID: "case-study", Kind: "case-study", Topic: "integration", Stage: "consideration"},
			{ID: "poster", Kind: "poster"},
		},
		Campaigns: []core.Campaign{{ID: "q4-launch", Name: "Q4 launch", Brief: "Twenty percent off until New Year."}},
	}
	d.Index()
	return d
}

func example() Input {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	return Input{
		At: now, WasEngagement: 21.4, Rule: "fast-track", Engagement: 21.4, Fit: 80, Grade: "a", Engagements: 9, First: ago(20 * 24 * time.Hour), Persona: "economic-buyer",
		Lines: []Line{
			{Side: "engagement", Rule: "ebook", Because: "asked for something of worth", Points: 9.7, Events: []string{"e3"}},
			{Side: "engagement", Rule: "pricing", Points: 8, Events: []string{"e1"}}, {Side: "engagement", Rule: "pricing", Points: 3.7, Events: []string{"e2"}},
			{Side: "engagement", Rule: "left", Because: "unsubscribed", Points: -25, Events: []string{"e4"}},
			{Side: "fit", Rule: "senior", Because: "Decides or signs", Points: 40}, {Side: "fit", Rule: "size", Points: 40},
		},
		Entry: &Item{Type: "page_viewed", Channel: "search", Campaign: "spring", At: ago(20 * 24 * time.Hour)},
		Timeline: []Item{
			{ID: "d1", Type: "demo_requested", At: ago(time.Minute)},
			{Type: "asset_downloaded", Asset: "pricing-guide", Campaign: "q4-launch", At: ago(24 * time.Hour)},
			{Type: "email_clicked", Campaign: "q4-launch", URL: "https://us.example/offer?token=secret", At: ago(25 * time.Hour)},
			{Type: "email_clicked", Automated: true, Asset: "api-tour", At: ago(26 * time.Hour)},
			{Type: "page_viewed", Asset: "case-study", At: ago(14 * 24 * time.Hour)},
		},
		Earlier: []Epoch{{Number: 1, Ended: "recycled", Reason: "timing", At: now.AddDate(0, -6, 0)}},
	}
}

func TestABriefWorthReading(t *testing.T) {
	b := Write(example(), testDirectory())
	wantWhy := []string{
		"Asked for a demo on 20 November 2026, 09:59 UTC.",
		"Pricing 2 times: 11.7 of 21.4 engagement points.",
		"Asked for something of worth: 9.7 of 21.4 engagement points.",
		"Fits, grade A: decides or signs; size.",
		"Did at least 3 things in the last seven days.",
		"Back again: epoch 1 ended as recycled (timing) on 20 May 2026.",
		"Qualified by the rule “fast track”: engagement 21.4, fit 80, grade A.",
	}
	var why []string
	for _, w := range b.Why {
		why = append(why, w.Text)
	}
	if !slices.Equal(why, wantWhy) {
		t.Errorf("why now:\n%s\nwant\n%s", strings.Join(why, "\n"), strings.Join(wantWhy, "\n"))
	}
	if !slices.Equal(b.Why[0].Events, []string{"d1"}) || !slices.Equal(b.Why[1].Events, []string{"e1", "e2"}) {
		t.Errorf("events behind it: %v, %v", b.Why[0].Events, b.Why[1].Events)
	}
	if b.Familiarity != Familiar || b.JourneyStage != "decision" {
		t.Errorf("%s, %s", b.Familiarity, b.JourneyStage)
	}
	if len(b.Interests) != 2 || b.Interests[0].Topic != "pricing" || b.Interests[0].Weight <= b.Interests[1].Weight {
		t.Errorf("interests: %+v", b.Interests)
	}
	wantTold := []string{
		"Asked for a demo",
		"Downloaded “pricing guide” (white paper on pricing)",
		"Clicked in a mail of “Q4 launch”: /offer",
		"Viewed “case study” (case study on integration)",
	}
	var told []string
	for _, l := range b.Timeline {
		told = append(told, l.Summary)
	}
	if !slices.Equal(told, wantTold) {
		t.Errorf("timeline:\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(wantTold, "\n"))
	}
	if want := []Campaign{{ID: "q4-launch", Name: "Q4 launch", Brief: "Twenty percent off until New Year."}, {ID: "spring"}}; !slices.Equal(b.Campaigns, want) {
		t.Errorf("campaigns: %+v", b.Campaigns)
	}
	want := []Suggestion{{
		Asset: "roi-sheet", Title: "What it saves", Kind: "calculator", URL: "https://us.example/roi",
		Reason: "On pricing, their main topic; for the decision stage, where they are; written for their role (economic buyer); not seen yet.",
	}}
	if !slices.Equal(b.Next, want) {
		t.Errorf("next: %+v", b.Next)
	}
	if len(b.Content) != 2 || b.Content[0].Asset != "pricing-guide" || b.Content[0].Kind != "white-paper" {
		t.Errorf("content: %+v", b.Content)
	}
}

func TestFamiliarity(t *testing.T) {
	for _, tc := range []struct {
		engagements int
		since       time.Duration
		earlier     bool
		want        string
	}{
		{1, 0, false, New}, {2, 100 * 24 * time.Hour, false, New}, {3, time.Hour, false, Passing}, {50, time.Hour, false, Passing},
		{8, 7 * 24 * time.Hour, false, Familiar}, {1, 0, true, Familiar},
	} {
		in := Input{At: now, First: now.Add(-tc.since), Engagements: tc.engagements}
		if tc.earlier {
			in.Earlier = []Epoch{{Number: 1}}
		}
		if got := Write(in, nil).Familiarity; got != tc.want {
			t.Errorf("%d over %s, earlier %v: %s, want %s", tc.engagements, tc.since, tc.earlier, got, tc.want)
		}
	}
}

func TestSuggestionsFitAndAreNew(t *testing.T) {
	in := Input{At: now, Persona: "developer", Timeline: []Item{{Type: "page_viewed", Asset: "case-study", At: now}}}
	b := Write(in, testDirectory())
	if len(b.Next) != 1 || b.Next[0].Asset != "api-tour" {
		t.Errorf("a developer who read the case study is sent %+v", b.Next)
	}
	if b.JourneyStage != "consideration" {
		t.Errorf("journey stage %s", b.JourneyStage)
	}
}

func TestNothingKnown(t *testing.T) {
	b := Write(Input{At: now}, nil)
	if b.Familiarity != New || b.JourneyStage != "" || len(b.Why)+len(b.Changed)+len(b.Cautions)+len(b.Actions)+len(b.Earlier)+len(b.Interests)+len(b.Next)+len(b.Timeline) != 0 {
		t.Errorf("%+v", b)
	}
}

func TestInterestsSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &core.Directory{}
		in := Input{At: now}
		for i := range rapid.IntRange(1, 40).Draw(t, "acts") {
			id := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "asset")
			d.Assets = append(d.Assets, core.Asset{ID: id, Topic: rapid.StringMatching(`[a-h]`).Draw(t, "topic")})
			in.Timeline = append(in.Timeline, Item{
				Type: rapid.SampledFrom([]string{"page_viewed", "asset_downloaded", "email_clicked"}).Draw(t, "type"), Asset: id,
				At: now.Add(-time.Duration(rapid.IntRange(-5, 5000).Draw(t, "age")+i) * time.Hour),
			})
		}
		d.Index()
		sum := 0.0
		for i, it := range interests(now, in.Timeline, d) {
			sum += it.Weight
			if it.Weight <= 0 || it.Topic == "" {
				t.Fatalf("interest %d: %+v", i, it)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("weights sum to %v", sum)
		}
	})
}
