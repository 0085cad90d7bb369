package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

func moment(at int64) *timestamppb.Timestamp {
	if at == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMilli(at))
}

func (a *asked) head(h *metrics.Head) *feedbackv1.MetricHead {
	out := &feedbackv1.MetricHead{
		Name: h.Name, Definition: h.Definition, Numerator: h.Numerator, Denominator: h.Denominator, Population: h.Population, Window: h.Window,
		Maturity: h.Maturity, Interval: h.Interval, From: moment(h.From), To: moment(h.To), Cohort: string(h.Cohort), Where: a.where,
		MoreGroups: uint32(h.MoreGroups), AsOf: moment(a.query.Now),
	}
	for _, d := range h.By {
		out.By = append(out.By, string(d))
	}
	for _, l := range h.LeftOut {
		out.LeftOut = append(out.LeftOut, &feedbackv1.LeftOut{Reason: l.Reason, From: l.From, Count: uint32(l.Count)})
	}
	return out
}

func proportion(s metrics.Share) *feedbackv1.Proportion {
	return &feedbackv1.Proportion{Count: uint32(s.Count), Of: uint32(s.Of), Value: s.Value, Low: s.Low, High: s.High}
}

func durations(p *metrics.Percentiles) *feedbackv1.Durations {
	out := &feedbackv1.Durations{Count: uint32(p.Count), P25: p.P25, Median: p.Median, P75: p.P75, P90: p.P90, P95: p.P95, Mean: p.Mean}
	if p.HasInterval {
		out.MedianLow, out.MedianHigh = &p.MedianLow, &p.MedianHigh
	}
	return out
}

func maturityToProto(m metrics.Maturity) *feedbackv1.Maturity {
	return &feedbackv1.Maturity{AfterDays: uint32(m.AfterDays), Younger: uint32(m.Young), Share: m.Share, Immature: m.Immature}
}

func amount(a metrics.Amount) *feedbackv1.CurrencyAmount {
	return &feedbackv1.CurrencyAmount{Amount: tabular.Decimal(a.Micros), Currency: a.Currency}
}

// sum leaves out the total where there is nothing in it and no currency to say so in.
func sum(m *metrics.Money) *feedbackv1.Sum {
	out := &feedbackv1.Sum{}
	if m.Sum.Currency != "" {
		out.Total = amount(m.Sum)
	}
	for _, a := range m.Apart {
		out.Apart = append(out.Apart, amount(a))
	}
	return out
}

// each gives every group its message.
func each[G, M any](groups []G, message func(*G) *M) []*M {
	out := make([]*M, len(groups))
	for i := range groups {
		out[i] = message(&groups[i])
	}
	return out
}

func (a *asked) rate(r *metrics.Rate, toWon bool) *feedbackv1.ConversionRate {
	group := func(g *metrics.RateOf) *feedbackv1.ConversionGroup {
		out := &feedbackv1.ConversionGroup{
			Key: g.Key, Rate: proportion(g.Share), Maturity: maturityToProto(g.Maturity), DaysToOutcome: durations(&g.Days),
			Within_30Days: g.Within30, Within_90Days: g.Within90, Skipped: uint32(g.Skipped),
		}
		if toWon {
			out.DaysToWin = out.DaysToOutcome
		}
		return out
	}
	return &feedbackv1.ConversionRate{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func velocityToProto(r *metrics.Velocity, a *asked) *feedbackv1.VelocityReport {
	group := func(g *metrics.VelocityOf) *feedbackv1.VelocityGroup {
		return &feedbackv1.VelocityGroup{
			Key: g.Key, Opportunities: uint32(g.Opportunities), WinRate: proportion(g.Won), AverageValue: sum(&g.AverageValue), WonAmount: sum(&g.WonAmount),
			CycleDays: g.CycleDays, DaysToClose: durations(&g.Cycle), VelocityPerDay: sum(&g.PerDay),
		}
	}
	return &feedbackv1.VelocityReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func cacToProto(r *metrics.CAC, a *asked) *feedbackv1.CACReport {
	group := func(g *metrics.CACOf) *feedbackv1.CACGroup {
		return &feedbackv1.CACGroup{
			Key: g.Key, Customers: uint32(g.Customers), Spend: sum(&g.Spend), Cac: sum(&g.PerCustomer), LaggedSpend: sum(&g.Lagged),
			LaggedCac: sum(&g.LaggedPerCustomer), Marketing: sum(&g.Marketing), Sales: sum(&g.Sales),
		}
	}
	return &feedbackv1.CACReport{
		Head: a.head(&r.Head), LagDays: r.LagDays, DaysToWin: durations(&r.Days), Total: group(&r.Total), Groups: each(r.Groups, group),
	}
}

func retentionToProto(r *metrics.Retention, a *asked) *feedbackv1.RetentionReport {
	group := func(g *metrics.RetentionOf) *feedbackv1.RetentionGroup {
		out := &feedbackv1.RetentionGroup{
			Key: g.Key, Start: uint32(g.Start), End: uint32(g.End), New: uint32(g.New), Returned: uint32(g.Returned), Churned: uint32(g.Churned),
			NewAndLost: uint32(g.NewAndLost), Renewed: uint32(g.Renewed), Retention: proportion(g.Retained), StartAmount: sum(&g.StartAmount),
			EndAmount: sum(&g.EndAmount), NewAmount: sum(&g.NewAmount),
		}
		if g.HasAmountRetained {
			out.AmountRetention = &g.AmountRetained
		}
		return out
	}
	return &feedbackv1.RetentionReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func qualityToProto(r *metrics.Quality, a *asked) *feedbackv1.QualityReport {
	group := func(g *metrics.QualityOf) *feedbackv1.QualityGroup {
		out := &feedbackv1.QualityGroup{
			Key: g.Key, Leads: uint32(g.Leads), Mql: proportion(g.MQL), Sql: proportion(g.SQL), Opportunity: proportion(g.Opportunity),
			Won: proportion(g.Won), Rejected: proportion(g.Rejected), Maturity: maturityToProto(g.Maturity), Amount: sum(&g.Amount), Cost: sum(&g.Cost),
			CostPerLead: sum(&g.CostPerLead), CostPerMql: sum(&g.CostPerMQL), CostPerSql: sum(&g.CostPerSQL), CostPerWin: sum(&g.CostPerWin),
		}
		for _, n := range g.Now {
			out.Now = append(out.Now, &feedbackv1.StageLeads{Stage: n.Stage, Leads: uint32(n.Leads)})
		}
		return out
	}
	return &feedbackv1.QualityReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func slaToProto(r *metrics.SLA, a *asked) *feedbackv1.SLAReport {
	group := func(g *metrics.SLAOf) *feedbackv1.SLAGroup {
		return &feedbackv1.SLAGroup{
			Key: g.Key, Routed: uint32(g.Routed), AcceptKept: proportion(g.Accept), ContactKept: proportion(g.Contact), AcceptOpen: uint32(g.AcceptOpen),
			AcceptEnded: uint32(g.AcceptEnded), ContactOpen: uint32(g.ContactOpen), ContactEnded: uint32(g.ContactEnded), Reassigned: proportion(g.Reassigned),
		}
	}
	return &feedbackv1.SLAReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func speedToProto(r *metrics.Speed, a *asked) *feedbackv1.SpeedReport {
	group := func(g *metrics.SpeedOf) *feedbackv1.SpeedGroup {
		out := &feedbackv1.SpeedGroup{Key: g.Key, Contacted: proportion(g.Contacted), HoursToContact: durations(&g.Hours)}
		for _, b := range g.Buckets {
			out.Buckets = append(out.Buckets, &feedbackv1.SpeedBucket{Name: b.Name, Leads: proportion(b.Leads), WinRate: proportion(b.Won)})
		}
		return out
	}
	return &feedbackv1.SpeedReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func reasonsToProto(r *metrics.Reasons, a *asked) *feedbackv1.ReasonsReport {
	group := func(g *metrics.ReasonsOf) *feedbackv1.ReasonsGroup {
		out := &feedbackv1.ReasonsGroup{
			Key: g.Key, HandedOver: uint32(g.Handed), Rejected: proportion(g.Rejected), Fixable: proportion(g.Fixable), Recycled: proportion(g.Recycled),
			Disqualified: proportion(g.Disqualified),
		}
		for _, n := range g.Reasons {
			out.Reasons = append(out.Reasons, &feedbackv1.ReasonCount{
				Reason: n.Reason, Rejected: uint32(n.Rejected), Recycled: uint32(n.Recycled), Disqualified: uint32(n.Disqualified), Share: proportion(n.Share),
			})
		}
		return out
	}
	return &feedbackv1.ReasonsReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func leakageToProto(r *metrics.Leakage, a *asked) *feedbackv1.LeakageReport {
	group := func(g *metrics.LeakageOf) *feedbackv1.LeakageGroup {
		return &feedbackv1.LeakageGroup{Key: g.Key, Leads: uint32(g.Leads), Stages: each(g.Stages, func(l *metrics.Leak) *feedbackv1.Leak {
			return &feedbackv1.Leak{
				Stage: l.Stage, Reached: proportion(l.Reached), Stopped: proportion(l.Stopped), Here: uint32(l.Here), Lost: uint32(l.Lost),
				Recycled: uint32(l.Recycled), Disqualified: uint32(l.Disqualified), DaysHere: durations(&l.Days),
				Over_30Days: uint32(l.Over30), Over_90Days: uint32(l.Over90),
			}
		})}
	}
	return &feedbackv1.LeakageReport{Head: a.head(&r.Head), Total: group(&r.Total), Groups: each(r.Groups, group)}
}

func cohortsToProto(r *metrics.Matrix, a *asked) *feedbackv1.CohortsReport {
	return &feedbackv1.CohortsReport{Head: a.head(&r.Head), Cohorts: each(r.Cohorts, func(c *metrics.CohortRow) *feedbackv1.CohortMonth {
		return &feedbackv1.CohortMonth{Month: c.Month, Leads: uint32(c.Leads), Won: proportion(c.Won), Cells: each(c.Cells, func(x *metrics.CohortCell) *feedbackv1.CohortCell {
			return &feedbackv1.CohortCell{AgeDays: uint32(x.Days), Won: proportion(x.Won), Complete: x.Complete}
		})}
	})}
}

func goalToProto(p *metrics.Progress) *feedbackv1.GoalProgress {
	out := &feedbackv1.GoalProgress{
		Id: p.ID, Metric: p.Metric, Target: p.Target, From: moment(p.From), To: moment(p.To), Elapsed: p.Elapsed, Value: p.Value, Of: uint32(p.Of),
		Pace: p.Pace, Method: p.Method, Status: p.Status, Immature: p.Immature, Problem: p.Problem, Statement: p.Statement,
		Contributions: each(p.Contributions, func(c *metrics.Contribution) *feedbackv1.GoalContribution {
			return &feedbackv1.GoalContribution{By: string(c.By), Name: c.Name, Share: proportion(c.Share), Value: c.Value, AgainstTarget: c.AgainstTarget}
		}),
	}
	if p.HasInterval {
		out.Low, out.High = &p.Low, &p.High
	}
	if p.HasProjection {
		out.Projection = &p.Projection
	}
	if p.HasProjectionInterval {
		out.ProjectionLow, out.ProjectionHigh = &p.ProjectionLow, &p.ProjectionHigh
	}
	return out
}
