package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

var update = flag.Bool("update", false, "write the golden file")

var reportTime = time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(reportTime.Add(-d)) }

func line(side, rule, because, micros string, points float64) *journalv1.Contribution {
	return &journalv1.Contribution{Side: side, Rule: rule, Because: because, Micros: micros, Points: points}
}

func testPayload() *routingv1.Payload {
	const hour = time.Hour
	b := &routingv1.Brief{
		WhyNow:    []string{"Asked for a demo on 20 November 2026, 12:10 UTC.", "A good fit: decides or signs; large enough to need it."},
		Entry:     &routingv1.Entry{Channel: "paid_search", Campaign: "search-handoff", Url: "https://www.baton.example/blog/first-hour", At: ago(160 * hour)},
		Interests: []*routingv1.Interest{{Topic: "handoff", Weight: 0.61}, {Topic: "integration", Weight: 0.39}}, Persona: "economic-buyer", JourneyStage: "decision",
		Familiarity: "familiar",
		Content: []*routingv1.Content{
			{Asset: "logistics-story", Kind: "case-study", Topic: "results"}, {Asset: "handoff-webinar", Kind: "webinar", Topic: "handoff"},
		},
		OthersAtAccount: []*routingv1.Colleague{{LeadId: "ld_e1", Title: "Marketing Manager", Engagement: 31.4}, {LeadId: "ld_e2", Engagement: 4}},
		Campaigns:       []*routingv1.CampaignBrief{{Id: "search-handoff", Brief: "They searched for a way to hand leads over. Ask what went wrong last time before you show anything."}},
		SuggestedNext:   []*routingv1.Suggestion{{Asset: "return-calculator", Reason: "For the decision stage, where they are; not seen yet."}},
		Consent:         map[string]string{"email": "granted"},
	}
	for _, t := range []struct {
		kind, summary string
		before        time.Duration
	}{
		{"demo_requested", "Asked for a demo", 20 * time.Minute}, {"page_viewed", "Viewed /pricing", 22 * time.Minute}, {"page_viewed", "Viewed /docs/api", 25 * time.Minute},
		{"page_viewed", "Viewed /", 26 * time.Minute}, {"asset_downloaded", "Downloaded “How a carrier halved its response time” (case study on results)", 50 * hour},
		{"event_attended", "Attended “Webinar: five handoffs that failed” (webinar on handoff)", 52 * hour}, {"page_viewed", "Viewed /blog/first-hour", 160 * hour},
	} {
		b.Timeline = append(b.Timeline, &routingv1.TimelineEntry{Type: t.kind, Summary: t.summary, At: ago(t.before)})
	}
	return &routingv1.Payload{
		HandoffId: "ho_e1_1", Stage: "routed", Epoch: 1,
		Lead:    &routingv1.PayloadLead{Id: "ld_e0", Email: "hedda.birchmere@norvane.example", FirstName: "Hedda", LastName: "Birchmere", Title: "VP Sales", Country: "SE"},
		Account: &routingv1.AccountRef{Id: "ac-0", Name: "Norvane Logistics", Domain: "norvane.example", Match: &routingv1.AccountMatch{By: "email-domain", Confidence: 1}},
		Owner: &routingv1.Owner{Id: "cleo", Name: "Cleo Marlshaw", Team: "europe", Chosen: &routingv1.Chosen{
			Route: "named-account", Pool: "europe", Considered: []*journalv1.Considered{{Rep: "bo", Skipped: "away"}, {Rep: "ana", Skipped: "not their turn"}},
		}},
		Score: &journalv1.ScoreSnapshot{Fit: 100, Grade: "a", Engagement: 68.333333, AgreementVersion: 1, Contributions: []*journalv1.Contribution{
			line("engagement", "visit", "looks around", "333333", 0.333333), line("engagement", "visit", "looks around", "333333", 0.333333),
			line("engagement", "visit", "looks around", "333333", 0.333333), line("engagement", "demo", "asked to be shown", "34666667", 34.666667),
			line("engagement", "webinar", "gave us an hour", "14333333", 14.333333), line("engagement", "download", "asked for something of worth", "18333334", 18.333334),
			line("fit", "decides", "decides or signs", "35000000", 35), line("fit", "size", "large enough to need it", "35000000", 35),
			line("fit", "industry", "an industry that we serve well", "30000000", 30), line("engagement", "left", "capped", "0", 0),
		}},
		Brief: b, Sla: &routingv1.Sla{AcceptBy: ago(-4 * hour), ContactBy: ago(-24 * hour)},
	}
}

func testFunnel() *feedbackv1.Funnel {
	return &feedbackv1.Funnel{
		Leads: 1420,
		Stages: []*feedbackv1.FunnelStage{
			{Stage: "inquiry", Entered: 1420, Reached: 1420, Current: 1377, OfLeads: 1}, {Stage: "mql", Entered: 43, Reached: 43, OfLeads: 0.03, FromPrevious: 0.0303},
			{Stage: "routed", Entered: 43, Reached: 43, Current: 4, FromPrevious: 1}, {Stage: "won", Entered: 5, Reached: 5, Current: 5, FromPrevious: 0.5},
			{Stage: "lost"}, {Stage: "recycled", Entered: 9, Reached: 9, Current: 9},
		},
		BySource:  []*feedbackv1.FunnelSource{{Name: "site", Leads: 1200, Won: 4, Conversion: 4.0 / 1200, Qualified: 33, Accepted: 20, Sql: 11}},
		ByChannel: []*feedbackv1.FunnelSource{{Name: "paid_search", Leads: 220, Won: 1, Conversion: 1.0 / 220, Qualified: 9, Accepted: 8, Sql: 4}, {Name: "organic"}},
	}
}

func TestTheReportReadsAsItShould(t *testing.T) {
	s := &sheet{}
	printBrief(s, "Hedda Birchmere\n===============\n\nWHY NOW\n- Asked for a demo.\n", testPayload().GetScore())
	s.line("")
	printFunnel(s, testFunnel())
	s.line("")
	printReconciliation(s, &scoringv1.Reconciliation{Ok: true, Acknowledged: 6210, Applied: 5400, Duplicates: 810, Leads: 1420})
	s.item("Speed", latency([]time.Duration{40 * time.Millisecond, 90 * time.Millisecond, 1300 * time.Millisecond}))
	s.line("")
	printNext(s, "http://127.0.0.1:40001", "bin/baton", testPayload())
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(s.b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.b.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestABriefDoesNotUpsetTheTerminal(t *testing.T) {
	s := &sheet{}
	printBrief(s, "Cleo\x1b[31m\u202eMarlshaw\n", nil)
	if got := s.b.String(); strings.ContainsAny(got, "\x1b\u202e") || !strings.Contains(got, "Marlshaw") {
		t.Errorf("%q", got)
	}
}

// The lines that are shown add up to the sum that is shown, whatever was rounded.
func TestShownPointsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.Int64Range(-40_000_000, 100_000_000)).Draw(t, "parts")
		rounded, whole := cents(parts)
		var exact, shown int64
		for i, p := range parts {
			exact += p
			shown += rounded[i]
			if off := rounded[i]*10_000 - p; off <= -10_000 || off >= 10_000 {
				t.Fatalf("%d is shown as %d", p, rounded[i])
			}
		}
		if off := whole*10_000 - exact; off < -5_000 || off > 5_000 {
			t.Fatalf("the sum %d is shown as %d", exact, whole)
		}
		if shown != whole {
			t.Fatalf("the lines add up to %d, the sum is shown as %d", shown, whole)
		}
	})
}

func TestSmallWords(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1 000", count(1234567): "1 234 567", count(-1234): "-1 234", count(-123): "-123",
		span(4 * time.Hour): "4 h", span(90 * time.Minute): "1 h 30 min", span(50 * time.Hour): "2 days", span(59*time.Second + 40*time.Minute): "41 min",
		points(7913): "79.13", points(-2500): "-25.00", points(5): "0.05", percent(0.1024): "10.2 %", plural(1, "page", "pages"): "1 page",
		plural(1200, "page", "pages"): "1 200 pages", short("abcdef", 4): "abc…", short("ab", 4): "ab", latency(nil): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := strings.Join(wrap("one two  three four", 8), "|"); got != "one two|three|four" {
		t.Error(got)
	}
}

func TestShowsTheRichestBrief(t *testing.T) {
	poor := &record{payload: &routingv1.Payload{HandoffId: "poor"}}
	rich := &record{payload: testPayload()}
	answered := &record{payload: testPayload()}
	answered.payload.HandoffId = "answered"
	for _, list := range [][]*record{{poor, rich, answered}, {answered, rich, poor}} {
		if got := showpiece(list, map[string]bool{"answered": true}); got != rich {
			t.Errorf("showed %s", got.payload.GetHandoffId())
		}
	}
	if showpiece(nil, nil) != nil {
		t.Error("showed somebody where there is nobody")
	}
}

func TestProgress(t *testing.T) {
	now := reportTime
	clock := func() time.Time { now = now.Add(time.Second); return now }
	for terminal, want := range map[bool]string{
		true:  "\r\x1b[K   1.0 s  Mon\r\x1b[K   2.0 s  Tue\n",
		false: "   1.0 s  Tue\n",
	} {
		var out strings.Builder
		now = reportTime
		p := newProgress(&out, terminal, clock)
		p.doing("%s", "Mon")
		p.done("%s", "Tue")
		if out.String() != want {
			t.Errorf("terminal %v: %s", terminal, fmt.Sprintf("%q", out.String()))
		}
	}
}
