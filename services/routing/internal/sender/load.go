package sender

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// load fills the queues from the index of what is due.
func (s *Sender) load(ctx context.Context, session int, owned []int) {
	seen, loaded := map[string]bool{}, map[int]bool{}
	for _, p := range owned {
		var due map[string][]byte
		if !s.insist(ctx, session, func() (err error) {
			due, err = s.opt.Store.Hash(ctx, fold.Service, p, fold.HashDue)
			return err
		}) {
			return
		}
		loaded[p] = true
		for _, id := range s.enqueue(slices.Collect(maps.Values(due))) {
			seen[id] = true
		}
	}
	// What was finished and folded while nobody observed needs no memory any more.
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.known {
		// Of partitions that went elsewhere it is the new owner's to know.
		if mine := loaded[journal.PartitionOf(fold.EntityOfDelivery(id))]; !mine || k.done && !seen[id] {
			delete(s.known, id)
		}
	}
}

// enqueue puts deliveries of the index into their queues, and gives their ids. An entity's go in the order in which they became
// due: the first that is there may fly at once.
func (s *Sender) enqueue(blobs [][]byte) (ids []string) {
	due, seen := make([]*state.Delivery, 0, len(blobs)), s.opt.Now()
	for _, blob := range blobs {
		d, err := state.DecodeDelivery(blob)
		if err != nil {
			s.opt.Log.Error("an entry of what is due cannot be read", "error", err)
			continue
		}
		d.SeenAt = seen
		due = append(due, d)
	}
	slices.SortStableFunc(due, func(a, b *state.Delivery) int { return cmp.Compare(a.Number, b.Number) })
	for _, d := range due {
		ids = append(ids, d.ID)
		if s.waits(d) {
			s.put(d)
		}
	}
	return ids
}

// waits brings a delivery as far on as this process knows it to be, and reports whether it is not done.
func (s *Sender) waits(d *state.Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.known[d.ID]
	switch {
	case !ok:
	case k.attempt <= d.Attempts:
		delete(s.known, d.ID)
	case k.done:
		return false
	default:
		d.Attempts, d.NextAt = k.attempt, k.next
	}
	return true
}

func (s *Sender) put(d *state.Delivery) {
	if to := s.receiver(d.Destination); to != nil {
		to.queue.put(d)
		return
	}
	s.mu.Lock()
	s.orphans[d.ID] = d.Destination
	s.mu.Unlock()
	s.opt.Log.Error("a delivery is due to a destination that is not configured; it waits", "webhook_id", d.ID, "destination", d.Destination)
}

func (s *Sender) remember(id string, k known) {
	s.mu.Lock()
	s.known[id] = k
	s.mu.Unlock()
}

// fetch reads deliveries from the index of what is due and puts them into their queues.
func (s *Sender) fetch(ctx context.Context, session int, ids []string) {
	var reads []leadstore.PartitionFields
	for _, id := range ids {
		if entity := fold.EntityOfDelivery(id); entity != "" {
			reads = append(reads, leadstore.PartitionFields{Partition: journal.PartitionOf(entity), Hash: fold.HashDue, Fields: []string{id}})
		}
	}
	if len(reads) == 0 {
		return
	}
	var values [][][]byte
	if !s.insist(ctx, session, func() (err error) {
		values, err = s.opt.Store.Fields(ctx, fold.Service, reads)
		return err
	}) {
		return
	}
	var due [][]byte
	for _, v := range values {
		for _, blob := range v {
			if blob != nil {
				due = append(due, blob)
			}
		}
	}
	s.enqueue(due)
}

// insist reads until it succeeds; false when the session is over first: the next one reads everything again.
func (s *Sender) insist(ctx context.Context, session int, read func() error) bool {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		if !s.current(session) || ctx.Err() != nil {
			return false
		}
		err := read()
		if err == nil {
			return true
		}
		s.opt.Log.WarnContext(ctx, "what is due cannot be read; trying again", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// orphaned gives how many deliveries wait for destinations that are not configured here.
func (s *Sender) orphaned() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, d := range s.orphans {
		out[d]++
	}
	return out
}
