package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// routed makes a lead that a rep has, and gives it.
func (c *Cluster) routed(id, who, domain string) Lead {
	c.t.Helper()
	c.Send(ready(id, who, domain)...)
	return c.AwaitStage(who, "routed")
}

func owner(rep string, more ...string) map[string]any {
	body := map[string]any{"rep": rep}
	for i := 0; i < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	return body
}

// TestAcceptRace: of two reps who accept at the same moment, the one who has the handoff gets 200 and the other 409; who
// accepts what they have again gets 200.
func TestAcceptRace(t *testing.T) {
	c := Start(t, Setup{})
	for round := range 10 {
		who := fmt.Sprintf("race%d@race.example", round)
		lead := c.routed(fmt.Sprint("race-", round), who, "race.example")
		answers := map[string]reply{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, rep := range []string{"ana", "bo"} {
			wg.Go(func() {
				body, _ := json.Marshal(owner(rep))
				r, err := c.do(t.Context(), http.MethodPost, "/api/v1/handoffs/"+lead.HandoffID+"/accept", http.Header{"Content-Type": {"application/json"}}, body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				answers[rep] = r
			})
		}
		wg.Wait()
		for rep, r := range answers {
			if want := map[bool]int{true: 200, false: 409}[rep == lead.Owner]; r.Status != want {
				t.Errorf("%s has it, and %s is answered %s", lead.Owner, rep, r)
			} else if want == 409 {
				c.checkProblem(r, 409)
			}
		}
		c.Dispose(lead.HandoffID, "accept", owner(lead.Owner), 200)
	}
	// Both answers of one request id are the one answer.
	lead := c.routed("race-same", "same@race.example", "race.example")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if d := c.Dispose(lead.HandoffID, "accept", owner(lead.Owner, "request_id", "one"), 200); d.Stage != "accepted" {
				t.Errorf("%+v", d)
			}
		})
	}
	wg.Wait()
	c.Reconciled()
}

func TestReject(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	lead := c.routed("rej", "milton@reject.example", "reject.example")
	reject := func(status int, more ...string) Disposed {
		t.Helper()
		return c.Dispose(lead.HandoffID, "reject", owner(lead.Owner, more...), status)
	}
	reject(400)
	reject(400, "reason", "mood")
	reject(400, "reason", "timing") // a reason to recycle
	r := c.Call("POST", "/api/v1/handoffs/"+lead.HandoffID+"/reject", owner(lead.Owner, "reason", "mood"))
	if p := c.checkProblem(r, 400); len(p.Errors) != 1 || p.Errors[0].Field != "reason" {
		t.Errorf("the problem does not name the field: %+v", p)
	}
	if d := reject(200, "reason", "bad-data", "note", "no such person"); d.Stage != "recycled" {
		t.Fatalf("%+v", d)
	}
	lead = c.AwaitStage("milton@reject.example", "recycled")
	if lead.Owner != "marketing" {
		t.Errorf("nobody mends it: %+v", lead)
	}
	c.Dispose(lead.HandoffID, "accept", owner("ana"), 409)
	if h := get[Handoff](c, "handoffs/"+lead.HandoffID); h.Stage != "recycled" || h.Reason != "bad-data" {
		t.Errorf("the handoff is %+v", h)
	}

	// What it does next wakes it, and it qualifies again, in a new epoch with a handoff of its own.
	first := lead.HandoffID
	c.Send(visit("rej-wake", "milton@reject.example", "https://www.example/docs"), demo("rej-again", "milton@reject.example"))
	lead = c.AwaitStage("milton@reject.example", "routed")
	if lead.Epoch != 2 || lead.HandoffID == first {
		t.Fatalf("the second epoch: %+v", lead)
	}
	var p Payload
	c.decode(crm.Await("handoff.routed", lead.HandoffID).Data, &p)
	if p.Epoch != 2 || len(p.Brief.EarlierEpochs) != 1 || p.Brief.EarlierEpochs[0].Ended != "recycled" {
		t.Errorf("the second brief does not tell of the first epoch: %+v", p)
	}
	reject(200, "reason", "no-fit/size") // for good
	c.AwaitStage("milton@reject.example", "disqualified")
	c.Send(demo("rej-third", "milton@reject.example"))
	c.Reconciled()
	if lead = c.LeadOf("milton@reject.example", ""); lead.Stage != "disqualified" || lead.Epoch != 2 {
		t.Errorf("disqualified is for good, but %+v", lead)
	}
	if n := len(crm.ByHandoff("handoff.routed")); n != 2 {
		t.Errorf("%d handoffs, want one for each epoch", n)
	}
}

func TestRecycle(t *testing.T) {
	c := Start(t, Setup{})
	lead := c.routed("rec", "tom@recycle.example", "recycle.example")
	h := lead.HandoffID
	c.Dispose(h, "contact", owner(lead.Owner), 409)                     // not accepted yet
	c.Dispose(h, "recycle", owner(lead.Owner, "reason", "timing"), 409) // neither
	c.Dispose(h, "accept", owner(lead.Owner), 200)
	c.Dispose(h, "recycle", owner(lead.Owner), 400)
	c.Dispose(h, "recycle", owner(lead.Owner, "reason", "bad-data"), 400) // a reason to reject
	c.Dispose(h, "reject", owner(lead.Owner, "reason", "no-fit"), 409)    // too late for that
	if d := c.Dispose(h, "recycle", owner(lead.Owner, "reason", "timing"), 200); d.Stage != "recycled" {
		t.Errorf("%+v", d)
	}
	c.AwaitStage("tom@recycle.example", "recycled")
	c.Send(demo("rec-again", "tom@recycle.example"))
	c.Reconciled()
	if lead = c.LeadOf("tom@recycle.example", ""); lead.Stage != "recycled" || lead.Epoch != 1 {
		t.Errorf("it should sleep for 90 days, but %+v", lead)
	}

	lead = c.routed("dis", "bob@recycle.example", "recycle.example")
	c.Dispose(lead.HandoffID, "disqualify", owner(lead.Owner, "reason", "duplicate"), 200)
	c.AwaitStage("bob@recycle.example", "disqualified")

	for id, status := range map[string]int{
		"ho_eaaaaaaaaaaaaaaaaaaaaaaaaa_1": 404, "ho_nonsense": 404, "..%2f..": 404, strings.Repeat("x", 3000): 404,
	} {
		if r := c.Call("POST", "/api/v1/handoffs/"+id+"/accept", owner("ana")); r.Status != status {
			t.Errorf("accept of %.40s: %s, want %d", id, r, status)
		} else {
			c.checkProblem(r, status)
		}
	}
	c.Reconciled()
}

// TestDispositionsFromASource: a CRM answers by events of its own.
func TestDispositionsFromASource(t *testing.T) {
	c := Start(t, Setup{})
	lead := c.routed("src", "rob@source.example", "source.example")
	answer := func(id, what, reason string) Event {
		return Event{ID: id, Type: what, Properties: map[string]any{"handoff_id": lead.HandoffID, "reason": reason}}
	}
	c.Send(answer("src-1", "accepted", ""), answer("src-2", "contacted", ""), answer("src-3", "sql", ""))
	c.AwaitStage("rob@source.example", "sql")
	c.Send(Event{ID: "src-4", Type: "deal_opened", Lead: email("rob@source.example"), Properties: map[string]any{"deal_id": "d-4"}})
	c.AwaitStage("rob@source.example", "opportunity")
	c.Send(Event{ID: "src-5", Type: "deal_lost", Lead: email("rob@source.example"), Properties: map[string]any{"deal_id": "d-4", "reason": "price"}})
	c.AwaitStage("rob@source.example", "lost")
	r := c.Reconciled()
	if r.LeadsByStage["lost"] != 1 || r.Leads != 1 {
		t.Errorf("%+v", r)
	}
	taken, err := c.TrySend(t.Context(), Event{ID: "src-6", Type: "rejected", Properties: map[string]any{"handoff_id": lead.HandoffID}}, answer("src-7", "accepted", "").By(Who{}),
		Event{ID: "src-8", Type: "accepted", Properties: map[string]any{"handoff_id": "ho_nonsense"}})
	if err != nil || taken.Accepted != 1 || len(taken.Rejected) != 2 {
		t.Errorf("a rejection without a reason and an answer to nothing: %+v, %v", taken, err)
	}
	c.Reconciled()
}

// TestFairness: over a pool whose reps are always there, each gets within one of the other, through restarts.
func TestFairness(t *testing.T) {
	c := Start(t, Setup{})
	const n = 41
	for i := range n {
		c.Send(ready(fmt.Sprint("fair-", i), fmt.Sprintf("p%d@fair.example", i), "fair.example")...)
		if i == n/2 {
			c.Kill("routing")
			c.Restart("routing")
			c.Ready()
		}
	}
	c.Reconciled()
	count := map[string]int{}
	eventually(t, "all are handed over", func() error {
		clear(count)
		all := c.AllHandoffs("stage=routed")
		for _, h := range all {
			count[h.Owner.ID]++
		}
		if len(all) != n {
			return fmt.Errorf("%d of %d", len(all), n)
		}
		return nil
	})
	if d := count["ana"] - count["bo"]; d < -1 || d > 1 || count["ana"]+count["bo"] != n {
		t.Errorf("shares %v", count)
	}
}
