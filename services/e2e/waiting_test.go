package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestNobodyThereIsVisible: a lead that nobody can take waits where everybody sees it, and moves on once the directory
// says who can.
func TestNobodyThereIsVisible(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}, Directory: strings.ReplaceAll(testDirectory, "time_zone: UTC", "time_zone: UTC, active: false")})
	const n = 5
	for i := range n {
		c.Send(ready(fmt.Sprint("wait-", i), fmt.Sprintf("p%d@wait.example", i), "wait.example")...)
	}
	var waiting []Handoff
	eventually(t, "all wait", func() error {
		if waiting = c.AllHandoffs("stage=waiting"); len(waiting) != n {
			return fmt.Errorf("%d wait", len(waiting))
		}
		for _, h := range waiting {
			if len(h.WaitingFor) < 2 || h.WaitingFor[0].Skipped == "" || h.Owner.ID != "desk" {
				return fmt.Errorf("nobody is told why it waits: %+v", h)
			}
		}
		return nil
	})
	for _, h := range waiting {
		c.Dispose(h.ID, "accept", owner("ana"), 409)
	}
	if r := c.Reconciled(); r.LeadsByStage["mql"] != n || len(r.Orphans) != 0 {
		t.Errorf("leads that wait are the desk's: %+v", r)
	}
	c.RestartAll()
	if again := c.AllHandoffs("stage=waiting"); len(again) != n {
		t.Fatalf("%d wait after a restart, want %d", len(again), n)
	}

	bad := c.Call(http.MethodPut, "/api/v1/directory", map[string]any{"yaml": "reps: [ {id: ana, colour: red} ]"})
	c.checkProblem(bad, 400)
	if r := c.Call(http.MethodPut, "/api/v1/directory", map[string]any{"yaml": testDirectory}); r.Status != 200 {
		t.Fatalf("the new directory: %s", r)
	}
	for _, h := range waiting {
		crm.Await("handoff.routed", h.ID)
	}
	count := map[string]int{}
	for _, h := range c.AllHandoffs("stage=routed") {
		count[h.Owner.ID]++
	}
	if d := count["ana"] - count["bo"]; count["ana"]+count["bo"] != n || d < -1 || d > 1 {
		t.Errorf("shares %v", count)
	}
	c.Reconciled()
}
