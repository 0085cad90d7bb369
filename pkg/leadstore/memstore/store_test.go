package memstore

import (
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		s := New()
		return storetest.Subject{Store: s, Flush: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, p := range s.places {
				p.wipe()
			}
		}, WipesAtOnce: true}
	})
}

// What was written or read is the caller's to change.
func TestBytesAreCopied(t *testing.T) {
	s := New()
	blob, field := []byte("blob"), []byte("field")
	m := &leadstore.Mutation{}
	m.Set("k", blob)
	m.FieldSet("h", "f", field)
	if err := s.Write(t.Context(), "scoring", []leadstore.PartitionWrite{{Partition: 1, Next: "1", Mutation: m}}); err != nil {
		t.Fatal(err)
	}
	look := func() (string, string, string) {
		values, fields, err := s.ReadBoth(t.Context(), "scoring", []leadstore.PartitionRead{{Partition: 1, Keys: []string{"k"}}},
			[]leadstore.PartitionFields{{Partition: 1, Hash: "h", Fields: []string{"f"}}})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := s.Hash(t.Context(), "scoring", 1, "h")
		if err != nil {
			t.Fatal(err)
		}
		a, b, c := string(values[0].Values[0]), string(fields[0][0]), string(hash["f"])
		for _, read := range [][]byte{values[0].Values[0], fields[0][0], hash["f"]} {
			read[0] = 'X'
		}
		return a, b, c
	}
	blob[0], field[0] = 'X', 'X'
	for range 2 {
		if a, b, c := look(); a != "blob" || b != "field" || c != "field" {
			t.Fatalf("%q, %q, %q", a, b, c)
		}
	}
}
