package state

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
)

// Desk is the desk's state, and what destinations are told of things that are no lead's.
type Desk struct {
	Desk *desk.State
	Book Book
	// Paused are the destinations that an operator has paused.
	Paused map[string]Paused
	// SummaryWeek is the latest week whose summary was told, as 2026-W47; "" before the first.
	SummaryWeek string
}

// Paused says since when a destination is, and who wanted it.
type Paused struct {
	Since       time.Time
	By, Because string
}

// EncodeDesk gives the desk's blob.
func EncodeDesk(d *Desk) []byte {
	s := d.Desk
	out := &routingv1.DeskState{Now: nanos(s.Now), Recent: s.Recent, Stated: d.Book.Stated, Deliveries: d.Book.encode(), SummaryWeek: d.SummaryWeek}
	for _, id := range slices.Sorted(maps.Keys(s.Pools)) {
		p := &routingv1.PoolState{Id: id}
		for _, rep := range slices.Sorted(maps.Keys(s.Pools[id])) {
			m := s.Pools[id][rep]
			p.Members = append(p.Members, &routingv1.MemberState{
				Rep: rep, Assigned: m.Assigned, Calibration: m.Calibration, Credits: int32(m.Credits), Absent: m.Absent, Weight: m.Weight, Owed: m.Owed,
			})
		}
		out.Pools = append(out.Pools, p)
	}
	encodeLoads(out, s)
	for _, name := range slices.Sorted(maps.Keys(d.Paused)) {
		p := d.Paused[name]
		out.Paused = append(out.Paused, &routingv1.PausedState{Destination: name, Since: nanos(p.Since), By: p.By, Because: p.Because})
	}
	blob := marshal(out)
	// The queue follows behind the rest, entry by entry: a message may have its fields in any order.
	size := 0
	for _, e := range s.Queue {
		if e.Encoded == nil {
			e.Encoded = encodeEntry(e)
		}
		size += protowire.SizeTag(queueField) + protowire.SizeBytes(len(e.Encoded))
	}
	blob = slices.Grow(blob, size)
	for _, e := range s.Queue {
		blob = protowire.AppendTag(blob, queueField, protowire.BytesType)
		blob = protowire.AppendBytes(blob, e.Encoded)
	}
	return blob
}

// queueField is the number of DeskState.queue.
const queueField = 4

func encodeEntry(e *desk.Entry) []byte {
	return marshal(&routingv1.WaitingState{
		Lead: e.Lead, HandoffId: e.Handoff, Epoch: int32(e.Epoch), Route: e.Route, Pool: e.Pool, Rep: e.Rep, Exclude: e.Exclude,
		Attempt: int32(e.Attempt), Account: e.Account, By: e.By, Confidence: e.Confidence,
		Since: nanos(e.Since), Until: nanos(e.Until), Told: e.Told, Request: e.Request, Only: e.Only, Force: e.Force,
		Prefer: Preferences(e.Prefer), Needs: Needs(e.Needs), Language: e.Language, Conflicts: Conflicts(e.Conflicts),
	})
}

// DecodeDesk reads the desk's blob; nil is a desk that has seen nothing.
func DecodeDesk(blob []byte) (*Desk, error) {
	var in routingv1.DeskState
	if err := proto.Unmarshal(blob, &in); err != nil {
		return nil, fmt.Errorf("read the desk's state: %w", err)
	}
	s := desk.New()
	s.Now, s.Recent = instant(in.Now), in.Recent
	for _, p := range in.Pools {
		members := make(map[string]desk.Member, len(p.Members))
		for _, m := range p.Members {
			members[m.Rep] = desk.Member{Assigned: m.Assigned, Calibration: m.Calibration, Credits: int(m.Credits), Absent: m.Absent, Weight: m.Weight, Owed: m.Owed}
		}
		s.Pools[p.Id] = members
	}
	decodeLoads(s, &in)
	for _, e := range in.Queue {
		s.Queue = append(s.Queue, &desk.Entry{
			Lead: e.Lead, Handoff: e.HandoffId, Epoch: int(e.Epoch), Route: e.Route, Pool: e.Pool, Rep: e.Rep, Exclude: e.Exclude,
			Attempt: int(e.Attempt), Account: e.Account, By: e.By, Confidence: e.Confidence,
			Since: instant(e.Since), Until: instant(e.Until), Told: e.Told, Request: e.Request, Only: e.Only, Force: e.Force,
			Prefer: ParsePreferences(e.Prefer), Wants: ParseWants(e.Needs, e.Language, e.Conflicts),
		})
	}
	s.Restore()
	d := &Desk{Desk: s, Book: decodeBook(in.Deliveries, in.Stated), SummaryWeek: in.SummaryWeek}
	for _, p := range in.Paused {
		if d.Paused == nil {
			d.Paused = map[string]Paused{}
		}
		d.Paused[p.Destination] = Paused{Since: instant(p.Since), By: p.By, Because: p.Because}
	}
	return d, nil
}
