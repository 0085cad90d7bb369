package memstore

import (
	"cmp"
	"fmt"
	"math"
	"sync"

	"github.com/google/btree"

	"github.com/batonhq/baton/pkg/leadstore"
)

// partition is all that a service keeps of a partition: it moves together.
type partition struct {
	mu        sync.RWMutex
	watermark string
	blobs     map[string][]byte
	hashes    map[string]map[string][]byte
	indexes   map[string]*index
}

// read runs look while nothing of the partition changes.
func (p *partition) read(look func()) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	look()
}

// head gives the beginning of the watermark; p.mu is held.
func (p *partition) head() string {
	return p.watermark[:min(len(p.watermark), leadstore.WatermarkHead)]
}

// write does what a write says, where the watermark is the one that it expects.
func (p *partition) write(w leadstore.PartitionWrite) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watermark != w.Expect {
		return fmt.Errorf("%w: found %q", leadstore.ErrConflict, p.watermark)
	}
	p.watermark = w.Next
	if w.Mutation.Empty() {
		return nil
	}
	if p.blobs == nil {
		p.blobs, p.hashes, p.indexes = map[string][]byte{}, map[string]map[string][]byte{}, map[string]*index{}
	}
	p.change(w.Mutation)
	return nil
}

// change applies a mutation, which holds every key, member and field once. What has nothing left in it goes.
func (p *partition) change(m *leadstore.Mutation) {
	for key, value := range m.Sets {
		p.blobs[key] = clone(value)
	}
	for key := range m.Dels {
		delete(p.blobs, key)
	}
	for name, fields := range m.HSets {
		hash := p.hashes[name]
		if hash == nil && len(fields) > 0 {
			hash = make(map[string][]byte, len(fields))
			p.hashes[name] = hash
		}
		for field, value := range fields {
			hash[field] = clone(value)
		}
	}
	for name, fields := range m.HDels {
		hash := p.hashes[name]
		for field := range fields {
			delete(hash, field)
		}
		if len(hash) == 0 {
			delete(p.hashes, name)
		}
	}
	for name, members := range m.ZAdds {
		i := p.indexes[name]
		if i == nil && len(members) > 0 {
			i = newIndex()
			p.indexes[name] = i
		}
		for member, score := range members {
			i.add(member, score)
		}
	}
	for name, members := range m.ZRems {
		i := p.indexes[name]
		if i == nil {
			continue
		}
		for member := range members {
			i.remove(member)
		}
		if len(i.scores) == 0 {
			delete(p.indexes, name)
		}
	}
}

func (p *partition) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watermark, p.blobs, p.hashes, p.indexes = "", nil, nil, nil
}

// index is a sorted index: each member's score, and the members in the order of theirs.
type index struct {
	scores map[string]float64
	sorted *btree.BTreeG[leadstore.Scored]
}

// degree of the trees: nodes of some kilobytes, for the indexes of a partition have from a few to some ten thousand members.
const degree = 32

func newIndex() *index {
	return &index{scores: map[string]float64{}, sorted: btree.NewG(degree, func(a, b leadstore.Scored) bool {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Member, b.Member)) < 0
	})}
}

func (i *index) add(member string, score float64) {
	i.remove(member)
	i.scores[member] = score
	i.sorted.ReplaceOrInsert(leadstore.Scored{Member: member, Score: score})
}

func (i *index) remove(member string) {
	if score, ok := i.scores[member]; ok {
		delete(i.scores, member)
		i.sorted.Delete(leadstore.Scored{Member: member, Score: score})
	}
}

// between gives what a query selects; of no index nothing.
func (i *index) between(q leadstore.RangeQuery) []leadstore.Scored {
	if i == nil || q.Limit <= 0 || math.IsNaN(q.Min) || math.IsNaN(q.Max) {
		return nil
	}
	var out []leadstore.Scored
	take := func(s leadstore.Scored) bool {
		switch {
		case s.Score < q.Min:
			return false
		case s.Score <= q.Max:
			out = append(out, s)
		}
		return len(out) < q.Limit
	}
	if q.Max < math.Inf(1) { // the first score above; its members come in order behind all of those that are wanted
		i.sorted.DescendLessOrEqual(leadstore.Scored{Score: math.Nextafter(q.Max, math.Inf(1))}, take)
	} else {
		i.sorted.Descend(take)
	}
	return out
}
