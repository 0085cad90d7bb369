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

	"github.com/batonhq/baton/pkg/leadstore"
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
	dirty   []*slot
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
	b.facts, b.msgs, b.dirty, b.changes = b.facts[:0], nil, b.dirty[:0], nil
	b.s.timersSet = 0
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

// process folds the held items in log order, commits what they decided, and writes the store. It returns the position
// reached. Items that no longer fit into one commit stay for the next.
func (s *session) process(ctx context.Context, b *batch, position uint64) (uint64, error) {
	for len(b.held) > 0 {
		n, err := s.foldHeld(ctx, b)
		if err != nil {
			return position, err
		}
		last := b.held[n-1].seq
		if err := s.commit(ctx, b, last); err != nil {
			if errors.Is(err, errContent) {
				s.w.narrow(b.held[:n], err)
			}
			return position, err
		}
		position = last
		b.held = append(b.held[:0], b.held[n:]...)
		if len(b.held) > 0 {
			s.report(b.observing, position)
			b.reset(b.observing)
		}
	}
	s.evict()
	return position, nil
}

// foldHeld folds held items until the commit is full and says how many. A global fact ends a batch: entities must be
// loaded for whom it shows itself to.
func (s *session) foldHeld(ctx context.Context, b *batch) (int, error) {
	for i := range b.held {
		if it := &b.held[i]; it.ev != nil && it.ev.Partition != Global && s.shown(it, b.live) {
			b.ids[it.ev.Entity] = struct{}{}
		}
	}
	if err := s.load(ctx, b.ids); err != nil {
		return 0, err
	}
	for i := range b.held {
		it := &b.held[i]
		switch {
		case it.ev == nil:
			if pt := s.partOf(it); it.unwanted && pt != nil && it.seq > pt.folded && (b.live || it.seq <= pt.committed) {
				pt.mark.applied++
			}
		case it.ev.Partition == Global:
			if err := s.foldGlobal(ctx, b, it.ev); err != nil {
				return 0, err
			}
		default:
			if !b.live {
				s.match(it)
			}
			if !s.shown(it, b.live) {
				continue
			}
			if err := s.foldItem(b, it); err != nil {
				return 0, err
			}
		}
		// Half of what a commit may hold is left to the next event: one that decides more is quarantined.
		if len(b.facts)+s.timersSet >= maxDecided/2 {
			return i + 1, nil
		}
	}
	return len(b.held), nil
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
	ev := it.ev
	reason := it.broken
	if why, ok := s.w.quarantines[ev.Seq]; ok && reason == "" {
		reason = why
	}
	sl := s.cache[ev.Entity]
	was := sl.dirty
	var facts []*Event
	if reason != "" {
		facts = s.quarantine(sl, ev, reason)
	} else {
		facts = s.fold(sl, ev, b.live)
	}
	if sl.dirty && !was {
		b.dirty = append(b.dirty, sl)
	}
	return b.add(sl, ev, facts)
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
		sl := s.cache[id]
		was := sl.dirty
		facts := s.fold(sl, ev, b.live)
		if sl.dirty && !was {
			b.dirty = append(b.dirty, sl)
		}
		if err := b.add(sl, ev, facts); err != nil {
			return err
		}
	}
	return nil
}

// add takes the facts of one event into the batch: to be published when live, to be compared in replay.
func (b *batch) add(sl *slot, ev *Event, facts []*Event) error {
	b.s.w.metrics.events.Inc()
	if b.live && b.observing && sl != nil {
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
			b.s.expect(f.Origin, m.Data)
		}
	}
	return nil
}

// commit writes facts, timers and checkpoints into the log, all or nothing, and then the states into the store.
func (s *session) commit(ctx context.Context, b *batch, last uint64) error {
	for _, p := range s.owned {
		pt := s.parts[p]
		pt.folded = max(pt.folded, pt.position(b.live, last))
	}
	if b.live {
		if err := s.commitLog(ctx, b); err != nil {
			return err
		}
	}
	if err := s.commitStore(ctx, b); err != nil {
		return err
	}
	if len(b.changes) > 0 {
		s.w.opt.Observer.Folded(b.changes)
	}
	return nil
}

// commitLog publishes the batch. Every partition that decided something states its position in the same atomic step.
func (s *session) commitLog(ctx context.Context, b *batch) error {
	facts := len(b.msgs)
	deciding := map[*part]bool{}
	for _, f := range b.facts {
		deciding[s.parts[f.Origin.Partition]] = true
	}
	for _, sl := range b.dirty {
		for name, at := range sl.set {
			b.msgs = append(b.msgs, s.timerMsg(sl.id, name, at))
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
		return nil
	}
	commit := nuid.Next()
	if facts > 0 {
		b.msgs[facts-1].Header[headerCommit] = []string{commit}
	}
	start := time.Now()
	defer func() { s.w.metrics.commit.Observe(time.Since(start).Seconds()) }()

	if len(b.msgs) == 1 && facts == 1 && !quiet {
		// A lone fact is its own checkpoint: a plain publish, fenced on the checkpoint's subject.
		pt, m := s.parts[b.facts[0].Origin.Partition], b.msgs[0]
		if fenced {
			m.Header[headerExpectedLast] = []string{strconv.FormatUint(pt.checkpoint, 10)}
			m.Header[headerExpectedLastSubj] = []string{subjectCheckpoint(s.w.logic.Service(), pt.p)}
		}
		seq, err := publish(ctx, s.w.j.nc, m)
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		pt.committed = pt.folded
		pt.mark.mark, pt.mark.commit = seq, commit
		s.w.metrics.facts.Inc()
		return nil
	}
	var order []*part
	for _, p := range s.owned {
		if pt := s.parts[p]; deciding[pt] {
			order = append(order, pt)
			b.msgs = append(b.msgs, s.checkpointMsg(pt, pt.folded))
		}
	}
	seq, err := publishAtomic(ctx, s.w.j.nc, b.msgs)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for i, pt := range order {
		pt.checkpoint, pt.checkpointed, pt.committed = seq-uint64(len(order)-1-i), pt.folded, pt.folded
		if facts > 0 {
			pt.mark.mark, pt.mark.commit = seq-uint64(len(b.msgs)-facts), commit
		}
	}
	s.w.metrics.facts.Add(float64(facts))
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

// commitStore writes the states that the batch changed, one guarded step per partition.
func (s *session) commitStore(ctx context.Context, b *batch) error {
	muts := map[*part]*leadstore.Mutation{}
	for _, sl := range b.dirty {
		m := muts[sl.part]
		if m == nil {
			m = new(leadstore.Mutation)
			muts[sl.part] = m
		}
		blob := sl.entity.Save(m)
		m.Set(blobKey(sl.id), sealBlob(sl.armed, blob))
		sl.dirty, sl.set = false, nil
	}
	var writes []leadstore.PartitionWrite
	var written []*part
	for _, p := range s.owned {
		pt := s.parts[p]
		// A partition that nothing touched stands still in the store, but not for so long that the next start reads far back.
		if !pt.touched && pt.folded < pt.mark.position+s.w.opt.QuietBehind {
			continue
		}
		pt.touched = false
		pt.mark.position = pt.folded
		pt.mark.replaying = pt.folded < s.target
		writes = append(writes, leadstore.PartitionWrite{Partition: p, Expect: pt.raw, Next: pt.mark.String(), Mutation: muts[pt]})
		written = append(written, pt)
	}
	if len(writes) == 0 {
		return nil
	}
	if err := s.w.store.Write(ctx, s.w.logic.Service(), writes); err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	for i, pt := range written {
		pt.raw = writes[i].Next
	}
	return nil
}

// position is how far the partition is folded: in replay never beyond what is committed.
func (pt *part) position(live bool, last uint64) uint64 {
	if !live && last > pt.committed {
		return pt.committed
	}
	return last
}

// narrow makes the next sessions commit less at once until the one event that the log will not take is found; that one is
// quarantined.
func (w *Worker) narrow(items []item, err error) {
	if len(items) == 1 && items[0].ev != nil {
		w.quarantines[items[0].seq] = err.Error()
		w.metrics.quarantined.Inc()
		w.opt.Log.Error("an event's facts are refused by the log; quarantined", "sequence", items[0].seq, "error", err)
		return
	}
	w.limit = max(1, min(w.limit, len(items))/2)
	w.limitUntil = items[len(items)-1].seq
}
