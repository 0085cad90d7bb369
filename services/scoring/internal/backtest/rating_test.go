package backtest

import (
	"slices"
	"testing"
)

// A second word of an account about itself is heard, too: it is another fact than the first, though neither is in a log.
func TestEveryRatingOfAnAccountIsHeard(t *testing.T) {
	w := newWorld(t, library(t), restlessYAML)
	one, other := email("a"), email("b")
	known := employer("initech.example")
	for _, lead := range []string{one, other} {
		w.on(0, lead, "page_viewed")
		if lead == one { // it is told first both times
			w.on(0, lead, "page_viewed")
		}
		w.on(0, lead, "identified", title("VP"), known)
	}
	before := len(w.Facts("account_rated"))
	w.on(0, one, "event_attended")
	if before == 0 || len(w.Facts("account_rated")) == before {
		t.Fatalf("%d ratings, then %d: the story does not tell of two", before, len(w.Facts("account_rated")))
	}
	opt := Options{Key: key, Scan: scan(w.Log), Rules: []Contender{{"now", compile(t, 1, restlessYAML)}}}
	h, err := replay(t.Context(), &opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range h.players[0].members {
		for _, q := range m.qualified {
			got = append(got, q.lead+" "+q.rule)
		}
	}
	for _, f := range w.Facts("qualified") {
		want = append(want, f.Entity+" "+f.Body.GetQualified().Rule)
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("got %v, live %v", got, want)
	}
}
