package state

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

var now = time.Date(2026, 11, 20, 10, 0, 0, 123456789, time.UTC)

var (
	needed    = core.Needs{Skills: []string{"s"}, Languages: []string{"sv"}, LeadLanguage: true, Fallback: []string{"en"}}
	preferred = []core.Preference{{Rep: "cy", Route: "r", As: core.AsPrevious, Needs: needed}}
	wanted    = core.Wants{Needs: needed, Language: "sv", Conflicts: []core.Conflict{{Rep: "bo", Pool: "p"}}}
)

func TestAccountSurvives(t *testing.T) {
	blob := EncodeAccount(&Account{Deals: []Deal{{ID: "d", Lead: "ld_y", Owner: "ana", Open: true, At: now}}, LastRep: "bo", LastAt: now})
	again, err := DecodeAccount(blob)
	if err != nil || !bytes.Equal(EncodeAccount(again), blob) {
		t.Fatalf("%v", err)
	}
	if _, err := DecodeAccount([]byte{0xff}); err == nil {
		t.Error("rubbish is taken for an account")
	}
}

func TestLeadSurvives(t *testing.T) {
	l := &Lead{
		MergedInto: "ld_x",
		Handoffs: []*handoff.Handoff{{
			ID: "ho_1", Epoch: 2, Stage: handoff.Routed, Rule: "r", Email: "e", QualifiedAt: now,
			Account: handoff.Account{ID: "ac", Name: "n", Domain: "d", By: "b", Confidence: 0.9},
			Route:   "a", Fallback: "f", Rep: "ana", Pool: "p", Attempt: 1, Asked: true, AskedBecause: "sla",
			Assignments:  []handoff.Assignment{{Attempt: 1, Rep: "bo", Route: "r", Pool: "p", At: now, AcceptBy: now, ContactBy: now, Considered: []handoff.Considered{{Rep: "ana", Skipped: "away"}}, Reason: "sla"}},
			WaitingFor:   []handoff.Considered{{Rep: "cy", Skipped: "inactive"}},
			WaitingUntil: now, AcceptBy: now, ContactBy: now, AcceptedAt: now, ContactedAt: now, SQLAt: now, ClosedAt: now, ClosedBy: "won", Reason: "x", Note: "n",
			Steps:    []handoff.Step{{At: now, Clock: "accept", Action: "breach", Number: -1, After: time.Hour}},
			Pinned:   handoff.Pinned{Version: 3, Working: true, Within: time.Hour, MaxReassigns: 2, Spent: time.Minute, SpentAt: now, Look: now},
			Pause:    handoff.Pause{Since: now, Until: now, Reason: "fair", By: "kim", For: time.Minute},
			Released: true, HeldUntil: now, HeldBecause: "held",
			History: []handoff.Moment{{What: "routed", At: now, Rep: "bo", Reason: "y"}}, Passed: true, Adopted: true,
			Wish: &handoff.Wish{Request: "i", Reason: "x", Note: "n", Displaced: true, DisplacedBecause: "sla", Answered: true, DisplacedPool: "q"}, Wishes: 1, AskedPool: "q",
			Chosen:   handoff.Chosen{Prefer: preferred, Wants: wanted, OwnerAsked: true},
			Refs:     Refs{"crm": {"contact": "1"}},
			Versions: []handoff.Version{{Number: 2, At: now, Because: []handoff.Change{{What: "demo_requested", Event: "e1", At: now, Detail: "d", Lead: "ld_2"}}}},
			Pending:  handoff.Version{At: now, Because: []handoff.Change{{What: "merged", Lead: "ld_3", At: now}}},
			Persona:  "buyer",
		}},
		Deals: []Deal{{ID: "d", Lead: "ld_y", Owner: "hubspot:1", Open: true, At: now, Told: "ac_1"}},
		Seen:  []Seen{{Hash: 1 << 63, At: now}},
		Held:  []handoff.Held{{Handoff: "ho_2", Source: "api", Request: handoff.Request{ID: "i", Do: "accepted", Rep: "r", Reason: "x", Note: "n", At: now, Until: now, By: "kim", Assignment: 1, To: "p", Force: true, Role: "admin"}}},
		Touch: outreach.Contact{At: now, Type: "page_viewed", Channel: "ads", Campaign: "q4", Who: "site", Event: "e1"},
		Mail:  outreach.Contact{At: now}, Outreach: outreach.Contact{At: now},
	}
	l.Book.Add(Delivery{ID: "m", Destination: "d", Event: "e", Handoff: "h", Entity: "ld", Data: map[string]string{"a": "b", "c": "d"}, DueAt: now, NextAt: now})
	l.Book.Failed("m", 1, 500, "status 500", now, now, false)
	blob := EncodeLead(l)
	again, err := DecodeLead(blob)
	if err != nil || !bytes.Equal(EncodeLead(again), blob) {
		t.Fatalf("%v", err)
	}
	// Every field that the message has is used: what is added to one side only shows here.
	var m routingv1.LeadState
	if err := proto.Unmarshal(blob, &m); err != nil {
		t.Fatal(err)
	}
	for _, part := range []proto.Message{m.Handoffs[0], m.Handoffs[0].Wish, m.Handoffs[0].Assignments[0], m.Handoffs[0].Steps[0], m.Handoffs[0].History[0], m.Handoffs[0].Versions[0], m.Handoffs[0].Versions[0].Because[0], m.Seen[0], m.Held[0], m.Touch, m.Deals[0]} {
		fields := part.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); !part.ProtoReflect().Has(f) {
				t.Errorf("%s.%s is not kept", part.ProtoReflect().Descriptor().Name(), f.Name())
			}
		}
	}
	if _, err := DecodeLead([]byte{0xff}); err == nil {
		t.Error("rubbish is taken for a lead")
	}
}

func TestDeskSurvives(t *testing.T) {
	d := &Desk{Desk: desk.New()}
	d.Desk.Now = now
	d.Desk.Pools["p"] = map[string]desk.Member{"ana": {Assigned: 3, Calibration: -1, Credits: 1, Absent: true, Weight: 500, Owed: -7}, "bo": {}}
	d.Desk.Loads["ana"] = []desk.Load{{Window: 7, Count: 2}, {Window: 8, Count: 1, Per: calendar.Week}}
	d.Desk.PoolLoads["p"] = []desk.Load{{Window: 9, Count: 3, Per: calendar.Hour}}
	d.Desk.Hands["ana"] = []uint64{1, 1 << 63}
	d.Desk.Alarms["p"] = now
	d.Desk.Ask(desk.Entry{Lead: "ld", Handoff: "ho", Epoch: 1, Route: "r", Rep: "x", Pool: "p", Exclude: []string{"y"}, Attempt: 1, Account: "a", By: "b", Confidence: 0.5, Prefer: preferred, Wants: wanted, Request: "r", Only: true, Force: true})
	d.Desk.Tell("ho", now)
	d.Desk.Recent = []uint64{1 << 63}
	blob := EncodeDesk(d)
	again, err := DecodeDesk(blob)
	if err != nil || !bytes.Equal(EncodeDesk(again), blob) || again.Desk.Waits("ho") == nil {
		t.Fatalf("%v", err)
	}
	if _, err := DecodeDesk([]byte{0xff}); err == nil {
		t.Error("rubbish is taken for a desk")
	}
}

func TestBook(t *testing.T) {
	var b Book
	for i := range 40 {
		if !b.Add(Delivery{ID: fmt.Sprint(i), DueAt: now}) {
			t.Fatal("a new delivery is taken for an old one")
		}
	}
	if b.Add(Delivery{ID: "3"}) {
		t.Error("an old delivery is taken for a new one")
	}
	b.Changes()
	// Two senders make the same attempt: a success counts, whichever is reported first.
	if !b.Failed("1", 1, 500, "x", now, now, false) || !b.Delivered("1", 1, 200, now) || b.Delivered("1", 1, 200, now) {
		t.Error("a success that was reported behind a failure is lost")
	}
	if !b.Delivered("2", 1, 200, now) || b.Failed("2", 1, 500, "x", now, now, false) || b.Find("2").State != Delivered {
		t.Error("a failure that was reported behind a success counts")
	}
	// A late report of an attempt before a replay says nothing of the deliveries after it.
	b.Failed("3", 1, 500, "x", now, now, true)
	if !b.Replay("3", now) || b.Replay("3", now) || b.Delivered("3", 1, 200, now) || !b.Delivered("3", 2, 200, now) {
		t.Errorf("after a replay: %+v", b.Find("3"))
	}
	for i := 4; i < 40; i++ {
		b.Delivered(fmt.Sprint(i), 1, 200, now)
	}
	gone, changed := 0, b.Changes()
	for _, c := range changed {
		if c.Was != Due {
			t.Errorf("%s was %s", c.ID, c.Was)
		}
		if c.Gone {
			gone++
		}
	}
	if len(changed) != 39 || gone != 39-keptDone || len(b.List) != keptDone+1 || b.Find("0") == nil {
		t.Errorf("%d changed, %d forgotten, %d kept", len(changed), gone, len(b.List))
	}
	if len(b.Changes()) != 0 {
		t.Error("changes are told twice")
	}
}
