package fold_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// fullModel uses limits, a group, timeframes, a second score, a matrix and a disqualifying condition.
const fullModel = `agreement: lead-handoff
timeframe: 30d
groups: [ {id: content, limit: 30} ]
scores: [ {id: payroll} ]
engagement:
  - { id: page,    on: page_viewed, points: 8, limit: 20, group: content }
  - { id: ebook,   on: asset_downloaded, points: 15, group: content }
  - { id: webinar, on: event_attended, points: 50 }
  - { id: tour,    on: form_submitted, points: 12, limit: 20, score: payroll }
  - { id: left,    on: email_unsubscribed, points: -40, timeframe: 10d }
fit:
  - { id: size,    when: 'account.employees >= 200', points: 80 }
qualify:
  - { id: grades,  matrix: {a: 60, b: 80} }
  - { id: payroll, when: 'scores.payroll >= 20.0 && grade == "a"' }
disqualify:
  - { id: rival, when: 'account.domain in ["rival.example"]', because: sells the same }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func TestLimitsThroughTheFold(t *testing.T) {
	w := newWorld(t, fullModel)
	for range 4 {
		w.sees(ana, "page_viewed")
	}
	w.wantEngagement(ana, 20)
	w.sees(ana, "asset_downloaded")
	w.wantEngagement(ana, 30)
	w.sees(ana, "event_attended")
	w.wantEngagement(ana, 80)
	if got := w.lead(ana).Band; got != core.Hot {
		t.Errorf("band %q", got)
	}
	s := w.score(ana)
	limits := map[string]core.Micros{}
	for _, line := range s.Lines {
		if line.LimitedBy != "" {
			limits[line.LimitedBy+" "+line.Rule] = line.Points
		}
		if (line.Rule == "webinar") != (line.Group == "") {
			t.Errorf("group of %+v", line)
		}
	}
	if len(limits) != 2 || limits["rule_limit page"] != -12*core.Point || limits["group_limit content"] != -5*core.Point {
		t.Errorf("got %v", limits)
	}
	// With a day still to go nothing changes; at 30 days everything is gone at once, and a timer tells.
	w.Now = w.Now.Add(29 * day)
	w.wantEngagement(ana, 80)
	w.Advance(w.Now.Add(2 * day))
	bands := w.Facts("score_band_changed")
	if last := bands[len(bands)-1].Body; last.GetScoreBandChanged().To != core.Cold || !last.OccurredAt.AsTime().Equal(start.Add(30*day)) {
		t.Errorf("got %v", last)
	}
	w.wantEngagement(ana, 0)
	// A new version's terms hold for new events, and its limit as soon as one of them counts.
	w.sees(ana, "page_viewed")
	w.agree(2, strings.Replace(fullModel, "points: 8, limit: 20", "points: 8, limit: 10", 1))
	w.wantEngagement(ana, 8)
	w.sees(ana, "page_viewed")
	w.wantEngagement(ana, 10)
}

func TestAnotherScoreQualifiesAndTravels(t *testing.T) {
	w := newWorld(t, fullModel)
	w.sees(ana, "form_submitted", vpOfBigCompany)
	w.wantStages(ana, "inquiry")
	w.sees(ana, "form_submitted")
	w.wantStages(ana, "inquiry", "mql")
	q := w.Facts("qualified")[0].Body.GetQualified()
	if q.Rule != "payroll" || q.Score.Engagement != 0 || len(q.Score.Scores) != 1 {
		t.Fatalf("got %v", q)
	}
	n := q.Score.Scores[0]
	if n.Id != "payroll" || n.Engagement != 20 || n.Micros != "20000000" || len(n.Contributions) != 3 || n.Contributions[2].LimitedBy != core.LimitedByRule ||
		n.Contributions[2].Micros != "-4000000" || n.Contributions[2].Rule != "tour" {
		t.Errorf("got %v", n)
	}
}

func TestNobodyWhoIsDisqualifiedQualifies(t *testing.T) {
	w := newWorld(t, fullModel)
	of := func(domain string) func(*journalv1.Event) {
		return func(e *journalv1.Event) {
			e.Account = &journalv1.Account{Domain: proto.String(domain), Employees: proto.Int32(420)}
		}
	}
	w.sees(ana, "event_attended", of("rival.example"))
	w.sees(ana, "asset_downloaded")
	w.wantStages(ana, "inquiry")
	s := w.score(ana)
	if len(s.Disqualified) != 1 || s.Disqualified[0] != (core.Disqualifying{Rule: "rival", Because: "sells the same"}) || s.QualifiesBy != "" {
		t.Errorf("got %+v", s)
	}
	if m := w.lead(ana).Missing(w.book().Active(), w.Now.UnixNano()); m != nil {
		t.Errorf("missing: %v", m)
	}
	w.Now = w.Now.Add(hour)
	w.sees(ana, "identified", of("initech.example"))
	w.wantStages(ana, "inquiry", "mql")
	w.sees(ana, "identified", of("rival.example")) // she has been handed over: she stays
	w.wantStages(ana, "inquiry", "mql")
	// Of bo nothing is known: the condition is not evaluated, and does not stand in the way.
	w.sees(bo, "event_attended")
	if s := w.score(bo); len(s.Disqualified) != 0 || len(s.Missed) == 0 || s.Missed[len(s.Missed)-1].Rule != "rival" {
		t.Errorf("got %+v", s)
	}
}

func TestQualifiesWhenPointsAgainstAreTooOld(t *testing.T) {
	w := newWorld(t, fullModel)
	w.sees(ana, "email_unsubscribed", vpOfBigCompany)
	w.Now = w.Now.Add(hour)
	w.sees(ana, "event_attended")
	w.sees(ana, "asset_downloaded")
	w.wantEngagement(ana, 25)
	w.wantStages(ana, "inquiry")
	w.Advance(start.Add(11 * day))
	w.wantStages(ana, "inquiry", "mql")
	if at := w.Facts("qualified")[0].Body.OccurredAt.AsTime(); !at.Equal(start.Add(10 * day)) {
		t.Errorf("qualified at %v", at)
	}
}

// BenchmarkRules folds one event into a lead that a worker holds (apply, decide, deadlines), by how many rules there are for all
// of 20 event types together: what it costs depends on those of its own type. Expressions are real ones, and all are evaluated.
func BenchmarkRules(b *testing.B) {
	types := strings.Fields(`page_viewed asset_downloaded email_sent email_delivered email_opened email_clicked email_bounced email_unsubscribed form_submitted
		event_registered event_attended demo_requested pricing_requested trial_started product_used meeting_booked ad_clicked social_engaged chat_started call_logged`)
	agreementOf := func(n int) string {
		var text strings.Builder
		text.WriteString("agreement: many\nhalf_life: 14d\nengagement:\n")
		for i := range n {
			fmt.Fprintf(&text, "  - { id: r%d, on: %s, when: 'event.properties.url.contains(\"/p%d\")', points: 2, cap: {count: 5, per: 1d} }\n", i, types[i%len(types)], i/len(types))
		}
		return text.String() + "fit: [ {id: size, when: 'account.employees >= 200', points: 40} ]\nqualify: [ {id: q, when: 'grade == \"a\" && engagement > 90.0'} ]\n"
	}
	for _, n := range []int{10, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, agreementOf(n))
			w.sees(ana, "identified", vpOfBigCompany)
			for range 10 {
				w.Now = w.Now.Add(day / 2)
				w.sees(ana, "page_viewed", url("https://initech.example/p0"))
			}
			w.Now = w.Now.Add(day)
			blob := w.Entity(fold.Service, ana).Save(&leadstore.Mutation{})
			g, logic := w.Globals(fold.Service), fold.NewLogic(sharedLibrary(b), key)
			events := make([]*journal.Event, 100)
			for i := range events {
				events[i] = &journal.Event{Head: journal.Head{Seq: 1000, Logged: w.Now, Entity: ana, Type: "page_viewed"}, Body: &journalv1.Event{
					Id: fmt.Sprint("x", i), Source: "site", Entity: ana, Type: "page_viewed",
					OccurredAt: timestamppb.New(w.Now.Add(-time.Duration(i) * time.Second)), Identity: &journalv1.Identity{Email: "ana@initech.example"},
					Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue("https://initech.example/about")}},
				}}
			}
			var e journal.Entity
			next := 0
			b.ReportAllocs()
			for b.Loop() {
				if next == 0 { // the lead as it was, before it has seen them all
					var err error
					if e, err = logic.Load(ana, blob); err != nil {
						b.Fatal(err)
					}
				}
				ev := events[next]
				next = (next + 1) % len(events)
				if e.Apply(g, ev) == journal.Duplicate {
					b.Fatal("a duplicate")
				}
				var d journal.Decision
				e.Decide(g, ev, &d)
				e.Deadlines(g)
			}
		})
	}
}
