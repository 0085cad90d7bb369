package backtest

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// TestFiguresEqualTheObviousReference: every pair of a won and a lost lead is looked at, and every lead added up.
func TestFiguresEqualTheObviousReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		openIsLost := rapid.Bool().Draw(rt, "open is lost")
		var people []*person
		for i := range rapid.IntRange(0, 60).Draw(rt, "leads") {
			p := &person{id: fmt.Sprintf("%02d", i), outcome: rapid.SampledFrom([]string{Won, Lost, Open}).Draw(rt, "outcome"), end: never}
			if p.outcome != Open {
				p.end = moment{100, 100}
			}
			p.runs[0].score = core.Micros(rapid.OneOf(rapid.Int64Range(0, 100_000_000), rapid.SampledFrom([]int64{0, 10_000_000, 50_000_000, 100_000_000})).Draw(rt, "score"))
			if rapid.Bool().Draw(rt, "qualified") {
				p.runs[0].qualified = &qualification{moment: moment{rapid.Int64Range(90, 110).Draw(rt, "at"), 1}}
			}
			people = append(people, p)
		}
		s := side{"now", func(p *person) *qualification { return p.runs[0].qualified }, 0}
		q, k := quality(people, s, openIsLost), rank(predict(people, s), openIsLost)

		positive := func(p *person) bool { return p.outcome == Won }
		negative := func(p *person) bool { return p.outcome == Lost || openIsLost && p.outcome == Open }
		chosen := func(p *person) bool {
			v := p.runs[0].qualified
			return v != nil && (p.outcome == Open || v.at <= 100)
		}
		var pairs, halves, won, chosenWon, chosenKnown, known int64
		brierSum := new(big.Rat)
		for _, p := range people {
			if positive(p) {
				won++
				if chosen(p) {
					chosenWon++
				}
			}
			if positive(p) || negative(p) {
				known++
				if chosen(p) {
					chosenKnown++
				}
				off := big.NewRat(int64(p.runs[0].score), 100_000_000)
				if positive(p) {
					off.Sub(off, big.NewRat(1, 1))
				}
				brierSum.Add(brierSum, off.Mul(off, off))
			}
			for _, n := range people {
				if positive(p) && negative(n) {
					pairs++
					switch {
					case p.runs[0].score > n.runs[0].score:
						halves += 2
					case p.runs[0].score == n.runs[0].score:
						halves++
					}
				}
			}
		}
		exact(rt, "precision", q.Precision, chosenWon, chosenKnown)
		exact(rt, "recall", q.Recall, chosenWon, won)
		exact(rt, "AUC", k.AUC, halves, 2*pairs)
		if (k.Brier == nil) != (known == 0) {
			rt.Fatalf("Brier score of %d leads: %v", known, k.Brier)
		}
		if known > 0 {
			want, _ := brierSum.Quo(brierSum, big.NewRat(known, 1)).Float64()
			if *k.Brier != want {
				rt.Fatalf("Brier score: got %v, want %v", *k.Brier, want)
			}
		}
		leads, wins, area := 0, 0, 0.0
		for i := range k.Deciles {
			leads, wins = leads+k.Deciles[i].Leads, wins+k.Deciles[i].Won
		}
		for i := 1; i < len(k.ROC); i++ {
			area += (k.ROC[i].Lost - k.ROC[i-1].Lost) * (k.ROC[i].Won + k.ROC[i-1].Won) / 2
		}
		for i := range k.Bins {
			leads, wins = leads-k.Bins[i].Leads, wins-k.Bins[i].Won
		}
		if leads != 0 || wins != 0 {
			rt.Fatal("tenths and bins hold different leads")
		}
		if k.AUC != nil && math.Abs(area-*k.AUC) > 1e-12 {
			rt.Fatalf("the area under the curve is %v, the figure %v", area, *k.AUC)
		}
	})
}

func exact(t *rapid.T, what string, got *float64, a, b int64) {
	var want *float64
	if b != 0 {
		want = new(float64(a) / float64(b))
	}
	if (got == nil) != (want == nil) || got != nil && *got != *want {
		t.Fatalf("%s: got %s, want %d/%d", what, number(got, 17), a, b)
	}
}

func TestTheCurveIsThinned(t *testing.T) {
	var all []prediction
	for i := range 5000 {
		all = append(all, prediction{lead: fmt.Sprintf("%04d", i), score: core.Micros(i), outcome: []string{Won, Lost}[i%2]})
	}
	k := rank(all, false)
	if n := len(k.ROC); n > maxPoints || n < maxPoints/2 || k.ROC[n-1] != (Point{1, 1}) || k.ROC[0] != (Point{}) {
		t.Errorf("got %d points", n)
	}
}

func TestDealsStandAsTheirLatestWordSays(t *testing.T) {
	word := func(deal, outcome string, at int64) dealWord {
		return dealWord{deal: deal, by: fmt.Sprint(deal, at), outcome: outcome, at: at, ends: moment{at, uint64(at)}, amount: "1", currency: "EUR"}
	}
	for name, c := range map[string]struct {
		words []dealWord
		want  string
		end   int64
	}{
		"no deal":                      {nil, Open, never.at},
		"opened":                       {[]dealWord{word("a", Open, 1)}, Open, never.at},
		"opened and won":               {[]dealWord{word("a", Won, 2), word("a", Open, 1)}, Won, 2},
		"won twice":                    {[]dealWord{word("a", Won, 5), word("a", Won, 2)}, Won, 2},
		"lost, reopened, won":          {[]dealWord{word("a", Lost, 2), word("a", Open, 3), word("a", Won, 9)}, Won, 9},
		"won, then taken back":         {[]dealWord{word("a", Won, 2), word("a", Lost, 3)}, Lost, 3},
		"one lost, one open":           {[]dealWord{word("a", Lost, 2), word("b", Open, 1)}, Open, never.at},
		"one lost, one won":            {[]dealWord{word("a", Lost, 2), word("b", Won, 4)}, Won, 4},
		"two lost: the last one ended": {[]dealWord{word("a", Lost, 2), word("b", Lost, 4)}, Lost, 4},
		"two won: the first one ended": {[]dealWord{word("a", Won, 6), word("b", Won, 4)}, Won, 4},
	} {
		if got, end := outcomeOf(standing(c.words)); got != c.want || end.at != c.end {
			t.Errorf("%s: got %s at %d, want %s at %d", name, got, end.at, c.want, c.end)
		}
	}
}

func TestMoneyIsExact(t *testing.T) {
	p := purse{}
	for range 10 {
		p.add("0.1", "EUR")
	}
	p.add("99999999999999999999.01", "EUR")
	p.add("-1", "USD")
	for _, bad := range []string{"", ".", "1e9", "1/3", "0x10", "1,5", "1_0", " 1", "--1", "+1"} {
		p.add(bad, "JPY")
	}
	p.add("3", "<b>")
	same(t, "money", p.lines(), []Money{
		{"EUR", "100000000000000000000.01", 11, 0}, {"JPY", "0", 10, 10}, {"USD", "-1", 1, 0}, {"other", "3", 1, 0},
	})
}

// TestADealOfSeveralLeadsIsCaughtByAny: the buying committee's deal is one deal, and its money counts once.
func TestADealOfSeveralLeadsIsCaughtByAny(t *testing.T) {
	w := newWorld(t, library(t), agreedYAML)
	w.on(0, email("a"), "event_attended")
	w.on(0, email("b"), "page_viewed")
	w.on(0, email("c"), "page_viewed")
	w.on(3, email("a"), "deal_won", money("D", "10", "EUR"))
	w.on(3, email("b"), "deal_won", money("D", "10", "EUR"))
	w.on(3, email("c"), "deal_won", money("E", "7", "EUR"))
	r := tried(t, Options{Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, agreedYAML)}}})
	same(t, "won", r.People.Money, []Money{{"EUR", "17", 2, 0}})
	same(t, "missed", r.Contenders[0].Quality.MissedMoney, []Money{{"EUR", "7", 1, 0}})
}
