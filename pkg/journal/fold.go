package journal

import (
	"bytes"
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
// yet anywhere but in this session's state.
func (s *session) fold(sl *slot, ev *Event, live bool) []*Event {
	service, pt := s.w.logic.Service(), sl.part
	if ev.Origin != nil && !pt.mark.origins.advance(ev.Origin) && identified {
		return nil
	}
	pt.touch(ev)
	sl.dirty = true
	if name, ok := FiredTimer(service, ev); ok {
		delete(sl.armed, name)
	}
	outcome := sl.entity.Apply(s.globals, ev)
	counted := ev.Input() && ev.Partition != Global
	if outcome == Duplicate {
		if counted {
			pt.mark.duplicates++
		}
		return nil
	}
	if counted {
		pt.mark.applied++
	}
	var d Decision
	sl.entity.Decide(s.globals, ev, &d)
	facts := s.number(pt, sl.id, ev, &d)
	for _, f := range facts {
		if f.Entity == sl.id {
			sl.entity.Apply(s.globals, f)
		}
	}
	if live && ev.Trace != "" && len(facts) > 0 {
		s.traceFacts(ev, facts)
	}
	s.arm(sl)
	return facts
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
		}
		if _, ok := sl.set[name]; !ok {
			s.timersSet++
		}
		sl.armed[name], sl.set[name] = n, n
	}
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
	sl.dirty = true
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
		if values[i].Watermark != pt.raw {
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
			s.cache[id] = sl
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

// evict keeps the cache bounded. Any entry that is not part of a batch may go.
func (s *session) evict() {
	if len(s.cache) <= s.w.opt.CacheEntities {
		return
	}
	for id, sl := range s.cache {
		if !sl.dirty {
			delete(s.cache, id)
		}
		if len(s.cache) <= s.w.opt.CacheEntities*9/10 {
			return
		}
	}
}

// blobKey is the key of an entity's blob in its partition.
func blobKey(entity string) string { return "lead:" + entity }

// A stored blob is: version 1, number of armed timers, each name and time, then what Save gave.
const blobVersion = 1

func sealBlob(armed map[string]int64, blob []byte) []byte {
	names := make([]string, 0, len(armed))
	for n := range armed {
		names = append(names, n)
	}
	sort.Strings(names)
	out := make([]byte, 0, len(blob)+2+24*len(names))
	out = append(out, blobVersion)
	out = binary.AppendUvarint(out, uint64(len(names)))
	for _, n := range names {
		out = binary.AppendUvarint(out, uint64(len(n)))
		out = append(out, n...)
		out = binary.AppendVarint(out, armed[n])
	}
	return append(out, blob...)
}

func openBlob(b []byte) (armed map[string]int64, blob []byte, err error) {
	if b == nil {
		return nil, nil, nil
	}
	bad := fmt.Errorf("%w: stored blob", ErrBadEvent)
	if len(b) < 2 || b[0] != blobVersion {
		return nil, nil, bad
	}
	r := bytes.NewReader(b[1:])
	n, err := binary.ReadUvarint(r)
	if err != nil || n > 64 {
		return nil, nil, bad
	}
	if n > 0 {
		armed = make(map[string]int64, n)
	}
	for range n {
		l, err := binary.ReadUvarint(r)
		if err != nil || l > 64 {
			return nil, nil, bad
		}
		name := make([]byte, l)
		if _, err := r.Read(name); err != nil {
			return nil, nil, bad
		}
		if armed[string(name)], err = binary.ReadVarint(r); err != nil {
			return nil, nil, bad
		}
	}
	return armed, b[len(b)-r.Len():], nil
}

// timerAt is a schedule's time as the server reads it.
func timerAt(nano int64) string { return "@at " + time.Unix(0, nano).UTC().Format(time.RFC3339Nano) }
