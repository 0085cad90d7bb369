package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// engaged tells whether exactly these events make a lead's engagement.
func (c *Cluster) engaged(lead string, events ...string) error {
	score, err := tryGet[Score](c, "leads/"+lead+"/score")
	if err != nil {
		return err
	}
	var got []string
	for _, k := range score.Contributions {
		if k.Side == "engagement" {
			got = append(got, k.Events...)
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	slices.Sort(events)
	return equal(got, events)
}

// TestAnonymousHistoryJoins: what a visitor did before it said who it is belongs to the lead, and so does what its device
// sends late.
func TestAnonymousHistoryJoins(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	const who = "peter@initech.example"
	device := Who{AnonymousID: "device.of*peter> 1"} // nothing of it may reach a subject or a key
	c.Send(visit("an-1", "", "https://www.example/pricing").By(device), visit("an-2", "", "https://www.example/docs").By(device))
	if r := c.Reconciled(); r.Leads != 1 || r.LeadsByStage["inquiry"] != 1 {
		t.Fatalf("a visitor is %+v", r)
	}
	c.Send(buyer("an-3", who, "initech.example"))
	after := c.Send(visit("an-4", "", "https://www.example/pricing").By(Who{Email: who, AnonymousID: device.AnonymousID}))
	lead := c.LeadOf(who, after)
	eventually(t, "the history joins", func() error { return c.engaged(lead.ID, "an-1", "an-2", "an-4") })
	lead = c.LeadOf(who, "")
	if lead.Score.Engagement != 3+16 || len(lead.Absorbed) != 1 {
		t.Fatalf("the lead is %+v", lead)
	}

	old := get[Lead](c, "leads/"+lead.Absorbed[0])
	if old.MergedInto != lead.ID || old.Email != who {
		t.Errorf("the old id answers %+v", old)
	}
	c.Send(Event{ID: "an-5", Type: "event_attended", Lead: device}) // late, by the old id
	eventually(t, "the late event follows", func() error { return c.engaged(lead.ID, "an-1", "an-2", "an-4", "an-5") })
	lead = c.AwaitStage(who, "routed") // 34 points and a good fit
	crm.Await("handoff.routed", lead.HandoffID)
	c.Kill("ingest") // what it has just taken it must not recognise by itself
	c.Restart("ingest")
	c.Ready()
	c.Send(visit("an-1", "", "https://www.example/pricing").By(device)) // a repeat, by the old id
	c.Send(visit("an-2", "", "https://www.example/docs").By(Who{Email: who}))
	r := c.Reconciled()
	if r.Leads != 1 || r.Duplicates != 2 || c.LeadOf(who, "").Score.Engagement != 34 {
		t.Errorf("after repeats: %+v, %+v", r, c.LeadOf(who, ""))
	}
	if n := len(crm.ByHandoff("handoff.routed")); n != 1 {
		t.Errorf("%d handoffs of one lead", n)
	}
}

// TestSharedDevice: a device belongs to the first person who says who they are, and never makes two people one.
func TestSharedDevice(t *testing.T) {
	c := Start(t, Setup{})
	device := Who{AnonymousID: "kiosk"}
	c.Send(visit("sh-1", "", "https://www.example/pricing").By(device))
	after := c.Send(visit("sh-2", "", "https://www.example/docs").By(Who{Email: "first@a.example", AnonymousID: "kiosk"}))
	first := c.LeadOf("first@a.example", after)
	eventually(t, "the device is the first one's", func() error { return c.engaged(first.ID, "sh-1", "sh-2") })
	c.Send(visit("sh-3", "", "https://www.example/docs").By(Who{Email: "second@b.example", AnonymousID: "kiosk"}))
	after = c.Send(visit("sh-4", "", "https://www.example/docs").By(device))
	eventually(t, "the device stays the first one's", func() error { return c.engaged(first.ID, "sh-1", "sh-2", "sh-4") })
	second := c.LeadOf("second@b.example", after)
	if err := c.engaged(second.ID, "sh-3"); err != nil {
		t.Errorf("the second person has %v", err)
	}
	if r := c.Reconciled(); r.Leads != 2 {
		t.Errorf("%+v", r)
	}
}

// TestIDsMeet: two histories under a user id and a CRM's id become one with the event that carries both, and their one
// handoff stays.
func TestIDsMeet(t *testing.T) {
	crm := NewCRM(t, "crm", "handoff.routed", "handoff.recalled")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	user, external := Who{UserID: "u/9"}, Who{ExternalIDs: map[string]string{"hubspot": "99"}}
	for i, w := range []Who{user, external} {
		id := fmt.Sprint("meet-", i)
		c.Send(buyer(id+"-who", "", "meet.example").By(w), demo(id+"-demo", "").By(w))
	}
	var open []Handoff
	eventually(t, "both are handed over", func() error {
		if open = c.AllHandoffs("stage=routed"); len(open) != 2 {
			return fmt.Errorf("%+v", open)
		}
		return nil
	})
	c.Send(visit("meet-3", "", "https://www.example/docs").By(Who{Email: "nina@meet.example", UserID: user.UserID, ExternalIDs: external.ExternalIDs}))
	lead := c.AwaitLead("nina@meet.example", "three became one", func(l Lead) bool { return len(l.Absorbed) == 2 && l.Stage == "routed" })
	var kept, recalled string
	eventually(t, "one handoff stays, and the other is recalled", func() error {
		kept, recalled = "", ""
		all := c.AllHandoffs("")
		for _, h := range all {
			switch h.Stage {
			case "recalled":
				recalled = h.ID
			case "routed":
				kept = h.ID
			}
		}
		if len(all) != 2 || kept != lead.HandoffID || recalled == "" {
			return fmt.Errorf("%+v", all)
		}
		return nil
	})
	crm.Await("handoff.recalled", recalled)
	if d := c.Dispose(kept, "accept", map[string]any{}, 200); d.Stage != "accepted" {
		t.Errorf("%+v", d)
	}
	c.Dispose(recalled, "accept", map[string]any{}, 409)
	if r := c.Reconciled(); r.Leads != 1 || r.LeadsByStage["accepted"] != 1 {
		t.Errorf("%+v", r)
	}
}
