package current

import (
	"context"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// book is a journal of one directory after the other.
type book struct {
	text  string
	seq   uint64
	reads int
}

func (b *book) LastGlobal(_ context.Context, kind string) (*journal.Event, error) {
	if kind != fold.KindDirectory {
		return nil, nil
	}
	b.reads++
	return &journal.Event{Head: journal.Head{Seq: b.seq}, Body: &journalv1.Event{Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(b.text)},
	}}}, nil
}

func (b *book) ReadGlobals(context.Context, string) ([]*journal.Event, error) { return nil, nil }

const (
	oneRep  = "teams: [ {id: emea} ]\nreps: [ {id: ana, name: Ana, team: emea} ]\npools: [ {id: all, reps: [ana]} ]\nroutes: [ {id: all, to: {pool: all}} ]\n"
	twoReps = "teams: [ {id: emea} ]\nreps: [ {id: ana, name: Ana, team: emea}, {id: bo, name: Bo, team: emea} ]\npools: [ {id: all, reps: [ana, bo]} ]\nroutes: [ {id: all, to: {pool: all}} ]\n"
)

// Somebody who came with a new directory is given a lead within the second that the old one is kept for: who follows that up knows them.
func TestADirectoryIsNotOlderThanWhatWasSeen(t *testing.T) {
	parser, err := directory.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b := &book{text: oneRep, seq: 1}
	d := New(b, parser, func() time.Time { return now })
	reps := func(since time.Time) int {
		t.Helper()
		v, err := d.Since(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		return len(v.Directory.Reps)
	}
	if n := reps(time.Time{}); n != 1 {
		t.Fatalf("%d reps", n)
	}
	now = now.Add(100 * time.Millisecond)
	b.text, b.seq = twoReps, 2
	if n := reps(now.Add(-200 * time.Millisecond)); n != 1 || b.reads != 1 {
		t.Errorf("%d reps after %d reads, although what is kept is new enough", n, b.reads)
	}
	if n := reps(now); n != 2 || b.reads != 2 {
		t.Errorf("%d reps after %d reads, of a delivery that was seen since", n, b.reads)
	}
	for range 10 { // others that were seen by then share it
		reps(now)
	}
	if b.reads != 2 {
		t.Errorf("%d reads", b.reads)
	}
}
