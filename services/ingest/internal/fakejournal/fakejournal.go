// Package fakejournal is a journal in memory, for tests of what stands before it.
package fakejournal

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Journal keeps what is appended. The zero value is empty and works.
type Journal struct {
	mu  sync.Mutex
	log []*journal.Event
	// calls counts the calls of Append that were not refused.
	calls int
	fail  func(events []*journalv1.Event) error
}

// Key is the same in every test.
func (j *Journal) Key() identity.Key { return identity.Key("0123456789abcdef0123456789abcdef") }

// Fail makes every Append ask f first; an error of f is its answer, and nothing is written. nil ends that.
func (j *Journal) Fail(f func([]*journalv1.Event) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = f
}

// Append keeps copies, each marshalled as a real journal would have to.
func (j *Journal) Append(ctx context.Context, events ...*journalv1.Event) (uint64, error) {
	j.mu.Lock()
	fail := j.fail
	j.mu.Unlock()
	if fail != nil { // it may wait
		if err := fail(events); err != nil {
			return 0, err
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var add []*journal.Event
	for _, ev := range events {
		if !identity.Safe(ev.GetEntity()) || ev.GetType() == "" || ev.GetId() == "" || ev.GetSource() == "" || ev.GetReceivedAt() == nil {
			return 0, journal.ErrBadEvent
		}
		if _, err := proto.Marshal(ev); err != nil {
			return 0, journal.ErrBadEvent
		}
		add = append(add, &journal.Event{Head: journal.Head{
			Seq: uint64(len(j.log) + len(add) + 1), Entity: ev.Entity, Type: ev.Type, Partition: journal.PartitionOf(ev.Entity),
		}, Body: proto.CloneOf(ev)})
	}
	j.log = append(j.log, add...)
	j.calls++
	return uint64(len(j.log)), nil
}

// ReadEntity gives an entity's events.
func (j *Journal) ReadEntity(_ context.Context, entity string, from uint64, limit int) ([]*journal.Event, error) {
	var out []*journal.Event
	for _, ev := range j.Events() {
		if ev.Entity == entity && ev.Seq >= from && (limit == 0 || len(out) < limit) {
			out = append(out, ev)
		}
	}
	return out, nil
}

// LastOfEntity gives an entity's last event, nil if there is none.
func (j *Journal) LastOfEntity(ctx context.Context, entity string) (*journal.Event, error) {
	all, err := j.ReadEntity(ctx, entity, 0, 0)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[len(all)-1], nil
}

// Head gives the last sequence, or the error of Fail.
func (j *Journal) Head(context.Context) (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		if err := j.fail(nil); err != nil {
			return 0, err
		}
	}
	return uint64(len(j.log)), nil
}

// Events gives all events so far.
func (j *Journal) Events() []*journal.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.log)
}

// Calls counts the writes.
func (j *Journal) Calls() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.calls
}
