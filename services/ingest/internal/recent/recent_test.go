package recent

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

func key(n int) Key {
	var k Key
	binary.LittleEndian.PutUint64(k[:], uint64(n))
	return k
}

func TestForgetsTheLeastLatelyUsed(t *testing.T) {
	s := New(2, time.Hour)
	s.Put(key(1), 10, start)
	s.Put(key(2), 20, start)
	if v, ok := s.Get(key(1), start); !ok || v != 10 {
		t.Fatalf("%d %v", v, ok)
	}
	s.Put(key(3), 30, start)
	if _, ok := s.Get(key(2), start); ok {
		t.Error("2 was used least lately")
	}
	for n, want := range map[int]uint64{1: 10, 3: 30} {
		if v, ok := s.Get(key(n), start); !ok || v != want {
			t.Errorf("%d: %d %v", n, v, ok)
		}
	}
	s.Put(key(1), 11, start)
	if v, _ := s.Get(key(1), start); v != 11 || s.Len() != 2 {
		t.Errorf("value %d, %d keys", v, s.Len())
	}
}

func TestForgetsAfterAWhile(t *testing.T) {
	s := New(2, time.Hour)
	s.Put(key(1), 1, start)
	if _, ok := s.Get(key(1), start.Add(time.Hour)); !ok {
		t.Error("forgotten too early")
	}
	if _, ok := s.Get(key(1), start.Add(time.Hour+1)); ok {
		t.Error("remembered too long")
	}
}

func TestZeroRemembersNothing(t *testing.T) {
	s := New(0, time.Hour)
	s.Put(key(1), 1, start)
	if _, ok := s.Get(key(1), start); ok || s.Len() != 0 {
		t.Error("remembered")
	}
}

// Against the obvious list of the keys used last.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		s := New(limit, time.Hour)
		var model []int // latest last
		use := func(n int) bool {
			for i, m := range model {
				if m == n {
					model = append(append(model[:i:i], model[i+1:]...), n)
					return true
				}
			}
			return false
		}
		for _, op := range rapid.SliceOf(rapid.IntRange(-9, 9)).Draw(t, "ops") {
			n := max(op, -op)
			if op < 0 {
				v, ok := s.Get(key(n), start)
				if want := use(n); ok != want || ok && v != uint64(n) {
					t.Fatalf("get %d: %d %v, want %v", n, v, ok, want)
				}
				continue
			}
			s.Put(key(n), uint64(n), start)
			if !use(n) {
				model = append(model, n)
				if len(model) > limit {
					model = model[1:]
				}
			}
		}
		if s.Len() != len(model) {
			t.Fatalf("%d keys, want %d", s.Len(), len(model))
		}
	})
}
