package core

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// TestFunnelInPieces: how many workers count, and in how small pieces, changes nothing.
func TestFunnelInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := table.New()
		name := func(of string) table.Sym {
			return tab.Names.Sym(rapid.SampledFrom([]string{"", "unknown", of + "-1", of + "-2"}).Draw(t, of))
		}
		for i := range rapid.IntRange(0, 30).Draw(t, "leads") {
			rows := make([]table.Row, rapid.IntRange(0, 3).Draw(t, "epochs"))
			source, channel := name("source"), name("channel")
			for e := range rows {
				r := &rows[e]
				r.First, r.Source, r.Channel = rapid.Int64Range(0, 9).Draw(t, "first"), source, channel
				r.Stage, r.Furthest = table.Stage(rapid.IntRange(0, 10).Draw(t, "stage")), table.Stage(rapid.IntRange(0, 6).Draw(t, "furthest"))
				r.Flags = table.Flags(rapid.IntRange(0, 511).Draw(t, "flags"))
				for s := range r.Entered {
					r.Entered[s] = rapid.Int64Range(0, 2).Draw(t, "entered")
				}
			}
			tab.Replace(tab.Lead(fmt.Sprint("ld_", i)), rows)
		}
		q := Query{From: rapid.Int64Range(0, 5).Draw(t, "from"), Source: rapid.SampledFrom([]string{"", None, "source-1", "channel-2"}).Draw(t, "source")}
		q.workers = 1
		want := Count(tab, q)
		q.workers, q.piece = rapid.IntRange(1, 5).Draw(t, "workers"), rapid.IntRange(1, 9).Draw(t, "piece")
		if got := Count(tab, q); !reflect.DeepEqual(got, want) {
			t.Fatalf("in one piece\n%+v\notherwise\n%+v", want, got)
		}
	})
}
