package backtest

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func (w *world) changes(version int32, what, yaml string) {
	w.AppendGlobal(book.Kind, &journalv1.Event{Type: book.TypeOfAgreement, Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{
		Version: version, Change: what, Yaml: []byte(yaml), Hash: agreement.Hash([]byte(yaml)),
	}}})
}

func shades(w *world) {
	w.changes(2, book.Proposed, proposedYAML)
	w.changes(2, book.Shadowed, proposedYAML)
}

// shadowOptions gives the options of a report on the latest run of version 2.
func shadowOptions(t testing.TB, w *world) ShadowOptions {
	t.Helper()
	b, ok := w.Globals("scoring").(*fold.Globals)
	if !ok {
		t.Fatal("scoring has no book")
	}
	run, ok := b.ShadowRun(2)
	if !ok {
		t.Fatal("version 2 never ran in the shadow")
	}
	return ShadowOptions{Scan: scan(w.Log), Name: "proposed", Agreement: compile(t, 2, proposedYAML), First: run.From, Last: run.To}
}

func reported(t testing.TB, opt ShadowOptions) *Report {
	t.Helper()
	r, err := Shadow(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A shadow from the first event on measures what a backtest of the same history does.
func TestTheShadowsReportIsTheBacktests(t *testing.T) {
	opt := storyOptions(t)
	opt.Capacity = nil
	tried := tried(t, opt)
	got := reported(t, shadowOptions(t, story(t, shades)))
	want, is := &tried.Contenders[1], &got.Contenders[0]
	same(t, "leads", got.People, tried.People)
	same(t, "quality", is.Quality, want.Quality)
	same(t, "lead time", is.LeadTime, want.LeadTime)
	same(t, "what happened", got.HandedOver, tried.HandedOver)
	if is.Qualified != want.Qualified || is.Version != 2 || is.Ranking != nil {
		t.Errorf("got %+v", is)
	}
	for i, w := range got.Weeks {
		if w.Qualified[0] != tried.Weeks[i].Qualified[1] || w.HandedOver != tried.Weeks[i].HandedOver {
			t.Errorf("week %d: %+v, want %+v", i, w, tried.Weeks[i])
		}
	}
	without := func(c Comparison) Comparison { // names and scores differ: here, a score is that of the qualification
		c.Base, c.With = "", ""
		c.Gained.Examples, c.Dropped.Examples = nil, nil
		return c
	}
	same(t, "comparison", without(*got.Comparison), without(*tried.Comparison))
	var ids, wanted []string
	for i, e := range tried.Comparison.Gained.Examples {
		wanted, ids = append(wanted, e.Lead), append(ids, got.Comparison.Gained.Examples[i].Lead)
	}
	slices.Sort(ids)
	slices.Sort(wanted)
	same(t, "gained", ids, wanted)
}

// Nothing from before the run is read, what follows the end of it counts as an outcome alone, and a lead that was merged
// before the run is one.
func TestAShadowMeasuresItsRunAlone(t *testing.T) {
	w := newWorld(t, library(t), agreedYAML)
	w.on(0, device("d"), "asset_downloaded")
	w.on(0, email("old"), "form_submitted")
	w.on(0, device("d"), "linked", linkedTo(email("old")))
	w.on(1, email("quiet"), "asset_downloaded")
	w.on(1, email("known"), "asset_downloaded")
	w.on(2, email("before"), "event_attended") // handed over before the run
	shades(w)
	began := len(w.Log)
	w.on(3, device("d"), "asset_downloaded") // passed on to old
	w.on(4, email("new"), "asset_downloaded")
	w.on(5, email("before"), "asset_downloaded")
	w.on(5, email("known"), "asset_downloaded")
	w.changes(2, book.Unshadowed, proposedYAML)
	w.on(6, email("after"), "asset_downloaded")
	w.on(7, email("new"), "event_attended")
	w.on(8, email("old"), "deal_won", money("D", "10", "EUR"))
	opt := shadowOptions(t, w)
	opt.Scan = func(ctx context.Context, from uint64, f func(*journal.Event) error) error {
		if from < uint64(began) {
			t.Errorf("read from %d on, the run began at %d", from, began)
		}
		return scan(w.Log)(ctx, from, f)
	}
	opt.Since, opt.Until = start.AddDate(0, 0, 2), start.AddDate(0, 0, 5)
	r := reported(t, opt)
	same(t, "leads", r.People, People{Seen: 4, Won: 1, Open: 3, Money: []Money{{"EUR", "10", 1, 0}}})
	c := r.Comparison
	if r.Contenders[0].Qualified != 3 || r.HandedOver.Handoffs != 0 || c.Gained.Leads != 3 || c.Gained.Outcomes.Won != 1 || c.Dropped.Leads != 0 {
		t.Errorf("got %+v, %+v", r.Contenders[0], c)
	}
	if w := r.Window(); w != "from 2026-11-04 00:00 up to 2026-11-07 00:00" {
		t.Errorf("got %s", w)
	}
	// Old's first touch is told again when it is won; of known, whose first touch nothing tells, no lead time is invented.
	if d := r.Contenders[0].LeadTime; d.ToQualify.Leads != 2 || *d.ToQualify.Median != 0 || *d.ToQualify.P90 != 3 || d.WithoutTouch != 0 || d.BeforeTouch != 0 {
		t.Errorf("got %+v", d)
	}
}

func TestAQuarantinedInputIsLeftOut(t *testing.T) {
	w := story(t, shades)
	before := reported(t, shadowOptions(t, w)).People
	w.on(31, email("five"), "deal_won", money("D5", "7", "EUR"))
	seq := w.Log[len(w.Log)-1].Seq
	for _, e := range w.Log {
		if e.Type == "deal_won" && e.Entity == email("five") {
			seq = e.Seq
		}
	}
	w.fact("scoring", email("five"), &journalv1.Event{Type: "quarantined", Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{InputSequence: strconv.FormatUint(seq, 10)}}})
	same(t, "leads", reported(t, shadowOptions(t, w)).People, before)
}

func TestTheShadowsReportIsWrittenInEveryForm(t *testing.T) {
	w := story(t, shades)
	var first [4]string
	for i := range 3 {
		r := reported(t, shadowOptions(t, w))
		for k, write := range []func(io.Writer) error{r.Text, r.JSON, r.HTML, r.CSV} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if i > 0 && b.String() != first[k] {
				t.Errorf("output %d differs from run to run", k)
			}
			first[k] = b.String()
		}
	}
	for k, wants := range [][]string{{"Shadow run", "gained"}, {`"shadow": true`}, {"<h1>Shadow run</h1>", "<svg"}} {
		for _, want := range wants {
			if !strings.Contains(first[k], want) {
				t.Errorf("output %d does not say %s", k, want)
			}
		}
		for _, not := range []string{"AUC", "Brier", "deciles", "initech", "%!", "<script"} {
			if strings.Contains(first[k], not) {
				t.Errorf("output %d says %s", k, not)
			}
		}
	}
	if strings.Count(first[2], "<svg") != 1 {
		t.Errorf("%d plots, want 1", strings.Count(first[2], "<svg"))
	}
	d := xml.NewDecoder(strings.NewReader(strings.Replace(first[2], "<!DOCTYPE html>", "", 1)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(first[3])).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][0] != "shadow" || rows[1][3] != "engaged" || !slices.Contains([]string{rows[1][1], rows[2][1]}, email("two")) {
		t.Errorf("got %v, %v", rows, err)
	}
}

func TestAShadowWithoutARun(t *testing.T) {
	if _, err := Shadow(t.Context(), ShadowOptions{Scan: scan(nil), Agreement: compile(t, 2, proposedYAML)}); err == nil {
		t.Error("a report on nothing")
	}
	r := reported(t, ShadowOptions{Scan: scan(nil), Agreement: compile(t, 2, proposedYAML), First: 1, Since: start, Until: start.Add(time.Hour)})
	for _, write := range []func(io.Writer) error{r.Text, r.JSON, r.HTML, r.CSV} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

// A lead that was split off is one of its own, and stays so when an answer of sales about a handoff that it had goes on to the
// lead that it left.
func TestAShadowKnowsWhoWasSplitOff(t *testing.T) {
	w := newWorld(t, library(t), agreedYAML)
	user := key.Lead(identity.UserID, "", "42")
	shades(w)
	w.on(0, user, "event_attended")
	w.on(0, email("old"), "asset_downloaded")
	w.on(1, user, "linked", linkedTo(email("old")))
	w.on(2, user, "split_requested", func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_SplitRequested{SplitRequested: &journalv1.SplitRequested{Lead: email("old")}}
	})
	handoffs := w.Facts("qualified")
	if len(handoffs) == 0 || handoffs[0].Entity != user {
		t.Fatalf("handed over were %v", handoffs)
	}
	w.on(3, user, "accepted", func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_Accepted{Accepted: &journalv1.Disposition{HandoffId: handoffs[0].Body.GetQualified().HandoffId, Rep: "kim"}}
	})
	if f := w.Facts("accepted"); len(f) != 1 || f[0].Entity != email("old") {
		t.Fatalf("the answer went to %v", f)
	}
	w.on(4, user, "asset_downloaded")
	if got := reported(t, shadowOptions(t, w)).People.Seen; got != 2 {
		t.Errorf("%d leads, want 2", got)
	}
}
