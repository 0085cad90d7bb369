package render

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// storyOf names a handoff and the lead that it stands on.
type storyOf struct{ entity, handoff string }

// story is what the store has for the telling of one handoff: the lead's state, and what was known of the lead when it qualified, nil
// where nothing is.
type story struct {
	on       *state.Lead
	snapshot *journalv1.Qualified
}

// stored is a story as the store has it, nil for what is not there.
type stored struct {
	lead, snapshot []byte
	err            error
}

// stories reads several in one round trip. One that cannot be read, because its partition is being rebuilt, say, does not spoil the
// others; where the store does not answer, none is read.
func (r *Renderer) stories(ctx context.Context, asked []storyOf) []stored {
	var entities []string
	var fields []leadstore.PartitionFields
	leads, snapshots := make([]int, len(asked)), make([]int, len(asked)) // their places in entities and fields, -1: nowhere
	for i, a := range asked {
		leads[i], snapshots[i] = len(entities), -1
		entities = append(entities, a.entity)
		origin, _, ok := identity.LeadOfHandoff(a.handoff)
		if !ok {
			continue
		}
		snapshots[i] = len(fields)
		fields = append(fields, leadstore.PartitionFields{Partition: journal.PartitionOf(origin), Hash: fold.HashSnapshot, Fields: []string{a.handoff}})
		if origin != a.entity { // so that a snapshot that is about to be rebuilt is told from one that is not there
			entities = append(entities, origin)
		}
	}
	blobs, found, err := r.Blobs.BlobsAndFields(ctx, entities, fields)
	out := make([]stored, len(asked))
	for i := range out {
		switch {
		case err == nil:
			out[i].lead = blobs[leads[i]]
			if snapshots[i] >= 0 {
				out[i].snapshot = found[snapshots[i]][0]
			}
		case len(asked) == 1, errors.Is(err, leadstore.ErrUnavailable), ctx.Err() != nil:
			out[i].err = fmt.Errorf("read lead: %w", err)
		default:
			out[i] = r.stories(ctx, asked[i:i+1])[0]
		}
	}
	return out
}

// decode reads what the store has.
func (s stored) decode() (story, error) {
	if s.err != nil {
		return story{}, s.err
	}
	on, err := state.DecodeLead(s.lead)
	if err != nil {
		return story{}, fmt.Errorf("read lead: %w", err)
	}
	if s.snapshot == nil {
		return story{on: on}, nil
	}
	q := new(journalv1.Qualified)
	if err := proto.Unmarshal(s.snapshot, q); err != nil {
		return story{}, fmt.Errorf("read snapshot: %w", err)
	}
	return story{on: on, snapshot: q}, nil
}

// readings puts reads together: what is asked for while one is under way goes with the next. The zero value is ready.
type readings struct {
	mu      sync.Mutex
	busy    bool
	waiting []*reading
}

// reading is one that waits; got stands once done is closed.
type reading struct {
	asked storyOf
	got   stored
	done  chan struct{}
}

// maxReadings bounds what goes into one read.
const maxReadings = 64

// read reads one story, together with those of others who ask at the same time.
func (rs *readings) read(ctx context.Context, asked storyOf, stories func(context.Context, []storyOf) []stored) (story, error) {
	mine := &reading{asked: asked, done: make(chan struct{})}
	rs.mu.Lock()
	rs.waiting = append(rs.waiting, mine)
	lead := !rs.busy
	rs.busy = true
	rs.mu.Unlock()
	if lead {
		go rs.work(context.WithoutCancel(ctx), stories) // others wait, too: it does not end with the caller
	}
	select {
	case <-mine.done:
		return mine.got.decode()
	case <-ctx.Done():
		return story{}, ctx.Err()
	}
}

// work reads until nobody waits.
func (rs *readings) work(ctx context.Context, stories func(context.Context, []storyOf) []stored) {
	for {
		rs.mu.Lock()
		n := min(len(rs.waiting), maxReadings)
		group := rs.waiting[:n:n]
		if rs.waiting = rs.waiting[n:]; n == 0 {
			rs.busy, rs.waiting = false, nil
			rs.mu.Unlock()
			return
		}
		rs.mu.Unlock()
		asked := make([]storyOf, n)
		for i, w := range group {
			asked[i] = w.asked
		}
		for i, got := range stories(ctx, asked) {
			group[i].got = got
			close(group[i].done)
		}
	}
}
