package render

import "testing"

// A marketing platform that follows the hints in order pauses at the handoff, goes on after it, and stops for good.
func TestNurture(t *testing.T) {
	for _, c := range []struct {
		way  []string
		want string
	}{
		{[]string{"inquiry", "mql"}, "pause"},
		{[]string{"mql", "routed", "accepted", "sql", "opportunity"}, "pause"},
		{[]string{"mql", "routed", "recycled"}, "resume"},
		{[]string{"mql", "recycled", "inquiry", "mql", "routed"}, "pause"},
		{[]string{"opportunity", "lost"}, "resume"},
		{[]string{"opportunity", "won"}, "stop"},
		{[]string{"routed", "disqualified"}, "stop"},
		{[]string{"routed", "a stage of later"}, "pause"}, // what is not known changes nothing
	} {
		state := ""
		for _, to := range c.way {
			if hint := nurture(to); hint != "" {
				state = hint
			}
		}
		if state != c.want {
			t.Errorf("%v: %s, want %s", c.way, state, c.want)
		}
	}
}
