// Package storetest is the conformance suite of leadstore.Store: what store.go promises, as tests. Whatever keeps the
// projections of leads has to pass it.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

// Subject is a store under test.
type Subject struct {
	// Store is empty at first. The suite closes it.
	Store leadstore.Store
	// Flush empties the store behind its back, as FLUSHALL does.
	Flush func()
	// WipesAtOnce: a wipe is one step, so that none can be seen half done, or be overtaken.
	WipesAtOnce bool
}

const service = "scoring"

// Run runs the suite; start gives a fresh, empty subject for each test.
func Run(t *testing.T, start func(t *testing.T) Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"Empty", testEmpty},
		{"WriteAndRead", testWriteAndRead},
		{"LastCallWins", testLastCallWins},
		{"AnyBytes", testAnyBytes},
		{"ManyPartitions", testManyPartitions},
		{"Index", testIndex},
		{"Fields", testFields},
		{"Many", testMany},
		{"ReadBoth", testReadBoth},
		{"WrongWatermark", testWrongWatermark},
		{"Refused", testRefused},
		{"Flushed", testFlushed},
		{"Race", testRace},
		{"ReadIsAtomic", testReadIsAtomic},
		{"Services", testServices},
		{"Wipe", testWipe},
		{"WipeAll", testWipeAll},
		{"WipeManyKeys", testWipeManyKeys},
		{"WipeInterrupted", testWipeInterrupted},
		{"WipeRace", testWipeRace},
		{"WipeOvertaken", testWipeOvertaken},
		{"WriteDuringWipe", testWriteDuringWipe},
		{"EndedContext", testEndedContext},
		{"Closed", testClosed},
		{"Model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			t.Cleanup(func() { _ = s.Store.Close() })
			test.run(t, s)
		})
	}
}

// write moves one partition from one watermark to the next, with what fill puts into the mutation.
func write(t testing.TB, s leadstore.Store, service string, partition int, from, to string, fill func(*leadstore.Mutation)) error {
	t.Helper()
	m := &leadstore.Mutation{}
	if fill != nil {
		fill(m)
	}
	return s.Write(t.Context(), service, []leadstore.PartitionWrite{{Partition: partition, Expect: from, Next: to, Mutation: m}})
}

func mustWrite(t testing.TB, s leadstore.Store, service string, partition int, from, to string, fill func(*leadstore.Mutation)) {
	t.Helper()
	if err := write(t, s, service, partition, from, to, fill); err != nil {
		t.Fatalf("write %s, partition %d, %q to %q: %v", service, partition, from, to, err)
	}
}

// read gives one partition's watermark and values.
func read(t testing.TB, s leadstore.Store, service string, partition int, keys ...string) (string, [][]byte) {
	t.Helper()
	got, err := s.Read(t.Context(), service, []leadstore.PartitionRead{{Partition: partition, Keys: keys}})
	if err != nil {
		t.Fatalf("read %s, partition %d: %v", service, partition, err)
	}
	if len(got) != 1 || len(got[0].Values) != len(keys) {
		t.Fatalf("read %s, partition %d: asked for %d keys, have %+v", service, partition, len(keys), got)
	}
	return got[0].Watermark, got[0].Values
}

// holds fails unless a key has the value (nil: there must be none) under the watermark.
func holds(t testing.TB, s leadstore.Store, partition int, watermark, key string, value []byte) {
	t.Helper()
	mark, values := read(t, s, service, partition, key)
	if mark != watermark || !same(values[0], value) {
		t.Fatalf("partition %d, key %q: have %q under %q, want %q under %q", partition, key, values[0], mark, value, watermark)
	}
}

// same tells no value from an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func find(t testing.TB, s leadstore.Store, partition int, q leadstore.RangeQuery) []leadstore.Scored {
	t.Helper()
	got, err := s.Range(t.Context(), service, partition, q)
	if err != nil {
		t.Fatalf("range %+v: %v", q, err)
	}
	if many := ranges(t, s, service, q, partition); !slices.Equal(many[0].Members, got) {
		t.Fatalf("range %+v: %v alone, %v among several", q, got, many[0].Members)
	}
	return got
}

func hash(t testing.TB, s leadstore.Store, service string, partition int, name string) map[string][]byte {
	t.Helper()
	got, err := s.Hash(t.Context(), service, partition, name)
	if err != nil {
		t.Fatalf("hash %q: %v", name, err)
	}
	if many := hashes(t, s, service, name, partition); !equalHashes(many[0].Fields, got) {
		t.Fatalf("hash %q: %q alone, %q among several", name, got, many[0].Fields)
	}
	return got
}

// isConflict fails unless err is ErrConflict, and nothing vaguer.
func isConflict(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, leadstore.ErrConflict) || errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("want ErrConflict, have %v", err)
	}
}

// hasNothing fails if anything is left of the partition, as far as names tells.
func hasNothing(t testing.TB, s leadstore.Store, service string, partition int, keys, indexes, hashes []string) {
	t.Helper()
	mark, values := read(t, s, service, partition, keys...)
	if mark != "" {
		t.Fatalf("partition %d of %s: watermark %q is left", partition, service, mark)
	}
	for i, v := range values {
		if v != nil {
			t.Fatalf("partition %d of %s: key %q is left", partition, service, keys[i])
		}
	}
	for _, name := range indexes {
		got, err := s.Range(t.Context(), service, partition, leadstore.RangeQuery{Index: name, Min: -inf, Max: inf, Limit: 10})
		if err != nil || len(got) > 0 {
			t.Fatalf("partition %d of %s: index %q has %v, %v", partition, service, name, got, err)
		}
	}
	for _, name := range hashes {
		if got := hash(t, s, service, partition, name); len(got) > 0 {
			t.Fatalf("partition %d of %s: hash %q has %v", partition, service, name, got)
		}
	}
}

func equalHashes(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }

func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return slices.Clip(out)
}
