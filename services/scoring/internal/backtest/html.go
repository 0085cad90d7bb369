package backtest

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var page string

// HTML writes the report as one page that needs nothing else: no script, no outside address, plots drawn in place.
func (r *Report) HTML(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"share": share, "number": number, "money": moneyText, "time": dateTime, "add": func(a, b int) int { return a + b },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("backtest: page: %w", err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		*Report
		Volumes     chart
		ROC         chart
		Reliability chart
		Lift        chart
		Definitions []Definition
	}{r, volumes(r), rocChart(r), reliability(r), lift(r), r.definitions()})
	if err != nil {
		return fmt.Errorf("backtest: page: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("backtest: write page: %w", err)
	}
	return nil
}
