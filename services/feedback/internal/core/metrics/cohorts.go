package metrics

import (
	"cmp"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Matrix shows for each month's leads how many were won by which age.
type Matrix struct {
	Head
	Cohorts []CohortRow
}

// CohortRow is one month.
type CohortRow struct {
	Month string
	Leads int
	// Won so far, whenever that was.
	Won   Share
	Cells []CohortCell
}

// CohortCell is how many of the month were won at an age of at most Days. It is Complete once all of the month are that old: until then
// it can only grow.
type CohortCell struct {
	Days     int
	Won      Share
	Complete bool
}

const (
	ageStep  = 30 * dayMillis
	ageSteps = 24
	// cohortMonths is how many months are shown, the latest.
	cohortMonths = 60
)

// CohortMatrix counts conversion by month and age: a column is the same age for every month, and so comparable. Ages are steps of 30 days.
func CohortMatrix(t *table.Table, q Query) (*Matrix, error) {
	if q.Cohort == "" {
		q.Cohort = First
	}
	if err := q.check(Cohorts(), nil); err != nil {
		return nil, err
	}
	if len(q.By) > 0 && !slices.Equal(q.By, []Dimension{ByMonth}) {
		return nil, &BadQuery{[]Problem{{"by", "this number is by month; filter it with where"}}}
	}
	q.By = []Dimension{ByMonth}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &Matrix{Head: q.head("cohorts")}
	r.Definition = "of each month's leads, the share won by the age of 30, 60, 90, … days"
	r.Numerator, r.Denominator = "those won at that age or younger; those won before the cohort's moment count from the start", "all of the month"
	r.Population, r.Window, r.Interval = "each lead once, all its epochs together", windowWords, intervalWords
	if q.Cohort != First {
		r.Population = "each epoch that entered " + string(q.Cohort)
	}
	r.Maturity = "a cell is complete once the month's last day is that old"
	c := p.run(t, rateCount(q.Cohort, table.Won))
	r.leave(leftUnknownTime, "the window", c.unknown)
	groups := c.everything() // in the order in which a scanner met them, which is by chance
	slices.SortFunc(groups, func(a, b int) int { return cmp.Compare(c.keys[a], c.keys[b]) })
	spans := c.spread(groups)
	for i, g := range groups {
		m := uint32(c.keys[g] >> 32)
		if m == 0 {
			r.leave(leftUnknownTime, "months", int(c.tallies[g][rateAll]))
			continue
		}
		r.leave(leftUnknownTime, "ages of "+monthText(m), int(c.tallies[g][rateUnknown]))
		r.Cohorts = append(r.Cohorts, cohortRow(m, &c.tallies[g], spans[i], q.Now))
	}
	if more := len(r.Cohorts) - cohortMonths; more > 0 {
		r.Cohorts, r.MoreGroups = r.Cohorts[more:], more
	}
	return r, nil
}

func cohortRow(m uint32, c *tally, spans []table.Time, now table.Time) CohortRow {
	row := CohortRow{Month: monthText(m), Leads: int(c[rateAll]), Won: share(c[rateDone], c[rateAll])}
	var by [ageSteps]int
	for _, d := range spans {
		// The end of a step belongs to it, as in Rate.Within30.
		if k := max(0, d-1) / ageStep; k < ageSteps {
			by[k]++
		}
	}
	won := int(c[rateBefore])
	for k := range by {
		if monthStart(m)+table.Time(k)*ageStep >= now {
			break
		}
		won += by[k]
		row.Cells = append(row.Cells, CohortCell{
			Days: (k + 1) * 30, Won: share(won, row.Leads), Complete: monthStart(m+1)+table.Time(k+1)*ageStep <= now,
		})
	}
	return row
}
