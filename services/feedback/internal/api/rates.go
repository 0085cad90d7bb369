package api

import (
	"context"
	"errors"
	"strconv"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/ledger"
)

// Ledger gives and takes what currencies are worth; *ledger.Ledger does.
type Ledger interface {
	Rates(ctx context.Context, atLeast uint64) (*money.Rates, uint64, error)
	Put(ctx context.Context, base string, days []money.Stated, by string) (uint64, error)
}

// maxRates is how many rates one statement may have: a year of days of forty currencies. It is one message of the journal.
const maxRates = 15000

// PutRates states what currencies are worth from some days on. What was stated already is left alone.
func (s *Server) PutRates(ctx context.Context, req *feedbackv1.PutRatesRequest) (*feedbackv1.Rates, error) {
	days := make([]money.Stated, len(req.GetDays()))
	n := 0
	for i, d := range req.GetDays() {
		days[i] = money.Stated{Day: d.GetDate(), Rates: d.GetRates()}
		n += len(d.GetRates())
	}
	switch {
	case n == 0:
		return nil, invalid("the request is not valid", []core.Problem{{Field: "days", Reason: "is empty: there is nothing to state"}})
	case n > maxRates:
		return nil, invalid("the request is not valid", []core.Problem{{Field: "days", Reason: "has more than " + strconv.Itoa(maxRates) + " rates: send them in parts"}})
	}
	name, _ := s.opt.Caller(ctx)
	seq, err := s.opt.Ledger.Put(ctx, req.GetBase(), days, name)
	var bad *ledger.BadRatesError
	if errors.As(err, &bad) {
		var problems []core.Problem
		for _, p := range bad.Problems {
			problems = append(problems, core.Problem{Field: p.Field, Reason: p.Err.Error()})
		}
		return nil, invalid("the rates are not right", problems)
	}
	if err != nil {
		return nil, err
	}
	s.opt.Log.InfoContext(ctx, "rates were stated", "by", name, "sequence", seq, "rates", n)
	return s.rates(ctx, seq)
}

// GetRates gives all rates that were stated.
func (s *Server) GetRates(ctx context.Context, req *feedbackv1.GetRatesRequest) (*feedbackv1.Rates, error) {
	if problems := sequence(req.GetAfter()); problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	after, _ := strconv.ParseUint(req.GetAfter(), 10, 64) // checked
	return s.rates(ctx, after)
}

func (s *Server) rates(ctx context.Context, atLeast uint64) (*feedbackv1.Rates, error) {
	rates, seq, err := s.opt.Ledger.Rates(ctx, atLeast)
	if err != nil {
		return nil, err
	}
	out := &feedbackv1.Rates{Base: rates.Base(), Sequence: strconv.FormatUint(seq, 10)}
	for _, d := range rates.Days() {
		out.Days = append(out.Days, &feedbackv1.RatesOfDay{Date: d.Day, Rates: d.Rates})
	}
	return out, nil
}
