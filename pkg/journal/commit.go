package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// batch is what goes into one commit.
type batch struct {
	s *session
	// held are items read and not yet folded, in order.
	held []item
	live bool
	// observing: the observer has been told that the session is live.
	observing bool

	facts   []*Event
	msgs    []*nats.Msg
	changes []Change
	ids     map[string]struct{}
}

// maxDecided leaves room in an atomic batch for a checkpoint of every partition.
const maxDecided = maxBatch - Partitions - 2

func newBatch(s *session, live bool) *batch {
	return &batch{s: s, live: live, ids: map[string]struct{}{}}
}

func (b *batch) reset(observing bool) {
	b.observing = observing
	b.facts, b.msgs, b.changes = b.facts[:0], nil, nil
	b.s.disarm()
	clear(b.ids)
}

// gather takes what has been read by now, without waiting.
func (b *batch) gather(items <-chan item, limit int) {
	for len(b.held) < limit {
		select {
		case it := <-items:
			b.held = append(b.held, it)
		default:
			return
		}
	}
}

// process folds the held items in log order, commits what they decided, and begins to write the store. It returns the
// position reached. Items that no longer fit into one commit stay for the next.
func (s *session) process(ctx context.Context, b *batch, position uint64) (uint64, error) {
	for len(b.held) > 0 {
		s.evict()
		n, err := s.foldHeld(ctx, b)
		if err != nil {
			if errors.Is(err, errContent) {
				s.w.narrow(1, b.held[n], err)
			}
			return position, err
		}
		last := b.held[n-1].seq
		if err := s.commit(ctx, b, n, last); err != nil {
			return position, err
		}
		position = last
		b.held = append(b.held[:0], b.held[n:]...)
		if len(b.held) > 0 {
			b.reset(b.observing)
		}
	}
	return position, nil
}

// foldHeld folds held items until the commit is full and says how many; with an error, which one it is about.
func (s *session) foldHeld(ctx context.Context, b *batch) (int, error) {
	held, room := b.held, s.room()
	for i := range held {
		it := &held[i]
		if it.ev == nil || it.ev.Partition == Global || s.cache[it.ev.Entity] != nil || !s.shown(it, b.live) {
			continue
		}
		if b.ids[it.ev.Entity] = struct{}{}; len(b.ids) == room {
			held = held[:i+1]
			break
		}
	}
	if err := s.load(ctx, b.ids); err != nil {
		return 0, err
	}
	for i := range held {
		it := &held[i]
		switch {
		case it.ev == nil:
			if pt := s.partOf(it); it.unwanted && pt != nil && it.seq > pt.folded && (b.live || it.seq <= pt.committed) {
				pt.mark.applied++
			}
		case it.ev.Partition == Global:
			if err := s.foldGlobal(ctx, b, it.ev); err != nil {
				return i, err
			}
		default:
			if !b.live {
				s.match(it)
			}
			if !s.shown(it, b.live) {
				continue
			}
			if err := s.foldItem(b, it); err != nil {
				return i, err
			}
		}
		// Half of what a commit may hold is left to the next event: one that decides more is quarantined.
		if len(b.facts)+s.timersSet >= maxDecided/2 {
			return i + 1, nil
		}
	}
	return len(held), nil
}

func (s *session) partOf(it *item) *part {
	if it.part < 0 {
		return nil
	}
	return s.parts[it.part]
}

// shown reports whether an item is for an entity of ours that has not folded it yet.
func (s *session) shown(it *item, live bool) bool {
	pt := s.parts[it.ev.Partition]
	if pt == nil || it.seq <= pt.folded || OwnToSelf(s.w.logic.Service(), it.ev.Head) || !s.w.logic.Wants(it.ev.Head) {
		return false
	}
	return live || it.seq <= pt.committed
}

func (s *session) foldItem(b *batch, it *item) error {
	reason := it.broken
	if why, ok := s.w.quarantines[it.ev.Seq]; ok && reason == "" {
		reason = why
	}
	sl := s.cache[it.ev.Entity]
	s.resize(sl, sl.size+it.size) // about; Save will tell
	return b.show(sl, it.ev, reason)
}

// foldGlobal folds a global fact and shows it to the entities it names.
func (s *session) foldGlobal(ctx context.Context, b *batch, ev *Event) error {
	show := s.globals.Apply(ev)
	ids := map[string]struct{}{}
	for _, id := range show {
		if pt := s.parts[PartitionOf(id)]; pt != nil && ev.Seq > pt.folded && (b.live || ev.Seq <= pt.committed) {
			ids[id] = struct{}{}
		}
	}
	if err := s.load(ctx, ids); err != nil {
		return err
	}
	for _, id := range show {
		if _, ok := ids[id]; !ok {
			continue
		}
		if err := b.show(s.cache[id], ev, ""); err != nil {
			return err
		}
	}
	return nil
}

// show shows an event to an entity, or its quarantine where there is a reason for that, and takes the facts into the
// batch: to be published when live, to be compared in replay.
func (b *batch) show(sl *slot, ev *Event, quarantine string) error {
	s := b.s
	var facts []*Event
	if quarantine != "" {
		facts = s.quarantine(sl, ev, quarantine)
	} else {
		var repeat bool
		if facts, repeat = s.fold(sl, ev, b.live); repeat {
			return nil
		}
	}
	s.w.metrics.events.Inc()
	if b.live && b.observing {
		b.changes = append(b.changes, Change{Event: ev, Entity: sl.id, Facts: facts})
	}
	for _, f := range facts {
		m, err := encode(f.Entity, f.Body, f.Origin, f.Trace)
		if err != nil {
			return fmt.Errorf("%w: %w", errContent, err)
		}
		b.facts = append(b.facts, f)
		if b.live {
			b.msgs = append(b.msgs, m)
		} else {
			s.expect(f.Origin, m.Data)
		}
	}
	return nil
}

// commit begins to write facts, timers and checkpoints of the first n items into the log, all or nothing, and then takes
// the states to the store.
func (s *session) commit(ctx context.Context, b *batch, n int, last uint64) error {
	for _, p := range s.owned {
		pt := s.parts[p]
		pt.folded = max(pt.folded, pt.position(b.live, last))
	}
	if b.live {
		if err := s.land(); err != nil {
			return err
		}
		s.begin(ctx, b, b.held[:n])
	}
	return s.store(ctx, b, last)
}

// flight is a commit on its way into the log. There is one at most, and nothing of the batch is in the store before it has
// landed.
type flight struct {
	id    string
	msgs  []*nats.Msg
	facts int
	// The partitions that decided something, each with the position that the commit states for it.
	parts     []*part
	positions []uint64
	// lone: it is one fact without a checkpoint.
	lone bool
	// How many items it is about, and the last of them.
	items int
	last  item
	seq   uint64
	done  chan error
}

// begin publishes the batch. Every partition that decided something states its position in the same atomic step.
func (s *session) begin(ctx context.Context, b *batch, items []item) {
	c := &flight{msgs: b.msgs, facts: len(b.msgs), done: make(chan error, 1)}
	deciding := map[*part]bool{}
	for _, f := range b.facts {
		deciding[s.parts[f.Origin.Partition]] = true
	}
	for _, sl := range s.timed {
		for name, at := range sl.set {
			c.msgs = append(c.msgs, s.timerMsg(sl.id, name, at))
			deciding[sl.part] = true
		}
	}
	quiet := false
	for _, p := range s.owned {
		if pt := s.parts[p]; pt.folded > pt.checkpointed+s.w.opt.QuietBehind {
			deciding[pt], quiet = true, true
		}
	}
	if len(deciding) == 0 {
		return
	}
	if c.items = len(items); c.items > 0 {
		c.last = items[c.items-1]
	}
	c.id = nuid.Next()
	if c.facts > 0 {
		c.msgs[c.facts-1].Header[headerCommit] = []string{c.id}
	}
	c.lone = len(c.msgs) == 1 && c.facts == 1 && !quiet
	for _, p := range s.owned {
		if pt := s.parts[p]; deciding[pt] {
			c.parts, c.positions = append(c.parts, pt), append(c.positions, pt.folded)
			if !c.lone {
				c.msgs = append(c.msgs, s.checkpointMsg(pt, pt.folded))
			}
		}
	}
	if c.lone && fenced { // it is its own checkpoint: a plain publish, fenced on the checkpoint's subject
		pt, h := c.parts[0], c.msgs[0].Header
		h[headerExpectedLast] = []string{strconv.FormatUint(pt.checkpoint, 10)}
		h[headerExpectedLastSubj] = []string{subjectCheckpoint(s.w.logic.Service(), pt.p)}
	}
	s.flight = c
	go func() {
		start := time.Now()
		var err error
		if c.lone {
			c.seq, err = publish(ctx, s.w.j.nc, c.msgs[0])
		} else {
			c.seq, err = publishAtomic(ctx, s.w.j.nc, c.msgs)
		}
		s.w.metrics.commit.Observe(time.Since(start).Seconds())
		c.done <- err
	}()
}

// land waits for the commit in flight.
func (s *session) land() error {
	c := s.flight
	if c == nil {
		return nil
	}
	s.flight = nil
	if err := <-c.done; err != nil {
		if errors.Is(err, errContent) {
			s.w.narrow(c.items, c.last, err)
		}
		return fmt.Errorf("commit: %w", err)
	}
	s.w.metrics.facts.Add(float64(c.facts))
	for i, pt := range c.parts {
		pt.committed = c.positions[i]
		if !c.lone {
			pt.checkpoint, pt.checkpointed = c.seq-uint64(len(c.parts)-1-i), c.positions[i]
		}
		if c.facts > 0 {
			pt.mark.mark, pt.mark.commit = c.seq-uint64(len(c.msgs)-c.facts), c.id
		}
	}
	return nil
}

func (s *session) timerMsg(entity, name string, at int64) *nats.Msg {
	timer := TimerName(s.w.logic.Service(), name)
	data, _ := marshal(&journalv1.Event{
		Id: timer + "@" + strconv.FormatInt(at, 10), Type: TypeTimerFired, Entity: entity, Source: "timer",
		Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{Timer: timer, Due: timestamppb.New(time.Unix(0, at))}},
	})
	m := &nats.Msg{Subject: subjectTimer(entity, timer), Header: make(nats.Header, 8), Data: data}
	m.Header[headerType] = []string{TypeTimerFired}
	m.Header[headerEntity] = []string{entity}
	m.Header[headerSchedule] = []string{timerAt(at)}
	m.Header[headerScheduleTarget] = []string{subjectOf(entity)}
	return m
}

// position is how far the partition is folded: in replay never beyond what is committed.
func (pt *part) position(live bool, last uint64) uint64 {
	if !live && last > pt.committed {
		return pt.committed
	}
	return last
}

// narrow makes the next sessions commit less at once than n items, up to the last of them, until the one event that the log
// will not take is found; that one is quarantined.
func (w *Worker) narrow(n int, last item, err error) {
	if n == 1 && last.ev != nil {
		w.quarantines[last.seq] = err.Error()
		w.metrics.quarantined.Inc()
		w.opt.Log.Error("an event's facts are refused by the log; quarantined", "sequence", last.seq, "error", err)
		return
	}
	w.limit = max(1, n/2)
	w.limitUntil = max(w.limitUntil, last.seq)
}
