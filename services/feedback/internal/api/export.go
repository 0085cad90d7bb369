package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// exportBatch is how many leads or deals are written at a time: the table is held for so long, and no reader's slowness keeps it held.
const exportBatch = 1000

// export is one table that can be exported.
type export struct {
	columns []string
	// ids gives those that the query keeps.
	ids func(*table.Table, *metrics.Kept) []string
	// rows gives the cells of one id: none if it is gone by now, or not kept any more.
	rows func(t *table.Table, k *metrics.Kept, id string) [][]string
}

func exports() map[string]export {
	return map[string]export{
		"leads": {leadColumns(), exportedLeads, leadRows},
		"deals": {dealColumns(), exportedDeals, dealRows},
	}
}

// Export streams a table in the order of ids: CSV with a heading, or one JSON object a line. Each piece holds whole rows, and the last has no
// line end: whoever joins pieces puts one between them. What changes while it runs is exported as it is when its turn comes; memory is
// bounded by the ids and one batch of rows.
func (s *Server) Export(req *feedbackv1.ExportRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	ctx := stream.Context()
	e, known := exports()[req.GetName()]
	var problems []core.Problem
	if !known {
		problems = append(problems, core.Problem{Field: "name", Reason: "is one of leads, deals"})
	}
	encode, kind := encoder(req.GetFormat())
	if encode == nil {
		problems = append(problems, core.Problem{Field: "format", Reason: "is one of csv, ndjson"})
	}
	if problems != nil {
		return invalid("the request is not valid", problems)
	}
	a, err := s.asked(ctx, &feedbackv1.MetricsRequest{From: req.GetFrom(), To: req.GetTo(), Where: req.GetWhere(), After: req.GetAfter()}, false)
	if err != nil {
		return err
	}
	var ids []string
	if err := s.kept(ctx, a, req.GetAfter(), func(t *table.Table, k *metrics.Kept) { ids = e.ids(t, k) }); err != nil {
		return err
	}
	slices.Sort(ids)
	send := func(rows [][]string, heading bool) error {
		data, err := encode(e.columns, rows, heading)
		if err != nil || len(data) == 0 {
			return err
		}
		if err := stream.Send(&httpbody.HttpBody{ContentType: kind, Data: bytes.TrimSuffix(data, []byte("\n"))}); err != nil {
			return fmt.Errorf("send a piece of %s: %w", req.GetName(), err)
		}
		return nil
	}
	if err := send(nil, true); err != nil {
		return err
	}
	for part := range slices.Chunk(ids, exportBatch) {
		var rows [][]string
		if err := s.kept(ctx, a, "", func(t *table.Table, k *metrics.Kept) {
			for _, id := range part {
				rows = append(rows, e.rows(t, k, id)...)
			}
		}); err != nil {
			return err
		}
		if err := send(rows, false); err != nil {
			return err
		}
	}
	return nil
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

// encoder gives what writes rows in a format, and its media type; nil for a format that there is not.
func encoder(format string) (func(columns []string, rows [][]string, heading bool) ([]byte, error), string) {
	switch format {
	case "", "csv":
		return encodeCSV, "text/csv; charset=utf-8"
	case "ndjson":
		return encodeLines, "application/x-ndjson"
	}
	return nil, ""
}

func encodeCSV(columns []string, rows [][]string, heading bool) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if heading {
		if err := w.Write(columns); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = harmless(c)
		}
		if err := w.Write(cells); err != nil {
			return nil, fmt.Errorf("write CSV: %w", err)
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula, as OWASP's page on CSV injection advises: an apostrophe before what begins
// with = + - @, a tab or a line end. Numbers stay numbers.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil && cell[0] == '-' {
		return cell
	}
	return "'" + cell
}

// encodeLines writes one object a line, its members in the order of the columns; what is not known is left out.
func encodeLines(columns []string, rows [][]string, _ bool) ([]byte, error) {
	var out bytes.Buffer
	for _, row := range rows {
		out.WriteByte('{')
		first := true
		for i, c := range row {
			if c == "" {
				continue
			}
			if !first {
				out.WriteByte(',')
			}
			first = false
			v, err := json.Marshal(c)
			if err != nil {
				return nil, fmt.Errorf("write JSON: %w", err)
			}
			fmt.Fprintf(&out, "%q:%s", columns[i], v)
		}
		out.WriteString("}\n")
	}
	return out.Bytes(), nil
}
