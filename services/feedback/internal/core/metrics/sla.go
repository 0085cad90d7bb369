package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// SLA is how often sales kept the two promises of the agreement.
type SLA struct {
	Head
	Total  SLAOf
	Groups []SLAOf
}

// SLAOf is how often one group kept them. Open are those whose time is still running; Ended were closed before it had run out, and are in
// neither part of the share.
type SLAOf struct {
	Key                       []string
	Routed                    int
	Accept, Contact           Share
	AcceptOpen, AcceptEnded   int
	ContactOpen, ContactEnded int
	// Reassigned went to another rep at least once.
	Reassigned Share
}

const (
	slaAll = iota
	slaAcceptKept
	slaAcceptBroken
	slaAcceptOpen
	slaAcceptEnded
	slaContactKept
	slaContactBroken
	slaContactOpen
	slaContactEnded
	slaReassigned
)

// SLAKept counts the promises to accept and to contact in time, of what was routed in the window.
func SLAKept(t *table.Table, q Query) (*SLA, error) {
	q.Cohort = FromRouted
	if err := q.check([]Cohort{FromRouted}, nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	s := &SLA{Head: q.head("sla_kept")}
	s.Definition = "of what was handed to sales, how much was accepted (or rejected) and how much was contacted within the agreement's times"
	s.Numerator = "answered, or contacted, without the promise having been broken"
	s.Denominator = "kept and broken promises; those still running, and those that ended before, are counted beside"
	s.Population, s.Window, s.Interval = "each epoch routed", windowWords, intervalWords
	s.Maturity = "promises still running are open and in no share"
	c := p.run(t, slaCount())
	s.Total = slaOf(&c.total)
	s.leave(leftOpen, "accept", s.Total.AcceptOpen)
	s.leave(leftEnded, "accept", s.Total.AcceptEnded)
	s.leave(leftOpen, "contact", s.Total.ContactOpen)
	s.leave(leftEnded, "contact", s.Total.ContactEnded)
	if !c.grouped() {
		return s, nil
	}
	groups, more := c.order(func(g int) int { return int(c.tallies[g][slaAll]) })
	s.MoreGroups = more
	for _, g := range groups {
		of := slaOf(&c.tallies[g])
		of.Key = p.texts(c.keys[g])
		s.Groups = append(s.Groups, of)
	}
	return s, nil
}

func slaOf(c *tally) SLAOf {
	return SLAOf{
		Routed: int(c[slaAll]), Accept: share(c[slaAcceptKept], c[slaAcceptKept]+c[slaAcceptBroken]),
		Contact:    share(c[slaContactKept], c[slaContactKept]+c[slaContactBroken]),
		AcceptOpen: int(c[slaAcceptOpen]), AcceptEnded: int(c[slaAcceptEnded]),
		ContactOpen: int(c[slaContactOpen]), ContactEnded: int(c[slaContactEnded]), Reassigned: share(c[slaReassigned], c[slaAll]),
	}
}

func slaCount() *count {
	return &count{
		cohort: FromRouted,
		add: func(c *tally, r *table.Row, _ table.Time) table.Time {
			c[slaAll]++
			if r.Reassigns > 0 {
				c[slaReassigned]++
			}
			accepted := cameTo(r, table.Accepted)
			ended := r.Stage >= table.Won
			c[promise(slaAcceptKept, r.Flags&table.AcceptBreached != 0, accepted || r.Flags&table.Rejected != 0, ended)]++
			c[promise(slaContactKept, r.Flags&table.ContactBreached != 0, r.Contacted != 0, ended)]++
			return none
		},
	}
}

// promise gives the place of a promise: kept, broken, open or ended.
func promise(first int, broken, done, ended bool) int {
	switch {
	case broken:
		return first + 1
	case done:
		return first
	case ended:
		return first + 3
	}
	return first + 2
}
