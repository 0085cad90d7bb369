package backtest

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// ShadowOptions of a report on a run in the shadow.
type ShadowOptions struct {
	// Scan shows the journal's events in log order, from a sequence on, and ends with f's error. It may be called twice.
	Scan func(ctx context.Context, from uint64, f func(*journal.Event) error) error
	// Name that the report calls the version by.
	Name string
	// Agreement that ran in the shadow.
	Agreement *core.Agreement
	// First and Last are the sequences between which the run lies; Last is 0 while it goes on.
	First, Last uint64
	// Since and Until are when it began and ended; Until is zero while it goes on.
	Since, Until time.Time
	// Progress, which may be nil, is told now and then how many events were read.
	Progress func(read uint64)
}

// Shadow measures a run in the shadow against what was live meanwhile, from what the journal recorded since the run began:
// nothing is decided again. How the leads ended counts whenever it came. The same journal gives the same report, byte for
// byte. It holds a few hundred bytes in memory for each lead that was heard of since, and what was said of its deals.
func Shadow(ctx context.Context, opt ShadowOptions) (*Report, error) {
	if opt.Scan == nil || opt.Agreement == nil || opt.First == 0 {
		return nil, errors.New("shadow report: no journal, no agreement or no run")
	}
	in := Options{Scan: opt.Scan, Rules: []Contender{{opt.Name, opt.Agreement}}, Progress: opt.Progress}
	read := func(leaveOut map[uint64]bool) (*history, error) {
		h := newHistory(&in, leaveOut)
		h.shadow = &shadowRun{version: opt.Agreement.Version, first: opt.First, last: opt.Last, parents: map[string]string{}, left: map[string]bool{}}
		if err := h.scan(ctx, nil); err != nil {
			return nil, fmt.Errorf("shadow report: %w", err)
		}
		return h, nil
	}
	h, err := read(nil)
	if err == nil && len(h.quarantined) > 0 {
		h, err = read(h.quarantined)
	}
	if err != nil {
		return nil, err
	}
	r := measure(h)
	r.From, r.To = utc(opt.Since), utc(opt.Until)
	return r, nil
}

// shadowRun is what is read of a run in the shadow beside the records.
type shadowRun struct {
	version     int32
	first, last uint64
	// parents are the leads that leads have become, and left are those that were split off: they become nobody any more, and
	// pass on what is said of the handoffs that stayed with the lead that they left.
	parents map[string]string
	left    map[string]bool
}

// covers reports whether what was decided because of an event, or the event itself, belongs to the run. A backtest has no
// run: everything belongs to it.
func (s *shadowRun) covers(seq uint64) bool {
	return s == nil || seq > s.first && (s.last == 0 || seq < s.last)
}

// note takes a fact that scoring stated.
func (s *shadowRun) note(ev *journal.Event, r *record) {
	from := ev.Origin.Entity
	if !s.left[from] && ev.Type != "linked" && ev.Type != "knowledge_asked" && ev.Type != "split_off" && ev.Body.GetAbsorbed().GetAnswers() == 0 && from != ev.Entity && identity.RankOf(from) != 0 && identity.RankOf(ev.Entity) != 0 {
		s.parents[from] = ev.Entity // an absorbed lead passes everything on
	}
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_MergedInto:
		s.parents[ev.Entity] = p.MergedInto.GetInto()
	case *journalv1.Event_SplitOff:
		if p.SplitOff.GetOrigin() == ev.Entity {
			delete(s.parents, ev.Entity)
			s.left[ev.Entity] = true
		}
	case *journalv1.Event_StageChanged:
		r.touched(p.StageChanged.GetFirstAt().AsTime(), p.StageChanged.GetFirstAt() != nil)
		r.begun = r.begun || p.StageChanged.GetFrom() == ""
	case *journalv1.Event_Qualified:
		r.touched(p.Qualified.GetLead().GetFirstAt().AsTime(), p.Qualified.GetLead().GetFirstAt() != nil)
	case *journalv1.Event_ShadowQualified:
		q := p.ShadowQualified
		if q.GetAgreementVersion() == s.version && s.covers(ev.Origin.Cause) {
			r.seen(ev.Time().UnixNano())
			r.shadow = append(r.shadow, qualification{
				moment{ev.Time().UnixNano(), ev.Seq}, ev.Entity, q.GetRule(), q.GetEpoch(), middle(q.GetEngagement(), q.GetFit()),
			})
		}
	}
}

// touched notes when the lead's first engagement was, as scoring stated it.
func (r *record) touched(at time.Time, known bool) {
	if ns := at.UnixNano(); known && (r.firstTouch == 0 || ns < r.firstTouch) {
		r.firstTouch = ns
	}
}

// middle gives (engagement + fit) / 2 of points as facts have them.
func middle(engagement, fit float64) core.Micros {
	return core.Micros(math.Round((engagement + fit) / 2 * float64(core.Point)))
}

// root gives the lead that a lead has become.
func (s *shadowRun) root(id string) string {
	for range len(s.parents) { // each step leads to a stronger lead; a journal that says otherwise ends somewhere
		parent := s.parents[id]
		if parent == "" {
			break
		}
		id = parent
	}
	return id
}

// shadowed gives the people that were heard of during the run, as the facts tell who became whom.
func (h *history) shadowed() []group {
	parts := map[string][]string{}
	for id := range h.records {
		if identity.RankOf(id) != 0 {
			root := h.shadow.root(id)
			parts[root] = append(parts[root], id)
		}
	}
	out := make([]group, 0, len(parts))
	for id, of := range parts {
		slices.Sort(of)
		g := group{id: id, parts: of}
		begun, heardOf := false, false
		for _, part := range of {
			r := h.records[part]
			heardOf, begun = heardOf || r.firstSeen != 0, begun || r.begun
			if r.firstTouch != 0 && (g.firstTouch == 0 || r.firstTouch < g.firstTouch) {
				g.firstTouch = r.firstTouch
			}
		}
		// Of who was known before, the run may not tell when that began.
		g.untold = g.firstTouch == 0 && !begun
		if heardOf {
			out = append(out, g)
		}
	}
	return out
}

// judge gives what the shadow made of a merged lead, and the scores at which it and the agreement in force first took it.
func (h *history) judge(p *person, parts []string) {
	for _, part := range parts {
		for k := range h.records[part].shadow {
			if q := &h.records[part].shadow[k]; p.runs[0].qualified == nil || compareQualifications(*q, *p.runs[0].qualified) < 0 {
				p.runs[0] = verdict{q.score, q}
			}
		}
	}
	if live := p.handed(); live != nil {
		p.runs[1].score = live.score
	}
}

// difference is a lead that only one of the two would have handed over.
type difference struct {
	only string
	Example
	answer string
}

func differences(seen []*person, live, shadow side) (out []difference) {
	for _, p := range seen {
		switch l, s := live.of(p), shadow.of(p); {
		case l == nil && s != nil:
			out = append(out, difference{"shadow", p.example(s, shadow.score), p.answer})
		case l != nil && s == nil:
			out = append(out, difference{"live", p.example(l, live.score), p.answer})
		}
	}
	slices.SortStableFunc(out, func(a, b difference) int {
		return cmp.Or(-strings.Compare(a.only, b.only), strings.Compare(a.Lead, b.Lead))
	})
	return out
}

// Differences writes one line of CSV for each lead that only the shadow, or only the agreement in force, would have handed
// over.
func (r *Report) Differences(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"only_under", "lead", "qualified_at", "rule", "score_micros", "outcome", "outcome_at", "answer_of_sales"}}
	for _, d := range r.differences {
		ended := ""
		if !d.OutcomeAt.IsZero() {
			ended = d.OutcomeAt.Format(time.RFC3339Nano)
		}
		rows = append(rows, []string{d.only, d.Lead, d.QualifiedAt.Format(time.RFC3339Nano), d.Rule, d.Micros.String(), d.Outcome, ended, d.answer})
	}
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("shadow report: write differences: %w", err)
	}
	return nil
}

// CSV writes the differences of a run in the shadow, and the predictions of a backtest.
func (r *Report) CSV(w io.Writer) error {
	if r.Shadow {
		return r.Differences(w)
	}
	return r.Predictions(w)
}

// handedScore gives the score that a recorded handoff was made with.
func handedScore(q *journalv1.Qualified) core.Micros {
	return middle(q.GetScore().GetEngagement(), q.GetScore().GetFit())
}

// stated reports whether scoring stated a fact.
func stated(ev *journal.Event) bool { return ev.Origin.Producer == fold.Service }

// definitions gives what the figures of this report mean.
func (r *Report) definitions() []Definition {
	all := Definitions()
	if !r.Shadow {
		return all
	}
	own := map[string]string{
		"Leads":           "People that anything was heard of during the run. A merged lead is one, and has all outcomes of its parts.",
		"Qualified":       "Leads that the version would have handed over during the run, each at its first time; what really happened is what the agreement in force did meanwhile. Who had been handed over before the run began waits for the next epoch in both.",
		"Lead time":       "Days from a lead's first engagement to its qualification, and from there to the win; of leads known before the run, where the journal has told since when that engagement was.",
		"Gained, dropped": "Leads that qualify in the shadow alone, and under the agreement in force alone.",
	}
	var out []Definition
	for _, d := range all {
		switch d.Figure {
		case "Capacity", "ROC-AUC", "ROC curve", "Lift by decile", "Brier score", "Reliability":
			continue // they need the scores of those who did not qualify, too
		case "Prediction score":
			d = Definition{"Score", "(engagement + fit) / 2 of a lead at the moment at which it qualified, from 0 to 100."}
		}
		if meaning, ok := own[d.Figure]; ok {
			d.Meaning = meaning
		}
		out = append(out, d)
	}
	return out
}

// Title says what the report is of.
func (r *Report) Title() string {
	if r.Shadow {
		return "Shadow run"
	}
	return "Backtest"
}
