package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// typeQuarantined is the type of a quarantine record: a fact like any other.
const typeQuarantined = "quarantined"

// fold shows one event to one entity: apply, decide, apply what it decided about itself. The facts are complete but not
// yet anywhere but in this session's state. A repeat of a fact is not shown.
func (s *session) fold(sl *slot, ev *Event, live bool) (facts []*Event, repeat bool) {
	service, pt := s.w.logic.Service(), sl.part
	if ev.Origin != nil && !pt.mark.origins.advance(ev.Origin) && identified {
		return nil, true
	}
	name, fired := FiredTimer(service, ev)
	if fired {
		delete(sl.armed, name)
	}
	outcome := sl.entity.Apply(s.globals, ev)
	// What left the entity as it was is counted with the next event that does not: until then a replay would count it again.
	if steady, ok := sl.entity.(Steady); !ok || fired || steady.Changed() {
		pt.touch(ev)
		s.soil(sl)
	}
	counted := ev.Input() && ev.Partition != Global
	if outcome == Duplicate {
		if counted {
			pt.mark.duplicates++
		}
		return nil, false
	}
	if counted {
		pt.mark.applied++
	}
	var d Decision
	sl.entity.Decide(s.globals, ev, &d)
	facts = s.number(pt, sl.id, ev, &d)
	for _, f := range facts {
		if f.Entity == sl.id {
			sl.entity.Apply(s.globals, f)
		}
	}
	if live && ev.Trace != "" && len(facts) > 0 {
		s.traceFacts(ev, facts)
	}
	s.arm(sl)
	return facts, false
}

// touch notes that an event changed the partition.
func (pt *part) touch(ev *Event) {
	pt.touched = true
	if ev.Partition != Global {
		pt.mark.event, pt.mark.eventTime = ev.Seq, ev.Logged
	}
}

// number gives facts their identity: (cause, n), n counted over the deciding partition.
func (s *session) number(pt *part, entity string, ev *Event, d *Decision) []*Event {
	if len(d.facts) == 0 {
		return nil
	}
	if pt.lastCause != ev.Seq {
		pt.lastCause, pt.nextN = ev.Seq, 0
	}
	facts := d.Facts(s.w.logic.Service(), entity, ev, pt.nextN)
	pt.nextN += len(facts)
	return facts
}

// arm compares the entity's deadlines with what the server holds: a deadline that appears or moves to earlier is set.
func (s *session) arm(sl *slot) {
	for name, at := range sl.entity.Deadlines(s.globals) {
		if at.IsZero() {
			continue
		}
		n := at.UnixNano()
		if armed, ok := sl.armed[name]; ok && armed <= n {
			continue
		}
		if sl.armed == nil {
			sl.armed = map[string]int64{}
		}
		if sl.set == nil {
			sl.set = map[string]int64{}
			s.timed = append(s.timed, sl)
		}
		if _, ok := sl.set[name]; !ok {
			s.timersSet++
		}
		sl.armed[name], sl.set[name] = n, n
	}
}

// disarm forgets which timers were to be set.
func (s *session) disarm() {
	for _, sl := range s.timed {
		sl.set = nil
	}
	s.timed, s.timersSet = s.timed[:0], 0
}

// quarantine gives the one fact of an input that cannot be processed. The entity is shown that instead of the input, so that
// it can list it; the input has no other effect.
func (s *session) quarantine(sl *slot, ev *Event, reason string) []*Event {
	seq, input := strconv.FormatUint(ev.Seq, 10), ""
	if ev.Input() {
		sl.part.mark.quarantined++
		input = seq
	}
	sl.part.touch(ev)
	if ev.Body == nil { // it could not even be decoded
		ev = &Event{Head: ev.Head, Body: &journalv1.Event{}}
	}
	var d Decision
	d.Fact(sl.id, &journalv1.Event{Type: typeQuarantined, Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{
		QuarantineId: "qu_" + s.w.logic.Service() + "_" + seq, Reason: reason, Place: s.w.logic.Service(), InputSequence: input,
	}}})
	facts := s.number(sl.part, sl.id, ev, &d)
	sl.entity.Apply(s.globals, facts[0])
	s.soil(sl)
	s.arm(sl)
	return facts
}

func (s *session) traceFacts(ev *Event, facts []*Event) {
	p := s.w.j.opt.Propagator
	if p == nil {
		return
	}
	ctx := p.Extract(context.Background(), propagation.MapCarrier{"traceparent": ev.Trace})
	ctx, span := s.w.opt.Tracer.Start(ctx, s.w.logic.Service()+" "+ev.Type, trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if t := s.w.j.inject(ctx); t != "" {
		for _, f := range facts {
			f.Trace = t
		}
	}
}

// load brings the entities of a batch into the cache: one pipelined read, void unless every partition's watermark is the
// expected one.
func (s *session) load(ctx context.Context, ids map[string]struct{}) error {
	byPart := map[int][]string{}
	for id := range ids {
		if s.cache[id] == nil {
			p := PartitionOf(id)
			byPart[p] = append(byPart[p], id)
		}
	}
	if len(byPart) == 0 {
		return nil
	}
	reads := make([]leadstore.PartitionRead, 0, len(byPart))
	for p, ids := range byPart {
		sort.Strings(ids)
		keys := make([]string, len(ids))
		for i, id := range ids {
			keys[i] = blobKey(id)
		}
		reads = append(reads, leadstore.PartitionRead{Partition: p, Keys: keys})
	}
	values, err := s.w.store.Read(ctx, s.w.logic.Service(), reads)
	if err != nil {
		return fmt.Errorf("read contexts: %w", err)
	}
	for i, r := range reads {
		pt := s.parts[r.Partition]
		if !pt.current(values[i].Watermark) {
			return fmt.Errorf("read contexts of partition %d: %w", r.Partition, leadstore.ErrConflict)
		}
		for k, id := range byPart[r.Partition] {
			sl, err := s.newSlot(id, values[i].Values[k])
			if err != nil {
				// A blob of another version: the log knows better.
				if sl, err = s.refoldOne(ctx, id, pt.folded); err != nil {
					return fmt.Errorf("refold %s: %w", id, err)
				}
			}
			size := len(values[i].Values[k])
			s.keep(sl, size)
			s.usual += (float64(size) - s.usual) / 256
		}
	}
	return nil
}

func (s *session) newSlot(id string, stored []byte) (*slot, error) {
	armed, blob, err := openBlob(stored)
	if err != nil {
		return nil, err
	}
	e, err := s.w.logic.Load(id, blob)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &slot{entity: e, id: id, part: s.parts[PartitionOf(id)], armed: armed}, nil
}

// keep puts an entity into the cache.
func (s *session) keep(sl *slot, size int) {
	if old := s.cache[sl.id]; old != nil {
		s.cached -= old.size
	}
	s.cache[sl.id] = sl
	s.resize(sl, size)
}

func (s *session) resize(sl *slot, size int) {
	s.cached += size - sl.size
	sl.size = size
}

// room is how many entities may be loaded for one commit: what they take is bounded, too.
func (s *session) room() int { return max(16, s.budget/2/max(1, int(s.usual))) }

// full reports whether the cache holds more than a part of what it may, nine tenths or all.
func (s *session) full(tenths int) bool {
	return len(s.cache)-len(s.dirty) > s.w.opt.CacheEntities*tenths/10 || s.cached > s.budget*tenths/10
}

// evict keeps the cache bounded. Any entry may go that is not part of a batch, nor of a write in flight. Where these are most of it, a
// walk ends without room: there is no other before a write is over, or the cache has grown by a tenth. Batches of one event, as a slow
// reader gives them, would else each walk all of it.
func (s *session) evict() {
	if !s.full(10) || s.writes == s.walked.writes && len(s.cache) < s.walked.left+s.walked.left/10 {
		return
	}
	for id, sl := range s.cache {
		if !sl.dirty && sl.settled <= s.writes {
			delete(s.cache, id)
			s.cached -= sl.size
		}
		if !s.full(9) {
			s.walked.left = 0
			return
		}
	}
	s.walked.writes, s.walked.left = s.writes, len(s.cache)
}

// blobKey is the key of an entity's blob in its partition.
func blobKey(entity string) string { return "lead:" + entity }

// A stored blob is what Save gave, then name and time of each armed timer, how many bytes these take, and a version.
const blobVersion = 2

// sealBlob appends to blob, which is the caller's own.
func sealBlob(armed map[string]int64, blob []byte) []byte {
	names := make([]string, 0, 8)
	for n := range armed {
		names = append(names, n)
	}
	sort.Strings(names)
	end := len(blob)
	for _, n := range names {
		blob = binary.AppendUvarint(blob, uint64(len(n)))
		blob = append(blob, n...)
		blob = binary.AppendVarint(blob, armed[n])
	}
	return append(binary.LittleEndian.AppendUint32(blob, uint32(len(blob)-end)), blobVersion)
}

func openBlob(b []byte) (armed map[string]int64, blob []byte, err error) {
	if b == nil {
		return nil, nil, nil
	}
	bad := fmt.Errorf("%w: stored blob", ErrBadEvent)
	end := len(b) - 5
	if end < 0 || b[len(b)-1] != blobVersion {
		return nil, nil, bad
	}
	start := end - int(binary.LittleEndian.Uint32(b[end:]))
	if start < 0 {
		return nil, nil, bad
	}
	for rest := b[start:end]; len(rest) > 0; {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) {
			return nil, nil, bad
		}
		name := string(rest[n : n+int(length)])
		at, m := binary.Varint(rest[n+int(length):])
		if m <= 0 {
			return nil, nil, bad
		}
		if armed == nil {
			armed = map[string]int64{}
		}
		armed[name], rest = at, rest[n+int(length)+m:]
	}
	return armed, b[:start:start], nil
}

// timerAt is a schedule's time as the server reads it.
func timerAt(nano int64) string { return "@at " + time.Unix(0, nano).UTC().Format(time.RFC3339Nano) }
