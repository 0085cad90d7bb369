package dryrun

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// What a trial says is what then happens, to the reason why each rep was passed over.
func TestATrialSaysWhatThenHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, drawDirectory(t))
		w.live(t, rapid.IntRange(1, 25).Draw(t, "steps"), func(q *journalv1.Qualified) {
			before, stood := len(w.Log), w.deskBlob()
			said := w.try(q)
			if len(w.Log) != before || !slices.Equal(stood, w.deskBlob()) {
				t.Fatal("trying has changed something")
			}
			w.qualify(q)
			w.sameAsHappened(q.HandoffId, said, w.Log[before:])
		})
	})
}

// Whose earlier handoff goes on in a new one has room for it: it is not put to the queue first, with an alarm.
func TestANewEpochTakesTheRoomOfTheOldOne(t *testing.T) {
	w := newWorld(t, "reps: [ {id: ana, capacity: {open: 1}} ]\npools: [ {id: all, reps: [ana]} ]\nroutes: [ {id: default, to: {pool: all}} ]\n")
	for epoch := int32(1); epoch <= 2; epoch++ {
		q := qualified("p@initech.example", "SE", "matrix", epoch, w.Now)
		w.earlier(q)
		before, said := len(w.Log), w.try(q)
		w.qualify(q)
		w.sameAsHappened(q.HandoffId, said, w.Log[before:])
		for _, ev := range w.Log[before:] {
			if ev.Type == "waiting" {
				t.Errorf("it waits for %v", ev.Body.GetWaiting().GetConsidered())
			}
		}
	}
}

func (w *world) deskBlob() []byte {
	b, _ := w.state(identity.Desk)
	return b
}

func (w *world) sameAsHappened(id string, said *Result, log []*journal.Event) {
	w.t.Helper()
	h := fold.LeadOf(w.Entity(fold.Service, strings.Replace(id[:strings.LastIndex(id, "_")], "ho_", "ld_", 1))).Handoff(id)
	if !said.HeldUntil.Equal(h.HeldUntil) || said.HeldBecause != h.HeldBecause {
		w.t.Fatalf("held until %v, said %v", h.HeldUntil, said.HeldUntil)
	}
	if !h.HeldUntil.IsZero() {
		if said.Outcome != Held {
			w.t.Fatalf("it is held, said %s", said.Outcome)
		}
		// Nothing comes between: at the end of the hold it goes where was said. The clock of the story itself must not move.
		return
	}
	var assigned *journalv1.Assigned
	var waiting *journalv1.Waiting
	for _, ev := range log {
		if a := ev.Body.GetAssigned(); a.GetHandoffId() == id {
			assigned = a
		}
		if x := ev.Body.GetWaiting(); x.GetHandoffId() == id {
			waiting = x
		}
	}
	if !proto.Equal(assigned, said.Assigned) || !proto.Equal(waiting, said.Waiting) {
		w.t.Fatalf("happened %v %v\nsaid %v %v", assigned, waiting, said.Assigned, said.Waiting)
	}
	if assigned == nil {
		if said.Outcome != Waiting {
			w.t.Fatalf("it waits, said %s", said.Outcome)
		}
		return
	}
	a := h.Current()
	if said.Outcome != Routed || said.Route != a.Route || !said.AcceptBy.Equal(a.AcceptBy) || !said.ContactBy.Equal(a.ContactBy) {
		w.t.Fatalf("assigned %+v, said %+v", a, said)
	}
	if said.Match.ID != h.Account.ID || said.Match.By != h.Account.By {
		w.t.Fatalf("account %+v, said %+v", h.Account, said.Match)
	}
	// The explanation names the same reps, and the same pool, as the desk was asked for.
	var named []string
	for _, r := range said.Routes {
		for _, n := range r.Named {
			if r.Outcome == core.RouteMatched && n.Rep != "" && !slices.Contains(named, n.Rep) {
				named = append(named, n.Rep)
			}
		}
	}
	var prefer []string
	for _, p := range said.Target.Prefer {
		prefer = append(prefer, p.Rep)
	}
	if !slices.Equal(named, prefer) || said.Target.Pool != h.Pool || assigned.Pool == "" && !slices.Contains(named, assigned.Rep) && assigned.OverflowFrom == "" {
		w.t.Fatalf("routes name %v, the target %v in %s: assigned %v", named, prefer, said.Target.Pool, assigned)
	}
}

const plain = `
reps:
  - { id: ana, time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-17:00"]} }
  - { id: bo }
pools: [ {id: all, reps: [ana, bo]}, {id: few, reps: [ana]} ]
routes:
  - { id: owned, when: 'account.owner != "" && account.employees > 10', to: {owner: account} }
  - { id: nordic, when: 'lead.country == "SE"', to: {pool: few} }
  - { id: default, to: {pool: all} }
accounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: ana} ]
`

func TestATrialOfAHoldGoesOnToItsEnd(t *testing.T) {
	w := newWorld(t, plain)
	q := qualified("x@hooli.example", "SE", "matrix", 1, start.Add(-time.Minute))
	said := w.try(q)
	until := start.Add(9 * time.Minute)
	if said.Outcome != Held || !said.HeldUntil.Equal(until) || said.Assigned.GetRep() != "ana" || !said.AssignedAt.Equal(until) {
		t.Fatalf("%+v", said)
	}
	w.qualify(q)
	w.Advance(until)
	h := fold.LeadOf(w.Entity(fold.Service, q.Lead.Id)).Handoff(q.HandoffId)
	if h.Owner() != "ana" || !h.Current().At.Equal(said.AssignedAt) || !h.AcceptBy.Equal(said.AcceptBy) {
		t.Fatalf("%+v", h)
	}
}

func TestATrialSaysWhichValueIsAbsent(t *testing.T) {
	w := newWorld(t, plain)
	said := w.try(qualified("x@initech.example", "DE", "fast", 1, start.Add(-time.Hour)))
	if len(said.Routes) != 3 {
		t.Fatalf("%+v", said.Routes)
	}
	owned, nordic, last := said.Routes[0], said.Routes[1], said.Routes[2]
	if owned.Outcome != core.RouteNoMatch || !slices.Equal(owned.Absent, []string{"account.employees"}) || !strings.Contains(owned.Expression, "account.owner") {
		t.Errorf("%+v", owned)
	}
	if nordic.Outcome != core.RouteNoMatch || nordic.Absent != nil || nordic.Failed != "" {
		t.Errorf("%+v", nordic)
	}
	if last.Outcome != core.RouteMatched || last.Pool != "all" {
		t.Errorf("%+v", last)
	}
}

func TestATrialOfAnotherDirectoryLooksAtThoseWhoWaitFirst(t *testing.T) {
	const closed = `
reps: [ {id: ana, active: false} ]
pools: [ {id: all, reps: [ana]} ]
routes: [ {id: default, to: {pool: all}} ]
`
	const one = `
reps: [ {id: ana, capacity: {per: 1d, handoffs: 1}} ]
pools: [ {id: all, reps: [ana]} ]
routes: [ {id: default, to: {pool: all}} ]
`
	w := newWorld(t, closed)
	w.qualify(qualified("first@hooli.example", "SE", "fast", 1, start))
	q := qualified("second@hooli.example", "SE", "fast", 1, start)
	trial := &Trial{
		Logic: w.logic, Globals: w.logic.NewTrial(w.version(one).Directory, w.agreement()), Key: key, Lead: q.Lead.Id, Qualified: q, Changed: true,
		Now: w.Now, At: w.Now, State: w.state,
	}
	said, err := trial.Run()
	if err != nil || said.Outcome != Waiting || said.Waiting.GetConsidered()[0].GetSkipped() != "at capacity" {
		t.Fatalf("%+v, %v", said, err)
	}
	w.directory(one)
	before := len(w.Log)
	w.qualify(q)
	w.sameAsHappened(q.HandoffId, said, w.Log[before:])
}

func TestAHandoffIsTriedAsIfItHadNotBeen(t *testing.T) {
	w := newWorld(t, `
reps: [ {id: ana, capacity: {open: 1}} ]
pools: [ {id: all, reps: [ana]} ]
routes: [ {id: default, to: {pool: all}} ]
`)
	q := qualified("x@hooli.example", "SE", "fast", 1, start)
	w.qualify(q)
	trial := &Trial{
		Logic: w.logic, Globals: w.logic.NewTrial(w.version(w.text).Directory, w.agreement()), Key: key, Lead: q.Lead.Id, Qualified: q, Again: true,
		Now: w.Now, At: w.Now, State: w.state,
	}
	if said, err := trial.Run(); err != nil || said.Assigned.GetRep() != "ana" {
		t.Fatalf("%+v, %v", said, err)
	}
	// Somebody else finds her hand full.
	if said := w.try(qualified("y@hooli.example", "SE", "fast", 1, start)); said.Outcome != Waiting || said.Waiting.GetConsidered()[0].GetSkipped() != "too many in hand" {
		t.Fatalf("%+v", said)
	}
}
