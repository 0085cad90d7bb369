package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// each runs a part of a story for every CRM.
func each(t *testing.T, all []*Vendor, part func(t *testing.T, v *Vendor)) {
	for _, v := range all {
		t.Run(v.Kind, func(t *testing.T) { part(t, v) })
	}
}

// writes reports whether a request makes or changes something at a CRM.
func writes(r *http.Request) bool {
	for _, reads := range []string{"token", "search_read", "fields_get", "/batch/read"} {
		if strings.Contains(r.URL.Path, reads) {
			return false
		}
	}
	return r.Method != http.MethodGet
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

// TestVendors tells the life of a lead to one CRM of each kind: it is handed over, its brief changes, it comes
// back and qualifies again. Nothing of it is there twice.
func TestVendors(t *testing.T) {
	all := allVendors(t)
	c := startVendors(t, all)
	lead := c.routed("vera", "vera@berg.example", "berg.example")
	awaitVendors(c, all, lead.HandoffID)
	each(t, all, func(t *testing.T, v *Vendor) {
		v.settledAt(c)
		v.holds(t, 1, 1, "Berg", "vera@berg.example", "Company of berg.example", lead.HandoffID)
	})

	// What they do after the handoff belongs into the brief that is there already.
	c.Send(download("vera-more", "vera@berg.example", "handbook"), Event{ID: "vera-meets", Type: "meeting_booked", Lead: email("vera@berg.example")})
	each(t, all, func(t *testing.T, v *Vendor) {
		eventually(t, "the brief is told anew", func() error {
			for _, d := range c.AllDeliveries("destination=" + v.Kind) {
				if d.Event == "handoff.updated" && d.State == "delivered" {
					return nil
				}
			}
			return fmt.Errorf("%+v", c.AllDeliveries("destination="+v.Kind))
		})
		v.holds(t, 1, 1, lead.HandoffID)
		if v.Kind != "dynamics" && !strings.Contains(v.dump(), "handbook") { // whose field for the brief is too short for it
			t.Errorf("the brief does not tell of what came after it: %s", v.dump())
		}
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
		if n := v.counts(); v.Kind != "odoo" && n[v.person] != 1 { // Odoo gets a lead for each handoff
			t.Errorf("the next epoch made another person: %v", n)
		}
		if !strings.Contains(v.dump(), again.HandoffID) {
			t.Errorf("the next handoff is not there")
		}
	})
	c.Reconciled()
}

// oncePerRun skips what is between Baton and a CRM alone where the suite runs on engines of their own: it has been tried on those in process.
func oncePerRun(t *testing.T) {
	t.Helper()
	if suiteSplit && os.Getenv("BATON_VENDORS") == "" {
		t.Skip("has nothing to do with engines; BATON_VENDORS asks for it")
	}
}

// TestVendorsFail lets every CRM fail in each of the ways that come right by themselves: nothing is lost, nothing is there twice. The
// waits are the vendors' own, so those of limits and of servers that are down are for the long run alone.
func TestVendorsFail(t *testing.T) {
	oncePerRun(t)
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
			if os.Getenv("BATON_VENDORS") == "" && (tc.name == "busy" || tc.name == "down") {
				t.Skip("BATON_VENDORS asks for it")
			}
			people := all[0].counts()[all[0].person]
			met := make(chan string, len(all)) // those whose fault came
			faults := 0
			for _, v := range all {
				if tc.name == "token expired" && !strings.Contains(v.config, "client_id") {
					continue // a key does not expire: it is revoked, and an operator must act
				}
				left := 1
				faults++
				v.Faults(func(r *http.Request) *VendorFault {
					if left == 0 || strings.Contains(r.URL.Path, "token") || tc.fault.Drop && !writes(r) {
						return nil
					}
					left--
					met <- v.Kind
					return &tc.fault
				})
			}
			who := fmt.Sprintf("p%d@fail.example", i)
			lead := c.routed(fmt.Sprint("fail-", i), who, "fail.example")
			awaitVendors(c, all, lead.HandoffID)
			if len(met) != faults {
				t.Errorf("%d of %d CRMs failed: the test shows nothing of the others", len(met), faults)
			}
			each(t, all, func(t *testing.T, v *Vendor) {
				v.settledAt(c)
				if n := v.counts(); n[v.person] != people+1 {
					t.Errorf("%d handoffs made %v", people+1, n)
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
			if !writes(r) {
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

// TestVendorsRefuse lets every CRM refuse a lead for what it is: the delivery is dead with a reason that people see, the next
// lead passes, and a replay delivers the first once the CRM takes it.
func TestVendorsRefuse(t *testing.T) {
	oncePerRun(t)
	all := allVendors(t)
	c := startVendors(t, all)
	refusals := map[string]VendorFault{
		"salesforce": {Status: 400, Body: `[{"errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"no","fields":["Title"]}]`},
		"hubspot":    {Status: 400, Body: `{"category":"VALIDATION_ERROR","message":"x: [{\"error\":\"INVALID_OPTION\",\"name\":\"jobtitle\"}]"}`},
		"pipedrive":  {Status: 400, Body: `{"success":false,"error":"name is invalid"}`},
		"dynamics":   {Status: 400, Body: `{"error":{"code":"0x80040265","message":"a plug-in refused"}}`},
		"zoho":       {Status: 200, Body: `{"data":[{"code":"INVALID_DATA","details":{"api_name":"Designation"},"message":"no","status":"error"}]}`},
		"espocrm":    {Status: 400, Body: `{"messageTranslation":{"label":"validationFailure","data":{"field":"title","type":"maxLength"}}}`},
		"odoo":       {Status: 422, Body: `{"name":"odoo.exceptions.ValidationError","message":"no","arguments":["no"]}`},
	}
	for _, v := range all {
		f := refusals[v.Kind]
		v.Faults(func(r *http.Request) *VendorFault {
			if !writes(r) {
				return nil
			}
			return &f
		})
	}
	lead := c.routed("bad", "bad@refuse.example", "refuse.example")
	dead := map[string]Delivery{}
	each(t, all, func(t *testing.T, v *Vendor) {
		eventually(t, "the delivery is dead", func() error {
			for _, d := range c.AllDeliveries("destination=" + v.Kind) {
				if d.HandoffID == lead.HandoffID && d.State == "dead" && d.LastError != "" {
					dead[v.Kind] = d
					return nil
				}
			}
			return fmt.Errorf("%+v", c.AllDeliveries("destination="+v.Kind))
		})
		t.Logf("%s: %s", v.Kind, dead[v.Kind].LastError)
		if strings.Contains(dead[v.Kind].LastError, "refuse.example") {
			t.Errorf("the reason names a person: %s", dead[v.Kind].LastError)
		}
		v.Faults(nil)
	})
	next := c.routed("good", "good@refuse.example", "refuse.example")
	awaitVendors(c, all, next.HandoffID)
	each(t, all, func(t *testing.T, v *Vendor) {
		if r := c.Call(http.MethodPost, "/api/v1/deliveries/"+dead[v.Kind].ID+"/replay", map[string]any{}); r.Status != 200 {
			t.Fatalf("replay: %s", r)
		}
		v.settledAt(c)
		v.holds(t, 2, 2, lead.HandoffID, next.HandoffID)
	})
}

// TestVendorsCheck maps a field that no CRM has: the check at start and on request names it.
func TestVendorsCheck(t *testing.T) {
	oncePerRun(t)
	all := allVendors(t)
	unknown := strings.Repeat("f", 40)
	wrong := map[string][2]string{
		"salesforce": {"Lead", "Nope__c"}, "hubspot": {"contact", "nope"}, "pipedrive": {"lead", unknown}, "dynamics": {"lead", "nope"},
		"zoho": {"Leads", "Nope"}, "espocrm": {"lead", "nope"}, "odoo": {"lead", "nope"},
	}
	for _, v := range all {
		v.config += fmt.Sprintf(", fields: {%s: {%s: lead.email}}", wrong[v.Kind][0], wrong[v.Kind][1])
	}
	c := startVendors(t, all)
	each(t, all, func(t *testing.T, v *Vendor) {
		r := c.Call(http.MethodPost, "/api/v1/destinations/"+v.Kind+"/check", map[string]any{})
		if field := wrong[v.Kind][0] + "." + wrong[v.Kind][1]; r.Status != 200 || !strings.Contains(string(r.Body), field) {
			t.Errorf("the check does not name %s: %s", field, r)
		}
		eventually(t, "the log names it at start", func() error {
			for _, line := range strings.Split(c.process("routing").tail(200), "\n") {
				if strings.Contains(line, v.Kind) && strings.Contains(line, wrong[v.Kind][1]) {
					return nil
				}
			}
			return fmt.Errorf("no line")
		})
	})
}
