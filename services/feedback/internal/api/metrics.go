package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Tables gives the table of all leads to look at, as it stands once everything up to sequence after ("" for as it stands) is in it. It does
// not change while look runs.
type Tables interface {
	View(ctx context.Context, after string, look func(*table.Table) error) error
}

// InForce gives what holds for everybody.
type InForce interface {
	Goals(ctx context.Context) (goals []metrics.Goal, version int32, err error)
	Spends(ctx context.Context) ([]metrics.Spend, error)
}

// asked is a request made ready.
type asked struct {
	query  metrics.Query
	where  []string
	spends []metrics.Spend
	conv   metrics.Converter
}

func (s *Server) asked(ctx context.Context, req *feedbackv1.MetricsRequest, costs bool) (*asked, error) {
	a := &asked{query: metrics.Query{Now: s.opt.Now().UnixMilli(), Cohort: metrics.Cohort(req.GetCohort()), Currency: req.GetCurrency()}, where: req.GetWhere()}
	problems := windowOf(req, &a.query)
	for _, by := range req.GetBy() {
		for _, d := range strings.Split(by, ",") {
			if d != "" {
				a.query.By = append(a.query.By, metrics.Dimension(d))
			}
		}
	}
	for _, w := range req.GetWhere() {
		d, v, ok := strings.Cut(w, ":")
		if !ok || d == "" {
			problems = append(problems, core.Problem{Field: "where", Reason: strconv.Quote(w) + " is not dimension:value, as in source:site"})
			continue
		}
		if a.query.Filter == nil {
			a.query.Filter = map[metrics.Dimension][]string{}
		}
		a.query.Filter[metrics.Dimension(d)] = append(a.query.Filter[metrics.Dimension(d)], v)
	}
	if c := req.GetCurrency(); c != "" && !isCurrency(c) {
		problems = append(problems, core.Problem{Field: "currency", Reason: "is not an ISO 4217 code such as EUR"})
	}
	if problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	var err error
	if costs {
		if a.spends, err = s.opt.InForce.Spends(ctx); err != nil {
			return nil, err
		}
	}
	if s.opt.Rates != nil {
		if a.conv, err = s.opt.Rates(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func windowOf(req *feedbackv1.MetricsRequest, q *metrics.Query) (problems []core.Problem) {
	for _, f := range []struct {
		name string
		at   *timestamppb.Timestamp
		into *int64
	}{{"from", req.GetFrom(), &q.From}, {"to", req.GetTo(), &q.To}} {
		switch {
		case f.at == nil:
			continue
		case f.at.CheckValid() != nil:
			problems = append(problems, core.Problem{Field: f.name, Reason: "is not a time"})
		case f.at.AsTime().UnixMilli() <= 0:
			problems = append(problems, core.Problem{Field: f.name, Reason: "must be after 1970"})
		}
		*f.into = f.at.AsTime().UnixMilli()
	}
	if after := req.GetAfter(); after != "" {
		if _, err := strconv.ParseUint(after, 10, 64); err != nil {
			problems = append(problems, core.Problem{Field: "after", Reason: "is not a sequence"})
		}
	}
	return problems
}

func isCurrency(s string) bool {
	return len(s) == 3 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < 'A' || c > 'Z' })
}

// view counts over the table; a query that is not valid becomes a problem naming its fields.
func (s *Server) view(ctx context.Context, after string, count func(*table.Table) error) error {
	err := s.opt.Tables.View(ctx, after, count)
	var bad *metrics.BadQuery
	if !errors.As(err, &bad) {
		return err
	}
	problems := make([]core.Problem, len(bad.Problems))
	for i, p := range bad.Problems {
		problems[i] = core.Problem{Field: p.Field, Reason: p.Reason}
	}
	return invalid("the request is not valid", problems)
}

// report counts one number over the table and gives it its message.
func report[N, M any](ctx context.Context, s *Server, req *feedbackv1.MetricsRequest, costs bool,
	count func(*table.Table, *asked) (N, error), message func(N, *asked) *M,
) (out *M, err error) {
	a, err := s.asked(ctx, req, costs)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, req.GetAfter(), func(t *table.Table) error {
		n, err := count(t, a)
		if err == nil {
			out = message(n, a)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetConversion counts leads to customers, and MQLs to SQLs.
func (s *Server) GetConversion(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.ConversionReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) ([2]*metrics.Rate, error) {
		won, confirmed, err := metrics.Conversions(t, a.query)
		return [2]*metrics.Rate{won, confirmed}, err
	}, func(r [2]*metrics.Rate, a *asked) *feedbackv1.ConversionReport {
		return &feedbackv1.ConversionReport{LeadConversionRate: a.rate(r[0], true), MqlToSqlRate: a.rate(r[1], false)}
	})
}

// GetVelocity counts what the pipeline brings a day.
func (s *Server) GetVelocity(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.VelocityReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Velocity, error) {
		return metrics.PipelineVelocity(t, a.query, a.conv)
	}, velocityToProto)
}

// GetCAC counts what a new customer costs.
func (s *Server) GetCAC(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.CACReport, error) {
	return report(ctx, s, req, true, func(t *table.Table, a *asked) (*metrics.CAC, error) {
		return metrics.AcquisitionCost(t, a.query, a.spends, a.conv)
	}, cacToProto)
}

// GetRetention counts who stayed.
func (s *Server) GetRetention(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.RetentionReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Retention, error) {
		return metrics.CustomerRetention(t, a.query, a.conv)
	}, retentionToProto)
}

// GetSources counts what became of leads by where they came from.
func (s *Server) GetSources(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.QualityReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Quality, error) {
		return metrics.Sources(t, a.query, a.conv)
	}, qualityToProto)
}

// GetCampaigns counts what campaigns cost and what became of their leads.
func (s *Server) GetCampaigns(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.QualityReport, error) {
	return report(ctx, s, req, true, func(t *table.Table, a *asked) (*metrics.Quality, error) {
		return metrics.Campaigns(t, a.query, a.spends, a.conv)
	}, qualityToProto)
}

// GetBands counts what became of leads by the grade they qualified with.
func (s *Server) GetBands(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.QualityReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Quality, error) {
		return metrics.Bands(t, a.query, a.conv)
	}, qualityToProto)
}

// GetSLA counts the promises kept.
func (s *Server) GetSLA(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.SLAReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.SLA, error) { return metrics.SLAKept(t, a.query) }, slaToProto)
}

// GetSpeed counts how fast sales reached out.
func (s *Server) GetSpeed(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.SpeedReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Speed, error) { return metrics.SpeedToLead(t, a.query) }, speedToProto)
}

// GetReasons counts why leads came back.
func (s *Server) GetReasons(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.ReasonsReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Reasons, error) { return metrics.GivenBack(t, a.query) }, reasonsToProto)
}

// GetLeakage counts where leads stop.
func (s *Server) GetLeakage(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.LeakageReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Leakage, error) { return metrics.Leaks(t, a.query) }, leakageToProto)
}

// GetCohorts counts conversion by month and age.
func (s *Server) GetCohorts(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.CohortsReport, error) {
	return report(ctx, s, req, false, func(t *table.Table, a *asked) (*metrics.Matrix, error) { return metrics.CohortMatrix(t, a.query) }, cohortsToProto)
}

// GetGoals tells how the goals of the agreement in force stand, for both teams together. Goals have windows of their own and are of
// everybody, so that of the request only the currency and the sequence count; anything else is refused.
func (s *Server) GetGoals(ctx context.Context, req *feedbackv1.MetricsRequest) (*feedbackv1.GoalsReport, error) {
	var problems []core.Problem
	for _, f := range []struct {
		name string
		has  bool
	}{{"from", req.GetFrom() != nil}, {"to", req.GetTo() != nil}, {"by", len(req.GetBy()) > 0}, {"where", len(req.GetWhere()) > 0}, {"cohort", req.GetCohort() != ""}} {
		if f.has {
			problems = append(problems, core.Problem{Field: f.name, Reason: "goals are of everybody, and each has the window that the agreement gives it"})
		}
	}
	if problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	goals, version, err := s.opt.InForce.Goals(ctx)
	if err != nil {
		return nil, err
	}
	return report(ctx, s, req, true, func(t *table.Table, a *asked) ([]metrics.Progress, error) {
		return metrics.Track(t, goals, a.query.Now, a.spends, a.query.Currency, a.conv)
	}, func(list []metrics.Progress, a *asked) *feedbackv1.GoalsReport {
		out := &feedbackv1.GoalsReport{AgreementVersion: uint32(version), AsOf: moment(a.query.Now)}
		for i := range list {
			out.Goals = append(out.Goals, goalToProto(&list[i]))
		}
		return out
	})
}
