// Package memstore keeps the lead store in this process' memory: for a Baton that runs in one process. It is volatile on purpose: everything
// in it is folded from the journal again at the next start. What is written is copied, and so is what is read.
package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
)

// Store is a leadstore.Store in memory. It is safe for concurrent use; partitions do not wait for each other.
type Store struct {
	closed atomic.Bool

	mu     sync.RWMutex
	places map[place]*partition
}

// place is where a partition of a service is.
type place struct {
	service string
	number  int
}

var _ leadstore.Store = (*Store)(nil)

// New gives an empty store.
func New() *Store { return &Store{places: map[place]*partition{}} }

// partition gives the partition at a place, which begins to be once it is asked for.
func (s *Store) partition(service string, number int) (*partition, error) {
	if !identity.Safe(service) || number < 0 {
		return nil, fmt.Errorf("memstore: no such place: service %q, partition %d", service, number)
	}
	at := place{service, number}
	s.mu.RLock()
	p := s.places[at]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p = s.places[at]; p == nil {
		p = &partition{}
		s.places[at] = p
	}
	return p, nil
}

// available gives ErrUnavailable once the store is closed, or the caller's time is over.
func (s *Store) available(ctx context.Context) error {
	if s.closed.Load() {
		return fmt.Errorf("memstore: closed: %w", leadstore.ErrUnavailable)
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(leadstore.ErrUnavailable, err)
	}
	return nil
}

// Watermarks implements leadstore.Store.
func (s *Store) Watermarks(ctx context.Context, service string, partitions []int) ([]string, error) {
	if err := s.available(ctx); err != nil {
		return nil, err
	}
	marks := make([]string, len(partitions))
	for i, number := range partitions {
		p, err := s.partition(service, number)
		if err != nil {
			return nil, err
		}
		p.read(func() { marks[i] = p.watermark })
	}
	return marks, nil
}

// Read implements leadstore.Store.
func (s *Store) Read(ctx context.Context, service string, reads []leadstore.PartitionRead) ([]leadstore.PartitionValues, error) {
	values, _, err := s.ReadBoth(ctx, service, reads, nil)
	return values, err
}

// Fields implements leadstore.Store.
func (s *Store) Fields(ctx context.Context, service string, reads []leadstore.PartitionFields) ([][][]byte, error) {
	_, fields, err := s.ReadBoth(ctx, service, nil, reads)
	return fields, err
}

// ReadBoth implements leadstore.Store.
func (s *Store) ReadBoth(
	ctx context.Context, service string, reads []leadstore.PartitionRead, fields []leadstore.PartitionFields,
) ([]leadstore.PartitionValues, [][][]byte, error) {
	if err := s.available(ctx); err != nil {
		return nil, nil, err
	}
	found := make([][][]byte, len(fields))
	for i, r := range fields {
		p, err := s.partition(service, r.Partition)
		if err != nil {
			return nil, nil, err
		}
		p.read(func() { found[i] = some(p.hashes[r.Hash], r.Fields) })
	}
	values := make([]leadstore.PartitionValues, len(reads))
	for i, r := range reads {
		p, err := s.partition(service, r.Partition)
		if err != nil {
			return nil, nil, err
		}
		p.read(func() { values[i] = leadstore.PartitionValues{Watermark: p.watermark, Values: some(p.blobs, r.Keys)} })
	}
	return values, found, nil
}

// Write implements leadstore.Store.
func (s *Store) Write(ctx context.Context, service string, writes []leadstore.PartitionWrite) error {
	if err := s.available(ctx); err != nil {
		return err
	}
	if err := leadstore.Sensible(writes); err != nil {
		return fmt.Errorf("memstore: write %s: %w", service, err)
	}
	all := make([]*partition, len(writes))
	for i, w := range writes {
		p, err := s.partition(service, w.Partition)
		if err != nil {
			return err
		}
		all[i] = p
	}
	var errs []error
	for i, w := range writes {
		if err := all[i].write(w); err != nil {
			errs = append(errs, fmt.Errorf("memstore: write %s, partition %d: %w", service, w.Partition, err))
		}
	}
	return errors.Join(errs...)
}

// Wipe implements leadstore.Store, in one step that nobody sees half done.
func (s *Store) Wipe(ctx context.Context, service string, number int, session string) error {
	return s.WipeAll(ctx, service, []int{number}, session)
}

// WipeAll implements leadstore.Store.
func (s *Store) WipeAll(ctx context.Context, service string, partitions []int, _ string) error {
	if err := s.available(ctx); err != nil {
		return err
	}
	for _, number := range partitions {
		p, err := s.partition(service, number)
		if err != nil {
			return err
		}
		p.wipe()
	}
	return nil
}

// Range implements leadstore.Store.
func (s *Store) Range(ctx context.Context, service string, number int, q leadstore.RangeQuery) ([]leadstore.Scored, error) {
	found, err := s.Ranges(ctx, service, []int{number}, q)
	if err != nil {
		return nil, err
	}
	return found[0].Members, nil
}

// Ranges implements leadstore.Store: members and watermark are of one moment.
func (s *Store) Ranges(ctx context.Context, service string, partitions []int, q leadstore.RangeQuery) ([]leadstore.PartitionRange, error) {
	if err := s.available(ctx); err != nil {
		return nil, err
	}
	out := make([]leadstore.PartitionRange, len(partitions))
	for i, number := range partitions {
		p, err := s.partition(service, number)
		if err != nil {
			return nil, err
		}
		p.read(func() { out[i] = leadstore.PartitionRange{Watermark: p.head(), Members: p.indexes[q.Index].between(q)} })
	}
	return out, nil
}

// Hash implements leadstore.Store.
func (s *Store) Hash(ctx context.Context, service string, number int, hash string) (map[string][]byte, error) {
	found, err := s.Hashes(ctx, service, []int{number}, hash)
	if err != nil {
		return nil, err
	}
	return found[0].Fields, nil
}

// Hashes implements leadstore.Store: fields and watermark are of one moment.
func (s *Store) Hashes(ctx context.Context, service string, partitions []int, hash string) ([]leadstore.PartitionHash, error) {
	if err := s.available(ctx); err != nil {
		return nil, err
	}
	out := make([]leadstore.PartitionHash, len(partitions))
	for i, number := range partitions {
		p, err := s.partition(service, number)
		if err != nil {
			return nil, err
		}
		p.read(func() {
			fields := make(map[string][]byte, len(p.hashes[hash]))
			for name, value := range p.hashes[hash] {
				fields[name] = clone(value)
			}
			out[i] = leadstore.PartitionHash{Watermark: p.head(), Fields: fields}
		})
	}
	return out, nil
}

// Close implements leadstore.Store: what the store holds is gone.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.places)
	return nil
}

// some gives copies of the values under names; nil where there is none.
func some(from map[string][]byte, names []string) [][]byte {
	out := make([][]byte, len(names))
	for i, name := range names {
		if value, ok := from[name]; ok {
			out[i] = clone(value)
		}
	}
	return out
}

// clone copies a value; one without bytes is still one.
func clone(value []byte) []byte {
	if len(value) == 0 {
		return []byte{}
	}
	return bytes.Clone(value)
}
