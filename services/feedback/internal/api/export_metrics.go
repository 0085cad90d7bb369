package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

// The units of exported numbers. Money is in units of its currency.
const (
	unitShare  = "share"
	unitMoney  = "money"
	unitPerDay = "money_per_day"
	unitDays   = "days"
	unitHours  = "hours"
)

// metricColumns: one row for each number, group and currency; a row without dimensions is of all together. low and high bound the 95 % interval.
// What a number cannot be grouped or filtered by, not_computed says, and the row has no value.
func metricColumns() []tabular.Column {
	return slices.Concat(
		tabular.Columns(tabular.Text, "metric", "dimension_1", "value_1", "dimension_2", "value_2"),
		tabular.Columns(tabular.Number, "numerator", "denominator", "value", "low", "high"), tabular.Columns(tabular.Text, "unit", "currency"),
		tabular.Columns(tabular.Flag, "immature"), tabular.Columns(tabular.Text, "cohort"), tabular.Columns(tabular.Moment, "window_from", "window_to", "as_of"),
		tabular.Columns(tabular.Count, "left_out", "more_groups"),
		tabular.Columns(tabular.Text, "definition", "numerator_is", "denominator_is", "where", "not_computed"),
	)
}

// figure is one number of one group.
type figure struct {
	metric, unit, currency                   string
	key                                      []string
	numerator, denominator, value, low, high tabular.Cell
	immature                                 tabular.Cell
}

// sheet gathers the rows of an export of metrics.
type sheet struct {
	a    *asked
	rows [][]tabular.Cell
}

func (s *sheet) put(h *metrics.Head, f figure) {
	var by [4]tabular.Cell
	for i, k := range f.key {
		by[2*i], by[2*i+1] = tabular.Str(string(h.By[i])), tabular.Str(k)
	}
	left := 0
	for _, l := range h.LeftOut {
		left += l.Count
	}
	definition, numerator, denominator := h.Definition, h.Numerator, h.Denominator
	if says, part := parts()[f.metric]; part { // of a report of several numbers
		definition, numerator, denominator = says[0], says[1], says[2]
	}
	s.rows = append(s.rows, []tabular.Cell{
		tabular.Str(f.metric), by[0], by[1], by[2], by[3], f.numerator, f.denominator, f.value, f.low, f.high, tabular.Str(f.unit), tabular.Str(f.currency), f.immature,
		tabular.Str(string(h.Cohort)), tabular.At(h.From), tabular.At(h.To), tabular.At(s.a.query.Now), tabular.N(left), tabular.N(h.MoreGroups),
		tabular.Str(definition), tabular.Str(numerator), tabular.Str(denominator), tabular.Str(strings.Join(s.a.where, " ")), tabular.None(),
	})
}

// parts says of the numbers that are a part of a report what they are: definition, numerator and denominator.
func parts() map[string][3]string {
	return map[string][3]string{
		"days_to_win":       {"median of the days from the cohort's moment to the first deal won", "", "those of the cohort with a deal won"},
		"days_to_sql":       {"median of the days from qualifying to being confirmed by sales", "", "those of the cohort that were confirmed"},
		"win_rate":          {"of the opportunities of pipeline_velocity, how many were won", "opportunities won", "opportunities that closed in the window"},
		"average_value":     {"what the deals won of pipeline_velocity brought, on average", "amount won", "opportunities won"},
		"cycle_days":        {"mean of the days from opened to closed, of the deals won of pipeline_velocity", "", "opportunities won"},
		"cac_lagged":        {"as cac, with the spend made the median days to win earlier", "spend of the window moved back", "customers won in the window"},
		"amount_retention":  {"as retention_rate, of amounts: (end - new) / start", "amount at the end that is not new", "amount at the start"},
		"accepted_in_time":  {"of the leads handed over in the window, how many were accepted within the agreement's time", "accepted in time", "accepted in time, or the time is up"},
		"contacted_in_time": {"of the leads handed over in the window, how many were contacted within the agreement's time", "contacted in time", "contacted in time, or the time is up"},
		"contacted":         {"of the leads of speed_to_lead, how many were reached out to", "those with a first contact", "the cohort"},
		"hours_to_contact":  {"median of the hours from the cohort's moment to the first contact", "", "those contacted after that moment"},
		"rejected":          {"of the leads handed over, how many sales rejected", "rejected", "handed over"},
		"recycled":          {"of the leads handed over, how many were sent back for later", "recycled", "handed over"},
		"disqualified":      {"of the leads handed over, how many were ended for good", "disqualified", "handed over"},
	}
}

// refused says of a number why it cannot be asked for in this way.
func (s *sheet) refused(metric string, bad *metrics.BadQuery) {
	row := make([]tabular.Cell, len(metricColumns()))
	var why []string
	for _, p := range bad.Problems {
		why = append(why, p.Field+": "+p.Reason)
	}
	row[0], row[len(row)-1], row[len(row)-2] = tabular.Str(metric), tabular.Str(strings.Join(why, "; ")), tabular.Str(strings.Join(s.a.where, " "))
	s.rows = append(s.rows, row)
}

// share puts a share; one of nothing has no value.
func (s *sheet) share(h *metrics.Head, metric string, key []string, of metrics.Share, immature tabular.Cell) {
	f := figure{metric: metric, unit: unitShare, key: key, numerator: tabular.Real(float64(of.Count)), denominator: tabular.Real(float64(of.Of)), immature: immature}
	if of.Of > 0 {
		f.value, f.low, f.high = tabular.Real(of.Value), tabular.Real(of.Low), tabular.Real(of.High)
	}
	s.put(h, f)
}

// median puts a median of so many values; nothing where there are none.
func (s *sheet) median(h *metrics.Head, metric, unit string, key []string, p *metrics.Percentiles) {
	f := figure{metric: metric, unit: unit, key: key, denominator: tabular.Real(float64(p.Count))}
	if p.Count > 0 {
		f.value = tabular.Real(p.Median)
	}
	if p.HasInterval {
		f.low, f.high = tabular.Real(p.MedianLow), tabular.Real(p.MedianHigh)
	}
	s.put(h, f)
}

// money puts one row for each currency of what is divided; a quotient of nothing has no value.
func (s *sheet) money(h *metrics.Head, metric, unit string, key []string, divided *metrics.Money, by float64, quotient *metrics.Money) {
	told := false
	for _, n := range append([]metrics.Amount{divided.Sum}, divided.Apart...) {
		if n.Currency == "" && n.Micros == 0 {
			continue
		}
		f := figure{metric: metric, unit: unit, currency: n.Currency, key: key, numerator: units(n.Micros), denominator: tabular.Real(by)}
		for _, q := range append([]metrics.Amount{quotient.Sum}, quotient.Apart...) {
			if q.Currency == n.Currency && by > 0 {
				f.value = units(q.Micros)
				break
			}
		}
		told = true
		s.put(h, f)
	}
	if !told {
		s.put(h, figure{metric: metric, unit: unit, key: key, denominator: tabular.Real(by)})
	}
}

// units gives millionths as units, to what a float holds: fifteen digits.
func units(micros int64) tabular.Cell { return tabular.Real(float64(micros) / 1e6) }

// exportMetrics gives the numbers as rows. A window or a filter that no number takes is refused; one that some do not take is told with these.
func (s *Server) exportMetrics(ctx context.Context, req *feedbackv1.ExportRequest, give func([][]tabular.Cell) error) error {
	a, err := s.asked(ctx, &feedbackv1.MetricsRequest{
		From: req.GetFrom(), To: req.GetTo(), By: req.GetBy(), Where: req.GetWhere(), Cohort: req.GetCohort(), Currency: req.GetCurrency(), After: req.GetAfter(),
	}, true)
	if err != nil {
		return err
	}
	out := &sheet{a: a}
	if err := s.view(ctx, req.GetAfter(), func(t *table.Table) error {
		var first error
		counted := false
		for _, n := range exportedNumbers() {
			err := n.put(t, out)
			var bad *metrics.BadQuery
			switch {
			case errors.As(err, &bad):
				if first == nil {
					first = err
				}
				out.refused(n.metric, bad)
			case err != nil:
				return err
			default:
				counted = true
			}
		}
		if !counted {
			return first
		}
		return nil
	}); err != nil {
		return err
	}
	return give(out.rows)
}

type exportedNumber struct {
	metric string
	put    func(*table.Table, *sheet) error
}

// groups puts the total and every group of a report.
func groups[G any](total *G, list []G, put func(*G)) {
	put(total)
	for i := range list {
		put(&list[i])
	}
}

func exportedNumbers() []exportedNumber {
	return []exportedNumber{
		{"lead_conversion_rate", func(t *table.Table, s *sheet) error {
			r, err := metrics.LeadConversion(t, s.a.query)
			return s.rate(r, err, "days_to_win")
		}},
		{"mql_to_sql_rate", func(t *table.Table, s *sheet) error {
			r, err := metrics.MQLToSQL(t, s.a.query)
			return s.rate(r, err, "days_to_sql")
		}},
		{"pipeline_velocity", func(t *table.Table, s *sheet) error {
			r, err := metrics.PipelineVelocity(t, s.a.query, s.a.conv)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.VelocityOf) {
				s.money(&r.Head, "pipeline_velocity", unitPerDay, g.Key, &g.WonAmount, g.CycleDays, &g.PerDay)
				s.share(&r.Head, "win_rate", g.Key, g.Won, tabular.None())
				s.money(&r.Head, "average_value", unitMoney, g.Key, &g.WonAmount, float64(g.Won.Count), &g.AverageValue)
				f := figure{metric: "cycle_days", unit: unitDays, key: g.Key, denominator: tabular.Real(float64(g.Cycle.Count))}
				if g.Cycle.Count > 0 {
					f.value = tabular.Real(g.CycleDays)
				}
				s.put(&r.Head, f)
			})
			return nil
		}},
		{"cac", func(t *table.Table, s *sheet) error {
			r, err := metrics.AcquisitionCost(t, s.a.query, s.a.spends, s.a.conv)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.CACOf) {
				s.money(&r.Head, "cac", unitMoney, g.Key, &g.Spend, float64(g.Customers), &g.PerCustomer)
				s.money(&r.Head, "cac_lagged", unitMoney, g.Key, &g.Lagged, float64(g.Customers), &g.LaggedPerCustomer)
			})
			return nil
		}},
		{"retention_rate", func(t *table.Table, s *sheet) error {
			r, err := metrics.CustomerRetention(t, s.a.query, s.a.conv)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.RetentionOf) {
				s.share(&r.Head, "retention_rate", g.Key, g.Retained, tabular.None())
				f := figure{metric: "amount_retention", unit: unitShare, key: g.Key, currency: g.StartAmount.Sum.Currency}
				if g.HasAmountRetained {
					f.value, f.denominator = tabular.Real(g.AmountRetained), units(g.StartAmount.Sum.Micros)
					f.numerator = units(g.EndAmount.Sum.Micros - g.NewAmount.Sum.Micros)
				}
				s.put(&r.Head, f)
			})
			return nil
		}},
		{"sla_kept", func(t *table.Table, s *sheet) error {
			r, err := metrics.SLAKept(t, s.a.query)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.SLAOf) {
				s.share(&r.Head, "accepted_in_time", g.Key, g.Accept, tabular.None())
				s.share(&r.Head, "contacted_in_time", g.Key, g.Contact, tabular.None())
			})
			return nil
		}},
		{"speed_to_lead", func(t *table.Table, s *sheet) error {
			r, err := metrics.SpeedToLead(t, s.a.query)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.SpeedOf) {
				s.share(&r.Head, "contacted", g.Key, g.Contacted, tabular.None())
				s.median(&r.Head, "hours_to_contact", unitHours, g.Key, &g.Hours)
			})
			return nil
		}},
		{"given_back", func(t *table.Table, s *sheet) error {
			r, err := metrics.GivenBack(t, s.a.query)
			if err != nil {
				return err
			}
			groups(&r.Total, r.Groups, func(g *metrics.ReasonsOf) {
				s.share(&r.Head, "rejected", g.Key, g.Rejected, tabular.None())
				s.share(&r.Head, "recycled", g.Key, g.Recycled, tabular.None())
				s.share(&r.Head, "disqualified", g.Key, g.Disqualified, tabular.None())
			})
			return nil
		}},
	}
}

// rate puts a rate, and the median of how long its outcome took.
func (s *sheet) rate(r *metrics.Rate, err error, days string) error {
	if err != nil {
		return err
	}
	groups(&r.Total, r.Groups, func(g *metrics.RateOf) {
		s.share(&r.Head, r.Name, g.Key, g.Share, tabular.Is(g.Maturity.Immature))
		s.median(&r.Head, days, unitDays, g.Key, &g.Days)
	})
	return nil
}
