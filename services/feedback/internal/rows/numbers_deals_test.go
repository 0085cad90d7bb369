package rows

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const dayMillis = 24 * 60 * 60 * 1000

// number is one question, how it is answered, and how the reference counts it.
type number struct {
	name      string
	query     metrics.Query
	count     func(*table.Table, []metrics.Spend, metrics.Converter) (figures, any, error)
	reference func(*world) figures
}

// drawNumbers gives every number once, each with a window, a filter, a grouping and a currency of its own.
func drawNumbers(t *rapid.T) []number {
	money := []metrics.Dimension{metrics.ByCampaign, metrics.ByChannel, metrics.ByTeam, metrics.ByMonth}
	deals := append([]metrics.Dimension{metrics.BySource, metrics.ByRep, metrics.ByAccount, metrics.ByPersona, metrics.ByStage, metrics.ByReason}, money...)
	leads := append([]metrics.Dimension{metrics.ByGrade}, deals...)
	list := []number{velocity(t, deals), cac(t, money), retention(t, deals), campaigns(t, money)}
	list = append(list, leadNumbers(t, leads)...)
	return append(list, goals(t)...)
}

func velocity(t *rapid.T, dims []metrics.Dimension) number {
	q := drawNumbersQuery(t, 2, dims...)
	if rapid.Bool().Draw(t, "velocity by opening") {
		q.Cohort = metrics.FromOpportunity
	}
	return number{
		name: "velocity", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			v, err := metrics.PipelineVelocity(tab, q, conv)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			f.leftOut(v.Head)
			for i, g := range append(v.Groups, v.Total) {
				name := "all"
				if i < len(v.Groups) {
					name = groupOf(g.Key)
				}
				f[name+" opportunities"], f[name+" cycle"] = float64(g.Opportunities), g.CycleDays
				f.share(name+" won", g.Won)
				f.money(name+" average", g.AverageValue)
				f.money(name+" amount", g.WonAmount)
				f.money(name+" a day", g.PerDay)
				f.percentiles(name+" cycle", g.Cycle)
			}
			return f, v, nil
		},
		reference: func(w *world) figures { return w.velocity(&q) },
	}
}

// velocity: opportunities × win rate × average value ÷ mean cycle days, all over the deals that closed in the window with opening, closing
// and amount known.
func (w *world) velocity(q *metrics.Query) figures {
	f := figures{}
	all, won, amount, cycles := map[string]int{}, map[string]int{}, map[string]*pot{}, map[string][]float64{}
	for _, d := range w.Deals {
		at := d.Closed
		if q.Cohort == metrics.FromOpportunity {
			at = d.Opened
		}
		row := w.seen(&d)
		if at != 0 && !within(q, at) || !keeps(q, &row, at) {
			continue
		}
		_, rated := w.convert(d.Amount, d.Currency, q.Currency, d.Closed)
		switch {
		case d.Status == table.DealOpen:
			if q.Cohort == metrics.FromOpportunity || q.From == 0 && q.To == 0 {
				f["left out: still_open of every factor"]++
			}
		case d.Closed < d.Opened:
			f["left out: negative_duration of every factor"]++
		case !d.HasAmount:
			f["left out: no_amount of every factor"]++
		case q.Currency != "" && !rated:
			f["left out: missing_rate of every factor"]++
		default:
			for _, g := range groups(q, &row, at) {
				if all[g]++; amount[g] == nil {
					amount[g] = &pot{}
				}
				if d.Status == table.DealWon {
					won[g]++
					cycles[g] = append(cycles[g], float64(d.Closed-d.Opened)/dayMillis)
					w.put(amount[g], d.Amount, d.Currency, q.Currency, d.Closed)
				}
			}
		}
	}
	for g := range all {
		f[g+" opportunities"] = float64(all[g])
		f.of(g+" won", won[g], all[g])
		f.pot(g+" amount", *amount[g], 1)
		f.pot(g+" average", *amount[g], won[g])
		f.spans(g+" cycle", cycles[g])
		cycle := 0.0
		for _, c := range cycles[g] {
			cycle += c / float64(len(cycles[g]))
		}
		if f[g+" cycle"] = cycle; cycle > 0 {
			for currency, micros := range amount[g].micros {
				// opportunities × (won ÷ opportunities) × (amount ÷ won) ÷ cycle, in whole millionths.
				o, k := float64(all[g]), float64(won[g])
				f[g+" a day "+currency] = float64(int64(o*(k/o)*(float64(micros)/k)/cycle + 0.5))
			}
		}
	}
	return f
}

func cac(t *rapid.T, dims []metrics.Dimension) number {
	q := drawNumbersQuery(t, 2, dims...)
	return number{
		name: "cac", query: q,
		count: func(tab *table.Table, spends []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			c, err := metrics.AcquisitionCost(tab, q, spends, conv)
			if err != nil {
				return nil, nil, err
			}
			f := figures{"lag": c.LagDays}
			f.leftOut(c.Head)
			f.percentiles("days", c.Days)
			f.money("all marketing", c.Total.Marketing)
			f.money("all sales", c.Total.Sales)
			for i, g := range append(c.Groups, c.Total) {
				name := "all"
				if i < len(c.Groups) {
					name = groupOf(g.Key)
				}
				f[name+" customers"] = float64(g.Customers)
				f.money(name+" spend", g.Spend)
				f.money(name+" each", g.PerCustomer)
				f.money(name+" lagged", g.Lagged)
				f.money(name+" lagged each", g.LaggedPerCustomer)
			}
			return f, c, nil
		},
		reference: func(w *world) figures { return w.cac(&q) },
	}
}

// cac: spend ÷ accounts (leads without one) whose first deal was won in the window; lagged: the spend made the median days to win earlier.
func (w *world) cac(q *metrics.Query) figures {
	f := figures{}
	var days []float64
	new := map[string]int{"all": 0}
	for _, b := range w.buyers() {
		row := w.seen(&b.first)
		if !keeps(q, &row, b.first.Closed) || !within(q, b.first.Closed) {
			continue
		}
		for _, g := range groups(q, &row, b.first.Closed) {
			new[g]++
		}
		switch {
		case row.First == 0:
			f["left out: unknown_time of days to win"]++
		case b.first.Closed < row.First || row.Flags&table.WonBeforeSeen != 0:
			f["left out: won_before_seen of nothing: counted as won after 0 days"]++
			days = append(days, 0)
		default:
			days = append(days, float64(b.first.Closed-row.First)/dayMillis)
		}
	}
	f.spans("days", days)
	f["lag"] = f["days median"]
	now, lagged := w.spent(q, 0), w.spent(q, int64(f["lag"]*dayMillis))
	if n := now["all"].missing; n > 0 {
		f["left out: missing_rate of spend in "+q.Currency] = float64(n)
	}
	f.pot("all marketing", *now["all marketing"], 1)
	f.pot("all sales", *now["all sales"], 1)
	for g, p := range now {
		f.pot(g+" spend", *p, 1)
		f.pot(g+" each", *p, new[g])
	}
	for g, p := range lagged {
		f.pot(g+" lagged", *p, 1)
		f.pot(g+" lagged each", *p, new[g])
	}
	for g, n := range new {
		f[g+" customers"] = float64(n)
	}
	for _, kind := range []string{"all marketing", "all sales"} { // of the total spend alone
		for _, what := range []string{" spend", " lagged"} {
			for _, currency := range []string{"EUR", "USD", "SEK"} {
				delete(f, kind+what+" "+currency)
			}
		}
	}
	return f
}

func retention(t *rapid.T, dims []metrics.Dimension) number {
	q := drawNumbersQuery(t, 1, dims...)
	return number{
		name: "retention", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			if q.From != 0 && q.To == 0 && q.From >= q.Now {
				return figures{}, nil, nil
			}
			r, err := metrics.CustomerRetention(tab, q, conv)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			f.leftOut(r.Head)
			for i, g := range append(r.Groups, r.Total) {
				name := "all"
				if i < len(r.Groups) {
					name = groupOf(g.Key)
				}
				for what, n := range map[string]int{
					"start": g.Start, "end": g.End, "new": g.New, "returned": g.Returned, "churned": g.Churned, "flash": g.NewAndLost, "renewed": g.Renewed,
				} {
					f[name+" "+what] = float64(n)
				}
				f.share(name+" retained", g.Retained)
				f.money(name+" start amount", g.StartAmount)
				f.money(name+" end amount", g.EndAmount)
				f.money(name+" new amount", g.NewAmount)
				if g.HasAmountRetained {
					f[name+" amount retained"] = g.AmountRetained
				}
			}
			return f, r, nil
		},
		reference: func(w *world) figures { return w.retention(q) },
	}
}

// retention: (end − new) ÷ start, of customers and of amounts; the year up to now without a window.
func (w *world) retention(q metrics.Query) figures {
	f := figures{}
	if q.To == 0 {
		q.To = w.now
	}
	if q.From == 0 {
		q.From = q.To - 365*dayMillis
	}
	had := func(d *namedDeal, at int64) bool { // won before, and not left since
		return d.Closed < at && (d.Churned == 0 || d.Churned >= at)
	}
	starts, ends, news := map[string]*pot{}, map[string]*pot{}, map[string]*pot{}
	for _, b := range w.buyers() {
		row := w.seen(&b.first)
		if !keeps(&q, &row, b.first.Closed) {
			continue
		}
		holds := func(is func(*namedDeal) bool) bool {
			return slices.ContainsFunc(b.bought, func(d namedDeal) bool { return is(&d) })
		}
		start, end := holds(func(d *namedDeal) bool { return had(d, q.From) }), holds(func(d *namedDeal) bool { return had(d, q.To) })
		for _, g := range groups(&q, &row, b.first.Closed) {
			note := func(what string, is bool) {
				if is {
					f[g+" "+what]++
				}
			}
			note("start", start)
			note("end", end)
			note("new", end && !start)
			note("returned", end && !start && b.first.Closed < q.From)
			note("churned", start && !end)
			note("flash", !start && !end && holds(func(d *namedDeal) bool { return d.Closed >= q.From && d.Closed < q.To }))
			note("renewed", holds(func(d *namedDeal) bool { return d.Renewed >= q.From && d.Renewed < q.To }))
			if starts[g] == nil {
				starts[g], ends[g], news[g] = &pot{}, &pot{}, &pot{}
			}
			for _, d := range b.bought {
				switch {
				case !had(&d, q.From) && !had(&d, q.To):
				case !d.HasAmount:
					if g == "all" {
						f["left out: no_amount of amounts"]++
					}
				default:
					if had(&d, q.From) {
						w.put(starts[g], d.Amount, d.Currency, q.Currency, d.Closed)
					}
					if had(&d, q.To) {
						w.put(ends[g], d.Amount, d.Currency, q.Currency, d.Closed)
						if !start {
							w.put(news[g], d.Amount, d.Currency, q.Currency, d.Closed)
						}
					}
				}
			}
		}
	}
	if p := starts["all"]; p != nil && p.missing+ends["all"].missing > 0 {
		f["left out: missing_rate of amounts in "+q.Currency] = float64(p.missing + ends["all"].missing)
	}
	for g := range starts {
		f.of(g+" retained", int(f[g+" end"]-f[g+" new"]), int(f[g+" start"]))
		f.pot(g+" start amount", *starts[g], 1)
		f.pot(g+" end amount", *ends[g], 1)
		f.pot(g+" new amount", *news[g], 1)
		// Of amounts only where all of them are of one currency, or could be converted to the one that was asked for.
		of := map[string]bool{}
		for _, p := range []*pot{starts[g], ends[g]} {
			for currency, micros := range p.micros {
				if micros != 0 {
					of[currency] = true
				}
			}
		}
		for currency := range of {
			if start := starts[g].micros[currency]; len(of) == 1 && start > 0 && (q.Currency == "" || q.Currency == currency) {
				f[g+" amount retained"] = float64(ends[g].micros[currency]-news[g].micros[currency]) / float64(start)
			}
		}
	}
	return f
}
