package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

// taken takes an export.
type taken struct {
	grpc.ServerStream
	ctx  context.Context
	text string
	n    int
}

func (p *taken) Context() context.Context { return p.ctx }
func (p *taken) Send(b *httpbody.HttpBody) error {
	p.text, p.n = p.text+string(b.GetData()), p.n+1
	return nil
}

func exported(t *testing.T) *Server {
	t.Helper()
	tab := table.New()
	for i := range 2500 {
		source := []string{"site", "=cmd|' /C calc'!A0", "a, \"b\"\nc"}[i%3]
		rows := []table.Row{{Epoch: 1, First: 1_000_000_000_000 + int64(i), Source: tab.Names.Sym(source), Stage: table.MQL, Grade: 1, Rules: tab.Names.Set([]string{"x", "y"})}}
		if i == 0 {
			rows = append(rows, table.Row{Epoch: 2, First: rows[0].First, Source: rows[0].Source})
		}
		tab.Replace(tab.Lead(fmt.Sprintf("ld_%04d", (i*7919)%2500)), rows)
	}
	tab.PutDeal(table.Deal{ID: tab.Names.Sym("crm/1"), Lead: tab.Lead("ld_0000"), Status: table.DealWon, Opened: 5000, Amount: -12_500_000, HasAmount: true, Currency: tab.Names.Sym("EUR")})
	f := fixed{t: tab}
	return New(Options{Tables: f, InForce: f, Now: func() time.Time { return time.UnixMilli(1_100_000_000_000) }})
}

func names(columns []tabular.Column) (out []string) {
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return out
}

func TestExportIsReadBack(t *testing.T) {
	s, out := exported(t), &taken{ctx: t.Context()}
	if err := s.Export(&feedbackv1.ExportRequest{Name: "leads"}, out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.text)).ReadAll()
	if err != nil || len(rows) != 2502 || out.n != (len(out.text)+pieceBytes-1)/pieceBytes || !slices.Equal(rows[0], names(leadColumns())) {
		t.Fatal(len(rows), out.n, err)
	}
	column := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
	if !slices.IsSortedFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
		t.Error("not in the order of ids")
	}
	sources := map[string]int{}
	for _, r := range rows[1:] {
		sources[column(r, "source")]++
	}
	if sources["site"] != 835 || sources["'=cmd|' /C calc'!A0"] != 833 || sources["a, \"b\"\nc"] != 833 {
		t.Error(sources)
	}
	if r := rows[1]; column(r, "lead") != "ld_0000" || column(r, "first_seen_at") != "2001-09-09T01:46:40.000Z" || column(r, "grade") != "a" || column(r, "rules") != "x|y" ||
		column(rows[2], "epoch") != "2" {
		t.Error(r)
	}

	lines := &taken{ctx: t.Context()}
	if err := s.Export(&feedbackv1.ExportRequest{Name: "leads", Format: "ndjson", Where: []string{"source:=cmd|' /C calc'!A0"}}, lines); err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := json.NewDecoder(strings.NewReader(lines.text)); d.More(); n++ {
		var row map[string]any
		if err := d.Decode(&row); err != nil || row["epoch"] != 1. || row["rejected"] != false || row["source"] != "=cmd|' /C calc'!A0" || row["stage"] != "mql" {
			t.Fatal(row, err)
		}
	}
	if n != 833 {
		t.Error(n)
	}
}

func TestExportOfDeals(t *testing.T) {
	out := &taken{ctx: t.Context()}
	if err := exported(t).Export(&feedbackv1.ExportRequest{Name: "deals"}, out); err != nil {
		t.Fatal(err)
	}
	if want := "\ncrm/1,ld_0000,0,0,won,1970-01-01T00:00:05.000Z,,,,0,-12.50,EUR,"; !strings.Contains(out.text, want) {
		t.Error(out.text)
	}
}

func TestExportRefuses(t *testing.T) {
	for _, req := range []*feedbackv1.ExportRequest{{Name: "people"}, {Name: "leads", Format: "xls"}, {Name: "leads", Where: []string{"colour:red"}}} {
		if err := exported(t).Export(req, &taken{ctx: t.Context()}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}
