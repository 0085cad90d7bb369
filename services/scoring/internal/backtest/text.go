package backtest

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Definition says what a figure means.
type Definition struct{ Figure, Meaning string }

// Definitions gives the meaning of every figure, in plain words.
func Definitions() []Definition {
	return []Definition{
		{"Leads", "People first heard of in the window. A merged lead is one, and has all outcomes of its parts."},
		{"Won, lost, open", "A lead is won once one of its deals is, else open while one is open, else lost if one is lost; without a deal it is open."},
		{"Qualified", "Leads that would have been handed to sales in the window, each at its first time."},
		{"Before the outcome", "A lead that qualifies only after its deal was decided is no success of the agreement: it counts as not qualified."},
		{"Precision", "Of the qualified leads whose outcome is known, the share that was won: how often a handoff is worth it."},
		{"Recall", "Of all won leads, the share that had qualified before they were won: how much of the business the agreement sees coming."},
		{"Money missed", "Won deals none of whose leads had qualified before, added up exactly, currency by currency."},
		{"Capacity", "How many handoffs a week all reps together can take, against how many would have come."},
		{"Prediction score", "The highest (engagement + fit) / 2 that a lead reached before its outcome, or before the end, from 0 to 100."},
		{"ROC-AUC", "Take one won and one lost lead: the chance that the won one has the higher score, ties counting half. 0.5 is a coin, 1 is perfect."},
		{"ROC curve", "Going down from the highest score: the share of all won leads found against the share of all lost leads taken along."},
		{"Lift by decile", "Leads with a known outcome in order of score (of equal scores, of id), cut into tenths: how much more often a tenth was won than all were."},
		{"Brier score", "The mean squared distance between score / 100, read as a probability, and what came: 0 is perfect, 0.25 is always saying one half."},
		{"Reliability", "For every ten points of score: the share of won leads that the score promised, and the share that came."},
		{"Lead time", "Days from a lead's first engagement to its qualification, and from there to the win. Of n sorted times, the median is the smallest that half of them do not exceed; 75 % and 90 % alike."},
		{"Gained, dropped", "Leads that qualify under the second choice alone, and under the first alone."},
		{"Days earlier", "For leads that qualify under both: the median of how much earlier the second choice has them; below 0 it is later."},
	}
}

// Text writes the report for a terminal.
func (r *Report) Text(w io.Writer) error {
	t := &text{}
	t.head(r)
	for i := range r.Contenders {
		t.result(&r.Contenders[i], r)
	}
	if h := &r.HandedOver; h.Handoffs > 0 {
		t.section("What really happened")
		t.row("handed over", "%d leads, %d handoffs", h.Leads, h.Handoffs)
		t.quality(&h.Quality, r.OpenIsLost)
		t.leadTime(&h.LeadTime)
	}
	t.weeks(r)
	if r.Comparison != nil {
		t.comparison(r.Comparison)
	}
	t.section("What the figures mean")
	for _, d := range r.definitions() {
		t.row(d.Figure, "%s", d.Meaning)
	}
	t.flush()
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("backtest: write report: %w", err)
	}
	return nil
}

// text collects aligned rows, section by section.
type text struct {
	out  bytes.Buffer
	rows [][]string
}

func (t *text) row(label, format string, args ...any) {
	t.rows = append(t.rows, []string{label, fmt.Sprintf(format, args...)})
}

func (t *text) section(title string) {
	t.flush()
	if t.out.Len() > 0 {
		t.out.WriteString("\n")
	}
	t.out.WriteString(title + "\n")
}

func (t *text) flush() {
	w := tabwriter.NewWriter(&t.out, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		_, _ = fmt.Fprintln(w, "  "+strings.Join(row, "\t")) // a buffer takes everything
	}
	_ = w.Flush()
	t.rows = nil
}

func (t *text) head(r *Report) {
	t.section(r.Title())
	t.row("window", "%s", r.Window())
	t.row("journal", "%d events, %d of them inputs, up to %s", r.Read, r.Inputs, dateTime(r.Until))
	p := &r.People
	t.row("leads", "%d: %d won, %d lost, %d open", p.Seen, p.Won, p.Lost, p.Open)
	t.row("money won", "%s", moneyText(p.Money))
	if p.WonBeforeTouch > 0 {
		t.row("won before first touch", "%d", p.WonBeforeTouch)
	}
	if p.WonWithoutTouch > 0 {
		t.row("won without any touch", "%d", p.WonWithoutTouch)
	}
	if p.Devices > 0 {
		t.row("devices nobody is known of", "%d, in no other figure", p.Devices)
	}
	if r.OpenIsLost {
		t.row("note", "leads without an outcome count as lost in precision, ranking and calibration")
	}
}

func (t *text) result(c *Result, r *Report) {
	t.section(fmt.Sprintf("%s: %s, version %d", c.Name, c.Agreement, c.Version))
	t.row("qualified", "%d leads", c.Qualified)
	if l := c.Load; l != nil {
		t.row("capacity", "%d a week for %d reps; on average %.1f come (%s), in the busiest week %d (%s)",
			l.Capacity, l.Reps, l.Mean, share(l.MeanShare), l.Busiest, share(l.BusiestShare))
		t.row("weeks above capacity", "%s", strings.TrimSpace(fmt.Sprintf("%d  %s", l.WeeksAbove, strings.Join(l.Above[:min(len(l.Above), 8)], " "))))
	}
	t.quality(&c.Quality, r.OpenIsLost)
	t.leadTime(&c.LeadTime)
	k := c.Ranking
	if k == nil {
		return
	}
	t.row("ROC-AUC", "%s over %d leads, %d won", number(k.AUC, 4), k.Leads, k.Won)
	t.row("Brier score", "%s", number(k.Brier, 4))
	t.flush()
	t.rows = append(t.rows, []string{"  tenth", "leads", "won", "lift", "of all won", "  score", "leads", "promised", "came"})
	for i, d := range k.Deciles {
		b := k.Bins[i]
		t.rows = append(t.rows, []string{
			"  " + strconv.Itoa(d.Decile), strconv.Itoa(d.Leads), strconv.Itoa(d.Won), number(d.Lift, 2), share(d.Captured),
			fmt.Sprintf("  %d–%d", b.From, b.From+10), strconv.Itoa(b.Leads), share(b.Predicted), share(b.Observed),
		})
	}
}

func (t *text) quality(q *Quality, openIsLost bool) {
	rest := "still open"
	if openIsLost {
		rest = "open, counted as lost"
	}
	t.row("qualified before outcome", "%d won, %d lost, %d %s", q.Chosen.Won, q.Chosen.Lost, q.Chosen.Open, rest)
	t.row("not qualified before", "%d won, %d lost, %d %s", q.PassedOver.Won, q.PassedOver.Lost, q.PassedOver.Open, rest)
	if q.Late > 0 {
		t.row("qualified after outcome", "%d, too late", q.Late)
	}
	t.row("precision", "%s", share(q.Precision))
	t.row("recall", "%s", share(q.Recall))
	t.row("money won it would miss", "%s", moneyText(q.MissedMoney))
	if a := q.Answers; a != (Answers{}) {
		t.row("what sales said of these", "%d accepted, %d sql, %d rejected, %d recycled, %d disqualified", a.Accepted, a.SQL, a.Rejected, a.Recycled, a.Disqualified)
	}
}

func (t *text) leadTime(l *LeadTimes) {
	t.row("first touch to qualified", "%s", l.ToQualify.String())
	t.row("qualified to won", "%s", l.ToWin.String())
	if l.BeforeTouch > 0 {
		t.row("qualified before first touch", "%d", l.BeforeTouch)
	}
	if l.WithoutTouch > 0 {
		t.row("qualified without any touch", "%d", l.WithoutTouch)
	}
}

// String gives the summary in words.
func (d *Days) String() string {
	if d.Leads == 0 {
		return "–"
	}
	return fmt.Sprintf("median %s days, 75 %% %s, 90 %% %s (%d leads)", number(d.Median, 1), number(d.P75, 1), number(d.P90, 1), d.Leads)
}

func (t *text) weeks(r *Report) {
	t.section("Qualified by week")
	row := []string{"week", "from"}
	for i := range r.Contenders {
		row = append(row, r.Contenders[i].Name)
	}
	t.rows = append(t.rows, append(row, "really handed over"))
	for _, w := range r.Weeks {
		row := []string{w.Week, w.Monday}
		for _, n := range w.Qualified {
			row = append(row, strconv.Itoa(n))
		}
		t.rows = append(t.rows, append(row, strconv.Itoa(w.HandedOver)))
	}
}

// shown is how many examples of each side a terminal gets.
const shown = 10

func (t *text) comparison(c *Comparison) {
	t.section(fmt.Sprintf("%s against %s", c.With, c.Base))
	t.row("qualify under both", "%d: %d earlier, %d later, %d at the same time; median %s days earlier", c.Both, c.Earlier, c.Later, c.Same, number(c.MedianEarlier, 1))
	t.row("gained", "%d: %d won, %d lost, %d open", c.Gained.Leads, c.Gained.Outcomes.Won, c.Gained.Outcomes.Lost, c.Gained.Outcomes.Open)
	t.row("dropped", "%d: %d won, %d lost, %d open", c.Dropped.Leads, c.Dropped.Outcomes.Won, c.Dropped.Outcomes.Lost, c.Dropped.Outcomes.Open)
	t.flush()
	for _, s := range []struct {
		name string
		of   []Example
	}{{"gained", c.Gained.Examples}, {"dropped", c.Dropped.Examples}} {
		for _, e := range s.of[:min(len(s.of), shown)] {
			t.rows = append(t.rows, []string{s.name, e.Lead, dateTime(e.QualifiedAt), "by " + e.Rule, "score " + e.Score(), e.Outcome})
		}
	}
}

// Window says what was measured.
func (r *Report) Window() string {
	switch {
	case r.From.IsZero() && r.To.IsZero():
		return "the whole journal"
	case r.From.IsZero():
		return "up to " + dateTime(r.To)
	case r.To.IsZero():
		return "from " + dateTime(r.From)
	}
	return "from " + dateTime(r.From) + " up to " + dateTime(r.To)
}

// Score gives the prediction score in points, with one place.
func (e *Example) Score() string { return points(e.Micros) }

func points(m core.Micros) string { return strconv.FormatFloat(m.Points(), 'f', 1, 64) }

func dateTime(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func share(f *float64) string {
	if f == nil {
		return "–"
	}
	return strconv.FormatFloat(100**f, 'f', 1, 64) + " %"
}

func number(f *float64, places int) string {
	if f == nil {
		return "–"
	}
	return strconv.FormatFloat(*f, 'f', places, 64)
}

func moneyText(lines []Money) string {
	if len(lines) == 0 {
		return "none"
	}
	parts := make([]string, len(lines))
	for i, m := range lines {
		currency := m.Currency
		if currency == "" {
			currency = "without a currency"
		}
		parts[i] = fmt.Sprintf("%s %s (deals: %d)", m.Amount, currency, m.Deals)
		if m.Unreadable > 0 {
			parts[i] = strings.TrimSuffix(parts[i], ")") + fmt.Sprintf(", %d without an amount)", m.Unreadable)
		}
	}
	return strings.Join(parts, ", ")
}
