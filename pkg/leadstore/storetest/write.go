package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

var inf = math.Inf(1)

func testEmpty(t *testing.T, s Subject) {
	hasNothing(t, s.Store, service, 7, []string{"a", "b"}, []string{"i"}, []string{"h"})
	marks, err := s.Store.Watermarks(t.Context(), service, []int{0, 63})
	if err != nil || !slices.Equal(marks, []string{"", ""}) {
		t.Fatalf("watermarks %q, %v", marks, err)
	}
	for name, call := range map[string]func() (int, error){
		"Watermarks": func() (int, error) { r, err := s.Store.Watermarks(t.Context(), service, nil); return len(r), err },
		"Read":       func() (int, error) { r, err := s.Store.Read(t.Context(), service, nil); return len(r), err },
		"Fields":     func() (int, error) { r, err := s.Store.Fields(t.Context(), service, nil); return len(r), err },
		"Write":      func() (int, error) { return 0, s.Store.Write(t.Context(), service, nil) },
		"WipeAll":    func() (int, error) { return 0, s.Store.WipeAll(t.Context(), service, nil, "s") },
	} {
		if n, err := call(); n != 0 || err != nil {
			t.Errorf("%s of nothing: %d results, %v", name, n, err)
		}
	}
}

func testWriteAndRead(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) {
		m.Set("lead:a", []byte("A"))
		m.Set("lead:b", []byte("B"))
	})
	mark, values := read(t, s.Store, service, 1, "lead:b", "lead:none", "lead:a", "lead:b")
	if mark != "1" || string(values[0]) != "B" || values[1] != nil || string(values[2]) != "A" || string(values[3]) != "B" {
		t.Fatalf("under %q: %q", mark, values)
	}
	mustWrite(t, s.Store, service, 1, "1", "2", func(m *leadstore.Mutation) {
		m.Set("lead:a", []byte("A2"))
		m.Delete("lead:b")
		m.Delete("lead:none")
	})
	holds(t, s.Store, 1, "2", "lead:a", []byte("A2"))
	holds(t, s.Store, 1, "2", "lead:b", nil)

	// A write without a change moves the watermark, with a mutation or without.
	mustWrite(t, s.Store, service, 1, "2", "3", nil)
	if err := s.Store.Write(t.Context(), service, []leadstore.PartitionWrite{{Partition: 1, Expect: "3", Next: "4"}}); err != nil {
		t.Fatal(err)
	}
	holds(t, s.Store, 1, "4", "lead:a", []byte("A2"))
	// So does one that leaves it where it is.
	mustWrite(t, s.Store, service, 1, "4", "4", func(m *leadstore.Mutation) { m.Set("lead:a", []byte("A3")) })
	holds(t, s.Store, 1, "4", "lead:a", []byte("A3"))
}

func testLastCallWins(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) {
		m.Set("set", []byte("old"))
		m.Delete("set")
		m.Set("set", []byte("new"))
		m.Set("deleted", []byte("x"))
		m.Delete("deleted")
		m.IndexAdd("i", "moved", 1)
		m.IndexAdd("i", "moved", 2)
		m.IndexRemove("i", "back")
		m.IndexAdd("i", "back", 3)
		m.IndexAdd("i", "gone", 4)
		m.IndexRemove("i", "gone")
		m.IndexAdd("only", "gone", 1)
		m.IndexRemove("only", "gone")
		m.FieldSet("h", "set", []byte("old"))
		m.FieldDelete("h", "set")
		m.FieldSet("h", "set", []byte("new"))
		m.FieldSet("h", "gone", []byte("x"))
		m.FieldDelete("h", "gone")
		m.FieldSet("only", "gone", []byte("x"))
		m.FieldDelete("only", "gone")
	})
	holds(t, s.Store, 1, "1", "set", []byte("new"))
	holds(t, s.Store, 1, "1", "deleted", nil)
	all := leadstore.RangeQuery{Index: "i", Min: -inf, Max: inf, Limit: 10}
	if got, want := find(t, s.Store, 1, all), []leadstore.Scored{{Member: "back", Score: 3}, {Member: "moved", Score: 2}}; !slices.Equal(got, want) {
		t.Fatalf("index has %v, want %v", got, want)
	}
	if got := hash(t, s.Store, service, 1, "h"); !equalHashes(got, map[string][]byte{"set": []byte("new")}) {
		t.Fatalf("hash has %q", got)
	}

	// What is there already yields too.
	mustWrite(t, s.Store, service, 1, "1", "2", func(m *leadstore.Mutation) {
		m.Delete("set")
		m.IndexRemove("i", "back")
		m.FieldDelete("h", "set")
	})
	holds(t, s.Store, 1, "2", "set", nil)
	if got := find(t, s.Store, 1, all); len(got) != 1 || got[0].Member != "moved" {
		t.Fatalf("index has %v", got)
	}
	if got := hash(t, s.Store, service, 1, "h"); len(got) != 0 {
		t.Fatalf("hash has %q", got)
	}
}

// strange names and values: those that a store might use itself, patterns, separators, and what is no text.
var strange = []string{
	"", "seq", "z:i", "h:h", "k:seq", "k:k:seq", "z", ":", "{p01}", "}", "*", "?", "[a]", "\\", "a b", "a\r\nb", "\x00", "\xff\xfe", "ü",
	"baton:{p01}:scoring:seq",
}

func testAnyBytes(t *testing.T, s Subject) {
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte(i * 7)
	}
	mustWrite(t, s.Store, service, 1, "", "w \x00\xff", func(m *leadstore.Mutation) {
		for _, name := range strange {
			m.Set(name, []byte("blob of "+name))
			m.IndexAdd(name, name, 1)
			m.FieldSet(name, name, []byte(name))
		}
		m.Set("big", big)
		m.Set("empty", []byte{})
		m.Set("nil", nil)
	})
	for _, name := range strange {
		holds(t, s.Store, 1, "w \x00\xff", name, []byte("blob of "+name))
		if got := find(t, s.Store, 1, leadstore.RangeQuery{Index: name, Min: 1, Max: 1, Limit: 2}); len(got) != 1 || got[0].Member != name {
			t.Fatalf("index %q has %v", name, got)
		}
		if got := hash(t, s.Store, service, 1, name); !equalHashes(got, map[string][]byte{name: []byte(name)}) {
			t.Fatalf("hash %q has %q", name, got)
		}
	}
	holds(t, s.Store, 1, "w \x00\xff", "big", big)
	holds(t, s.Store, 1, "w \x00\xff", "empty", []byte{})
	holds(t, s.Store, 1, "w \x00\xff", "nil", []byte{})

	if err := s.Store.Wipe(t.Context(), service, 1, "s"); err != nil {
		t.Fatal(err)
	}
	hasNothing(t, s.Store, service, 1, append([]string{"big", "empty", "nil"}, strange...), strange, strange)
}

func testManyPartitions(t *testing.T, s Subject) {
	const partitions, keys = 64, 5
	var writes []leadstore.PartitionWrite
	var reads []leadstore.PartitionRead
	var fields []leadstore.PartitionFields
	var all []int
	for p := range partitions {
		m := &leadstore.Mutation{}
		names := numbered("k", keys)
		for _, name := range names {
			m.Set(name, fmt.Append(nil, p, name))
		}
		m.FieldSet("h", "f", fmt.Append(nil, p))
		writes = append(writes, leadstore.PartitionWrite{Partition: p, Next: fmt.Sprint("w", p), Mutation: m})
		reads = append(reads, leadstore.PartitionRead{Partition: p, Keys: names[:p%(keys+1)]})
		fields = append(fields, leadstore.PartitionFields{Partition: p, Hash: "h", Fields: []string{"f", "none"}[:p%3]})
		all = append(all, p)
	}
	if err := s.Store.Write(t.Context(), service, writes); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(reads)
	got, err := s.Store.Read(t.Context(), service, reads)
	if err != nil || len(got) != partitions {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	for i, r := range reads {
		if got[i].Watermark != fmt.Sprint("w", r.Partition) || len(got[i].Values) != len(r.Keys) {
			t.Fatalf("partition %d: %+v", r.Partition, got[i])
		}
		for n, v := range got[i].Values {
			if string(v) != fmt.Sprint(r.Partition, r.Keys[n]) {
				t.Fatalf("partition %d, %s: %q", r.Partition, r.Keys[n], v)
			}
		}
	}
	values, err := s.Store.Fields(t.Context(), service, fields)
	if err != nil || len(values) != partitions {
		t.Fatalf("fields: %d answers, %v", len(values), err)
	}
	for p, v := range values {
		if len(v) != p%3 || len(v) > 0 && string(v[0]) != fmt.Sprint(p) || len(v) > 1 && v[1] != nil {
			t.Fatalf("fields of partition %d: %q", p, v)
		}
	}
	marks, err := s.Store.Watermarks(t.Context(), service, all)
	if err != nil || len(marks) != partitions || marks[9] != "w9" {
		t.Fatalf("watermarks %q, %v", marks, err)
	}
}

func testWrongWatermark(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) { m.Set("k", []byte("1")) })
	change := func(m *leadstore.Mutation) {
		m.Set("k", []byte("wrong"))
		m.IndexAdd("i", "wrong", 1)
		m.FieldSet("h", "wrong", nil)
		m.Delete("k2")
	}
	for _, expect := range []string{"", "0", "2", "1 "} {
		isConflict(t, write(t, s.Store, service, 1, expect, "2", change))
	}
	isConflict(t, write(t, s.Store, service, 2, "1", "2", change)) // where there is none
	holds(t, s.Store, 1, "1", "k", []byte("1"))
	if got := find(t, s.Store, 1, leadstore.RangeQuery{Index: "i", Min: -inf, Max: inf, Limit: 1}); len(got) > 0 {
		t.Fatalf("index has %v", got)
	}
	hasNothing(t, s.Store, service, 2, []string{"k"}, []string{"i"}, []string{"h"})

	// One partition's conflict is its own.
	var writes []leadstore.PartitionWrite
	for p := range 20 {
		m := &leadstore.Mutation{}
		m.Set("k", []byte("new"))
		writes = append(writes, leadstore.PartitionWrite{Partition: p, Next: "n", Mutation: m})
	}
	isConflict(t, s.Store.Write(t.Context(), service, writes))
	for p := range 20 {
		if p != 1 {
			holds(t, s.Store, p, "n", "k", []byte("new"))
		}
	}
	holds(t, s.Store, 1, "1", "k", []byte("1"))
}

// testRefused: what cannot be written whole is refused whole, with neither of the sentinels: trying again does not help.
func testRefused(t *testing.T, s Subject) {
	set := &leadstore.Mutation{}
	set.Set("k", []byte("v"))
	nan := &leadstore.Mutation{}
	nan.IndexAdd("i", "m", math.NaN())
	good := leadstore.PartitionWrite{Partition: 1, Next: "1", Mutation: set}
	for name, tc := range map[string]struct {
		service string
		writes  []leadstore.PartitionWrite
	}{
		"no service":         {"", []leadstore.PartitionWrite{good}},
		"service of others":  {"scoring:lead", []leadstore.PartitionWrite{good}},
		"service pattern":    {"*", []leadstore.PartitionWrite{good}},
		"negative partition": {service, []leadstore.PartitionWrite{good, {Partition: -1, Next: "1"}}},
		"partition twice":    {service, []leadstore.PartitionWrite{good, {Partition: 2, Next: "1"}, {Partition: 2, Next: "2"}}},
		"no next watermark":  {service, []leadstore.PartitionWrite{good, {Partition: 2}}},
		"score is no number": {service, []leadstore.PartitionWrite{good, {Partition: 2, Next: "1", Mutation: nan}}},
	} {
		err := s.Store.Write(t.Context(), tc.service, tc.writes)
		if err == nil || errors.Is(err, leadstore.ErrConflict) || errors.Is(err, leadstore.ErrUnavailable) {
			t.Errorf("%s: want a plain refusal, have %v", name, err)
		}
	}
	hasNothing(t, s.Store, service, 1, []string{"k"}, nil, nil)
	hasNothing(t, s.Store, service, 2, nil, []string{"i"}, nil)
	if err := s.Store.WipeAll(t.Context(), "*", []int{1, 2}, "s"); err == nil {
		t.Error("a pattern is not a service to wipe")
	}
}

func testServices(t *testing.T, s Subject) {
	for _, name := range []string{"scoring", "routing", "scor", "scoring-2"} {
		mustWrite(t, s.Store, name, 1, "", name, func(m *leadstore.Mutation) { m.Set("k", []byte(name)) })
	}
	for _, name := range []string{"scoring", "routing", "scor", "scoring-2"} {
		if mark, values := read(t, s.Store, name, 1, "k"); mark != name || string(values[0]) != name {
			t.Fatalf("%s has %q under %q", name, values[0], mark)
		}
	}
}

func testEndedContext(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) { m.Set("k", []byte("v")) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unavailable(t, s.Store, ctx)
	holds(t, s.Store, 1, "1", "k", []byte("v"))
}

func testClosed(t *testing.T, s Subject) {
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	unavailable(t, s.Store, t.Context())
}

// unavailable fails unless every call says so.
func unavailable(t *testing.T, s leadstore.Store, ctx context.Context) {
	t.Helper()
	writes := []leadstore.PartitionWrite{{Partition: 1, Expect: "1", Next: "2"}, {Partition: 2, Next: "2"}}
	for name, call := range map[string]func() error{
		"Watermarks": func() error { _, err := s.Watermarks(ctx, service, []int{1}); return err },
		"Read":       func() error { _, err := s.Read(ctx, service, []leadstore.PartitionRead{{Partition: 1}}); return err },
		"ReadBoth": func() error {
			_, _, err := s.ReadBoth(ctx, service, []leadstore.PartitionRead{{Partition: 1}}, nil)
			return err
		},
		"Write one": func() error { return s.Write(ctx, service, writes[:1]) },
		"Write two": func() error { return s.Write(ctx, service, writes) },
		"Wipe":      func() error { return s.Wipe(ctx, service, 1, "s") },
		"WipeAll":   func() error { return s.WipeAll(ctx, service, []int{1, 2}, "s") },
		"Range": func() error {
			_, err := s.Range(ctx, service, 1, leadstore.RangeQuery{Index: "i", Limit: 1})
			return err
		},
		"Ranges": func() error {
			_, err := s.Ranges(ctx, service, []int{1, 2}, leadstore.RangeQuery{Index: "i", Limit: 1})
			return err
		},
		"Hashes": func() error { _, err := s.Hashes(ctx, service, []int{1, 2}, "h"); return err },
		"Hash":   func() error { _, err := s.Hash(ctx, service, 1, "h"); return err },
		"Fields": func() error {
			_, err := s.Fields(ctx, service, []leadstore.PartitionFields{{Partition: 1, Hash: "h", Fields: []string{"f"}}})
			return err
		},
	} {
		if err := call(); !errors.Is(err, leadstore.ErrUnavailable) || errors.Is(err, leadstore.ErrConflict) {
			t.Errorf("%s: want ErrUnavailable, have %v", name, err)
		}
	}
}
