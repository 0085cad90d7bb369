package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// Speed is how fast sales reached out, and what became of the fast and the slow.
type Speed struct {
	Head
	Total  SpeedOf
	Groups []SpeedOf
}

// SpeedOf is the speed of one group.
type SpeedOf struct {
	Key []string
	// Contacted is how many of the group were reached out to.
	Contacted Share
	// Hours from the cohort's moment to the first contact, of those who were contacted after it.
	Hours   Percentiles
	Buckets []SpeedBucket
}

// SpeedBucket is how many were contacted within a time, and how many of them were won.
type SpeedBucket struct {
	Name string
	// Leads in the bucket, and their share of all.
	Leads Share
	Won   Share
}

// The places of a speed's tally: how many are in each bucket, and how many of those won, from speedWon on.
const (
	speedNever   = 6
	speedWaiting = 7
	speedBefore  = 8
	speedUnknown = 9
	speedBuckets = 10
	speedWon     = speedBuckets
	speedAll     = 2 * speedBuckets
	speedReached = speedAll + 1
)

func speedNames() []string {
	return []string{"within_5m", "within_30m", "within_1h", "within_4h", "within_24h", "later", "never", "waiting", "before", "unknown"}
}

// SpeedToLead counts how long it took until sales first reached out, from the moment of the cohort: first seen, qualified, or routed
// (as without one).
func SpeedToLead(t *table.Table, q Query) (*Speed, error) {
	if q.Cohort == "" {
		q.Cohort = FromRouted
	}
	if err := q.check([]Cohort{First, FromMQL, FromRouted}, nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	s := &Speed{Head: q.head("speed_to_lead")}
	s.Definition = "hours from " + string(q.Cohort) + " to the first contact by sales, and the share won of those contacted as fast"
	s.Numerator, s.Denominator = "those contacted, by how fast", "all of the cohort"
	s.Population = "each epoch that entered " + string(q.Cohort)
	if q.Cohort == First {
		s.Population = "each lead once, all its epochs together"
	}
	s.Window, s.Interval = windowWords, intervalWords
	s.Maturity = "who is not contacted yet and came less than 24 hours ago is waiting, not never contacted"
	c := p.run(t, speedCount(&q))
	s.Total = speedOf(&c.total, c.inside()...)
	s.leave(leftUnknownTime, "the window", c.unknown)
	s.leave(leftUnknownTime, "durations", int(c.total[speedUnknown]))
	s.leave(leftBefore, "durations", int(c.total[speedBefore]))
	if !c.grouped() {
		return s, nil
	}
	groups, more := c.order(func(g int) int { return int(c.tallies[g][speedAll]) })
	s.MoreGroups = more
	spans := c.spread(groups)
	s.Groups = each(p, groups, func(i, g int) SpeedOf {
		of := speedOf(&c.tallies[g], spans[i])
		of.Key = p.texts(c.keys[g])
		return of
	})
	return s, nil
}

func speedOf(c *tally, spans ...[]table.Time) SpeedOf {
	of := SpeedOf{Contacted: share(c[speedReached], c[speedAll]), Hours: percentiles(inHours, spans...)}
	for i, name := range speedNames() {
		of.Buckets = append(of.Buckets, SpeedBucket{Name: name, Leads: share(c[i], c[speedAll]), Won: share(c[speedWon+i], c[i])})
	}
	return of
}

func speedCount(q *Query) *count {
	return &count{
		cohort: q.Cohort, spans: true,
		add: func(c *tally, r *table.Row, at table.Time) table.Time {
			b := speedBucket(r, at, q.Now)
			c[speedAll]++
			c[b]++
			if r.Contacted != 0 {
				c[speedReached]++
			}
			if cameTo(r, table.Won) {
				c[speedWon+b]++
			}
			if r.Contacted == 0 || at == 0 || r.Contacted < at {
				return none
			}
			return r.Contacted - at
		},
	}
}

func speedBucket(r *table.Row, at, now table.Time) int {
	const minute = 60 * 1000
	switch d := r.Contacted - at; {
	case r.Contacted == 0 && at != 0 && r.Ended == 0 && r.Stage < table.Won && now-at < dayMillis:
		return speedWaiting
	case r.Contacted == 0:
		return speedNever
	case at == 0:
		return speedUnknown
	case d < 0:
		return speedBefore
	case d <= 5*minute:
		return 0
	case d <= 30*minute:
		return 1
	case d <= 60*minute:
		return 2
	case d <= 240*minute:
		return 3
	case d <= dayMillis:
		return 4
	}
	return 5
}
