package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// each runs a part of a story for every CRM.
func each(t *testing.T, all []*Vendor, part func(t *testing.T, v *Vendor)) {
	for _, v := range all {
		t.Run(v.Kind, func(t *testing.T) { part(t, v) })
	}
}

// awaitVendors waits until a handoff's first delivery has reached all of them.
func awaitVendors(c *Cluster, all []*Vendor, handoff string) {
	c.t.Helper()
	eventually(c.t, "all CRMs have the handoff", func() error {
		done := map[string]bool{}
		for _, d := range c.AllDeliveries("") {
			if d.HandoffID == handoff && d.Event == "handoff.routed" && d.State == "delivered" {
				done[d.Destination] = true
			}
		}
		if len(done) != len(all) {
			return fmt.Errorf("%v of %d: %+v", done, len(all), c.AllDeliveries(""))
		}
		return nil
	})
}

// TestVendors tells the life of a lead to one CRM of each kind: it is handed over, its brief changes, it is joined with another
// one, comes back and qualifies again. Nothing of it is there twice.
func TestVendors(t *testing.T) {
	all := allVendors(t)
	c := startVendors(t, all)
	lead := c.routed("vera", "vera@berg.example", "berg.example")
	awaitVendors(c, all, lead.HandoffID)
	each(t, all, func(t *testing.T, v *Vendor) {
		v.settledAt(c)
		v.holds(t, 1, 1, "Berg", "vera@berg.example", "Company of berg.example", lead.HandoffID)
	})

	// What is read after the handoff belongs into the brief that is there already.
	c.Send(download("vera-more", "vera@berg.example", "handbook"))
	c.Quiet()
	each(t, all, func(t *testing.T, v *Vendor) {
		v.settledAt(c)
		v.holds(t, 1, 1, lead.HandoffID)
	})

	c.Dispose(lead.HandoffID, "accept", owner(lead.Owner), 200)
	c.Dispose(lead.HandoffID, "contact", owner(lead.Owner), 200)
	c.Dispose(lead.HandoffID, "recycle", owner(lead.Owner, "reason", "unreachable"), 200)
	c.AwaitStage("vera@berg.example", "recycled")
	c.Send(demo("vera-again", "vera@berg.example"))
	again := c.AwaitLead("vera@berg.example", "the next epoch", func(l Lead) bool { return l.Stage == "routed" && l.HandoffID != lead.HandoffID })
	awaitVendors(c, all, again.HandoffID)
	each(t, all, func(t *testing.T, v *Vendor) {
		v.settledAt(c)
		if n := v.counts(); v.Kind != "odoo" && v.Kind != "espocrm" && n[v.person] != 1 {
			t.Errorf("the next epoch made another person: %v", n)
		}
		if !strings.Contains(v.dump(), again.HandoffID) {
			t.Errorf("the next handoff is not there")
		}
	})
	c.Reconciled()
}

// TestVendorsFail lets every CRM fail in each of the ways that come right by themselves: nothing is lost, nothing is there twice.
func TestVendorsFail(t *testing.T) {
	all := allVendors(t)
	c := startVendors(t, all)
	first := c.routed("first", "first@fail.example", "fail.example")
	awaitVendors(c, all, first.HandoffID)
	for i, tc := range []struct {
		name  string
		fault VendorFault
	}{
		{"token expired", VendorFault{Status: 401, Body: `[{"errorCode":"INVALID_SESSION_ID","message":"expired"}]`}},
		{"busy", VendorFault{Status: 429, Header: map[string]string{"Retry-After": "1"}, Body: `{}`}},
		{"answer lost", VendorFault{Drop: true}},
		{"down", VendorFault{Status: 500, Body: `{}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, v := range all {
				if tc.name == "token expired" && !strings.Contains(v.config, "client_id") {
					continue // a key does not expire: it is revoked, and an operator must act
				}
				left := 1
				v.Faults(func(r *http.Request) *VendorFault {
					if left == 0 || strings.Contains(r.URL.Path, "token") || tc.fault.Drop && r.Method == http.MethodGet {
						return nil
					}
					left--
					return &tc.fault
				})
			}
			who := fmt.Sprintf("p%d@fail.example", i)
			lead := c.routed(fmt.Sprint("fail-", i), who, "fail.example")
			awaitVendors(c, all, lead.HandoffID)
			each(t, all, func(t *testing.T, v *Vendor) {
				v.settledAt(c)
				if n := v.counts(); n[v.person] != i+2 {
					t.Errorf("%d handoffs made %v", i+2, n)
				}
				if !strings.Contains(v.dump(), who) {
					t.Errorf("%s is not there", who)
				}
			})
		})
	}
}

// TestVendorsKilled kills Baton in the middle of its requests: what the CRM did and Baton does not know of is not done again.
func TestVendorsKilled(t *testing.T) {
	all := allVendors(t)
	c := startVendors(t, all)
	first := c.routed("first", "first@kill.example", "kill.example")
	awaitVendors(c, all, first.HandoffID)
	hit := make(chan string, len(all))
	for _, v := range all {
		once := false
		v.Faults(func(r *http.Request) *VendorFault {
			if once {
				return &VendorFault{Hang: true}
			}
			if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "token") || strings.HasSuffix(r.URL.Path, "search_read") {
				return nil
			}
			once = true
			hit <- v.Kind
			return &VendorFault{Drop: true}
		})
	}
	lead := c.routed("second", "second@kill.example", "kill.example")
	for range all {
		<-hit
	}
	c.Restart("routing")
	for _, v := range all {
		v.Faults(nil)
	}
	c.Ready()
	awaitVendors(c, all, lead.HandoffID)
	each(t, all, func(t *testing.T, v *Vendor) {
		v.settledAt(c)
		v.holds(t, 2, 2, "second@kill.example", lead.HandoffID)
	})
}
