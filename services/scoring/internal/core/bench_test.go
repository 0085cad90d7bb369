package core

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkApply folds one event of one of 20 types into a lead of ten items, with 10 and with 200 rules over all types, where
// nothing limits the lead and where everything does. Rules without expressions show the cost of the rules themselves.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{10, 200} {
		for _, limited := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d rules, limited %v", n, limited), func(b *testing.B) {
				a := &Agreement{Version: 1, ByType: map[string][]*Rule{}, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}}
				for i := range n {
					r := rule(fmt.Sprint("r", i), 2*Point, 14*day, 5, day, nil)
					if limited {
						r.Limit, r.Group, r.GroupLimit, r.Timeframe = 30*Point, "g", 60*Point, 90*day
					}
					t := fmt.Sprint("type", i%20)
					a.ByType[t] = append(a.ByType[t], r)
				}
				rules := rulesWith(a)
				lead := inquiry(a, 0)
				for i := range 10 {
					lead.addItem(Item{At: now - int64(time.Duration(i)*day), ID: fmt.Sprint(i), Source: "s", Count: 1, Terms: &a.ByType["type0"][0].Terms})
				}
				lead.Looked, lead.Band = now, BandOf(lead.Engagement(now))
				e := &Event{ID: "x", Source: "s", Type: "type0", At: now, Now: now}
				items := make([]Item, 0, 40)
				b.ReportAllocs()
				for b.Loop() {
					l := *lead
					l.Items = append(items[:0], lead.Items...)
					l.Seen = Seen{}
					l.Apply(rules, e)
					l.Decide(rules, e)
					l.Deadlines(rules)
				}
			})
		}
	}
}
