package api

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/parquet-go/parquet-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
)

// TestExportAsParquet: every row, in the order of ids, with what a file of columns needs to be read without us.
func TestExportAsParquet(t *testing.T) {
	for name, want := range map[string]int64{"leads": 2501, "deals": 1} {
		out := &taken{ctx: t.Context()}
		if err := exported(t).Export(&feedbackv1.ExportRequest{Name: name, Format: "parquet"}, out); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(strings.NewReader(out.text), int64(len(out.text)))
		if err != nil || f.NumRows() != want {
			t.Fatal(name, f, err)
		}
		var columns []string
		for _, c := range f.Root().Columns() {
			columns = append(columns, c.Name())
		}
		if e := exported(t).exports()[name]; !slices.Equal(columns, names(e.columns)) {
			t.Error(columns)
		}
		rows := f.RowGroups()[0].Rows()
		buf := make([]parquet.Row, 2)
		if n, _ := rows.ReadRows(buf); n == 0 || !slices.Contains([]string{"ld_0000", "crm/1"}, buf[0][0].String()) {
			t.Error(buf)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

// read gives an export's rows by the names of its columns.
func read(t *testing.T, s *Server, req *feedbackv1.ExportRequest) (rows []map[string]string) {
	t.Helper()
	out := &taken{ctx: t.Context()}
	if err := s.Export(req, out); err != nil {
		t.Fatal(err)
	}
	list, err := csv.NewReader(bytes.NewReader([]byte(out.text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list[1:] {
		m := map[string]string{}
		for i, name := range list[0] {
			m[name] = r[i]
		}
		rows = append(rows, m)
	}
	return rows
}

func TestExportOfCredits(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).UnixMilli()
	p := &paths{}
	p.credited.Deals = []journeys.Deal{
		{Source: "crm", ID: "d1", Status: journeys.StatusWon, Opened: at, Closed: at + 1000, Amount: 100_000_000, Currency: "EUR", Stated: true},
		{Source: "crm", ID: "d2", Status: journeys.StatusWon, Opened: at, Closed: at + 1000},
	}
	p.credited.Add(0, ana, 2, unique.Make(journeys.What{Type: "page_viewed", Channel: "paid", Source: "site"}),
		journeys.Credit{At: at, Share: 1. / 3, Conversions: 333_333, Amount: 33_333_333, Key: unique.Make("paid")})
	p.credited.Add(0, bo, 1, unique.Make(journeys.What{Type: "contacted", Channel: "sales", Side: journeys.Sales}),
		journeys.Credit{At: at, Share: 2. / 3, Conversions: 666_667, Amount: 66_666_667, Key: unique.Make("sales")})
	p.credited.AddNone(1)
	rows := read(t, attributing(p), &feedbackv1.ExportRequest{Name: "credits", Model: "u", By: []string{"campaign"}, Sales: true, Basis: "pipeline", Lookback: "90d"})
	if !p.query.Pipeline || !p.query.Sales || p.query.By != "campaign" || p.query.Lookback != 90*86_400_000 || len(rows) != 3 {
		t.Fatalf("%+v %v", p.query, rows)
	}
	if r := rows[0]; r["deal"] != "crm/d1" || r["lead"] != ana || r["times"] != "2" || r["side"] != "marketing" || r["key"] != "paid" || r["credit"] != "33.333333" ||
		r["conversions"] != "0.333333" || r["amount"] != "100.00" || r["model"] != "u" || r["touched_at"] != "2026-11-01T09:00:00.000Z" {
		t.Error(r)
	}
	if rows[1]["side"] != "sales" || rows[1]["lead"] != bo {
		t.Error(rows[1])
	}
	if r := rows[2]; r["deal"] != "crm/d2" || r["lead"]+r["touched_at"]+r["touch"]+r["side"]+r["credit"]+r["amount"] != "" || r["conversions"] != "1.00" {
		t.Error(r)
	}
}

func TestExportOfMetrics(t *testing.T) {
	s := metricsServer()
	rows := read(t, s, &feedbackv1.ExportRequest{Name: "metrics", By: []string{"source"}})
	find := func(metric, group string) map[string]string {
		for _, r := range rows {
			if r["metric"] == metric && r["value_1"] == group {
				return r
			}
		}
		t.Fatalf("no %s of %q in %v", metric, group, rows)
		return nil
	}
	for _, group := range []string{"", "site"} {
		r := find("lead_conversion_rate", group)
		if r["numerator"] != "1" || r["denominator"] != "4" || r["value"] != "0.25" || r["low"] == "" || r["unit"] != "share" || r["definition"] == "" ||
			(r["dimension_1"] == "source") != (group != "") || r["as_of"] == "" {
			t.Error(r)
		}
	}
	if r := find("days_to_win", ""); r["value"] != "1.5" || r["denominator"] != "1" || !strings.HasPrefix(r["definition"], "median") {
		t.Error(r)
	}
	if r := find("win_rate", ""); r["value"] != "" || r["denominator"] != "0" {
		t.Error("a share of nothing has no value", r)
	}
	// Spend is not known by source: that number says so, and keeps nobody from the others.
	if r := find("cac", ""); !strings.Contains(r["not_computed"], "by: this number is not known by source") || r["value"] != "" {
		t.Error(r)
	}
	for _, number := range []string{"mql_to_sql_rate", "pipeline_velocity", "retention_rate", "accepted_in_time", "contacted", "rejected"} {
		find(number, "")
	}
	rows = read(t, s, &feedbackv1.ExportRequest{Name: "metrics"})
	find("cac", "")
	find("cac_lagged", "")
}

func TestExportRefusesWhatItHasNoUseFor(t *testing.T) {
	for field, req := range map[string]*feedbackv1.ExportRequest{
		"model": {Name: "leads", Model: "u"}, "where": {Name: "credits", Where: []string{"source:site"}}, "by": {Name: "deals", By: []string{"rep"}},
		"currency": {Name: "credits", Currency: "EUR"}, "sales": {Name: "metrics", Sales: true}, "order": {Name: "metrics", Order: 2},
	} {
		if err := exported(t).Export(req, &taken{ctx: t.Context()}); field1(err) != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, req := range []*feedbackv1.ExportRequest{
		{Name: "credits", Model: "all"}, {Name: "credits", By: []string{"channel", "campaign"}}, {Name: "credits", Model: "luck"}, {Name: "metrics", By: []string{"colour"}},
	} {
		s := exported(t)
		s.opt.Journeys = &paths{}
		if err := s.Export(req, &taken{ctx: t.Context()}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}
