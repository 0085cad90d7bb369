package journal

import (
	"context"
	"fmt"
	"maps"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/leadstore"
)

// Reader answers reads of what a service has folded, from the store, in any process. While a partition is being rebuilt
// its reads answer ErrNotReady.
type Reader struct {
	j       *Journal
	store   leadstore.Store
	service string
}

// NewReader gives a reader of a service's projections.
func NewReader(j *Journal, store leadstore.Store, service string) *Reader {
	return &Reader{j: j, store: store, service: service}
}

// Blobs gives each entity's state as its Save gave it, nil for one that was never shown anything.
func (r *Reader) Blobs(ctx context.Context, entities ...string) ([][]byte, error) {
	blobs, _, err := r.BlobsAndFields(ctx, entities, nil)
	return blobs, err
}

// BlobsAndFields is Blobs, and the fields of hashes that are asked for, nil where absent, in one round trip. A field
// that is nil is absent where its partition is that of one of the entities; elsewhere it may be about to be rebuilt.
func (r *Reader) BlobsAndFields(ctx context.Context, entities []string, fields []leadstore.PartitionFields) ([][]byte, [][][]byte, error) {
	index := map[int]int{}
	var reads []leadstore.PartitionRead
	type place struct{ read, key int }
	places := make([]place, len(entities))
	for i, id := range entities {
		p := PartitionOf(id)
		at, ok := index[p]
		if !ok {
			at = len(reads)
			index[p] = at
			reads = append(reads, leadstore.PartitionRead{Partition: p})
		}
		places[i] = place{at, len(reads[at].Keys)}
		reads[at].Keys = append(reads[at].Keys, blobKey(id))
	}
	if len(reads)+len(fields) == 0 {
		return nil, nil, nil
	}
	values, found, err := r.store.ReadBoth(ctx, r.service, reads, fields)
	if err != nil {
		return nil, nil, err
	}
	for i := range values {
		if err := r.check(values[i].Watermark); err != nil {
			return nil, nil, err
		}
	}
	out := make([][]byte, len(entities))
	for i, pl := range places {
		if v := values[pl.read].Values[pl.key]; v != nil {
			if _, out[i], err = openBlob(v); err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", entities[i], err)
			}
		}
	}
	return out, found, nil
}

// check refuses a projection that is being rebuilt, or is of another journal.
func (r *Reader) check(raw string) error {
	mark, err := parseWatermarkHead(raw)
	switch {
	case raw == "" || err != nil:
		return fmt.Errorf("%w: the contexts of %s are about to be rebuilt from the journal", ErrNotReady, r.service)
	case mark.replaying:
		return fmt.Errorf("%w: the contexts of %s are being rebuilt from the journal, at sequence %d", ErrNotReady, r.service, mark.position)
	case mark.journal != r.j.id && !strings.HasPrefix(mark.journal, r.j.id+"/"):
		return fmt.Errorf("%w: the contexts of %s are of another journal", ErrNotReady, r.service)
	}
	return nil
}

func allPartitions() []int {
	out := make([]int, Partitions)
	for p := range out {
		out[p] = p
	}
	return out
}

// Wait returns once the owners of the entities' partitions (of all, if none are named) have read sequence `after` and the
// store shows it; after is a sequence in decimal, "" does not wait. It waits at most 2 seconds (ErrNotReady).
func (r *Reader) Wait(ctx context.Context, after string, entities ...string) error {
	if after == "" {
		return nil
	}
	seq, err := strconv.ParseUint(after, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: after: %q is not a sequence", ErrBadEvent, after)
	}
	var wanted uint64
	for _, e := range entities {
		wanted |= 1 << PartitionOf(e)
	}
	if len(entities) == 0 {
		wanted = math.MaxUint64
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err = r.j.positions(ctx, r.service, seq, wanted)
	return err
}

// Counters say what became of the inputs up to sequence ReadTo.
type Counters struct {
	Applied, Duplicates, Quarantined, Drift uint64
	ReadTo                                  uint64
}

// Counters gathers the counters of all partitions, once all of them have read the log's head as it stands now. With several
// workers and traffic between their answers, each is exact at its own position; ReadTo is the lowest.
func (r *Reader) Counters(ctx context.Context) (Counters, error) {
	head, err := r.j.lastOf(ctx, math.MaxUint64, subjectEvents+">")
	if err != nil {
		return Counters{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	replies, err := r.disjoint(ctx, head)
	if err != nil {
		return Counters{}, err
	}
	c := Counters{ReadTo: math.MaxUint64}
	for _, p := range replies {
		c.Applied += p.Applied
		c.Duplicates += p.Duplicates
		c.Quarantined += p.Quarantined
		c.Drift += p.Drift
		c.ReadTo = min(c.ReadTo, p.Position)
	}
	return c, nil
}

// disjoint gathers positions until no partition is claimed by two workers, as it is for a moment when partitions move.
func (r *Reader) disjoint(ctx context.Context, after uint64) ([]positionReply, error) {
	for {
		replies, err := r.j.positions(ctx, r.service, after, math.MaxUint64)
		if err != nil {
			return nil, err
		}
		var seen, twice uint64
		for _, p := range replies {
			twice |= seen & p.Mask
			seen |= p.Mask
		}
		if twice == 0 {
			return replies, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: partitions of %s are moving between workers", ErrNotReady, r.service)
		}
	}
}

// Range reads a sorted index over all partitions: highest score first, ties by member descending, at most q.Limit.
func (r *Reader) Range(ctx context.Context, q leadstore.RangeQuery) ([]leadstore.Scored, error) {
	parts, err := r.store.Ranges(ctx, r.service, allPartitions(), q)
	if err != nil {
		return nil, err
	}
	var all []leadstore.Scored
	for _, part := range parts {
		if err := r.check(part.Watermark); err != nil {
			return nil, err
		}
		all = append(all, part.Members...)
	}
	sort.Slice(all, func(i, k int) bool {
		return all[i].Score > all[k].Score || all[i].Score == all[k].Score && all[i].Member > all[k].Member
	})
	if q.Limit > 0 && len(all) > q.Limit {
		all = all[:q.Limit]
	}
	return all, nil
}

// Hash reads all fields of a hash over all partitions. A field that stands in several partitions gives any of them.
func (r *Reader) Hash(ctx context.Context, hash string) (map[string][]byte, error) {
	parts, err := r.store.Hashes(ctx, r.service, allPartitions(), hash)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, part := range parts {
		if err := r.check(part.Watermark); err != nil {
			return nil, err
		}
		maps.Copy(all, part.Fields)
	}
	return all, nil
}
