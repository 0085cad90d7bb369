package desk

import (
	"fmt"
	"testing"
)

// A decision costs what the pool's size asks for, however many wait for another one.
func BenchmarkDecision(b *testing.B) {
	for _, reps := range []int{50, 500} {
		for _, waiting := range []int{0, 10_000} {
			b.Run(fmt.Sprintf("reps=%d/waiting=%d", reps, waiting), func(b *testing.B) {
				d := onePool()
				d.ExactTurns = true
				for i := range reps {
					r := rep(fmt.Sprintf("r%03d", i), int64(1000*(1+i%3)))
					d.Reps, d.Pools[0].Reps = append(d.Reps, inHours(r, 0, 24)), append(d.Pools[0].Reps, r.ID)
				}
				d.Index()
				s := New()
				s.Advance(monday)
				for i := range waiting {
					h := fmt.Sprintf("w_%d", i)
					s.Ask(Entry{Handoff: h, Pool: "gone"})
					s.Tell(h, monday.AddDate(1, 0, 0))
				}
				for i := 0; b.Loop(); i++ {
					s.Ask(Entry{Handoff: fmt.Sprintf("ho_%d", i), Pool: "p"})
					for _, r := range s.Look(d, 10) {
						s.Assign(d, r.Entry.Handoff, 0, r.Pool, r.Rep, r.Considered)
					}
					s.Next()
				}
			})
		}
	}
}
