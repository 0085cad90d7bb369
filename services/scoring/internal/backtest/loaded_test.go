package backtest

import (
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// What was loaded hands nobody over when it comes, and is what an agreement is tried on: there it counts like anything else.
func TestLoadedHistoryIsWhatItIsTriedOn(t *testing.T) {
	w := newWorld(t, library(t), restlessYAML)
	loaded := func(e *journalv1.Event) { e.History = true }
	w.on(400, email("a"), "asset_downloaded", occurred(3), loaded)
	w.on(400, email("b"), "page_viewed", occurred(4), loaded)
	for _, f := range w.Facts("qualified") {
		t.Errorf("%s was handed over", f.Entity)
	}
	r := tried(t, Options{Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, restlessYAML)}}})
	if r.Contenders[0].Qualified != 1 || r.People.Seen != 2 {
		t.Errorf("%d of %d would have been handed over, want 1 of 2", r.Contenders[0].Qualified, r.People.Seen)
	}
	for _, ev := range w.Log {
		if ev.Body.GetIdentity() != nil && ev.Origin == nil && !ev.Body.History {
			t.Error("the backtest changed the journal's events")
		}
	}
}
