package backtest

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// prediction is what a contender said of a lead, and how it ended.
type prediction struct {
	lead      string
	score     core.Micros
	qualified *qualification
	// chosen: it qualified before its outcome.
	chosen  bool
	outcome string
	end     moment
	answer  string
}

// predict gives a contender's predictions in the order of the leads.
func predict(seen []*person, s side) []prediction {
	out := make([]prediction, len(seen))
	for i, p := range seen {
		q := s.of(p)
		out[i] = prediction{p.id, p.runs[s.score].score, q, q != nil && q.before(p.end), p.outcome, p.end, p.answer}
	}
	return out
}

// Predictions writes one line of CSV for each agreement and lead, from which every figure of quality and ranking can be
// computed again: chosen says whether the lead qualified before its outcome.
func (r *Report) Predictions(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"agreement", "lead", "score_micros", "qualified_at", "chosen", "outcome", "outcome_at", "answer_of_sales"}}
	for i, predictions := range r.predictions {
		for _, p := range predictions {
			row := []string{r.Contenders[i].Name, p.lead, p.score.String(), "", strconv.FormatBool(p.chosen), p.outcome, "", p.answer}
			if p.qualified != nil {
				row[3] = at(p.qualified.at).Format(time.RFC3339Nano)
			}
			if p.outcome != Open {
				row[6] = at(p.end.at).Format(time.RFC3339Nano)
			}
			rows = append(rows, row)
		}
	}
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("backtest: write predictions: %w", err)
	}
	return nil
}

// rank measures how the score ranks the leads with a known outcome.
func rank(predictions []prediction, openIsLost bool) Ranking {
	var known []prediction
	var out Ranking
	for _, p := range predictions {
		if p.outcome == Open && !openIsLost {
			continue
		}
		known = append(known, p)
		if p.outcome == Won {
			out.Won++
		}
	}
	out.Leads = len(known)
	slices.SortFunc(known, func(a, b prediction) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.lead, b.lead))
	})
	out.AUC, out.ROC = roc(known, out.Won)
	out.Deciles = deciles(known, out.Won)
	out.Brier = brier(known)
	out.Bins = bins(known)
	return out
}

// maxPoints of an ROC curve that are shown.
const maxPoints = 200

// roc gives the area under the curve, exactly: the share of pairs of a won and a lost lead in which the won one has the
// higher score, ties counting half. known has the highest scores first.
func roc(known []prediction, won int) (*float64, []Point) {
	lost := len(known) - won
	points := []Point{}
	if won == 0 || lost == 0 {
		return nil, points
	}
	points = append(points, Point{})
	var twice int64 // of all such pairs
	w, l := 0, 0
	for i := 0; i < len(known); {
		groupWon, groupLost := 0, 0
		for score := known[i].score; i < len(known) && known[i].score == score; i++ {
			if known[i].outcome == Won {
				groupWon++
			} else {
				groupLost++
			}
		}
		w, l = w+groupWon, l+groupLost
		twice += int64(groupWon) * (2*int64(lost-l) + int64(groupLost))
		points = append(points, Point{float64(l) / float64(lost), float64(w) / float64(won)})
	}
	if step := (len(points) + maxPoints - 3) / (maxPoints - 1); step > 1 {
		thin := points[:0:0]
		for i := 0; i < len(points)-1; i += step {
			thin = append(thin, points[i])
		}
		points = append(thin, points[len(points)-1])
	}
	return new(float64(twice) / (2 * float64(won) * float64(lost))), points
}

// deciles cuts the leads into tenths by rank.
func deciles(known []prediction, won int) []Decile {
	out := make([]Decile, 0, 10)
	captured := 0
	for i := range 10 {
		d := Decile{Decile: i + 1}
		for _, p := range known[i*len(known)/10 : (i+1)*len(known)/10] {
			d.Leads++
			if p.outcome == Won {
				d.Won++
			}
		}
		captured += d.Won
		d.Lift, d.Captured = ratio(d.Won*len(known), d.Leads*won), ratio(captured, won)
		out = append(out, d)
	}
	return out
}

// certain is the score that says for certain that a lead will be won.
const certain = 100 * core.Point

// brier gives the mean of (score/100 - won)², summed exactly.
func brier(known []prediction) *float64 {
	if len(known) == 0 {
		return nil
	}
	var sum, square big.Int
	for _, p := range known {
		off := int64(p.score)
		if p.outcome == Won {
			off -= int64(certain)
		}
		square.SetInt64(off)
		sum.Add(&sum, square.Mul(&square, &square))
	}
	whole := big.NewInt(int64(certain))
	whole.Mul(whole, whole).Mul(whole, big.NewInt(int64(len(known))))
	mean, _ := new(big.Rat).SetFrac(&sum, whole).Float64()
	return &mean
}

// bins compares, for each ten points of score, what it says with what came.
func bins(known []prediction) []Bin {
	out := make([]Bin, 10)
	var sums [10]int64
	for i := range out {
		out[i].From = 10 * i
	}
	for _, p := range known {
		i := min(int(p.score/(10*core.Point)), 9)
		out[i].Leads++
		sums[i] += int64(p.score)
		if p.outcome == Won {
			out[i].Won++
		}
	}
	for i := range out {
		if b := &out[i]; b.Leads > 0 {
			b.Predicted = new(float64(sums[i]) / (float64(certain) * float64(b.Leads)))
			b.Observed = ratio(b.Won, b.Leads)
		}
	}
	return out
}
