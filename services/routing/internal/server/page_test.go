package server

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/leadstore"
)

// index is a sorted index, as the store reads it.
type index []leadstore.Scored

func (index) Blobs(context.Context, ...string) ([][]byte, error) { return nil, nil }
func (index) Wait(context.Context, string, ...string) error      { return nil }
func (x index) Range(_ context.Context, q leadstore.RangeQuery) ([]leadstore.Scored, error) {
	var out []leadstore.Scored
	for _, m := range x {
		if m.Score >= q.Min && m.Score <= q.Max {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b leadstore.Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Member, a.Member))
	})
	return out[:min(len(out), q.Limit)], nil
}

// Whatever scores are shared, the pages together are the index, in its order, each member once.
func TestPagesAreTheIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{2}`), 0, 40, rapid.ID).Draw(t, "members")
		var x index
		for _, m := range members {
			x = append(x, leadstore.Scored{Member: m, Score: float64(rapid.IntRange(0, 3).Draw(t, "score"))})
		}
		all, _ := x.Range(t.Context(), leadstore.RangeQuery{Max: topScore, Limit: 100})
		var want, got []string
		for _, m := range all {
			want = append(want, m.Member)
		}
		s := &Server{opt: Options{States: x}}
		size := rapid.Int32Range(1, 7).Draw(t, "size")
		for token, pages := "", 0; ; pages++ {
			page, next, err := s.page(t.Context(), "x", size, token)
			if err != nil || len(page) > int(size) || pages > 50 {
				t.Fatalf("page %d: %v, %v", pages, page, err)
			}
			got = append(got, page...)
			if token = next; token == "" {
				break
			}
			if len(page) == 0 {
				t.Fatal("an empty page that is not the last")
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pages give %v, want %v", got, want)
		}
	})
}
