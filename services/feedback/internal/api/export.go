package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

const (
	// exportBatch is how many leads or deals are written at a time: the table is held for so long, and no reader's slowness keeps it held.
	exportBatch = 1000
	// pieceBytes is about how large the pieces are in which an export is sent.
	pieceBytes = 256 << 10
)

// export is one table that can be exported.
type export struct {
	columns []tabular.Column
	// run gives the rows, some at a time; an error of give is given back as it is.
	run func(ctx context.Context, req *feedbackv1.ExportRequest, give func(rows [][]tabular.Cell) error) error
	// takes are the fields of a request that it has a use for, beside those of every export.
	takes []string
}

func (s *Server) exports() map[string]export {
	return map[string]export{
		"leads":   {leadColumns(), s.exportRows(exportedLeads, leadRows), []string{"where"}},
		"deals":   {dealColumns(), s.exportRows(exportedDeals, dealRows), []string{"where"}},
		"credits": {creditColumns(), s.exportCredits, []string{"by", "model", "basis", "scope", "lookback", "half_life", "weights", "order", "sales"}},
		"metrics": {metricColumns(), s.exportMetrics, []string{"where", "by", "currency", "cohort"}},
	}
}

// Export streams a table in pieces that are put together as they are. Memory is bounded by one batch of rows, one row group of Parquet, and, of
// leads and deals, their ids; of credits, by what the touches of the deals take (about 80 bytes each).
func (s *Server) Export(req *feedbackv1.ExportRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	e, known := s.exports()[req.GetName()]
	var problems []core.Problem
	if !known {
		problems = append(problems, core.Problem{Field: "name", Reason: "is one of leads, deals, credits, metrics"})
	}
	format := req.GetFormat()
	if format == "" {
		format = tabular.Formats()[0]
	}
	if tabular.MediaType(format) == "" {
		problems = append(problems, core.Problem{Field: "format", Reason: "is one of " + strings.Join(tabular.Formats(), ", ")})
	}
	if known {
		problems = append(problems, useless(req, e.takes)...)
	}
	if problems != nil {
		return invalid("the request is not valid", problems)
	}
	to := &pieces{stream: stream, kind: tabular.MediaType(format), name: req.GetName()}
	w, err := tabular.NewWriter(format, req.GetName(), e.columns, to)
	if err != nil {
		return err
	}
	if err := e.run(stream.Context(), req, w.Write); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return to.send()
}

// useless gives the fields of a request that an export has no use for: ignored, they would let somebody take it for what it is not.
func useless(req *feedbackv1.ExportRequest, takes []string) (problems []core.Problem) {
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"where", len(req.GetWhere()) > 0}, {"by", len(req.GetBy()) > 0}, {"currency", req.GetCurrency() != ""}, {"cohort", req.GetCohort() != ""},
		{"model", req.GetModel() != ""}, {"basis", req.GetBasis() != ""}, {"scope", req.GetScope() != ""}, {"lookback", req.GetLookback() != ""},
		{"half_life", req.GetHalfLife() != ""}, {"weights", len(req.GetWeights()) > 0}, {"order", req.GetOrder() != 0}, {"sales", req.GetSales()},
	} {
		if f.has && !slices.Contains(takes, f.name) {
			problems = append(problems, core.Problem{Field: f.name, Reason: "an export of " + req.GetName() + " has no use for it"})
		}
	}
	return problems
}

// pieces sends what is written to it, some at a time.
type pieces struct {
	stream     grpc.ServerStreamingServer[httpbody.HttpBody]
	kind, name string
	waiting    []byte
}

func (p *pieces) Write(b []byte) (int, error) {
	n := len(b)
	for len(p.waiting)+len(b) >= pieceBytes {
		rest := pieceBytes - len(p.waiting)
		p.waiting = append(p.waiting, b[:rest]...)
		b = b[rest:]
		if err := p.send(); err != nil {
			return 0, err
		}
	}
	p.waiting = append(p.waiting, b...)
	return n, nil
}

// send sends what waits, also where that is nothing: an export of nothing is one, too.
func (p *pieces) send() error {
	if err := p.stream.Send(&httpbody.HttpBody{ContentType: p.kind, Data: p.waiting}); err != nil {
		return fmt.Errorf("send a piece of %s: %w", p.name, err)
	}
	p.waiting = make([]byte, 0, pieceBytes) // what was sent is the stream's
	return nil
}

// exportRows gives what exports a table in the order of ids: ids gives those that the query keeps, rows the cells of one: none if it is gone
// by now, or not kept any more. What changes while it runs is exported as it is when its turn comes.
func (s *Server) exportRows(
	ids func(*table.Table, *metrics.Kept) []string, rows func(t *table.Table, k *metrics.Kept, id string) [][]tabular.Cell,
) func(context.Context, *feedbackv1.ExportRequest, func([][]tabular.Cell) error) error {
	return func(ctx context.Context, req *feedbackv1.ExportRequest, give func([][]tabular.Cell) error) error {
		a, err := s.asked(ctx, &feedbackv1.MetricsRequest{From: req.GetFrom(), To: req.GetTo(), Where: req.GetWhere(), After: req.GetAfter()}, false)
		if err != nil {
			return err
		}
		var all []string
		if err := s.kept(ctx, a, req.GetAfter(), func(t *table.Table, k *metrics.Kept) { all = ids(t, k) }); err != nil {
			return err
		}
		slices.Sort(all)
		for part := range slices.Chunk(all, exportBatch) {
			var batch [][]tabular.Cell
			if err := s.kept(ctx, a, "", func(t *table.Table, k *metrics.Kept) {
				for _, id := range part {
					batch = append(batch, rows(t, k, id)...)
				}
			}); err != nil {
				return err
			}
			if err := give(batch); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *Server) kept(ctx context.Context, a *asked, after string, look func(*table.Table, *metrics.Kept)) error {
	return s.view(ctx, after, func(t *table.Table) error {
		k, err := metrics.Keep(t, a.query)
		if err == nil {
			look(t, k)
		}
		return err
	})
}
