package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Many entities read at once give what each gives by itself, those who share a subject among them.
func readsMany(t *testing.T, f *Fixture) {
	var entities []string
	for i := range 300 { // more than one consumer reads, and some partitions have several visitors
		rank := identity.Email
		if i%3 == 0 {
			rank = identity.Anonymous
		}
		entities = append(entities, f.J.Key().Lead(rank, "", fmt.Sprint("many-", i)))
	}
	for round := range 2 {
		for i, e := range entities {
			if _, err := f.J.Append(t.Context(), &journalv1.Event{Id: fmt.Sprint("many-", round, "-", i), Entity: e, Type: "page_viewed", Source: "site"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := append(slices.Clone(entities[:200]), entities[0], f.J.Key().Lead(identity.Email, "", "nobody@initech.example"))
	head, err := f.J.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{1, head - 350, head + 1} {
		got, want := map[string][]uint64{}, map[string][]uint64{}
		if err := f.J.ReadEntities(t.Context(), asked, from, func(ev *journal.Event) error {
			got[ev.Entity] = append(got[ev.Entity], ev.Seq)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, e := range asked[:200] {
			evs, err := f.J.ReadEntity(t.Context(), e, from, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range evs {
				want[e] = append(want[e], ev.Seq)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("from %d: %v\nwant %v", from, got, want)
		}
	}
	enough := errors.New("enough")
	if err := f.J.ReadEntities(t.Context(), asked, 1, func(*journal.Event) error { return enough }); !errors.Is(err, enough) {
		t.Fatalf("got %v", err)
	}
	if err := f.J.ReadEntities(t.Context(), []string{"not > safe"}, 1, nil); !errors.Is(err, journal.ErrBadEvent) {
		t.Fatalf("got %v", err)
	}
}
