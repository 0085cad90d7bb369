package rows

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// world is what reference makes of a journal, with what currencies are worth and what was spent, by the facts of the journal again. The
// functions on it count each number from its definition in the README: one thing after the other, nothing indexed, nothing shared.
type world struct {
	dump
	log []*journal.Event
	now int64
}

func newWorld(log []*journal.Event, leads []string) *world {
	ref := reference{}
	for _, ev := range log {
		if ev.Partition != journal.Global {
			ref.log = append(ref.log, ev)
		}
	}
	return &world{dump: ref.dump(leads), log: log, now: numbersNow.UnixMilli()}
}

// worth gives what one unit of the base is worth on the day of a moment, nil where nobody has said it for that day or one before.
func (w *world) worth(currency string, at int64) *big.Rat {
	day, best, text := time.UnixMilli(at).UTC().Format(time.DateOnly), "", ""
	base := ""
	for _, ev := range w.log {
		c := ev.Body.GetRatesChanged()
		if c == nil {
			continue
		}
		base = c.GetBase()
		for _, d := range c.GetDays() {
			if rate := d.GetRates()[currency]; rate != "" && d.GetDate() <= day && d.GetDate() >= best {
				best, text = d.GetDate(), rate
			}
		}
	}
	if currency == base {
		return big.NewRat(1, 1)
	}
	r, _ := new(big.Rat).SetString(text)
	return r
}

// convert gives micros in another currency, rounded half to even.
func (w *world) convert(micros int64, from, to string, at int64) (int64, bool) {
	if from == to {
		return micros, true
	}
	a, b := w.worth(from, at), w.worth(to, at)
	if a == nil || b == nil || from == "" {
		return 0, false
	}
	return halfEven(new(big.Rat).Mul(big.NewRat(micros, 1), new(big.Rat).Quo(b, a))), true
}

func halfEven(r *big.Rat) int64 {
	twice := new(big.Rat).Add(r, r)
	low := new(big.Int).Div(r.Num(), r.Denom()) // rounds down
	switch rest := new(big.Rat).Sub(twice, new(big.Rat).SetInt(new(big.Int).Lsh(low, 1))); rest.Cmp(big.NewRat(1, 1)) {
	case 1:
		low.Add(low, big.NewInt(1))
	case 0:
		low.Add(low, new(big.Int).And(low, big.NewInt(1)))
	}
	return low.Int64()
}

// pot is money by currency; missing counts what could not be converted.
type pot struct {
	micros  map[string]int64
	missing int
}

func (w *world) put(p *pot, micros int64, currency, to string, at int64) {
	if p.micros == nil {
		p.micros = map[string]int64{}
	}
	if to != "" {
		if v, ok := w.convert(micros, currency, to, at); ok {
			p.micros[to] += v
			return
		}
		p.missing++
	}
	p.micros[currency] += micros
}

// money notes money of a reference, divided by n.
func (f figures) pot(name string, p pot, n int) {
	for currency, micros := range p.micros {
		if n != 0 {
			f[name+" "+currency] += float64(halfEven(big.NewRat(micros, int64(n))))
		}
	}
}

// money notes money of an answer.
func (f figures) money(name string, m metrics.Money) {
	for _, a := range append(slices.Clone(m.Apart), m.Sum) {
		f[name+" "+a.Currency] += float64(a.Micros)
	}
}

// share notes a share of an answer.
func (f figures) share(name string, s metrics.Share) {
	f[name], f[name+" of"], f[name+" low"], f[name+" high"] = float64(s.Count), float64(s.Of), s.Low, s.High-1
}

// of notes a share of a reference. The high end is noted less 1, so that everything (0 to 1), of nothing, is as if it were absent.
func (f figures) of(name string, k, n int) {
	const z = 1.959963984540054
	low, high := 0.0, 1.0
	if n > 0 {
		p, m := float64(k)/float64(n), float64(n)
		middle, half := (p+z*z/(2*m))/(1+z*z/m), z/(1+z*z/m)*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
		low, high = max(0, middle-half), min(1, middle+half)
	}
	f[name], f[name+" of"], f[name+" low"], f[name+" high"] = float64(k), float64(n), low, high-1
}

// percentiles notes durations of an answer.
func (f figures) percentiles(name string, p metrics.Percentiles) {
	f[name+" count"], f[name+" p25"], f[name+" median"], f[name+" p90"], f[name+" mean"] = float64(p.Count), p.P25, p.Median, p.P90, p.Mean
}

// spans notes durations of a reference: percentiles of type 7.
func (f figures) spans(name string, list []float64) {
	slices.Sort(list)
	at := func(q float64) float64 {
		if len(list) == 0 {
			return 0
		}
		x := q * float64(len(list)-1)
		i := int(x)
		return list[i] + (x-float64(i))*(list[min(i+1, len(list)-1)]-list[i])
	}
	sum := 0.0
	for _, d := range list {
		sum += d
	}
	f[name+" count"], f[name+" p25"], f[name+" median"], f[name+" p90"] = float64(len(list)), at(0.25), at(0.5), at(0.9)
	f[name+" mean"] = sum / max(1, float64(len(list)))
}

func (f figures) leftOut(h metrics.Head) {
	for _, l := range h.LeftOut {
		f["left out: "+l.Reason+" of "+l.From] += float64(l.Count)
	}
}

// within tells whether a moment is in a query's window; one that is not known is in the window of all times.
func within(q *metrics.Query, at int64) bool {
	if at == 0 {
		return q.From == 0 && q.To == 0
	}
	return at >= q.From && (q.To == 0 || at < q.To)
}

func orNone(s string) string {
	if s == "" {
		return metrics.None
	}
	return s
}

// value gives what a row is of a dimension.
func value(r *namedRow, d metrics.Dimension, at int64) string {
	switch d {
	case metrics.BySource:
		return orNone(r.Source)
	case metrics.ByChannel:
		return orNone(r.Channel)
	case metrics.ByCampaign:
		return orNone(r.Campaign)
	case metrics.ByAccount:
		return orNone(r.Account)
	case metrics.ByPersona:
		return orNone(r.Persona)
	case metrics.ByRep:
		return orNone(r.Rep)
	case metrics.ByTeam:
		return orNone(r.Team)
	case metrics.ByReason:
		return orNone(r.Reason)
	case metrics.ByStage:
		if r.Epoch == 0 { // no row at all: a deal of a lead without a stage
			return "inquiry"
		}
		return []string{"inquiry", "mql", "routed", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified"}[r.Stage]
	case metrics.ByGrade:
		return []string{metrics.None, "a", "b", "c", "d"}[r.Grade]
	case metrics.ByMonth:
		if at == 0 {
			return metrics.None
		}
		return time.UnixMilli(at).UTC().Format("2006-01")
	}
	panic("a dimension that no test draws: " + d)
}

// keeps tells whether a query's filter keeps a row.
func keeps(q *metrics.Query, r *namedRow, at int64) bool {
	for d, values := range q.Filter {
		ok := false
		for _, v := range values {
			if d == metrics.ByMember {
				ok = ok || slices.Contains(strings.Split(r.Rules, ","), v)
			} else {
				ok = ok || value(r, d, at) == v
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// groups gives the names under which a row's figures are noted: of all, and of its group.
func groups(q *metrics.Query, r *namedRow, at int64) []string {
	if len(q.By) == 0 {
		return []string{"all"}
	}
	var key []string
	for _, d := range q.By {
		key = append(key, value(r, d, at))
	}
	return []string{"all", "group " + strings.Join(key, "|")}
}

func groupOf(key []string) string { return "group " + strings.Join(key, "|") }

// seen gives a deal as a row: its primary lead's in the epoch of the deal, and over it what the deal itself has.
func (w *world) seen(d *namedDeal) (r namedRow) {
	for _, row := range w.Rows[d.Lead] {
		if row.Epoch == int32(d.Epoch) {
			r = row
		}
	}
	for _, f := range []struct {
		into *string
		from string
	}{
		{&r.Source, d.Source}, {&r.Channel, d.Channel}, {&r.Campaign, d.Campaign}, {&r.Persona, d.Persona}, {&r.Account, d.Account},
		{&r.Rep, d.Owner}, {&r.Team, d.Team}, {&r.Reason, d.Reason},
	} {
		if f.from != "" {
			*f.into = f.from
		}
	}
	return r
}

// spentRecord is a line of what was spent.
type spentRecord struct {
	kind, campaign, channel, team, currency string
	month                                   time.Time
	micros                                  int64
}

// spends gives what was spent by the last directory of the journal.
func (w *world) spends() (out []spentRecord) {
	var last *directory.Sales
	for _, ev := range w.log {
		if c := ev.Body.GetDirectoryChanged(); c != nil {
			last, _ = directory.ReadSales(c.GetYaml())
		}
	}
	if last == nil {
		return nil
	}
	put := func(r spentRecord, month, amount string) {
		r.month, _ = time.Parse("2006-01", month)
		a, _ := new(big.Rat).SetString(amount)
		r.micros = halfEven(a.Mul(a, big.NewRat(1e6, 1)))
		out = append(out, r)
	}
	for _, c := range last.Campaigns {
		for _, s := range c.Spend {
			put(spentRecord{kind: "marketing", campaign: c.ID, channel: c.Channel, currency: s.Currency}, s.Month, s.Amount)
		}
	}
	for _, c := range last.Costs {
		put(spentRecord{kind: c.Kind, team: c.Team, currency: c.Currency}, c.Month, c.Amount)
	}
	return out
}

// spent adds up what was spent in a window, by group; lag moves each moment of spending so much later.
func (w *world) spent(q *metrics.Query, lag int64) map[string]*pot {
	out := map[string]*pot{"all": {}, "all marketing": {}, "all sales": {}}
	for _, s := range w.spends() {
		start, end := s.month.UnixMilli(), s.month.AddDate(0, 1, 0).UnixMilli()
		// upTo is what was spent of it up to a moment, rounded down: what is between two moments is the difference.
		upTo := func(at int64) int64 {
			part := big.NewInt(min(max(at-lag, start), end) - start)
			return part.Div(part.Mul(part, big.NewInt(s.micros)), big.NewInt(end-start)).Int64()
		}
		from, to := max(start+lag, q.From), end+lag
		if q.To != 0 {
			to = min(to, q.To)
		}
		for from < to { // one calendar month after the other
			at := time.UnixMilli(from).UTC()
			next := min(to, time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
			value := func(d metrics.Dimension) string {
				v := map[metrics.Dimension]string{
					metrics.ByCampaign: s.campaign, metrics.ByChannel: s.channel, metrics.ByTeam: s.team, metrics.ByMonth: at.Format("2006-01"),
				}[d]
				if v == "" {
					return metrics.Unassigned
				}
				return v
			}
			names := []string{"all", "all " + s.kind}
			if len(q.By) > 0 {
				var key []string
				for _, d := range q.By {
					key = append(key, value(d))
				}
				names = append(names, groupOf(key))
			}
			for d, values := range q.Filter {
				if !slices.Contains(values, value(d)) {
					names = nil
				}
			}
			for _, n := range names {
				if out[n] == nil {
					out[n] = &pot{}
				}
				w.put(out[n], upTo(next)-upTo(from), s.currency, q.Currency, start)
			}
			from = next
		}
	}
	return out
}

// buyer is a customer of a reference: an account, or a lead without one.
type buyer struct {
	first  namedDeal
	id     string
	bought []namedDeal
}

// buyers gives everybody who ever bought something. Of two deals closed at one moment the one that comes first by its id made the customer.
func (w *world) buyers() map[string]*buyer {
	out := map[string]*buyer{}
	ids := make([]string, 0, len(w.Deals))
	for id := range w.Deals {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		d := w.Deals[id]
		if d.Status != table.DealWon {
			continue
		}
		who := "account " + d.Account
		if d.Account == "" {
			who = "lead " + d.Lead
		}
		b := out[who]
		if b == nil {
			b = &buyer{first: d, id: id}
			out[who] = b
		}
		if d.Closed < b.first.Closed {
			b.first, b.id = d, id
		}
		b.bought = append(b.bought, d)
	}
	return out
}
