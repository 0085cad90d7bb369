package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// status is what a worker tells of itself: which partitions it owns, and how far it has read. The read position moves with
// every message that passes, also in partitions where nothing happens.
type status struct {
	mu       sync.Mutex
	open     bool
	live     bool
	mask     uint64
	position uint64
	target   uint64
	counters counters
	changed  chan struct{}
}

func (s *status) update(f func(s *status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *status) close() {
	s.update(func(s *status) { s.open, s.live, s.mask = false, false, 0 })
}

func (s *status) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.open:
		return fmt.Errorf("%w: opening a session", ErrNotReady)
	case !s.live:
		done := 0
		if s.target > 0 {
			done = int(100 * min(s.position, s.target) / s.target)
		}
		return fmt.Errorf("%w: rebuilding contexts from the journal, %d %% (sequence %d of %d)", ErrNotReady, done, s.position, s.target)
	}
	return nil
}

// wait blocks until the session is live and has read sequence after, or ctx ends; it tells where it is then.
func (s *status) wait(ctx context.Context, after uint64) positionReply {
	for {
		s.mu.Lock()
		r := positionReply{Mask: s.mask, Position: s.position, Live: s.live, Target: s.target,
			Applied: s.counters.applied, Duplicates: s.counters.duplicates, Quarantined: s.counters.quarantined, Drift: s.counters.drift}
		changed := s.changed
		s.mu.Unlock()
		if r.Live && r.Position >= after {
			return r
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r
		}
	}
}

// positionRequest asks every worker of a service how far it has read, once it has read After; replies come from all.
type positionRequest struct {
	After uint64 `json:"after"`
	// How long a worker may wait for it, in milliseconds.
	Wait int64 `json:"wait_ms"`
}

type positionReply struct {
	Mask        uint64 `json:"mask"`
	Position    uint64 `json:"position"`
	Target      uint64 `json:"target"`
	Live        bool   `json:"live"`
	Applied     uint64 `json:"applied"`
	Duplicates  uint64 `json:"duplicates"`
	Quarantined uint64 `json:"quarantined"`
	Drift       uint64 `json:"drift"`
}

func positionSubject(service string) string { return "baton.position." + service }

func (w *Worker) answerPosition(ctx context.Context) nats.MsgHandler {
	return func(m *nats.Msg) {
		var q positionRequest
		if json.Unmarshal(m.Data, &q) != nil || q.Wait < 0 || q.Wait > 60_000 {
			return
		}
		go func() {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(q.Wait)*time.Millisecond)
			defer cancel()
			data, err := json.Marshal(w.status.wait(ctx, q.After))
			if err == nil {
				_ = m.Respond(data)
			}
		}()
	}
}

// positions asks the workers of a service and gathers replies until those that have read `after` cover the wanted
// partitions, or ctx ends (ErrNotReady, with what is known of the progress).
func (j *Journal) positions(ctx context.Context, service string, after, wanted uint64) ([]positionReply, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(2 * time.Second)
	}
	q, err := json.Marshal(positionRequest{After: after, Wait: max(time.Until(deadline).Milliseconds()-50, 0)})
	if err != nil {
		return nil, fmt.Errorf("ask for positions: %w", err)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	inbox := j.nc.NewRespInbox()
	sub, err := j.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := j.nc.PublishRequest(positionSubject(service), inbox, q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var got []positionReply
	var covered uint64
	progress := "no worker of " + service + " answered"
	for covered&wanted != wanted {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %s has not read sequence %d: %s", ErrNotReady, service, after, progress)
		}
		var r positionReply
		if json.Unmarshal(m.Data, &r) != nil {
			continue
		}
		if !r.Live || r.Position < after {
			progress = fmt.Sprintf("at %d, rebuilding up to %d, %d partitions", r.Position, r.Target, bits.OnesCount64(r.Mask))
			continue
		}
		covered |= r.Mask
		got = append(got, r)
	}
	return got, nil
}
