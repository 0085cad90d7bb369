package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

func testIndex(t *testing.T, s Subject) {
	scores := map[string]float64{
		"low": -inf, "minus": -2.5, "zero": 0, "a": 10, "b": 10, "B": 10, "c": 10, "tiny": 1e-300, "big": 1 << 52, "high": inf,
		"exact": 0.1 + 0.2,
	}
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) {
		for member, score := range scores {
			m.IndexAdd("i", member, score)
		}
		m.IndexAdd("other", "x", 10)
	})
	for _, q := range []leadstore.RangeQuery{
		{Min: -inf, Max: inf, Limit: 100},
		{Min: -inf, Max: inf, Limit: 4},
		{Min: -inf, Max: inf, Limit: 0},
		{Min: -inf, Max: inf, Limit: -1},
		{Min: 10, Max: 10, Limit: 100},
		{Min: 10, Max: 10, Limit: 2},
		{Min: 0.1 + 0.2, Max: 0.1 + 0.2, Limit: 100},
		{Min: -2.5, Max: 0, Limit: 100},
		{Min: 11, Max: 10, Limit: 100},
		{Min: inf, Max: inf, Limit: 100},
		{Min: math.NaN(), Max: inf, Limit: 100},
		{Min: -inf, Max: math.NaN(), Limit: 100},
	} {
		q.Index = "i"
		var want []leadstore.Scored
		for member, score := range scores {
			if q.Min <= score && score <= q.Max {
				want = append(want, leadstore.Scored{Member: member, Score: score})
			}
		}
		order(want)
		want = want[:min(len(want), max(q.Limit, 0))]
		if got := find(t, s.Store, 1, q); !slices.Equal(got, want) {
			t.Errorf("%+v\n have %v\n want %v", q, got, want)
		}
	}
	mustWrite(t, s.Store, service, 1, "1", "2", func(m *leadstore.Mutation) {
		m.IndexAdd("i", "low", 99)
		m.IndexRemove("i", "a")
		m.IndexRemove("i", "nobody")
		m.IndexRemove("none", "nobody")
	})
	want := []leadstore.Scored{{Member: "low", Score: 99}, {Member: "c", Score: 10}, {Member: "b", Score: 10}, {Member: "B", Score: 10}}
	if got := find(t, s.Store, 1, leadstore.RangeQuery{Index: "i", Min: 10, Max: 100, Limit: 9}); !slices.Equal(got, want) {
		t.Errorf("have %v\nwant %v", got, want)
	}
}

// order sorts as Range does: the highest score first, then the greatest member.
func order(list []leadstore.Scored) {
	slices.SortFunc(list, func(a, b leadstore.Scored) int {
		switch {
		case a.Score != b.Score && a.Score > b.Score, a.Score == b.Score && a.Member > b.Member:
			return -1
		default:
			return 1
		}
	})
}

func testFields(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) {
		m.FieldSet("h", "a", []byte("1"))
		m.FieldSet("h", "empty", nil)
		m.FieldSet("g", "a", []byte("2"))
	})
	mustWrite(t, s.Store, service, 2, "", "1", func(m *leadstore.Mutation) { m.FieldSet("h", "a", []byte("3")) })
	got, err := s.Store.Fields(t.Context(), service, []leadstore.PartitionFields{
		{Partition: 2, Hash: "h", Fields: []string{"none", "a"}},
		{Partition: 1, Hash: "h"},
		{Partition: 1, Hash: "h", Fields: []string{"empty", "a", "a"}},
		{Partition: 1, Hash: "none", Fields: []string{"a"}},
		{Partition: 1, Hash: "g", Fields: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][][]byte{{nil, []byte("3")}, {}, {{}, []byte("1"), []byte("1")}, {nil}, {[]byte("2")}}
	for i := range want {
		if i >= len(got) || !slices.EqualFunc(got[i], want[i], same) {
			t.Fatalf("have %q\nwant %q", got, want)
		}
	}
	if got := hash(t, s.Store, service, 1, "h"); !equalHashes(got, map[string][]byte{"a": []byte("1"), "empty": {}}) {
		t.Fatalf("hash has %q", fmt.Sprint(got))
	}
}
