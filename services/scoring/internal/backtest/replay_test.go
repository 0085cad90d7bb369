package backtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// restlessYAML has all that time alone can do: points for and against that decay, rules that hold when a score falls or
// rises again, and one that waits for an event.
const restlessYAML = `agreement: lead-handoff
half_life: 3d
engagement:
  - { id: page, on: page_viewed, points: 15, cap: {count: 2, per: 1d} }
  - { id: webinar, on: event_attended, points: 75, half_life: 2d }
  - { id: ebook, on: asset_downloaded, points: 45, half_life: none }
  - { id: topic, on: asset_downloaded, when: 'event.topic == "pricing"', points: 20 }
  - { id: company, on: page_viewed, when: 'account.engagement >= 30', points: 5 }
  - { id: left, on: email_unsubscribed, points: -60, half_life: 5d }
fit:
  - { id: senior, when: 'lead.title == "VP"', points: 80 }
qualify:
  - { id: cooled, when: 'grade == "a" && engagement > 30 && engagement < 40' }
  - { id: steady, when: 'engagement >= 44 && engagement < 60' }
  - { id: committee, when: 'grade == "a" && account.people >= 2 && account.engagement >= 70' }
  - { id: fast, on: [demo_requested], when: 'grade != "d"' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// handed is a qualification as anybody may state it.
type handed struct {
	lead, rule string
	epoch      int32
	at         int64
}

func compareHanded(a, b handed) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

// TestBacktestDecidesAsLiveScoringDoes: where the contender is what was in force from the first event on, it qualifies the
// same leads at the same times for the same reasons.
func TestBacktestDecidesAsLiveScoringDoes(t *testing.T) {
	lib, rules := library(t), compile(t, 1, restlessYAML)
	leads := []string{
		email("a"), email("b"), key.Lead(identity.ExternalID, "hubspot", "1"), key.Lead(identity.UserID, "", "7"), device("x"), device("y"),
	}
	total := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, lib, restlessYAML)
		day := 0.0
		for range rapid.IntRange(1, 60).Draw(rt, "events") {
			day += rapid.SampledFrom([]float64{0, 0, 0.01, 0.3, 1, 4}).Draw(rt, "days")
			lead := rapid.SampledFrom(leads).Draw(rt, "lead")
			kind := rapid.SampledFrom([]string{
				"page_viewed", "event_attended", "asset_downloaded", "asset_downloaded", "email_unsubscribed", "demo_requested", "identified",
				"linked", "linked", "consent_changed", "deal_won", "deal_lost", "repeat", "accepted", "directory",
			}).Draw(rt, "type")
			switch kind {
			case "linked":
				w.on(day, lead, kind, linkedTo(rapid.SampledFrom(leads).Draw(rt, "to")))
			case "identified":
				w.on(day, lead, kind, title("VP"), employer(rapid.SampledFrom([]string{"initech.example", "initech.example", "globex.example"}).Draw(rt, "employer")))
			case "consent_changed":
				w.on(day, lead, kind, consent(rapid.SampledFrom([]string{"granted", "granted", "objected"}).Draw(rt, "decision")))
			case "directory":
				w.directory(day, rapid.SampledFrom([]string{"pricing", "support"}).Draw(rt, "topic"))
			case "repeat":
				id := fmt.Sprintf("e%04d", rapid.IntRange(1, max(1, w.n)).Draw(rt, "of"))
				w.on(day, lead, "page_viewed", func(e *journalv1.Event) { e.Id = id })
			default:
				w.on(day, lead, kind, occurred(day-rapid.SampledFrom([]float64{0, 0, 1, 9}).Draw(rt, "late")),
					asset(rapid.SampledFrom([]string{"", "guide"}).Draw(rt, "asset")))
			}
		}
		var want []handed
		for _, f := range w.Facts("qualified") {
			want = append(want, handed{f.Entity, f.Body.GetQualified().Rule, f.Body.GetQualified().Epoch, f.Time().UnixNano()})
		}
		opt := Options{Key: key, Scan: scan(w.Log), Rules: []Contender{{"now", rules}, {"again", rules}}}
		h, err := replay(t.Context(), &opt, nil)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range opt.Rules {
			var got []handed
			for _, m := range h.players[i].members {
				for _, q := range m.qualified {
					got = append(got, handed{q.lead, q.rule, q.epoch, q.at})
				}
			}
			slices.SortFunc(got, compareHanded)
			slices.SortFunc(want, compareHanded)
			if !slices.Equal(got, want) {
				rt.Fatalf("contender %d:\ngot  %v\nlive %v", i, got, want)
			}
		}
		total += len(want)
	})
	if total < 20 {
		t.Errorf("only %d qualifications in all: the histories show too little", total)
	}
}

func TestTimersQualifyLeadsBetweenEvents(t *testing.T) {
	w := newWorld(t, library(t), restlessYAML)
	w.on(0, email("a"), "identified", title("VP"))
	w.on(0, email("a"), "event_attended") // 75 points: hot, and cooling
	w.on(9, email("b"), "page_viewed")
	live := w.Facts("qualified")
	if len(live) != 1 || live[0].Time().Equal(start) {
		t.Fatalf("live: got %d qualifications", len(live))
	}
	r := tried(t, Options{Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, restlessYAML)}}})
	if c := r.Comparison; c == nil || c.Both != 1 || c.Same != 1 || r.Contenders[0].Qualified != 1 {
		t.Errorf("got %+v", c)
	}
}

// TestTimersMoveToEarlierOnly: as a worker sets them.
func TestTimersMoveToEarlierOnly(t *testing.T) {
	var p player
	m := &member{id: email("a")}
	for _, at := range []int64{50, 70, 30} {
		p.arm(m, deadline{Timer: "band", At: at})
	}
	p.arm(m, deadline{Timer: "qualify", At: 30})
	var fired []string
	for len(p.alarms) > 0 {
		if a := p.alarms.take(); m.disarm(a.deadline) {
			fired = append(fired, fmt.Sprint(a.Timer, a.At))
		}
	}
	if !slices.Equal(fired, []string{"band30", "qualify30"}) {
		t.Errorf("fired: got %v", fired)
	}
}

func TestQuarantinedInputsAreLeftOut(t *testing.T) {
	w := newWorld(t, library(t), agreedYAML)
	w.on(0, email("a"), "event_attended")
	bad := w.Log[2]
	if bad.Type != "event_attended" {
		t.Fatalf("got %s", bad.Type)
	}
	w.on(1, email("b"), "event_attended")
	for _, service := range []string{"routing", "scoring"} {
		w.fact(service, email("a"), &journalv1.Event{Type: "quarantined", Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{
			InputSequence: fmt.Sprint(bad.Seq), Place: service,
		}}})
		want := map[string]int{"routing": 2, "scoring": 1}[service]
		opt := Options{Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, agreedYAML)}}}
		if r := tried(t, opt); r.Contenders[0].Qualified != want || r.People.Seen != want {
			t.Errorf("quarantined by %s: got %d leads, %d qualified, want %d", service, r.People.Seen, r.Contenders[0].Qualified, want)
		}
	}
}

func TestAnImportedHistoryHasItsOwnClock(t *testing.T) {
	w := newWorld(t, library(t), restlessYAML)
	w.on(400, email("a"), "asset_downloaded", occurred(3)) // 45 points that stay
	w.on(400, email("b"), "page_viewed", occurred(4))
	w.on(400, email("b"), "page_viewed", occurred(5))
	opt := Options{Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, restlessYAML)}}}
	opt.ByOccurrence = func(e *journal.Event) bool { return e.Body.Source == "site" }
	r := tried(t, opt)
	// The handoff that really was came with the import, a year later.
	if len(r.Weeks) == 0 || r.Weeks[0].Week != "2026-W45" || r.Weeks[0].Qualified[0] != 1 {
		t.Errorf("got %+v", r.Weeks)
	}
	if b := r.predictions[0][slices.IndexFunc(r.predictions[0], func(p prediction) bool { return p.lead == email("b") })]; b.score < 13_000_000 {
		t.Errorf("score of two page views, a day apart: got %s", b.score) // (15 + 15/2^(1/3)) / 2
	}
}

func TestOptionsAreChecked(t *testing.T) {
	rules := compile(t, 1, agreedYAML)
	ok := Options{Scan: scan(nil), Rules: []Contender{{"now", rules}}}
	for want, change := range map[string]func(*Options){
		"no journal":      func(o *Options) { o.Scan = nil },
		"0 agreements":    func(o *Options) { o.Rules = nil },
		"no version":      func(o *Options) { o.Rules = []Contender{{"now", compile(t, 0, agreedYAML)}} },
		"no name":         func(o *Options) { o.Rules = []Contender{{"", rules}} },
		"same name":       func(o *Options) { o.Rules = []Contender{{"now", rules}, {"now", rules}} },
		"ends before":     func(o *Options) { o.From, o.To = start.Add(time.Hour), start },
		"capacity of kim": func(o *Options) { o.Capacity = map[string]int{"kim": -1} },
	} {
		o := ok
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestProgressAndCancelling(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var told []uint64
	opt := Options{Rules: []Contender{{"now", compile(t, 1, agreedYAML)}}, Key: key}
	opt.Progress = func(n uint64) {
		if told = append(told, n); len(told) == 2 {
			cancel()
		}
	}
	opt.Scan = func(_ context.Context, _ uint64, f func(*journal.Event) error) error {
		for i := range uint64(50_000) {
			ev := &journal.Event{Head: journal.Head{Seq: i + 1, Entity: email("a"), Type: "page_viewed", Logged: start}, Body: &journalv1.Event{Id: "same"}}
			if err := f(ev); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := Run(ctx, opt); err == nil || !slices.Equal(told, []uint64{10_000, 20_000}) {
		t.Errorf("got %v after %v", err, told)
	}
}

// An asset is what the catalogue said it was when the event came, not what it says at the end.
func TestTheCatalogueIsThatOfTheEventsPlace(t *testing.T) {
	const yaml = `agreement: lead-handoff
half_life: none
engagement: [ { id: topic, on: asset_downloaded, when: 'event.topic == "pricing"', points: 20 } ]
qualify: [ { id: warm, when: 'engagement >= 20' } ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`
	w := newWorld(t, library(t), yaml)
	w.directory(0, "support")
	w.on(1, email("a"), "asset_downloaded", asset("guide"))
	w.directory(2, "pricing")
	w.on(3, email("b"), "asset_downloaded", asset("guide"))
	w.directory(4, "support")
	w.on(5, email("c"), "asset_downloaded", asset("guide"))
	opt := Options{Key: key, Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, yaml)}}}
	h, err := replay(t.Context(), &opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"a": 0, "b": 1, "c": 0} {
		if got := len(h.players[0].members[email(name)].qualified); got != want {
			t.Errorf("%s qualified %d times, want %d", name, got, want)
		}
	}
}

// The committee is counted in a backtest as it is live, its cooling down included.
func TestACommitteeIsCountedInABacktest(t *testing.T) {
	const yaml = `agreement: lead-handoff
half_life: none
engagement: [ { id: ebook, on: asset_downloaded, points: 45 } ]
fit: [ { id: senior, when: 'lead.title == "VP"', points: 80 } ]
qualify:
  - { id: hot,    when: 'grade == "a" && account.engagement >= 90' }
  - { id: cooled, when: 'grade == "a" && account.engagement >= 10 && account.engagement < 30' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`
	w := newWorld(t, library(t), yaml)
	for _, name := range []string{"a", "b"} {
		w.on(0, email(name), "asset_downloaded", employer("initech.example"))
		w.on(0, email(name+"2"), "asset_downloaded", employer("globex.example"))
	}
	w.on(1, email("c"), "asset_downloaded", title("VP"), employer("initech.example")) // 135 points among them: hot at once
	w.on(20, email("d2"), "asset_downloaded", title("VP"), employer("globex.example"))
	w.on(120, email("z"), "page_viewed")
	opt := Options{Key: key, Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, yaml)}}}
	h, err := replay(t.Context(), &opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for id, m := range h.players[0].members {
		for _, q := range m.qualified {
			got[id] += q.rule + " "
		}
	}
	if len(got) != 2 || got[email("c")] != "hot " || got[email("d2")] != "hot " {
		t.Errorf("got %v", got)
	}
	if n := len(w.Facts("qualified")); n != 2 {
		t.Errorf("live it were %d", n)
	}
}
