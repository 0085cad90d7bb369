package metrics

import (
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Reasons is why sales gave leads back.
type Reasons struct {
	Head
	Total  ReasonsOf
	Groups []ReasonsOf
}

// ReasonsOf is that of one group.
type ReasonsOf struct {
	Key []string
	// Handed is how many were handed over. The shares are of them; Fixable is of those rejected.
	Handed                                    int
	Rejected, Fixable, Recycled, Disqualified Share
	// Reasons, the most frequent first.
	Reasons []ReasonCount
}

// ReasonCount is how often a reason was given: for a rejection, a recycling or a disqualification.
type ReasonCount struct {
	Reason string
	// Rejected, Recycled and Disqualified name what it was given for; a rejected lead is recycled or disqualified as well.
	Rejected, Recycled, Disqualified int
	// Share of all given back in the group.
	Share Share
}

const (
	reasonAll = iota
	reasonRejected
	reasonFixable
	reasonRecycled
	reasonDisqualified
	reasonBack
)

// GivenBack counts the reasons of what was routed in the window, by source as without a dimension.
func GivenBack(t *table.Table, q Query) (*Reasons, error) {
	if q.Cohort == "" {
		q.Cohort = FromRouted
	}
	if len(q.By) == 0 {
		q.By = []Dimension{BySource}
	}
	if err := q.checkOne(Cohorts(), ByReason); err != nil {
		return nil, err
	}
	asked := q.By
	q.By = append(slices.Clone(asked), ByReason)
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &Reasons{Head: q.head("reasons")}
	r.By, p.families = asked, len(asked) > 0
	r.Definition = "of what was handed to sales, how much came back, and for which reasons"
	r.Numerator, r.Denominator = "epochs that were rejected, recycled or disqualified", "epochs that entered "+string(q.Cohort)+" in the window"
	r.Population, r.Window, r.Interval = "each epoch of a lead once, with the last reason given", windowWords, intervalWords
	r.Maturity = "what is still with sales may yet come back"
	c := p.run(t, &count{cohort: q.Cohort, add: reasonAdd})
	r.leave(leftUnknownTime, "the window", c.unknown)
	r.Total = reasonsOf(c, c.everything())
	families, more := c.families(func(c *tally) int { return int(c[reasonAll]) })
	r.MoreGroups = more
	for _, f := range families {
		of := reasonsOf(c, f.groups)
		of.Key = f.key
		r.Groups = append(r.Groups, of)
	}
	return r, nil
}

func reasonAdd(c *tally, r *table.Row, _ table.Time) table.Time {
	c[reasonAll]++
	if r.Flags&(table.Rejected|table.WasRecycled|table.WasDisqualified) == 0 && r.Stage != table.Recycled && r.Stage != table.Disqualified {
		return none
	}
	back := false
	for _, f := range []struct {
		place int
		is    bool
	}{
		{reasonRejected, r.Flags&table.Rejected != 0},
		{reasonRecycled, r.Flags&table.WasRecycled != 0 || r.Stage == table.Recycled},
		{reasonDisqualified, r.Flags&table.WasDisqualified != 0 || r.Stage == table.Disqualified},
	} {
		if f.is {
			c[f.place]++
			back = true
		}
	}
	if r.Flags&table.Rejected != 0 && r.Flags&table.Fixable != 0 {
		c[reasonFixable]++
	}
	if back {
		c[reasonBack]++
	}
	return none
}

func reasonsOf(c *counted, groups []int) ReasonsOf {
	var sum tally
	var list []ReasonCount
	places := map[uint32]int{}
	for _, g := range groups {
		n := &c.tallies[g]
		sum.add(n)
		if n[reasonBack] == 0 {
			continue
		}
		v := value(c.keys[g], 1)
		i, met := places[v]
		if !met {
			name := c.plan.text(1, c.keys[g])
			if i = slices.IndexFunc(list, func(r ReasonCount) bool { return r.Reason == name }); i < 0 {
				i = len(list)
				list = append(list, ReasonCount{Reason: name})
			}
			places[v] = i
		}
		list[i].Rejected += int(n[reasonRejected])
		list[i].Recycled += int(n[reasonRecycled])
		list[i].Disqualified += int(n[reasonDisqualified])
		list[i].Share.Count += int(n[reasonBack])
	}
	for i := range list {
		list[i].Share = share(list[i].Share.Count, int(sum[reasonBack]))
	}
	list, _ = ordered(list, nil, func(r *ReasonCount) ([]string, float64) { return []string{r.Reason}, float64(r.Share.Count) })
	return ReasonsOf{
		Handed: int(sum[reasonAll]), Rejected: share(sum[reasonRejected], sum[reasonAll]), Fixable: share(sum[reasonFixable], sum[reasonRejected]),
		Recycled: share(sum[reasonRecycled], sum[reasonAll]), Disqualified: share(sum[reasonDisqualified], sum[reasonAll]), Reasons: list,
	}
}
