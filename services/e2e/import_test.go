package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const importMap = `
source: app
csv: { delimiter: ";" }
id: "{deal_id}"
events:
  - type: identified
    when: { email: present }
    occurred_at: "{created}"
    lead: { email: "{email}" }
    traits: { title: "{job}" }
    account: { name: "{company}", employees: { from: "{size}", as: number } }
  - { type: demo_requested, when: { asked: [demo] }, occurred_at: "{created}", lead: { email: "{email}" }, properties: { channel: event } }
  - type: { from: "{status}", values: { won: deal_won, lost: deal_lost } }
    occurred_at: "{closed}"
    lead: { email: "{email}" }
    properties: { deal_id: "{deal_id}", amount: "{value}", currency: EUR, reason: "{why}" }
`

// TestImportHistory: what was before Baton is measured and hands nobody over; who does something now is handed over like
// anybody, and a release hands over who qualifies today, once.
func TestImportHistory(t *testing.T) {
	crm := NewCRM(t, "crm", "handoff.routed", "lead.stage_changed", "lead.score_band_changed")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	const people, won, lost, asked = 200, 40, 30, 50 // of those who asked for a demo, none has a deal
	created := time.Now().AddDate(-1, 0, 0).UTC().Truncate(24 * time.Hour)
	var file strings.Builder
	file.WriteString("deal_id;email;job;company;size;asked;status;created;closed;value;why\n")
	for i := range people {
		status, closed, demo, job := "open", "", "", "VP Sales"
		switch {
		case i < won:
			status, closed = "won", created.AddDate(0, 0, 30).Format(time.DateOnly)
		case i < won+lost:
			status, closed = "lost", created.AddDate(0, 0, 30).Format(time.DateOnly)
		case i < won+lost+asked:
			demo = "demo"
		default:
			job = "Student"
		}
		fmt.Fprintf(&file, "d%d;p%d@history.example;%s;\"Old & Sons; %d\";420;%s;%s;%s;%s;1200.50;\n", i, i, job, i, demo, status, created.Format(time.DateOnly), closed)
	}
	mapFile, rows := filepath.Join(c.dir, "map.yaml"), filepath.Join(c.dir, "deals.csv")
	for name, text := range map[string]string{mapFile: importMap, rows: file.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(want string) {
		t.Helper()
		out, err := c.Baton("import", "--map", mapFile, rows)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v: %s, want %s", err, out, want)
		}
	}
	events := people + asked + won + lost
	load(fmt.Sprintf("rows %d, events %d, accepted %d, duplicates 0, rejected 0, skipped 0, errors 0", people, events, events))
	load(fmt.Sprintf("rows %d, events %d, ", people, events)) // a repeat loads nothing twice
	c.Quiet()

	f := get[Funnel](c, "metrics/funnel")
	if f.Leads != people || f.entered("inquiry") != people-won-lost+won+lost || f.entered("won") != won || f.entered("lost") != lost || f.entered("mql") != 0 {
		t.Errorf("the funnel: %+v", f)
	}
	// It counts them when they came, not when they were loaded.
	window := func(from, to time.Time) int {
		return get[Funnel](c, "metrics/funnel?from="+from.Format(time.RFC3339)+"&to="+to.Format(time.RFC3339)).Leads
	}
	if then, now := window(created.AddDate(0, 0, -1), created.AddDate(0, 0, 1)), window(created.AddDate(0, 6, 0), time.Now().Add(time.Hour)); then != people || now != 0 {
		t.Errorf("%d leads then, %d now", then, now)
	}
	handedOver := func(want int) {
		t.Helper()
		c.Quiet()
		if n := len(c.leadsWith("qualified")); n != want {
			t.Errorf("%d were handed over, want %d", n, want)
		}
	}
	handedOver(0)

	// One of them asks today.
	c.Send(demo("live-1", "p75@history.example"))
	c.AwaitLead("p75@history.example", "is handed over", func(l Lead) bool { return l.Stage == "routed" })
	handedOver(1)

	out, err := c.Baton("import", "--release", "--dry-run")
	if err != nil || !strings.Contains(out, fmt.Sprintf("held %d, of whom %d qualify today", people-1, asked-1)) {
		t.Errorf("%v: %s", err, out)
	}
	handedOver(1)
	out, err = c.Baton("import", "--release")
	if err != nil || !strings.Contains(out, fmt.Sprintf("held %d, released %d, of whom %d qualify today", people-1, people-1, asked-1)) {
		t.Errorf("%v: %s", err, out)
	}
	handedOver(asked)
	for range 2 {
		if out, err := c.Baton("import", "--release"); err != nil || !strings.Contains(out, "held 0, released 0") {
			t.Errorf("%v: %s", err, out)
		}
	}
	handedOver(asked)
	c.Reconciled()
	if told := len(crm.ByHandoff("handoff.routed")); told != asked {
		t.Errorf("the CRM knows %d handoffs, want %d", told, asked)
	}
	// Of what was long known nobody was told: only of those who were handed over.
	changes := 0
	for _, r := range crm.Records() {
		var d struct{ To string }
		if err := json.Unmarshal(r.Data, &d); err != nil {
			t.Fatal(err)
		}
		if r.Type == "lead.stage_changed" {
			if changes++; d.To != "mql" && d.To != "routed" {
				t.Errorf("the CRM was told that somebody is at %q: %s", d.To, r.Data)
			}
		}
	}
	if changes < asked {
		t.Errorf("the CRM was told of %d changes of stage", changes)
	}
}

// leadsWith gives the leads on whose subject facts of a type stand.
func (c *Cluster) leadsWith(eventType string) []string {
	c.t.Helper()
	var out []string
	for _, ev := range c.Log() {
		if ev.Type == eventType {
			out = append(out, ev.Entity)
		}
	}
	return out
}
