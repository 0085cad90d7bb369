package proposals

import (
	"fmt"
	"math"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// band is how many points of engagement a band of leads is wide, and bands how many there are above a threshold: the last has all beyond.
const (
	band  = 5
	bands = 12
	// material is how far from the goal a rate must be, as a part of it, for a change to be worth the signatures.
	material = 0.2
)

// thresholds compares the rates of bands of engagement with the goal that both teams agreed on. Rates are smoothed so that they do
// not fall with engagement (Isotonic), since a threshold assumes just that.
func (c *cases) thresholds(a *Agreement, opt Options) []candidate {
	if a.Goal <= 0 || a.Goal >= 1 {
		return nil
	}
	var out []candidate
	for i := range a.Thresholds {
		if found, ok := c.threshold(&a.Thresholds[i], a.Goal, opt); ok {
			out = append(out, found)
		}
	}
	return out
}

// name of a threshold, as it stands in the agreement.
func (t *Threshold) name() string {
	if t.Grade == "" {
		return t.Rule
	}
	return t.Rule + "/" + t.Grade
}

func (c *cases) threshold(t *Threshold, goal float64, opt Options) (candidate, bool) {
	o := c.sql()
	e := Evidence{Outcome: o.words, HorizonDays: o.days()}
	rule, known := c.known[t.Rule]
	if !known {
		return candidate{}, false
	}
	since := opt.Since[KindThreshold+"/"+t.name()]
	at := int(t.At / Point)
	var counted [bands]Share
	var fine [101]Estimate // by points, of all leads
	all := Share{}
	for _, row := range c.rows {
		if row.Rule != rule || !t.Versions.has(row.Version) || row.Entered[table.MQL] < since ||
			t.Grade != "" && (row.Grade == 0 || t.Grade[0]-'a'+1 != row.Grade) || int(row.Engagement) < at {
			continue
		}
		fine[min(100, row.Engagement)].count(row)
		if !o.mature(row, c.now) {
			e.Immature++
			continue
		}
		e.at(row)
		had := 0
		if o.had(row) {
			had = 1
		}
		b := min(bands-1, (int(row.Engagement)-at)/band)
		counted[b].N, counted[b].K = counted[b].N+1, counted[b].K+had
		all.N, all.K = all.N+1, all.K+had
	}
	if all.N < 2*MinBand {
		return candidate{}, false
	}
	who := "leads that qualified by " + t.Rule
	if t.Grade != "" {
		who += " with grade " + t.Grade
	}
	e.Population = fmt.Sprintf("%s while its threshold stood at %s, each with %.0f days to become an SQL", who, points(t.At), e.HorizonDays)
	var cand candidate
	var ok bool
	if all.Rate() < goal {
		cand, ok = raise(t, goal, counted[:], all, who, e)
	} else {
		cand, ok = lower(t, goal, counted[:], who, e)
	}
	if !ok {
		return cand, false
	}
	cand.Kind, cand.Subject, cand.Cases = KindThreshold, t.name(), all.N
	field := "when"
	if t.Grade != "" {
		field = "matrix." + t.Grade
	}
	cand.Change = Change{Op: ChangeValue, Part: "qualify", ID: t.Rule, Field: field, From: points(t.At), To: cand.Change.To}
	cand.Title = fmt.Sprintf("Threshold of %s: %s → %s points of engagement", t.name(), points(t.At), cand.Change.To)
	cand.Estimate = below(fine[:], cand.Change.To, all.N+e.Immature)
	return cand, true
}

// below counts the leads that stand below a threshold.
func below(fine []Estimate, threshold string, of int) Estimate {
	var to int
	if _, err := fmt.Sscanf(threshold, "%d", &to); err != nil {
		return Estimate{}
	}
	sum := Estimate{Of: of}
	for i := range min(to, len(fine)) {
		sum.Leads, sum.SQLs, sum.Won = sum.Leads+fine[i].Leads, sum.SQLs+fine[i].SQLs, sum.Won+fine[i].Won
	}
	if sum.Leads == 0 {
		sum.Text = "Leads that came near the threshold and did not qualify would be handed over too. The backtest counts them."
		return sum
	}
	sum.Text = fmt.Sprintf("%d of %d leads would not have been handed over when they were; %d of those became SQLs and %d were won. They qualify when they do more.",
		sum.Leads, sum.Of, sum.SQLs, sum.Won)
	return sum
}

// raise looks for the lowest threshold from which leads reach the goal. The p-value is that of the best of the edges that were looked
// at, times their number (Bonferroni): choosing one is part of the test.
func raise(t *Threshold, goal float64, counted []Share, all Share, who string, e Evidence) (candidate, bool) {
	rates, weights := make([]float64, len(counted)), make([]float64, len(counted))
	for i, s := range counted {
		rates[i], weights[i] = s.Rate(), float64(s.N)
	}
	smooth := stats.Isotonic(rates, weights)
	var c candidate
	under, edges, chosen := Share{}, 0, false
	least := 1.0
	var best struct {
		under, over Share
		edge        int
	}
	for i := 1; i < len(counted); i++ {
		under.N, under.K = under.N+counted[i-1].N, under.K+counted[i-1].K
		over := Share{all.K - under.K, all.N - under.N}
		if under.N < MinBand || over.N < MinBand {
			continue
		}
		edges++
		p := stats.Fisher(stats.Table{A: under.K, AN: under.N, B: over.K, BN: over.N})
		least = min(least, p)
		_, high := under.Interval()
		next := t.At/Point + int64(i*band)
		if !chosen && smooth[i] >= goal && high < goal && under.Rate() <= (1-material)*goal && over.Rate() >= goal && next <= 2*max(band, t.At/Point) && next <= 100 {
			chosen = true
			best.under, best.over, best.edge = under, over, int(next)
		}
		if !chosen {
			best.under, best.over, best.edge = under, over, int(next)
		}
	}
	if edges == 0 {
		return c, false
	}
	e.With, e.Without = best.under, best.over
	e.WithLabel, e.WithoutLabel = fmt.Sprintf("below %d points", best.edge), fmt.Sprintf("from %d points on", best.edge)
	e.Effect, e.Expected = "risk ratio", -1
	e.Value, e.Low, e.High, _ = stats.RiskRatio(stats.Table{A: best.under.K, AN: best.under.N, B: best.over.K, BN: best.over.N}, stats.Z95)
	e.P, e.Test = min(1, least*float64(edges)), fmt.Sprintf("Fisher's exact test, times the %d edges looked at", edges)
	c.Evidence, c.propose = e, chosen
	c.Change.To = fmt.Sprint(best.edge)
	c.Sentence = fmt.Sprintf("Of %s, %s became SQLs below %d points of engagement and %s from there on (n = %d and %d); the goal is %s: %s → %d points.",
		who, percent(best.under.Rate()), best.edge, percent(best.over.Rate()), best.under.N, best.over.N, percent(goal), points(t.At), best.edge)
	return c, true
}

// lower looks at the leads just above the threshold: where they are clearly better than the goal, those just below it are worth a
// try. They are not known, so that the step is small: a quarter, five points at most.
func lower(t *Threshold, goal float64, counted []Share, who string, e Evidence) (candidate, bool) {
	var c candidate
	edge, rest := counted[0], Share{}
	for _, s := range counted[1:] {
		rest.K, rest.N = rest.K+s.K, rest.N+s.N
	}
	step := int64(math.Round(min(band, float64(t.At)/Point/4)))
	if edge.N < MinGroup {
		return c, false
	}
	low, _ := edge.Interval()
	next := t.At/Point - step
	e.With, e.Without, e.WithLabel, e.WithoutLabel = edge, rest, fmt.Sprintf("at most %d points above the threshold", band), "further above"
	e.Effect, e.Expected = "share", -1
	e.Value = edge.Rate()
	e.Low, e.High = edge.Interval()
	e.P, e.Test = min(1, 2*binomialTail(edge.K, edge.N, goal)), fmt.Sprintf("binomial against the goal of %s", percent(goal))
	c.Evidence, c.propose = e, low > goal && edge.Rate() >= (1+material)*goal && step > 0
	c.Change.To = fmt.Sprint(next)
	c.Sentence = fmt.Sprintf("Of %s, those nearest to the threshold became SQLs at %s (n = %d), above the goal of %s: %s → %d points.",
		who, percent(edge.Rate()), edge.N, percent(goal), points(t.At), next)
	return c, true
}
