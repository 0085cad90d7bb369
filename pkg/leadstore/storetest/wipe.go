package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/leadstore"
)

// fill writes something of each kind into a partition without a watermark.
func fill(t *testing.T, s leadstore.Store, service string, partition, keys int) {
	t.Helper()
	mustWrite(t, s, service, partition, "", "full", func(m *leadstore.Mutation) {
		for _, k := range numbered("k", keys) {
			m.Set(k, []byte(k))
		}
		m.IndexAdd("i", "m", 1)
		m.FieldSet("h", "f", []byte("v"))
	})
}

func wiped(t *testing.T, s leadstore.Store, partition, keys int) {
	t.Helper()
	hasNothing(t, s, service, partition, numbered("k", keys), []string{"i"}, []string{"h"})
}

func testWipe(t *testing.T, s Subject) {
	others := []struct {
		service   string
		partition int
	}{{service, 2}, {service, 10}, {service, 11}, {"routing", 1}, {"scoring-2", 1}, {"scor", 1}}
	for _, o := range others {
		fill(t, s.Store, o.service, o.partition, 3)
	}
	fill(t, s.Store, service, 1, 3)
	if err := s.Store.Wipe(t.Context(), service, 1, "one"); err != nil {
		t.Fatal(err)
	}
	wiped(t, s.Store, 1, 3)
	for _, o := range others {
		if mark, values := read(t, s.Store, o.service, o.partition, "k2"); mark != "full" || string(values[0]) != "k2" {
			t.Fatalf("%s, partition %d: %q under %q", o.service, o.partition, values[0], mark)
		}
		if got := hash(t, s.Store, o.service, o.partition, "h"); len(got) != 1 {
			t.Fatalf("%s, partition %d: hash has %q", o.service, o.partition, got)
		}
	}
	// Nothing can be wiped too, and what was wiped can be written again.
	if err := s.Store.Wipe(t.Context(), service, 1, "one"); err != nil {
		t.Fatal(err)
	}
	isConflict(t, write(t, s.Store, service, 1, "full", "2", nil))
	fill(t, s.Store, service, 1, 3)
	holds(t, s.Store, 1, "full", "k0", []byte("k0"))
}

// testWipeAll: many partitions at once, each on its own: one that is interfered with fails alone.
func testWipeAll(t *testing.T, s Subject) {
	const partitions = 24
	var all []int
	for p := range partitions {
		if p%5 != 0 { // some have nothing
			fill(t, s.Store, service, p, 10*p)
		}
		fill(t, s.Store, "routing", p, 2)
		all = append(all, p)
	}
	fill(t, s.Store, service, partitions, 3)
	if err := s.Store.WipeAll(t.Context(), service, append(all, 1, 1), "one"); err != nil {
		t.Fatal(err)
	}
	for p := range partitions {
		wiped(t, s.Store, p, 10*p)
		if mark, values := read(t, s.Store, "routing", p, "k1"); mark != "full" || string(values[0]) != "k1" {
			t.Fatalf("routing, partition %d: %q under %q", p, values[0], mark)
		}
	}
	holds(t, s.Store, partitions, "full", "k2", []byte("k2"))

	for p := range partitions {
		fill(t, s.Store, service, p, 500)
	}
	var wg sync.WaitGroup
	var other error
	wg.Go(func() { other = s.Store.Wipe(t.Context(), service, 3, "two") })
	err := s.Store.WipeAll(t.Context(), service, all, "one")
	wg.Wait()
	for _, err := range []error{err, other} {
		if err != nil {
			isConflict(t, err)
		}
	}
	if err != nil && other != nil {
		t.Fatalf("nobody got through: %v", errors.Join(err, other))
	}
	for p := range partitions {
		wiped(t, s.Store, p, 500)
	}
}

func testWipeManyKeys(t *testing.T, s Subject) {
	const keys = 12_000
	fill(t, s.Store, service, 1, keys)
	fill(t, s.Store, service, 2, keys)
	if err := s.Store.Wipe(t.Context(), service, 1, "one"); err != nil {
		t.Fatal(err)
	}
	wiped(t, s.Store, 1, keys)
	_, values := read(t, s.Store, service, 2, numbered("k", keys)...)
	for i, v := range values {
		if v == nil {
			t.Fatalf("partition 2 has lost key %d", i)
		}
	}
}

// testWipeInterrupted: a wipe that stops half-way leaves a watermark that nobody takes for state, and that any session
// may take over.
func testWipeInterrupted(t *testing.T, s Subject) {
	// As a session leaves it that died after its first step.
	fill(t, s.Store, service, 1, 100)
	mustWrite(t, s.Store, service, 1, "full", "wiping dead", nil)
	for _, session := range []string{"two", "dead"} {
		if err := s.Store.Wipe(t.Context(), service, 1, session); err != nil {
			t.Fatalf("taken over by %s: %v", session, err)
		}
		wiped(t, s.Store, 1, 100)
	}

	// Interrupted at moments of all kinds.
	var stopped int
	for n := range 20 {
		fill(t, s.Store, service, 1, 3000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n*n)*100*time.Microsecond)
		err := s.Store.Wipe(ctx, service, 1, "one")
		cancel()
		if err != nil {
			stopped++
			if !errors.Is(err, leadstore.ErrUnavailable) {
				t.Fatalf("want ErrUnavailable, have %v", err)
			}
			mark, _ := read(t, s.Store, service, 1)
			if mark != "" && mark != "full" && mark != "wiping one" {
				t.Fatalf("an interrupted wipe left the watermark %q", mark)
			}
			if mark == "" { // it was the last answer that got lost
				wiped(t, s.Store, 1, 3000)
			}
		}
		if err := s.Store.Wipe(t.Context(), service, 1, "two"); err != nil {
			t.Fatal(err)
		}
		wiped(t, s.Store, 1, 3000)
	}
	if stopped == 0 {
		t.Fatal("no wipe was interrupted: the test shows nothing")
	}
}

// testWipeRace: of sessions that wipe at once the one that started last gets through; the others may be told of it.
func testWipeRace(t *testing.T, s Subject) {
	for range 10 {
		fill(t, s.Store, service, 1, 3000)
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = s.Store.Wipe(t.Context(), service, 1, fmt.Sprint("session-", i)) })
		}
		wg.Wait()
		var done int
		for _, err := range errs {
			if err == nil {
				done++
			} else {
				isConflict(t, err)
			}
		}
		if done == 0 {
			t.Fatalf("nobody got through: %v", errors.Join(errs...))
		}
		wiped(t, s.Store, 1, 3000)
	}
}

// testWipeOvertaken: once its watermark is another, a wipe removes nothing any more.
func testWipeOvertaken(t *testing.T, s Subject) {
	const keys = 10_000
	overtaken := 0
	for range 5 {
		if err := s.Store.Wipe(t.Context(), service, 1, "before"); err != nil {
			t.Fatal(err)
		}
		fill(t, s.Store, service, 1, keys)
		slow := make(chan error, 1)
		go func() { slow <- s.Store.Wipe(t.Context(), service, 1, "slow") }()
		for mark := "full"; mark == "full"; {
			mark, _ = read(t, s.Store, service, 1)
		}
		err := write(t, s.Store, service, 1, "wiping slow", "mine", func(m *leadstore.Mutation) {
			for _, k := range numbered("k", keys) {
				m.Set(k, []byte("mine"))
			}
		})
		wiped := <-slow
		if err != nil { // it was through already
			isConflict(t, err)
			continue
		}
		overtaken++
		isConflict(t, wiped)
		mark, values := read(t, s.Store, service, 1, numbered("k", keys)...)
		for i, v := range values {
			if mark != "mine" || string(v) != "mine" {
				t.Fatalf("key %d has %q under %q: removed by a wipe that was overtaken", i, v, mark)
			}
		}
	}
	if overtaken == 0 && !s.WipesAtOnce {
		t.Fatal("no wipe was overtaken: the test shows nothing")
	}
}

// testWriteDuringWipe: a writer that goes on is stopped by a wipe, and leaves nothing behind it.
func testWriteDuringWipe(t *testing.T, s Subject) {
	for range 10 {
		fill(t, s.Store, service, 1, 2000)
		var wg sync.WaitGroup
		var last error
		wg.Go(func() {
			for mark, n := "full", 0; last == nil; n++ {
				next := fmt.Sprint("n", n)
				last = write(t, s.Store, service, 1, mark, next, func(m *leadstore.Mutation) {
					m.Set(fmt.Sprint("k", n), []byte("late"))
					m.IndexAdd("i", fmt.Sprint(n), 1)
				})
				mark = next
			}
		})
		err := s.Store.Wipe(t.Context(), service, 1, "one")
		for try := 0; errors.Is(err, leadstore.ErrConflict) && try < 1000; try++ { // the writer came between its look and its mark
			err = s.Store.Wipe(t.Context(), service, 1, "one")
		}
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		isConflict(t, last)
		if !strings.Contains(last.Error(), "partition 1") {
			t.Fatalf("the error must name the partition: %v", last)
		}
		wiped(t, s.Store, 1, 2100)
	}
}
