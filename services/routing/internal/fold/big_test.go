package fold

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// However often a handoff goes from one rep to another, its lead fits into a message.
func TestAPoolOfAThousandReps(t *testing.T) {
	var reps, pool strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&reps, "  - { id: rep-%04d, team: emea }\n", i)
		fmt.Fprintf(&pool, "rep-%04d, ", i)
	}
	s := newStory(t)
	s.pins(EventRouted, EventReassigned)
	s.directory("teams: [ {id: emea, manager: kim} ]\nreps:\n" + reps.String() +
		"pools: [ {id: all, reps: [" + strings.TrimSuffix(pool.String(), ", ") + "]} ]\nroutes: [ {id: default, to: {pool: all}} ]\n")
	id := s.qualify("x@hooli.example", 1)
	for range 200 {
		if a := s.reassigns(id, &journalv1.ReassignRequested{By: "root", Role: handoff.ByAdmin}); !a.GetOk() {
			t.Fatal(a)
		}
		s.Now = s.Now.Add(time.Second)
	}
	biggest := 0
	for _, ev := range s.Log {
		biggest = max(biggest, proto.Size(ev.Body))
	}
	blob := s.Entity(Service, leadOf("x@hooli.example")).Save(new(leadstore.Mutation))
	if biggest > 100_000 || len(blob) > 400_000 {
		t.Errorf("the largest fact has %d bytes, the lead %d: a message holds 8 MB", biggest, len(blob))
	}
	if h := s.handoff(id); len(h.Current().Considered) != 999 || len(h.Assignments) != 201 {
		t.Errorf("%d assignments, the last with %d reps passed over", len(h.Assignments), len(h.Current().Considered))
	}
}
