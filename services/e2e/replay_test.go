package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// history writes a file of years of leads and deals, as a CRM exports it: no scores, no handoffs, deals that close leads
// of whom little else is known, some before the lead was first seen.
func history(t *testing.T, leads, deals int) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(11, 11))
	path := filepath.Join(t.TempDir(), "history.ndjson")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	start := time.Date(2024, 6, 14, 0, 0, 0, 0, time.UTC)
	write := json.NewEncoder(f).Encode
	origins := []string{"paid_search", "organic_search", "social", "email", "display"}
	for i := range leads {
		when := start.Add(time.Duration(i) * time.Hour / 2)
		who := email(fmt.Sprintf("%08x@history.example", i*2654435761%(1<<32)))
		e := at(Event{ID: fmt.Sprint("mql-", i), Type: "form_submitted", Lead: who, Properties: map[string]any{"channel": origins[rnd.IntN(len(origins))], "form": "landing"}}, when)
		if err := write(e); err != nil {
			t.Fatal(err)
		}
		if i%(leads/deals) == 0 {
			won := at(Event{ID: fmt.Sprint("won-", i), Type: "deal_won", Lead: who, Properties: map[string]any{"deal_id": fmt.Sprint("d", i), "amount": "99.90", "currency": "BRL"}},
				when.Add(time.Duration(rnd.IntN(2000)-200)*time.Hour))
			if err := write(won); err != nil {
				t.Fatal(err)
			}
		}
	}
	return path
}

var sentLine = regexp.MustCompile(`accepted (\d+), duplicates (\d+), rejected (\d+), sequence (\d+)`)

// TestHistorySentTwice: a file of history is taken whole; sent again it changes nothing.
func TestHistorySentTwice(t *testing.T) {
	c := Start(t, Setup{})
	const leads, deals = 2000, 200
	file := history(t, leads, deals)
	send := func(flags ...string) (accepted, duplicates int, sequence string) {
		t.Helper()
		out, err := c.Baton(append([]string{"send", "--source", "app"}, append(flags, file)...)...)
		m := sentLine.FindStringSubmatch(out)
		if err != nil || m == nil || m[3] != "0" {
			t.Fatalf("send: %v\n%s", err, out)
		}
		accepted, _ = strconv.Atoi(m[1])
		duplicates, _ = strconv.Atoi(m[2])
		return accepted, duplicates, m[4]
	}
	if accepted, duplicates, _ := send(); accepted != leads+deals || duplicates != 0 {
		t.Fatalf("%d accepted, %d duplicates of %d", accepted, duplicates, leads+deals)
	}
	check := func(sequence string) Funnel {
		t.Helper()
		r := c.Reconciled()
		if r.Leads != leads || r.LeadsByStage["won"] != deals || r.LeadsByStage["inquiry"] != leads-deals {
			t.Errorf("%+v", r)
		}
		funnel := get[Funnel](c, "metrics/funnel?after="+sequence)
		if funnel.Leads != leads || funnel.entered("won") != deals || funnel.entered("inquiry") != leads || funnel.entered("opportunity") != 0 {
			t.Errorf("%+v", funnel)
		}
		if len(funnel.BySource) != 1 || funnel.BySource[0].Name != "app" || funnel.BySource[0].Won != deals {
			t.Errorf("by source: %+v", funnel.BySource)
		}
		out, err := c.Baton("verify")
		if err != nil {
			t.Errorf("verify: %v\n%s", err, out)
		}
		return funnel
	}
	_, _, sequence := send("--in-flight", "4")
	before := check(sequence)
	c.RestartAll() // ingest forgets what it has seen; the fold does not
	if accepted, duplicates, _ := send("--in-flight", "4"); accepted+duplicates != leads+deals {
		t.Fatalf("%d accepted, %d duplicates of %d", accepted, duplicates, leads+deals)
	}
	after := check("")
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the funnel was\n%+v\nand is\n%+v", before, after)
	}
}

// TestKillInTheStream: the process that takes events is killed again and again while they come in; nothing that was
// acknowledged is lost, and nothing counts twice.
func TestKillInTheStream(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	crowd := newStream(5, "kill", 60)
	sent := make(chan error, 1)
	var ids []string
	var events []Event
	for range 600 {
		e := crowd.next()
		events, ids = append(events, e), append(ids, e.ID)
	}
	go func() {
		for i := 0; i < len(events); i += 3 {
			if err := c.SendUntil(t.Context(), events[i:i+3]...); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	rnd := rand.New(rand.NewPCG(5, 5))
	kills := 0
	for running := true; running; {
		select {
		case err := <-sent:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(time.Duration(300+rnd.IntN(900)) * time.Millisecond):
			c.Restart(services[rnd.IntN(len(services))])
			kills++
		}
	}
	c.Ready()
	c.Reconciled()
	log := c.Log()
	in := map[string]int{}
	for _, ev := range log {
		if ev.Input() && ev.Body.Source == "app" {
			in[ev.Body.Id]++
		}
	}
	for _, id := range ids {
		if in[id] == 0 {
			t.Errorf("%s was acknowledged and is not in the journal", id)
		}
	}
	settled(c)
	for _, problem := range audit(c.Log(), crm) {
		t.Error(problem)
	}
	t.Logf("%d kills, %d messages in the journal", kills, len(log))
}
