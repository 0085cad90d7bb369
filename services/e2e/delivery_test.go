package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestDeadCRM: a CRM that is dead, slow or overloaded delays nobody else, and gets everything once it is back, each
// handoff once.
func TestDeadCRM(t *testing.T) {
	for name, tc := range map[string]struct {
		answer Answer
		leads  int
	}{
		"for a moment": {Answer{Status: 500}, 4}, // comes right by itself
		"500":          {Answer{Status: 500}, 12}, "hangs": {Answer{Hang: true}, 12}, "429": {Answer{Status: 429, RetryAfter: 1}, 12},
	} {
		t.Run(name, func(t *testing.T) {
			well, dead := NewCRM(t, "well"), NewCRM(t, "dead")
			dead.Misbehave(func(Call) Answer { return tc.answer })
			c := Start(t, Setup{CRMs: []*CRM{well, dead}})
			start := time.Now()
			var leads []Lead
			for i := range tc.leads {
				leads = append(leads, c.routed(fmt.Sprint("dead-", i), fmt.Sprintf("p%d@dead.example", i), "dead.example"))
			}
			for _, l := range leads {
				well.Await("handoff.routed", l.HandoffID)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("the other CRM waited with it: %v", took)
			}
			eventually(t, "that it is dead shows", func() error {
				for _, d := range c.AllDeliveries("destination=dead") {
					if d.State == "failing" && d.Attempts > 0 && d.LastError != "" {
						return nil
					}
				}
				return fmt.Errorf("%+v", c.AllDeliveries("destination=dead"))
			})
			dead.Misbehave(nil)
			if tc.leads < 5 {
				for _, l := range leads {
					dead.Await("handoff.routed", l.HandoffID)
				}
			}
			settled(c)
			for _, crm := range []*CRM{well, dead} {
				if got := len(crm.ByHandoff("handoff.routed")); got != tc.leads {
					t.Errorf("%d handoffs at the CRM %s, want %d", got, crm.Name, tc.leads)
				}
			}
			if got := len(c.AllDeliveries("state=delivered")); got != 2*tc.leads {
				t.Errorf("%d deliveries, want %d", got, 2*tc.leads)
			}
			for _, problem := range audit(c.Log(), well, dead) {
				t.Error(problem)
			}
		})
	}
}

// TestOneLeadsFailureIsItsOwn: a delivery that one lead's fails holds up that lead's next ones and no other lead.
func TestOneLeadsFailureIsItsOwn(t *testing.T) {
	crm := NewCRM(t, "crm", "handoff.routed", "lead.stage_changed")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	sick := c.routed("sick", "sick@one.example", "one.example")
	crm.Await("handoff.routed", sick.HandoffID)
	crm.Misbehave(func(call Call) Answer {
		r := Record{}
		c.decode(call.Body, &r)
		var who struct{ Lead struct{ ID string } }
		c.decode(r.Data, &who)
		if who.Lead.ID == sick.ID {
			return Answer{Status: 503}
		}
		return Answer{}
	})
	c.Dispose(sick.HandoffID, "accept", owner(sick.Owner), 200)
	for i := range 5 {
		l := c.routed(fmt.Sprint("one-", i), fmt.Sprintf("p%d@one.example", i), "one.example")
		crm.Await("handoff.routed", l.HandoffID)
	}
	crm.Misbehave(nil)
	eventually(t, "the sick one's moves arrive in order", func() error {
		var moves []string
		for _, r := range crm.Records() {
			var move struct {
				Lead struct{ ID string }
				To   string
			}
			c.decode(r.Data, &move)
			if r.Type == "lead.stage_changed" && move.Lead.ID == sick.ID {
				moves = append(moves, move.To)
			}
		}
		return equal(moves, []string{"inquiry", "mql", "routed", "accepted"})
	})
}

// TestGoneAndReplay: a CRM that says 410 wants nothing more. What it was to be told is kept, shows, and a replay delivers it.
func TestGoneAndReplay(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	crm.Misbehave(func(Call) Answer { return Answer{Status: http.StatusGone} })
	lead := c.routed("gone", "gone@gone.example", "gone.example")
	var dead Delivery
	eventually(t, "the delivery is dead", func() error {
		all := c.AllDeliveries("state=dead")
		if len(all) != 1 || all[0].HandoffID != lead.HandoffID {
			return fmt.Errorf("%+v", c.AllDeliveries(""))
		}
		dead = all[0]
		return nil
	})
	calls := len(crm.Calls())
	crm.Misbehave(nil)
	c.checkProblem(c.Call(http.MethodPost, "/api/v1/deliveries/wh_nonsense/replay", map[string]any{}), 404)
	if r := c.Call(http.MethodPost, "/api/v1/deliveries/"+dead.ID+"/replay", map[string]any{}); r.Status != 200 {
		t.Fatalf("replay: %s", r)
	}
	rec := crm.Await("handoff.routed", lead.HandoffID)
	if rec.ID != dead.ID {
		t.Errorf("the replay came as %s, it was %s", rec.ID, dead.ID)
	}
	eventually(t, "it is delivered", func() error {
		if d := c.AllDeliveries("state=delivered"); len(d) != 1 || d[0].ID != dead.ID {
			return fmt.Errorf("%+v", c.AllDeliveries(""))
		}
		return nil
	})
	if got := len(crm.Calls()); got != calls+1 {
		t.Errorf("%d calls, want %d", got, calls+1)
	}
	c.Reconciled()
}
