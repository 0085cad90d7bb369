package backtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Nothing decays, so that every figure can be worked out by hand: a webinar gives 60 points, an e-book 20, a VP fits to 100.
const agreedYAML = `agreement: lead-handoff
engagement:
  - { id: webinar, on: event_attended, points: 60, half_life: none }
  - { id: ebook, on: asset_downloaded, points: 20, half_life: none }
fit:
  - { id: senior, when: 'lead.title == "VP"', points: 100 }
qualify:
  - { id: engaged, when: 'engagement >= 60' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

var proposedYAML = strings.Replace(agreedYAML, "engagement >= 60", "engagement >= 20", 1)

// story is eight leads; day 0 is the Monday of week 45.
//
//	lead      what happened (day)                         score  qualifies now  proposed  outcome
//	one       e-book 0, webinar 2                          40     2              0         won 10
//	two       e-book 1                                     10     –              1         lost 9
//	three     a VP, webinar 0                              80     0              0         won 20 and 21
//	four      e-books 3                                    20     –              3         won 8
//	five      a page 4                                      0     –              –         open
//	six       e-book 6                                      0     –              –         won 5
//	seven     e-book 5, webinar 7                          10     7, too late    5         lost 6, heard of on 9
//	eight     e-book 1 on a device, joined 4, webinar 12   40     12             4         lost 30
//
// begin is done to the journal before anything happens.
func story(t testing.TB, begin ...func(*world)) *world {
	w := newWorld(t, library(t), agreedYAML)
	for _, do := range begin {
		do(w)
	}
	w.on(0, email("three"), "identified", title("VP"))
	w.on(0, email("three"), "event_attended")
	w.on(0, email("one"), "asset_downloaded")
	w.on(1, email("two"), "asset_downloaded")
	w.on(1, device("d8"), "asset_downloaded")
	w.on(2, device("nobody"), "event_attended")
	w.on(2, email("one"), "event_attended")
	w.on(3, email("one"), "accepted")
	w.on(3, email("four"), "asset_downloaded")
	w.on(3, email("four"), "asset_downloaded")
	w.on(4, email("five"), "page_viewed")
	w.on(4, email("eight"), "form_submitted")
	w.on(4, device("d8"), "linked", linkedTo(email("eight")))
	w.on(5, email("six"), "deal_won", money("D6", "abc", "EUR"))
	w.on(5, email("seven"), "asset_downloaded")
	w.on(6, email("six"), "asset_downloaded")
	w.on(6, email("one"), "disqualified", func(e *journalv1.Event) { e.Id = "too-late" })
	w.fact("routing", email("one"), &journalv1.Event{Type: "answered", Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{RequestId: "too-late"}}})
	w.on(7, email("seven"), "event_attended")
	w.on(8, email("four"), "deal_won", money("D4", "99.5", "EUR"))
	w.on(9, email("two"), "deal_lost", money("D2", "", ""))
	w.on(9, email("seven"), "deal_lost", money("D7", "", ""), occurred(6))
	w.on(10, email("one"), "deal_won", money("D1", "1000.50", "EUR"))
	w.on(12, device("d8"), "event_attended")
	w.on(13, email("eight"), "rejected")
	w.on(20, email("three"), "deal_won", money("D3", "200", "EUR"))
	w.on(21, email("three"), "deal_won", money("D3b", "5.25", "USD"))
	w.on(22, email("three"), "accepted")
	w.on(23, email("three"), "sql")
	w.on(30, device("d8"), "deal_lost", money("D8", "", ""))
	return w
}

func storyOptions(t testing.TB) Options {
	return Options{
		Scan: scan(story(t).Log), Capacity: map[string]int{"kim": 2, "ana": 1},
		Rules: []Contender{{"now", compile(t, 1, agreedYAML)}, {"proposed", compile(t, 2, proposedYAML)}},
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if !bytes.Equal(g, w) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}

func TestTheStory(t *testing.T) {
	r := tried(t, storyOptions(t))
	now, proposed := &r.Contenders[0], &r.Contenders[1]
	same(t, "leads", r.People, People{
		Seen: 8, Devices: 1, Won: 4, Lost: 3, Open: 1, Money: []Money{{"EUR", "1300.00", 4, 1}, {"USD", "5.25", 1, 0}}, WonBeforeTouch: 1,
	})
	same(t, "weeks", r.Weeks, []Week{
		{Week: "2026-W45", Monday: "2026-11-02", Qualified: []int{2, 6}, HandedOver: 2},
		{Week: "2026-W46", Monday: "2026-11-09", Qualified: []int{2, 0}, HandedOver: 2},
	})
	if now.Qualified != 4 || proposed.Qualified != 6 || r.HandedOver.Leads != 4 || r.HandedOver.Handoffs != 4 {
		t.Errorf("qualified: got %d, %d and %+v", now.Qualified, proposed.Qualified, r.HandedOver)
	}
	same(t, "load now", now.Load, &Load{Reps: 2, Capacity: 3, Busiest: 2, Mean: 2, Above: []string{}, MeanShare: new(2.0 / 3), BusiestShare: new(2.0 / 3)})
	same(t, "load proposed", proposed.Load, &Load{
		Reps: 2, Capacity: 3, Busiest: 6, Mean: 3, WeeksAbove: 1, Above: []string{"2026-W45"}, MeanShare: new(1.0), BusiestShare: new(2.0),
	})
	quality := Quality{
		Chosen: Outcomes{Won: 2, Lost: 1}, PassedOver: Outcomes{Won: 2, Lost: 2, Open: 1}, Late: 1, Precision: new(2.0 / 3), Recall: new(0.5),
		MissedMoney: []Money{{"EUR", "99.5", 2, 1}}, Answers: Answers{Accepted: 1, SQL: 1, Rejected: 1},
	}
	same(t, "quality now", now.Quality, quality)
	same(t, "quality of what happened", r.HandedOver.Quality, quality)
	same(t, "quality proposed", proposed.Quality, Quality{
		Chosen: Outcomes{Won: 3, Lost: 3}, PassedOver: Outcomes{Won: 1, Open: 1}, Precision: new(0.5), Recall: new(0.75),
		MissedMoney: []Money{{"EUR", "0", 1, 1}}, Answers: Answers{Accepted: 1, SQL: 1, Rejected: 1},
	})
	same(t, "lead time now", now.LeadTime, LeadTimes{
		ToQualify: Days{4, new(2.0), new(2.0), new(11.0)}, ToWin: Days{2, new(8.0), new(20.0), new(20.0)},
	})
	same(t, "lead time proposed", proposed.LeadTime, LeadTimes{
		ToQualify: Days{6, new(0.0), new(0.0), new(3.0)}, ToWin: Days{3, new(10.0), new(20.0), new(20.0)},
	})
	for _, c := range r.Contenders { // both score alike
		k := c.Ranking
		if k.Leads != 7 || k.Won != 4 || *k.AUC != 0.625 {
			t.Errorf("%s: ranking of %d leads, %d won, AUC %v", c.Name, k.Leads, k.Won, *k.AUC)
		}
		if b := *k.Brier; b < 2.22/7-1e-15 || b > 2.22/7+1e-15 {
			t.Errorf("Brier score: got %v, want 2.22/7", b)
		}
		same(t, "curve", k.ROC, []Point{{0, 0}, {0, 0.25}, {1.0 / 3, 0.5}, {1.0 / 3, 0.75}, {1, 0.75}, {1, 1}})
		none, half, all := 0.0, 0.5, 1.75
		lifts := []*float64{nil, &all, k.Deciles[2].Lift, nil, k.Deciles[4].Lift, &all, nil, &none, &none, &all}
		for i, d := range k.Deciles {
			same(t, "lift", d.Lift, lifts[i])
		}
		if *k.Deciles[2].Lift+*k.Deciles[4].Lift != all { // one won, one lost of the same score
			t.Errorf("tenths of a tie: %v and %v", *k.Deciles[2].Lift, *k.Deciles[4].Lift)
		}
		same(t, "captured", []*float64{k.Deciles[4].Captured, k.Deciles[8].Captured, k.Deciles[9].Captured}, []float64{0.5, 0.75, 1})
		bins := make([]Bin, 10)
		for i := range bins {
			bins[i].From = 10 * i
		}
		one := 1.0
		bins[0] = Bin{0, 1, 1, &none, &one}
		bins[1] = Bin{10, 2, 0, new(0.1), &none}
		bins[2] = Bin{20, 1, 1, new(0.2), &one}
		bins[4] = Bin{40, 2, 1, new(0.4), &half}
		bins[8] = Bin{80, 1, 1, new(0.8), &one}
		same(t, "reliability", k.Bins, bins)
	}
	c := r.Comparison
	if c.Base != "now" || c.With != "proposed" || c.Both != 4 || c.Earlier != 3 || c.Later != 0 || c.Same != 1 || *c.MedianEarlier != 2 {
		t.Errorf("comparison: got %+v, median %v", c, *c.MedianEarlier)
	}
	day := func(n int) int64 { return start.AddDate(0, 0, n).UnixNano() }
	same(t, "gained", c.Gained, Change{Leads: 2, Outcomes: Outcomes{Won: 1, Lost: 1}, Examples: []Example{
		{email("four"), at(day(3)), at(day(3)), "engaged", 20_000_000, Won, at(day(8))},
		{email("two"), at(day(1)), at(day(1)), "engaged", 10_000_000, Lost, at(day(9))},
	}})
	same(t, "dropped", c.Dropped, Change{Examples: []Example{}})
}

func TestOneContenderIsComparedWithWhatHappened(t *testing.T) {
	opt := storyOptions(t)
	opt.Rules = opt.Rules[1:]
	c := tried(t, opt).Comparison
	if c == nil || c.Base != WhatHappened || c.Both != 4 || c.Gained.Leads != 2 || c.Dropped.Leads != 0 || *c.MedianEarlier != 2 {
		t.Errorf("got %+v", c)
	}
}

func TestTheWindow(t *testing.T) {
	opt := storyOptions(t)
	opt.From, opt.To = start.AddDate(0, 0, 3), start.AddDate(0, 0, 12)
	r := tried(t, opt)
	// four, five, six and seven are new; eight was first heard of as a device, on day 1. Its qualification on day 12 is too late.
	if r.People.Seen != 4 || r.People.Won != 2 || r.People.Lost != 1 || r.People.Open != 1 || r.People.Devices != 0 {
		t.Errorf("leads: got %+v", r.People)
	}
	if now, proposed := r.Contenders[0].Qualified, r.Contenders[1].Qualified; now != 1 || proposed != 3 {
		t.Errorf("qualified in the window: got %d and %d, want seven alone; four, seven and eight", now, proposed)
	}
}

func TestOpenLeadsMayCountAsLost(t *testing.T) {
	opt := storyOptions(t)
	opt.OpenIsLost = true
	k := tried(t, opt).Contenders[0].Ranking
	// five has no points: it is below all won leads but six, with which it ties.
	if want := (7.5 + 3.5) / 16; k.Leads != 8 || *k.AUC != want {
		t.Errorf("got %d leads, AUC %v; want 8, %v", k.Leads, *k.AUC, want)
	}
}

func TestTheSameJournalGivesTheSameBytes(t *testing.T) {
	var first [4]string
	for i := range 3 {
		r := tried(t, storyOptions(t))
		for k, write := range []func(io.Writer) error{r.Text, r.JSON, r.HTML, r.Predictions} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if i > 0 && b.String() != first[k] {
				t.Errorf("output %d differs from run to run", k)
			}
			first[k] = b.String()
		}
	}
	if !strings.Contains(first[3], "now,"+email("seven")+",10000000,2026-11-09T00:00:00Z,false,lost,2026-11-08T00:00:00Z,\n") {
		t.Errorf("predictions: got\n%s", first[3])
	}
	for _, personal := range []string{"initech", "VP"} {
		if strings.Contains(strings.Join(first[:], ""), personal) {
			t.Errorf("personal data in the report: %s", personal)
		}
	}
	var back Report
	if err := json.Unmarshal([]byte(first[1]), &back); err != nil || !reflect.DeepEqual(back.Contenders, tried(t, storyOptions(t)).Contenders) {
		t.Errorf("the JSON does not say what the report says: %v", err)
	}
}

func TestThePageStandsAlone(t *testing.T) {
	opt := storyOptions(t)
	opt.Rules[1].Name = `<script>"&</title>`
	empty := opt
	empty.Scan = scan(nil)
	for name, o := range map[string]Options{"story": opt, "empty": empty} {
		var b bytes.Buffer
		if err := tried(t, o).HTML(&b); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		for _, bad := range []string{"<script", "http:", "https:", "//", "url(", "@import", "src=", "NaN", "%!", "<nil>"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page contains %q", name, bad)
			}
		}
		d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: the page is not well-formed: %v", name, err)
			}
		}
		if name == "story" && strings.Count(page, "<svg") != 4 {
			t.Errorf("got %d plots, want 4", strings.Count(page, "<svg"))
		}
	}
}
