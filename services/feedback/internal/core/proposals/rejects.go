package proposals

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Dimensions in which rejections may gather.
const (
	dimSource   = "source"
	dimChannel  = "channel"
	dimCampaign = "campaign"
	dimCountry  = "country"
	dimIndustry = "industry"
	dimSize     = "size"
	dimRule     = "rule"
)

// hopeless is the share of SQLs below which (its interval's upper end) leads are kept from qualifying rather than given fewer points, and
// manyHopeless how many there must be.
const (
	hopeless     = 0.03
	manyHopeless = 100
)

// size gives a band of head count in words, and as a condition on it; "" for none.
func size(b table.SizeBand) (words, when string) {
	switch b {
	case table.UpTo10:
		return "up to 10", "account.employees <= 10"
	case table.UpTo50:
		return "11 to 50", "account.employees > 10 && account.employees <= 50"
	case table.UpTo200:
		return "51 to 200", "account.employees > 50 && account.employees <= 200"
	case table.UpTo1000:
		return "201 to 1000", "account.employees > 200 && account.employees <= 1000"
	case table.UpTo5000:
		return "1001 to 5000", "account.employees > 1000 && account.employees <= 5000"
	case table.Above5000:
		return "above 5000", "account.employees > 5000"
	}
	return "", ""
}

// group is the leads of one value of a dimension.
type group struct{ dim, value string }

// values gives all groups that a lead is in.
func (c *cases) values(row *table.Row) []group {
	n := c.names
	out := make([]group, 0, 16)
	for _, v := range []struct {
		dim string
		sym table.Sym
	}{{dimSource, row.Source}, {dimChannel, row.Channel}, {dimCampaign, row.Campaign}, {dimCountry, row.Country}, {dimIndustry, row.Industry}} {
		if name := n.Name(v.sym); name != "" {
			out = append(out, group{v.dim, name})
		}
	}
	if words, _ := size(row.Size); words != "" {
		out = append(out, group{dimSize, words})
	}
	for _, r := range c.rulesOf(row.Rules) {
		out = append(out, group{dimRule, r})
	}
	return out
}

// in tells whether a lead is in a group: whether values has it.
func (c *cases) in(row *table.Row, g group) bool {
	is := func(s table.Sym) bool { return s != 0 && c.names.Name(s) == g.value }
	switch g.dim {
	case dimSource:
		return is(row.Source)
	case dimChannel:
		return is(row.Channel)
	case dimCampaign:
		return is(row.Campaign)
	case dimCountry:
		return is(row.Country)
	case dimIndustry:
		return is(row.Industry)
	case dimSize:
		words, _ := size(row.Size)
		return words != "" && words == g.value
	}
	return slices.Contains(c.rulesOf(row.Rules), g.value)
}

// answers counts leads that sales answered, and the rejections among them by reason.
type answers struct {
	n, rejected int
	by          map[table.Sym]int
}

func (a *answers) add(row *table.Row) {
	a.n++
	if row.Flags&table.Rejected == 0 {
		return
	}
	a.rejected++
	if row.Reason != 0 {
		if a.by == nil {
			a.by = map[table.Sym]int{}
		}
		a.by[row.Reason]++
	}
}

// tally is answers by source, of each group and of all leads.
type tally struct {
	groups   map[group]map[table.Sym]*answers
	all      map[table.Sym]*answers
	sum      answers
	from, to table.Time
}

// tally counts the answers to the leads that qualified from since on.
func (c *cases) tally(since table.Time) *tally {
	t := &tally{groups: map[group]map[table.Sym]*answers{}, all: map[table.Sym]*answers{}}
	at := func(m map[table.Sym]*answers, source table.Sym) *answers {
		if m[source] == nil {
			m[source] = new(answers)
		}
		return m[source]
	}
	e := Evidence{}
	for _, row := range c.rows {
		if !answered(row) || row.Entered[table.MQL] < since {
			continue
		}
		e.at(row)
		t.sum.add(row)
		at(t.all, row.Source).add(row)
		for _, g := range c.values(row) {
			if t.groups[g] == nil {
				t.groups[g] = map[table.Sym]*answers{}
			}
			at(t.groups[g], row.Source).add(row)
		}
	}
	t.from, t.to = e.From, e.To
	return t
}

// answered: the lead was handed over, and taken or rejected.
func answered(row *table.Row) bool {
	return row.Entered[table.Routed] != 0 && (row.Flags&table.Rejected != 0 || row.Entered[table.Accepted] != 0)
}

// rejects looks where the rejections for each reason gather.
func (c *cases) rejects(a *Agreement, opt Options) []candidate {
	all := c.tally(0)
	groups := make([]group, 0, len(all.groups))
	for g := range all.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(x, y group) int { return strings.Compare(x.dim+"\x00"+x.value, y.dim+"\x00"+y.value) })
	var out []candidate
	for _, reason := range sortedKeys(all.sum.by) {
		if all.sum.by[reason] < MinRejects {
			continue
		}
		for _, g := range groups {
			t := all
			if since := opt.Since[KindReject+"/"+c.subject(g, reason)]; since != 0 {
				t = c.tally(since)
			}
			if found, ok := c.gathered(a, t, g, reason); ok {
				out = append(out, found)
			}
		}
	}
	return out
}

func (c *cases) subject(g group, reason table.Sym) string {
	return g.dim + ":" + g.value + "/" + c.names.Name(reason)
}

func rejectedFor(row *table.Row, reason table.Sym) bool {
	return row.Flags&table.Rejected != 0 && row.Reason == reason
}

// strata gives the rejections of a group for a reason against those of all others; sources are told apart unless the group is about where leads come from.
func (t *tally) strata(g group, reason table.Sym) (s strata, ofRejects Share) {
	s = strata{}
	for source, in := range t.groups[g] {
		ofRejects.N, ofRejects.K = ofRejects.N+in.rejected, ofRejects.K+in.by[reason]
		s.add(g.stratum(source), true, true, in.by[reason])
		s.add(g.stratum(source), true, false, in.n-in.by[reason])
	}
	for source, all := range t.all {
		n, k := all.n, all.by[reason]
		if in := t.groups[g][source]; in != nil {
			n, k = n-in.n, k-in.by[reason]
		}
		s.add(g.stratum(source), false, true, k)
		s.add(g.stratum(source), false, false, n-k)
	}
	return s, ofRejects
}

// gathered compares how often the leads of a group are rejected for a reason with how often others are.
func (c *cases) gathered(a *Agreement, t *tally, g group, reason table.Sym) (candidate, bool) {
	name := c.names.Name(reason)
	e := Evidence{Outcome: "were rejected for " + name, Expected: -1, From: t.from, To: t.to, Population: "leads that were handed over and answered"}
	s, ofRejects := t.strata(g, reason)
	var tab stats.Table
	for _, st := range s {
		tab = stats.Table{A: tab.A + st.A, AN: tab.AN + st.AN, B: tab.B + st.B, BN: tab.BN + st.BN}
	}
	if tab.AN < MinRouted || tab.BN < MinRouted || tab.A+tab.B < MinRejects {
		return candidate{}, false
	}
	switch m, ok := s.compare(); {
	case ok:
		e.P, e.Test, e.Expected, e.Strata = m.p, m.test, m.expected, m.strata
		if m.logOdds <= 0 {
			e.P = 1 // only what gathers is looked for
		}
	case len(s) == 1:
		e.P, e.Test = stats.Fisher(tab), "Fisher's exact test"
	default:
		return candidate{}, false
	}
	e.With, e.Without, e.WithLabel, e.WithoutLabel = Share{tab.A, tab.AN}, Share{tab.B, tab.BN}, g.dim+" "+g.value, "all others"
	e.Effect = "risk ratio"
	e.Value, e.Low, e.High, _ = stats.RiskRatio(tab, stats.Z95)
	cand := candidate{propose: tab.A >= MinRejects && e.Low > 1 && e.Value >= 1.5}
	cand.Kind, cand.Subject, cand.Cases, cand.Evidence = KindReject, c.subject(g, reason), tab.AN, e
	if cand.propose {
		c.mend(a, g, reason, &cand)
	}
	cand.Sentence = fmt.Sprintf("%s of the rejects of %s %s say %s; %s of its leads are rejected for it against %s of all others (n = %d and %d): %s.",
		percent(ofRejects.Rate()), g.dim, g.value, name, percent(e.With.Rate()), percent(e.Without.Rate()), tab.AN, tab.BN, cand.Estimate.Text)
	return cand, true
}

// stratum tells sources apart, unless the group is about where leads come from.
func (g group) stratum(source table.Sym) table.Sym {
	switch g.dim {
	case dimSource, dimChannel, dimCampaign:
		return 0
	}
	return source
}

// mend says what to do about it.
func (c *cases) mend(a *Agreement, g group, reason table.Sym, cand *candidate) {
	name := c.names.Name(reason)
	est, rows := Estimate{Of: len(c.rows)}, []*table.Row(nil)
	for _, row := range c.rows {
		if c.in(row, g) {
			est.count(row)
			if answered(row) {
				rows = append(rows, row)
			}
		}
	}
	whole, _, _ := strings.Cut(name, "/")
	fixable := ""
	for _, r := range a.Reasons {
		if r.ID == whole {
			fixable = r.FixableBy
		}
	}
	cand.Title = fmt.Sprintf("Rejects for %s gather at %s %s", name, g.dim, g.value)
	where := g
	if g.dim == dimSource || g.dim == dimChannel || g.dim == dimCampaign {
		where = c.marked(rows, reason)
	}
	when := where.condition()
	switch {
	case g.dim == dimRule:
		i := slices.IndexFunc(a.Rules, func(r Rule) bool { return r.ID == g.value })
		if i < 0 || a.Rules[i].Points <= 0 {
			est.Text = "rule " + g.value + " does not tell these leads apart: look at its condition"
			break
		}
		r := &a.Rules[i]
		next := newPoints(r.Points, -1)
		cand.Change = Change{Op: ChangeValue, Part: r.Part, ID: r.ID, Field: "points", From: points(r.Points), To: points(next)}
		est.Text = fmt.Sprintf("rule %s %s → %s points", r.ID, points(r.Points), points(next))
	case fixable != "" || when == "":
		by := "by " + fixable
		if fixable == "" {
			by = "together"
		}
		est.Text = fmt.Sprintf("mend it at %s %s, %s; no rule of the agreement can", g.dim, g.value, by)
	default:
		c.keepAway(a, where, when, name, &est, cand)
	}
	cand.Estimate = est
}

// keepAway adds a fit rule that takes such leads one grade down or, where none of many ever became anything, a disqualify rule.
func (c *cases) keepAway(a *Agreement, where group, when, reason string, est *Estimate, cand *candidate) {
	var such Share
	for _, row := range c.rows {
		if c.in(row, where) {
			such.N++
			if sqlAt(row) != 0 {
				such.K++
			}
		}
	}
	id := a.free("not-" + where.dim + "-" + where.value)
	because := fmt.Sprintf("sales rejects them for %s", reason)
	cand.Change = Change{Op: ChangeAdd, ID: id, When: when, Because: because}
	if _, high := such.Interval(); such.N >= manyHopeless && high < hopeless {
		cand.Change.Part = "disqualify"
		est.Text = fmt.Sprintf("add a disqualify rule for %s %s, of whom %d of %d became SQLs", where.dim, where.value, such.K, such.N)
		return
	}
	grade := max(a.GradeA-a.GradeB, a.GradeB-a.GradeC)
	cand.Change.Part, cand.Change.Points = "fit", points(-grade)
	est.Text = fmt.Sprintf("add a fit rule of %s points for %s %s, one grade down", points(-grade), where.dim, where.value)
}

// marked gives what most of a source's rejects for a reason have in common, and others of that source have less: a size, a country or an
// industry that at least half of them share; none where there is no such thing.
func (c *cases) marked(rows []*table.Row, reason table.Sym) group {
	count, total := map[group]*Share{}, Share{N: len(rows)}
	for _, row := range rows {
		had := rejectedFor(row, reason)
		if had {
			total.K++
		}
		for _, g := range c.values(row) {
			if g.dim != dimSize && g.dim != dimCountry && g.dim != dimIndustry {
				continue
			}
			if count[g] == nil {
				count[g] = &Share{}
			}
			count[g].N++
			if had {
				count[g].K++
			}
		}
	}
	var best group
	least := 0.01 // it chooses words for a finding that was tested, and is none by itself
	for g, s := range count {
		t := stats.Table{A: s.K, AN: s.N, B: total.K - s.K, BN: total.N - s.N}
		if 2*s.K < total.K || t.BN == 0 || s.Rate()*float64(t.BN) <= float64(t.B) {
			continue
		}
		if p := stats.Fisher(t); p < least || p == least && g.dim+g.value < best.dim+best.value {
			best, least = g, p
		}
	}
	return best
}

// condition gives an expression that holds for leads of a group, "" where there is none.
func (g group) condition() string {
	switch g.dim {
	case dimCountry:
		return "lead.country == " + strconv.Quote(g.value)
	case dimIndustry:
		return "account.industry == " + strconv.Quote(g.value)
	case dimSize:
		for b := table.UpTo10; b <= table.Above5000; b++ {
			if words, when := size(b); words == g.value {
				return when
			}
		}
	}
	return ""
}
