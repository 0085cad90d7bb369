package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/leadstore"
)

// place is one partition of one service, as plainly as it can be held.
type place struct {
	watermark string
	blobs     map[string][]byte
	indexes   map[string]map[string]float64
	hashes    map[string]map[string][]byte
}

func newPlace() *place {
	return &place{"", map[string][]byte{}, map[string]map[string]float64{}, map[string]map[string][]byte{}}
}

// testModel runs random calls against the store and against maps, and compares all that can be read after each.
func testModel(t *testing.T, s Subject) {
	rapid.Check(t, func(rt *rapid.T) {
		s.Flush()
		m := &model{t: t, store: s.Store, places: map[string]*place{}}
		for _, svc := range modelServices {
			for p := range modelPartitions {
				m.places[at(svc, p)] = newPlace()
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write,
			"wipe":  m.wipe,
			"flush": func(*rapid.T) {
				s.Flush()
				for k := range m.places {
					m.places[k] = newPlace()
				}
			},
			"": m.compare,
		})
	})
}

var (
	modelServices = []string{"scoring", "routing"}
	modelNames    = []string{"a", "b", "seq", "z:a", "k:a"}
)

const modelPartitions = 3

func at(service string, partition int) string { return fmt.Sprint(service, " ", partition) }

type model struct {
	t      *testing.T
	store  leadstore.Store
	places map[string]*place
	marks  int
}

// write writes some partitions at once, some of them under a wrong watermark.
func (m *model) write(rt *rapid.T) {
	svc := rapid.SampledFrom(modelServices).Draw(rt, "service")
	var writes []leadstore.PartitionWrite
	var accepted []func()
	var conflict bool
	for p := range modelPartitions {
		if !rapid.Bool().Draw(rt, "touched") {
			continue
		}
		here := m.places[at(svc, p)]
		m.marks++
		w := leadstore.PartitionWrite{Partition: p, Expect: here.watermark, Next: fmt.Sprint("w", m.marks), Mutation: &leadstore.Mutation{}}
		apply := mutate(rt, w.Mutation)
		if rapid.IntRange(0, 4).Draw(rt, "stale") == 0 {
			w.Expect = "w0"
			conflict = true
		} else {
			accepted = append(accepted, func() { apply(here); here.watermark = w.Next })
		}
		writes = append(writes, w)
	}
	err := m.store.Write(m.t.Context(), svc, writes)
	if conflict != errors.Is(err, leadstore.ErrConflict) || !conflict && err != nil {
		rt.Fatalf("conflict is %v, have %v", conflict, err)
	}
	for _, apply := range accepted {
		apply()
	}
}

// mutate makes some changes and gives what does the same to a place.
func mutate(rt *rapid.T, mu *leadstore.Mutation) func(*place) {
	var steps []func(*place)
	name := rapid.SampledFrom(modelNames)
	for range rapid.IntRange(0, 8).Draw(rt, "changes") {
		outer, inner := name.Draw(rt, "name"), name.Draw(rt, "inner")
		value := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(rt, "value")
		score := float64(rapid.IntRange(-2, 2).Draw(rt, "score")) / 2
		switch rapid.IntRange(0, 5).Draw(rt, "kind") {
		case 0:
			mu.Set(outer, value)
			steps = append(steps, func(p *place) { p.blobs[outer] = value })
		case 1:
			mu.Delete(outer)
			steps = append(steps, func(p *place) { delete(p.blobs, outer) })
		case 2:
			mu.IndexAdd(outer, inner, score)
			steps = append(steps, func(p *place) { put(p.indexes, outer, inner, score) })
		case 3:
			mu.IndexRemove(outer, inner)
			steps = append(steps, func(p *place) { delete(p.indexes[outer], inner) })
		case 4:
			mu.FieldSet(outer, inner, value)
			steps = append(steps, func(p *place) { put(p.hashes, outer, inner, value) })
		case 5:
			mu.FieldDelete(outer, inner)
			steps = append(steps, func(p *place) { delete(p.hashes[outer], inner) })
		}
	}
	return func(p *place) {
		for _, step := range steps {
			step(p)
		}
	}
}

func put[V any](outer map[string]map[string]V, name, inner string, value V) {
	if outer[name] == nil {
		outer[name] = map[string]V{}
	}
	outer[name][inner] = value
}

func (m *model) wipe(rt *rapid.T) {
	svc := rapid.SampledFrom(modelServices).Draw(rt, "service")
	some := rapid.SliceOf(rapid.IntRange(0, modelPartitions-1)).Draw(rt, "partitions")
	if err := m.store.WipeAll(m.t.Context(), svc, some, "s"); err != nil {
		rt.Fatalf("wipe: %v", err)
	}
	for _, p := range some {
		m.places[at(svc, p)] = newPlace()
	}
}

// compare reads all watermarks, blobs and fields, and a hash and an index picked at random.
func (m *model) compare(rt *rapid.T) {
	for _, svc := range modelServices {
		var reads []leadstore.PartitionRead
		var fields []leadstore.PartitionFields
		for p := range modelPartitions {
			reads = append(reads, leadstore.PartitionRead{Partition: p, Keys: modelNames})
			for _, name := range modelNames {
				fields = append(fields, leadstore.PartitionFields{Partition: p, Hash: name, Fields: modelNames})
			}
		}
		values, err := m.store.Read(m.t.Context(), svc, reads)
		if err != nil {
			rt.Fatalf("read: %v", err)
		}
		some, err := m.store.Fields(m.t.Context(), svc, fields)
		if err != nil {
			rt.Fatalf("fields: %v", err)
		}
		for p := range modelPartitions {
			here := m.places[at(svc, p)]
			if values[p].Watermark != here.watermark {
				rt.Fatalf("%s %d: watermark %q, want %q", svc, p, values[p].Watermark, here.watermark)
			}
			compareValues(rt, values[p].Values, here.blobs)
			for i, name := range modelNames {
				compareValues(rt, some[p*len(modelNames)+i], here.hashes[name])
			}
		}
	}
	svc, p := rapid.SampledFrom(modelServices).Draw(rt, "service"), rapid.IntRange(0, modelPartitions-1).Draw(rt, "partition")
	name, here := rapid.SampledFrom(modelNames).Draw(rt, "name"), m.places[at(svc, p)]
	got, err := m.store.Hash(m.t.Context(), svc, p, name)
	if want := here.hashes[name]; err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
		rt.Fatalf("%s %d: hash %q is %q, %v, want %q", svc, p, name, got, err, want)
	}
	m.compareIndex(rt, svc, p, name)
}

// compareValues compares what was read of every modelName.
func compareValues(rt *rapid.T, got [][]byte, want map[string][]byte) {
	for i, name := range modelNames {
		if value, ok := want[name]; ok != (got[i] != nil) || !bytes.Equal(got[i], value) {
			rt.Fatalf("%q is %q, want %q", name, got[i], value)
		}
	}
}

func (m *model) compareIndex(rt *rapid.T, svc string, p int, name string) {
	q := leadstore.RangeQuery{
		Index: name,
		Min:   float64(rapid.IntRange(-3, 1).Draw(rt, "min")) / 2,
		Max:   float64(rapid.IntRange(-1, 3).Draw(rt, "max")) / 2,
		Limit: rapid.IntRange(0, 4).Draw(rt, "limit"),
	}
	var want []leadstore.Scored
	for member, score := range m.places[at(svc, p)].indexes[name] {
		if q.Min <= score && score <= q.Max {
			want = append(want, leadstore.Scored{Member: member, Score: score})
		}
	}
	order(want)
	want = want[:min(len(want), q.Limit)]
	got, err := m.store.Range(m.t.Context(), svc, p, q)
	if err != nil || !slices.Equal(got, want) {
		rt.Fatalf("%s %d: %+v gives %v, %v, want %v", svc, p, q, got, err, want)
	}
}
