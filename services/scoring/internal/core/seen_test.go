package core

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSeenRemembersFor35Days(t *testing.T) {
	var s Seen
	key := KeyOf("site", "e1")
	if !s.Add(key, now, true) || s.Add(key, now, true) || s.Add(key, now+int64(seenFor), true) {
		t.Fatal("an event was not recognised within 35 days")
	}
	if !s.Add(key, now+int64(seenFor+2*time.Minute), true) {
		t.Fatal("an event is recognised for longer than 35 days")
	}
	if s.Engagements() != 2 || s.len() != 1 {
		t.Errorf("%d engagements in %d entries", s.Engagements(), s.len())
	}
}

func TestKeysTellSourceAndIDApart(t *testing.T) {
	if KeyOf("a", "bc") == KeyOf("ab", "c") || KeyOf("a", "b") == KeyOf("b", "a") {
		t.Error("two events share a key")
	}
}

func TestSeenIsBounded(t *testing.T) {
	var s Seen
	for i := range maxSeen { // appended in the order of keys
		var key SeenKey
		binary.BigEndian.PutUint32(key[:], uint32(i))
		s.insert(i, key, minute(now)+uint32(i/60), true)
	}
	newest := KeyOf("s", "newest")
	if !s.Add(newest, now+int64(day), true) || s.len() > maxSeen*9/10 || s.len() < maxSeen*8/10 || s.Engagements() != maxSeen+1 {
		t.Errorf("%d entries, %d engagements", s.len(), s.Engagements())
	}
	if s.Add(newest, now+int64(day), true) {
		t.Error("the newest was forgotten")
	}
	if _, found := s.find(SeenKey{}); found {
		t.Error("the oldest was kept")
	}
}

func TestSeenUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			id string
			at int64
		}
		var a, b, both, other Seen
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			e := entry{fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "id")), now + int64(rapid.IntRange(0, 1000).Draw(t, "minutes"))*int64(time.Minute)}
			k, counts := KeyOf("s", e.id), len(e.id) == 1
			if rapid.Bool().Draw(t, "in a") {
				a.Add(k, e.at, counts)
			} else {
				b.Add(k, e.at, counts)
			}
		}
		both.merge(&a)
		both.merge(&b)
		other.merge(&b)
		other.merge(&a)
		if both.Engagements() != other.Engagements() || string(both.entries) != string(other.entries) || both.oldest != other.oldest {
			t.Fatal("the union depends on the order")
		}
		again := both
		again.merge(&Seen{entries: a.entries, oldest: a.oldest})
		if string(again.entries) != string(both.entries) {
			t.Fatal("what is known already changes the union")
		}
		var restored Seen
		for piece := range both.Segments {
			if err := restored.Restore(string(piece)); err != nil {
				t.Fatal(err)
			}
		}
		restored.Forgotten = both.Forgotten
		if string(restored.entries) != string(both.entries) || restored.oldest != both.oldest {
			t.Fatal("restored, it is another")
		}
	})
}

func TestRestoreRefusesDisorder(t *testing.T) {
	var s Seen
	s.Add(KeyOf("s", "1"), now, true)
	s.Add(KeyOf("s", "2"), now, true)
	swapped := string(s.entries[entrySize:]) + string(s.entries[:entrySize])
	for _, piece := range []string{"x", swapped, string(s.entries[:entrySize]) + string(s.entries[:entrySize])} {
		var r Seen
		if r.Restore(piece) == nil {
			t.Errorf("%d bytes were accepted", len(piece))
		}
	}
}

func TestProfileKeepsTheLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		fields := make([]Field, n)
		for i := range fields {
			fields[i] = Field{Name: rapid.SampledFrom([]string{"title", "country", "other.x"}).Draw(t, "name"), Value: fmt.Sprint(i), At: int64(rapid.IntRange(0, 5).Draw(t, "at")), By: fmt.Sprint("e", i)}
		}
		var a, b Profile
		for _, f := range fields {
			a.put(f)
		}
		for _, f := range rapid.Permutation(fields).Draw(t, "order") {
			b.put(f)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%v, %v", a, b)
		}
	})
}

func TestProfileIsBoundedWhateverTheOrder(t *testing.T) {
	var a, b Profile
	for i := range 400 {
		a.put(Field{Name: fmt.Sprintf("other.%03d", i), Value: "x"})
		b.put(Field{Name: fmt.Sprintf("other.%03d", 399-i), Value: "x"})
	}
	if len(a) != maxFields || !reflect.DeepEqual(a, b) {
		t.Errorf("%d and %d fields", len(a), len(b))
	}
	if a.put(Field{Name: "a", Value: string(make([]byte, maxFieldValue+1))}) {
		t.Error("a value without end was kept")
	}
	if v, ok := a.Get("other.001"); !ok || v != "x" {
		t.Error("a field is gone")
	}
	a.put(Field{Name: "other.001", At: 1})
	if _, ok := a.Get("other.001"); ok {
		t.Error("what is known no more is still known")
	}
}

func TestConsentNeverDropsAnObjectionForAYes(t *testing.T) {
	l := &Lead{}
	l.putConsent(Consent{Key: "a", Purpose: "profiling", Decision: "objected"})
	for i := range 500 {
		l.putConsent(Consent{Key: fmt.Sprint("k", i), Purpose: "email", Decision: "granted"})
	}
	if len(l.Consent) != maxConsents || !l.Objected() {
		t.Errorf("%d statements, objected %v", len(l.Consent), l.Objected())
	}
}

func TestClipCutsBetweenCharacters(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "abcé": "abc", "日本語": "日"} {
		if got := clip(in, 4); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}
