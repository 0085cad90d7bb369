package apply

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// log is the global facts of one kind. It lets somebody else be faster, so often.
type log struct {
	t         *testing.T
	events    []*journal.Event
	conflicts int
	down      bool
}

func (l *log) LastGlobal(context.Context, string) (*journal.Event, error) {
	if l.down {
		return nil, journal.ErrUnavailable
	}
	if len(l.events) == 0 {
		return nil, nil
	}
	return l.events[len(l.events)-1], nil
}

func (l *log) ReadGlobals(context.Context, string) ([]*journal.Event, error) {
	if l.down {
		return nil, journal.ErrUnavailable
	}
	return l.events, nil
}

func (l *log) AppendGlobal(_ context.Context, _ string, body *journalv1.Event, last uint64) (uint64, error) {
	if l.conflicts > 0 {
		l.conflicts--
		l.add(&journalv1.Event{})
	}
	if last != uint64(len(l.events)) {
		return 0, journal.ErrConflict
	}
	if body.GetReceivedAt() == nil || body.GetId() == "" || body.GetType() == "" {
		l.t.Errorf("an incomplete fact: %v", body)
	}
	return l.add(body), nil
}

func (l *log) add(body *journalv1.Event) uint64 {
	seq := uint64(len(l.events) + 1)
	l.events = append(l.events, &journal.Event{Head: journal.Head{Seq: seq}, Body: body})
	return seq
}

func TestDirectory(t *testing.T) {
	l := &log{t: t, conflicts: 2}
	seq, err := Directory(t.Context(), l, []byte("one"), OriginAPI, time.Now)
	if err != nil || seq != 3 || l.events[2].Body.GetDirectoryChanged().GetHash() != Hash([]byte("one")) {
		t.Fatalf("against others: %d, %v", seq, err)
	}
	if seq, err := Directory(t.Context(), l, []byte("one"), OriginAPI, time.Now); err != nil || seq != 3 {
		t.Errorf("the same again: %d, %v", seq, err)
	}
	l.down = true
	if _, err := Directory(t.Context(), l, []byte("two"), OriginAPI, time.Now); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("without a journal: %v", err)
	}
}

func TestAFileIsAppliedWhenTheFileChanged(t *testing.T) {
	l := &log{t: t}
	file := func(text string) bool {
		applied, err := DirectoryFile(t.Context(), l, l, []byte(text), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return applied
	}
	if !file("one") || file("one") {
		t.Error("a new file is applied once")
	}
	if _, err := Directory(t.Context(), l, []byte("by hand"), OriginAPI, time.Now); err != nil {
		t.Fatal(err)
	}
	if file("one") {
		t.Error("a restart with the old file undoes what was changed over the API")
	}
	if !file("two") || len(l.events) != 3 {
		t.Error("a changed file is not applied")
	}
	if !file("one") {
		t.Error("a file that was changed back is not applied")
	}
}

func TestDestinations(t *testing.T) {
	l := &log{t: t}
	state := func(list ...*journalv1.Destination) int {
		if err := Destinations(t.Context(), l, list, time.Now); err != nil {
			t.Fatal(err)
		}
		return len(l.events)
	}
	crm := &journalv1.Destination{Name: "crm", Type: "webhook", Events: []string{"handoff.routed"}}
	for i, n := range []int{
		state(), state(crm), state(crm), state(crm, &journalv1.Destination{Name: "b", Events: []string{"x"}}), state(), state(),
	} {
		if want := []int{1, 2, 2, 3, 4, 4}[i]; n != want {
			t.Errorf("step %d: %d facts, want %d", i, n, want)
		}
	}
}
