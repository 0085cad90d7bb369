package render

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// shelf is a store of leads' states and snapshots. Those of entities in rebuilt cannot be read.
type shelf struct {
	mu        sync.Mutex
	snapshots map[string]*journalv1.Qualified
	rebuilt   []string
	err       error
	takes     time.Duration
	// reads has how many entities each read was of.
	reads []int
}

func (s *shelf) Blobs(ctx context.Context, entities ...string) ([][]byte, error) {
	blobs, _, err := s.BlobsAndFields(ctx, entities, nil)
	return blobs, err
}

func (s *shelf) BlobsAndFields(_ context.Context, entities []string, fields []leadstore.PartitionFields) ([][]byte, [][][]byte, error) {
	s.mu.Lock()
	s.reads = append(s.reads, len(entities))
	s.mu.Unlock()
	time.Sleep(s.takes)
	if s.err != nil {
		return nil, nil, s.err
	}
	if i := slices.IndexFunc(entities, func(e string) bool { return slices.Contains(s.rebuilt, e) }); i >= 0 {
		return nil, nil, fmt.Errorf("%w: %s", journal.ErrNotReady, entities[i])
	}
	found := make([][][]byte, len(fields))
	for i, f := range fields {
		found[i] = make([][]byte, len(f.Fields))
		for k, name := range f.Fields {
			if q := s.snapshots[name]; q != nil {
				found[i][k], _ = proto.Marshal(q)
			}
		}
	}
	return make([][]byte, len(entities)), found, nil
}

func leadNo(i int) string { return fmt.Sprintf("ld_e%025d", i) }

func handoffOf(lead string) string { return identity.Handoff(lead, 1) }

func TestStoriesAreReadTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		s := &shelf{snapshots: map[string]*journalv1.Qualified{}, takes: 10 * time.Millisecond}
		r := &Renderer{Blobs: s}
		var told sync.WaitGroup
		for i := range n {
			lead := leadNo(i)
			s.snapshots[handoffOf(lead)] = &journalv1.Qualified{HandoffId: handoffOf(lead)}
			told.Go(func() {
				got, err := r.reading.read(t.Context(), storyOf{lead, handoffOf(lead)}, r.stories)
				if err != nil || got.snapshot.GetHandoffId() != handoffOf(lead) || got.on == nil {
					t.Errorf("%s: %+v, %v", lead, got, err)
				}
			})
		}
		told.Wait()
		most := slices.Max(s.reads)
		if total := sum(s.reads); total != n || len(s.reads) > 4 || most > maxReadings {
			t.Errorf("reads of %v", s.reads)
		}
		// Nothing is left behind that reads on.
		if r.reading.busy || len(r.reading.waiting) > 0 {
			t.Error("it is still reading")
		}
	})
}

func sum(all []int) (n int) {
	for _, i := range all {
		n += i
	}
	return n
}

// A story that cannot be read now is told as such, whoever was read with it; one that is not there is no error, but of a partition that
// is being rebuilt nobody knows that.
func TestStoriesThatCannotBeRead(t *testing.T) {
	here, there := leadNo(1), leadNo(2)
	s := &shelf{snapshots: map[string]*journalv1.Qualified{handoffOf(here): {Rule: "r"}}, rebuilt: []string{there}}
	r := &Renderer{Blobs: s}
	got := r.stories(t.Context(), []storyOf{{here, handoffOf(here)}, {here, handoffOf(there)}, {there, handoffOf(there)}, {here, "no handoff"}})
	if read, err := got[0].decode(); err != nil || read.snapshot.GetRule() != "r" {
		t.Errorf("%+v, %v", read, err)
	}
	for _, i := range []int{1, 2} { // the second went on to another lead: its snapshot stands where it came from
		if read, err := got[i].decode(); !errors.Is(err, journal.ErrNotReady) {
			t.Errorf("%d: %+v, %v", i, read, err)
		}
	}
	if read, err := got[3].decode(); err != nil || read.snapshot != nil {
		t.Errorf("%+v, %v", read, err)
	}
	s.err, s.reads = fmt.Errorf("%w: no answer", leadstore.ErrUnavailable), nil
	for i, g := range r.stories(t.Context(), []storyOf{{here, handoffOf(here)}, {there, handoffOf(there)}}) {
		if _, err := g.decode(); !errors.Is(err, leadstore.ErrUnavailable) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if len(s.reads) != 1 {
		t.Errorf("a store that does not answer was asked %d times", len(s.reads))
	}
}

// Who stops waiting gets an end at once, and the read goes on for the others.
func TestStoryThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{takes: time.Hour}
		r := &Renderer{Blobs: s}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := r.reading.read(ctx, storyOf{"ld_e1", ""}, r.stories); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got, err := r.reading.read(t.Context(), storyOf{"ld_e2", ""}, r.stories); err != nil || got.on == nil {
			t.Errorf("%+v, %v", got, err)
		}
		synctest.Wait()
	})
}
