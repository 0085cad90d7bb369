package e2e

import (
	"fmt"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/journal"
)

// audit looks through a settled journal for what must never be in it, whatever was killed when. It knows the rules of the
// journal and of handoffs, and nothing of how services decide.
func audit(log []*journal.Event, crms ...*CRM) []string {
	a := newAuditor()
	for _, ev := range log {
		a.identity(ev)
		a.handoff(ev)
	}
	a.deliveries(crms)
	return a.problems
}

func newAuditor() *auditor {
	return &auditor{
		facts: map[string]uint64{}, last: map[string][2]uint64{}, once: map[string]uint64{}, due: map[string]map[string]bool{},
		delivered: map[string]map[string]bool{}, handoffs: map[string]string{},
	}
}

type auditor struct {
	problems []string
	facts    map[string]uint64    // a fact's identity to its sequence
	last     map[string][2]uint64 // by producer and partition, the last (cause, n)
	once     map[string]uint64    // what may stand once, to its sequence
	handoffs map[string]string    // handoff to its lead
	// By destination, then webhook-id.
	due, delivered map[string]map[string]bool
}

func (a *auditor) bad(format string, args ...any) {
	if len(a.problems) < 50 {
		a.problems = append(a.problems, fmt.Sprintf(format, args...))
	}
}

// identity: no fact stands twice, and causes ascend per producer and deciding partition.
func (a *auditor) identity(ev *journal.Event) {
	o := ev.Origin
	if o == nil || ev.Partition == journal.Global {
		return
	}
	key := fmt.Sprintf("%s/%d/%d/%d", o.Producer, o.Partition, o.Cause, o.N)
	if first, twice := a.facts[key]; twice {
		a.bad("%s %s stands in the journal twice, at %d and %d", ev.Type, key, first, ev.Seq)
	}
	a.facts[key] = ev.Seq
	if o.Cause >= ev.Seq {
		a.bad("%s at %d is caused by what comes later, %d", ev.Type, ev.Seq, o.Cause)
	}
	if journal.PartitionOf(o.Entity) != o.Partition {
		a.bad("%s at %d: %s does not decide in partition %d", ev.Type, ev.Seq, o.Entity, o.Partition)
	}
	writer := fmt.Sprintf("%s/%d", o.Producer, o.Partition)
	if l := a.last[writer]; o.Cause < l[0] || o.Cause == l[0] && uint64(o.N) <= l[1] && l != [2]uint64{} {
		a.bad("%s at %d: its cause %d.%d stands behind %d.%d of %s", ev.Type, ev.Seq, o.Cause, o.N, l[0], l[1], writer)
	}
	a.last[writer] = [2]uint64{o.Cause, uint64(o.N)}
}

func (a *auditor) onlyOnce(ev *journal.Event, key string) {
	if first, twice := a.once[key]; twice {
		a.bad("%s stands at %d and at %d", key, first, ev.Seq)
	}
	a.once[key] = ev.Seq
}

// handoff: one for each lead and epoch, one assignment of each attempt, each delivery due once.
func (a *auditor) handoff(ev *journal.Event) {
	own := ev.Origin != nil && ev.Origin.Entity == ev.Entity
	switch {
	case ev.Origin == nil:
		if d := ev.Body.GetDelivered(); d != nil {
			set(a.delivered, d.Destination, d.WebhookId)
		}
	case ev.Body.GetQualified() != nil && own:
		q := ev.Body.GetQualified()
		a.onlyOnce(ev, "qualified "+q.HandoffId)
		a.onlyOnce(ev, fmt.Sprintf("epoch %d of %s", q.Epoch, ev.Entity))
		a.handoffs[q.HandoffId] = ev.Entity
	case ev.Body.GetRouted() != nil && own:
		a.onlyOnce(ev, "routed "+ev.Body.GetRouted().HandoffId)
	case ev.Body.GetAssigned() != nil:
		s := ev.Body.GetAssigned()
		a.onlyOnce(ev, fmt.Sprintf("assigned %s attempt %d on %s", s.HandoffId, s.Attempt, ev.Entity))
	case ev.Body.GetDeliveryDue() != nil && own:
		d := ev.Body.GetDeliveryDue()
		a.onlyOnce(ev, "due "+d.Destination+" "+d.WebhookId)
		set(a.due, d.Destination, d.WebhookId)
		if d.Event == "handoff.routed" {
			a.onlyOnce(ev, "told "+d.Destination+" of "+d.HandoffId)
		}
	}
}

func set(m map[string]map[string]bool, a, b string) {
	if m[a] == nil {
		m[a] = map[string]bool{}
	}
	m[a][b] = true
}

// deliveries: what is due was delivered, what was delivered was due, and each CRM saw exactly that.
func (a *auditor) deliveries(crms []*CRM) {
	for _, crm := range crms {
		seen := crm.Seen()
		for _, id := range sorted(a.due[crm.Name]) {
			if !a.delivered[crm.Name][id] {
				a.bad("%s is due at %s and was never delivered", id, crm.Name)
			}
			if !seen[id] {
				a.bad("%s is due at %s, which never saw it", id, crm.Name)
			}
		}
		for _, id := range sorted(seen) {
			if !a.due[crm.Name][id] {
				a.bad("%s was posted to %s and was never due", id, crm.Name)
			}
		}
		for _, id := range sorted(a.delivered[crm.Name]) {
			if !a.due[crm.Name][id] {
				a.bad("%s was delivered to %s and was never due", id, crm.Name)
			}
		}
	}
}

func sorted(set map[string]bool) []string {
	var out []string
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// settled waits until every delivery has been made, and everything has been read. What has failed and would be tried again
// in minutes or hours is tried at once: an operator presses the button.
func settled(c *Cluster) {
	c.t.Helper()
	pressed := map[string]time.Time{}
	clean := 0 // a delivery can be passed over while it changes its state: only twice nothing is nothing
	eventually(c.t, "every delivery is made", func() error {
		var left []Delivery
		for _, state := range []string{"due", "failing", "dead"} {
			page, err := tryGet[Deliveries](c, "deliveries?page_size=100&state="+state)
			if err != nil {
				return err
			}
			left = append(left, page.Deliveries...)
		}
		for i, d := range left {
			// One that is due and was never tried waits behind the others of its destination: one press for all.
			if (d.State != "due" || i == 0) && time.Since(pressed[d.ID]) > 2*time.Second {
				pressed[d.ID] = time.Now()
				if r := c.Call("POST", "/api/v1/deliveries/"+d.ID+"/replay", map[string]any{}); r.Status != 200 {
					return fmt.Errorf("replay: %s", r)
				}
			}
		}
		if len(left) > 0 {
			clean = 0
			return fmt.Errorf("%d are left, such as %+v", len(left), left[0])
		}
		if clean++; clean < 2 {
			return fmt.Errorf("looking once more")
		}
		return nil
	})
	c.Reconciled()
}
