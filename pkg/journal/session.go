package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/batonhq/baton/pkg/leadstore"
)

// session is one life of a worker over the partitions it owns. Its state is trusted only as long as every step succeeds.
type session struct {
	w     *Worker
	id    string
	parts [Partitions]*part // nil: not owned
	owned []int
	mask  uint64

	// opening is the sequence at which the checkpoints were rewritten: whatever an earlier session of this service wrote to
	// these partitions stands before it, and whatever an older owner still sends is refused.
	opening uint64
	// target is the last event up to the opening: until it is folded, reads are not answered and nobody observes.
	target  uint64
	globals Globals
	cache   map[string]*slot
	// cached is how many bytes the entities in the cache take, as stored, and budget how many they may; usual is how many one
	// takes that is loaded.
	cached, budget int
	usual          float64
	// flight is the commit on its way into the log, nil while there is none.
	flight *flight
	// writing is told how the write of the store that is in flight ended, nil while there is none; written are its
	// partitions, and writes counts those before it.
	writing chan error
	written []*part
	writes  uint64
	// dirty are the entities whose state the store does not have yet, nor a write in flight.
	dirty []*slot
	// timed are the entities for whom the current batch sets timers, timersSet of them in all.
	timed     []*slot
	timersSet int
	// Entities whose replay did not match what is recorded, and whether that is drift (a quarantine record is not).
	suspects map[string]bool
	// Entities whose timers must be set again: their replay cannot say what the server holds.
	rearm []string
	seed  maphash.Seed
	// walked is what the last walk of evict that made no room left in the cache, and after how many writes.
	walked struct {
		writes uint64
		left   int
	}
}

// part is one owned partition.
type part struct {
	p int
	// The last checkpoint's own sequence, which the next one must name, and the position it states.
	checkpoint, checkpointed uint64
	// committed: every decision about inputs up to here is in the log, if it gave any facts.
	committed uint64
	// folded: everything up to here is in the session's state, and in the store under watermark raw; while the write of
	// that is in flight, the store may still be at before.
	folded      uint64
	raw, before string
	mark        watermark

	touched bool
	// n counts over one cause: lastCause has given nextN facts so far.
	lastCause uint64
	nextN     int

	// In replay: where it began, and the facts decided that have not been read back yet.
	replayFrom uint64
	expected   []expectation
}

// slot is an entity in memory.
type slot struct {
	entity Entity
	id     string
	part   *part
	// armed: when the server will fire each timer, as far as the journal says.
	armed map[string]int64 // unix nanoseconds
	// dirty: the store does not have its state yet. set are the timers that the current batch sets.
	dirty bool
	set   map[string]int64
	// size of what is stored of it, in bytes, and of the events that came since.
	size int
	// settled: once so many writes are over, its last change is in the store.
	settled uint64
}

func (w *Worker) session(ctx context.Context, owned []int, lost <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{w: w, id: nuid.Next(), owned: owned, cache: map[string]*slot{}, globals: w.logic.NewGlobals(), budget: 4 * w.opt.CacheBytes, usual: 4 << 10, suspects: map[string]bool{}, seed: maphash.MakeSeed()}
	for _, p := range owned {
		s.parts[p] = &part{p: p}
		s.mask |= 1 << p
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	last, err := w.j.lastOf(ctx, s.opening, subjectEvents+">")
	if err != nil {
		return err
	}
	s.target = min(last, s.opening)
	w.opt.Log.Info("session opened", "stored", s.lowest(), "journal", s.target)
	w.status.update(func(st *status) {
		st.open, st.live, st.mask, st.position, st.target = true, false, s.mask, 0, s.target
	})
	if err := s.replay(ctx); err != nil {
		cancel()
		s.abandon()
		return fmt.Errorf("replay: %w", err)
	}
	defer w.opt.Observer.Closed()
	defer s.abandon()
	return s.live(ctx, lost)
}

// abandon waits until nothing is on its way any more, once the session's context has ended: whatever becomes of it, the next
// session will find out.
func (s *session) abandon() {
	_, _ = s.land(), s.settle()
}

// open rewrites the checkpoint of every owned partition, position unchanged, in one atomic batch, and finds out how far
// the log and the store are.
func (s *session) open(ctx context.Context) error {
	j, service := s.w.j, s.w.logic.Service()
	msgs := make([]*nats.Msg, 0, len(s.owned))
	for _, p := range s.owned {
		pt := s.parts[p]
		m, err := j.stream.GetLastMsgForSubject(ctx, subjectCheckpoint(service, p))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return fmt.Errorf("%w: read checkpoint: %w", ErrUnavailable, err)
		default:
			if pt.checkpointed, err = strconv.ParseUint(string(m.Data), 10, 64); err != nil {
				return fmt.Errorf("read checkpoint of %s, partition %d: %w", service, p, err)
			}
			pt.checkpoint = m.Sequence
		}
		msgs = append(msgs, s.checkpointMsg(pt, pt.checkpointed))
	}
	last, err := publishAtomic(ctx, j.nc, msgs)
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	s.opening = last
	for i, p := range s.owned {
		s.parts[p].checkpoint = last - uint64(len(s.owned)-1-i)
	}
	if err := s.findCommitted(ctx); err != nil {
		return fmt.Errorf("read own facts: %w", err)
	}
	return s.findStored(ctx)
}

func (s *session) checkpointMsg(pt *part, position uint64) *nats.Msg {
	m := &nats.Msg{Subject: subjectCheckpoint(s.w.logic.Service(), pt.p), Header: make(nats.Header, 5), Data: strconv.AppendUint(nil, position, 10)}
	m.Header[headerRollup] = []string{"sub"}
	if fenced {
		m.Header[headerExpectedLast] = []string{strconv.FormatUint(pt.checkpoint, 10)}
	}
	return m
}

// findCommitted works out, per partition, up to where decisions are in the log: the checkpoint, or the highest cause of an
// own fact behind it (a commit of one fact has no checkpoint of its own).
func (s *session) findCommitted(ctx context.Context) error {
	from := s.opening
	for _, p := range s.owned {
		pt := s.parts[p]
		pt.committed = pt.checkpointed
		from = min(from, pt.checkpointed)
	}
	service := s.w.logic.Service()
	return s.w.j.scan(ctx, from+1, s.opening, true, func(_ jetstream.Msg, hd Head) error {
		if o := hd.Origin; o != nil && o.Producer == service && s.parts[o.Partition] != nil {
			pt := s.parts[o.Partition]
			pt.committed = max(pt.committed, o.Cause)
		}
		return nil
	}, subjectEvents+">")
}

// findStored reads the watermarks and wipes what was not folded from this log.
func (s *session) findStored(ctx context.Context) error {
	service := s.w.logic.Service()
	raws, err := s.w.store.Watermarks(ctx, service, s.owned)
	if err != nil {
		return fmt.Errorf("read watermarks: %w", err)
	}
	var wipe []int
	for i, p := range s.owned {
		pt := s.parts[p]
		pt.mark = watermark{journal: s.w.lineage(), origins: origins{}}
		mark, err := parseWatermark(raws[i])
		ok := err == nil
		if ok {
			if ok, err = s.w.j.belongs(ctx, mark, s.w.lineage(), s.opening); err != nil {
				return err
			}
		}
		if !ok {
			wipe = append(wipe, p)
			continue
		}
		pt.raw, pt.before, pt.mark, pt.folded = raws[i], raws[i], *mark, mark.position
		pt.committed = max(pt.committed, mark.position)
	}
	if len(wipe) == 0 {
		return nil
	}
	s.w.opt.Log.Info("no contexts in the store that were folded from this journal as it stands; rebuilding", "partitions", len(wipe))
	if err := s.w.store.WipeAll(ctx, service, wipe, s.id); err != nil {
		return fmt.Errorf("wipe: %w", err)
	}
	return nil
}

// loadGlobals folds the global facts up to and including sequence to into fresh Globals.
func (s *session) loadGlobals(ctx context.Context, to uint64) error {
	s.globals = s.w.logic.NewGlobals()
	evs, err := s.w.j.globals(ctx, ">", to)
	if err != nil {
		return fmt.Errorf("read globals: %w", err)
	}
	for _, ev := range evs {
		s.globals.Apply(ev)
	}
	return nil
}

// lowest gives the lowest folded position of the owned partitions.
func (s *session) lowest() uint64 {
	low := ^uint64(0)
	for _, p := range s.owned {
		low = min(low, s.parts[p].folded)
	}
	return low
}

// item is one message on its way from the reader to the fold; ev is nil where the service does not want it.
type item struct {
	seq     uint64
	pending uint64
	ev      *Event
	// An input that the service does not want still counts as applied.
	unwanted bool
	part     int
	// The message cannot be decoded.
	broken string
	// size of its bytes.
	size int
	// Of an own fact in replay: the hash of its bytes.
	hash uint64
}

// read starts reading from sequence from on. Decoding happens here, beside the fold. In replay own facts are read too, to
// be matched.
func (s *session) read(ctx context.Context, from uint64, replay bool) (<-chan item, <-chan error, error) {
	var c *cursor
	var err error
	if replay { // which knows where it ends
		c, err = s.w.j.openAll(ctx, from, false)
	} else {
		c, err = s.w.j.open(ctx, from, false, subjectEvents+">")
	}
	if err != nil {
		return nil, nil, err
	}
	items, failed := make(chan item, s.w.opt.Batch), make(chan error, 1)
	service := s.w.logic.Service()
	go func() {
		defer c.close()
		for {
			m, hd, pending, err := c.next()
			it := item{seq: hd.Seq, pending: pending, part: hd.Partition}
			if m != nil {
				it.size = len(m.Data())
			}
			switch {
			case errors.Is(err, ErrBadEvent) && !strings.HasPrefix(m.Subject(), subjectEvents): // the end of the stream, and no event
			case errors.Is(err, ErrBadEvent):
				s.w.opt.Log.Warn("a message that is no event stands in the journal; skipped", "sequence", hd.Seq)
			case err != nil:
				failed <- err
				return
			case hd.Partition == Global:
				it.ev, err = decode(hd, m.Data())
				if err != nil {
					failed <- fmt.Errorf("%w: an unreadable global fact", err)
					return
				}
			default:
				own := replay && hd.Origin != nil && hd.Origin.Producer == service && s.parts[hd.Origin.Partition] != nil
				if own {
					it.hash, it.ev = maphash.Bytes(s.seed, m.Data()), &Event{Head: hd}
				}
				if s.parts[hd.Partition] == nil || OwnToSelf(service, hd) {
					break
				}
				if !s.w.logic.Wants(hd) {
					it.unwanted = hd.Origin == nil
					break
				}
				if it.ev, err = decode(hd, m.Data()); err != nil {
					it.ev, it.broken = &Event{Head: hd}, err.Error()
				}
			}
			select {
			case items <- it:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items, failed, nil
}

// live decides, from where each partition stands, until something goes wrong or the partitions move.
func (s *session) live(ctx context.Context, lost <-chan struct{}) error {
	from := s.lowest()
	if err := s.loadGlobals(ctx, from); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	items, failed, err := s.read(ctx, from+1, false)
	if err != nil {
		return err
	}
	b := newBatch(s, true)
	if err := s.rearmTimers(ctx, b, from); err != nil {
		return err
	}
	check := time.NewTicker(time.Second)
	defer check.Stop()
	observing, position := false, from
	for {
		if !observing && position >= s.target {
			if err := s.caughtUp(ctx, b, position); err != nil {
				return err
			}
			observing, s.budget = true, s.w.opt.CacheBytes
			s.w.opt.Observer.Live(s.owned)
			s.w.opt.Log.Info("live", "sequence", position, "partitions", len(s.owned))
			s.tell(s.standing(true, position), nil)
		}
		b.reset(observing)
		select {
		case it := <-items:
			b.held = append(b.held, it)
		case <-check.C:
			if err := s.checkStore(ctx); err != nil {
				return err
			}
			continue
		case err := <-s.writing:
			if err := s.settled(err); err != nil {
				return err
			}
			continue
		case err := <-failed:
			return err
		case <-lost:
			return errMoved
		case <-ctx.Done():
			return ctx.Err()
		}
		b.gather(items, s.w.batchLimit(position, !observing))
		if position, err = s.process(ctx, b, position); err != nil {
			return err
		}
	}
}

// caughtUp lets the store be read: everything up to the opening is in it.
func (s *session) caughtUp(ctx context.Context, b *batch, position uint64) error {
	b.reset(false)
	for _, p := range s.owned {
		pt := s.parts[p]
		pt.folded = max(pt.folded, position)
		pt.touched = pt.touched || pt.mark.replaying
	}
	return s.storeNow(ctx, b, position)
}

// checkStore makes sure that the store still holds what it was given: an emptied one is noticed while nothing happens, too.
func (s *session) checkStore(ctx context.Context) error {
	if err := errors.Join(s.land(), s.settle()); err != nil {
		return err
	}
	raws, err := s.w.store.Watermarks(ctx, s.w.logic.Service(), s.owned)
	if err != nil {
		return fmt.Errorf("check watermarks: %w", err)
	}
	for i, p := range s.owned {
		if raws[i] != s.parts[p].raw {
			return fmt.Errorf("partition %d: %w", p, leadstore.ErrConflict)
		}
	}
	return nil
}

// batchLimit is how many events may go into the next commit: more where there is a backlog, fewer after one was refused for
// its content.
func (w *Worker) batchLimit(position uint64, backlog bool) int {
	switch {
	case position < w.limitUntil:
		return w.limit
	case backlog:
		return 3 * w.opt.Batch
	}
	return w.opt.Batch
}
