package e2e

import (
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// yesterday is a moment whose neighbours lie in the same UTC day: caps count by that.
func yesterday() time.Time { return time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour) }

func at(e Event, when time.Time) Event {
	e.OccurredAt = &when
	return e
}

// TestLeadsWay is one lead from the first webhook to the signed delivery and back, to a deal that is won.
func TestLeadsWay(t *testing.T) {
	crm := NewCRM(t, "crm", "handoff.routed", "lead.stage_changed")
	c := Start(t, Setup{CRMs: []*CRM{crm}, Env: []string{"BATON_LOG_LEVEL=debug"}})
	const who = "vera.berg@initech.example"
	noon := yesterday()
	c.Send(at(buyer("way-1", who, "initech.example"), noon), at(visit("way-2", who, "https://www.example/blog"), noon.Add(time.Minute)))
	after := c.Send(
		at(visit("way-3", who, "https://www.example/pricing"), noon.Add(2*time.Minute)),
		at(visit("way-4", who, "https://www.example/pricing"), noon.Add(3*time.Minute)),
		at(visit("way-5", who, "https://www.example/pricing/enterprise"), noon.Add(4*time.Minute)),
	)
	lead := c.LeadOf(who, after) // whoever writes reads what it wrote
	if lead.Stage != "inquiry" || lead.Epoch != 1 || lead.Owner != "marketing" || lead.Score.Grade != "a" || lead.Score.Engagement != 20 {
		t.Fatalf("before the download: %+v", lead)
	}
	after = c.Send(at(download("way-6", who, "pricing-guide"), noon.Add(5*time.Minute)))
	lead = c.LeadOf(who, after)
	if lead.Stage != "mql" && lead.Stage != "routed" || lead.HandoffID == "" {
		t.Fatalf("after the download: %+v", lead)
	}
	checkScore(t, get[Score](c, "leads/"+lead.ID+"/score"), noon)

	rec := crm.Await("handoff.routed", lead.HandoffID)
	var p Payload
	c.decode(rec.Data, &p)
	checkPayload(t, p, lead)
	if brief := get[Payload](c, "handoffs/"+lead.HandoffID+"/brief"); brief.Lead.Email != who || brief.Brief.Familiarity != p.Brief.Familiarity {
		t.Errorf("the brief by the API is another: %+v", brief)
	}
	lead = c.AwaitStage(who, "routed")
	if lead.Owner != "cy" {
		t.Fatalf("the account's owner did not get it: %+v", lead)
	}

	took := c.Dispose(lead.HandoffID, "accept", map[string]any{"rep": "cy", "note": "mine"}, http.StatusOK)
	if took.Stage != "accepted" || took.Owner != "cy" || took.Sequence == "" {
		t.Fatalf("accepted: %+v", took)
	}
	if lead = c.LeadOf(who, took.Sequence); lead.Stage != "accepted" {
		t.Fatalf("accepted, but the lead is %+v", lead)
	}
	c.Dispose(lead.HandoffID, "contact", map[string]any{"rep": "cy"}, http.StatusOK)
	took = c.Dispose(lead.HandoffID, "qualify", map[string]any{"rep": "cy"}, http.StatusOK)
	if lead = c.LeadOf(who, took.Sequence); lead.Stage != "sql" {
		t.Fatalf("qualified, but the lead is %+v", lead)
	}
	after = c.Send(Event{ID: "way-7", Type: "deal_won", Lead: email(who), Properties: map[string]any{"deal_id": "d1", "amount": "12000.50", "currency": "EUR"}})
	if lead = c.LeadOf(who, after); lead.Stage != "won" || lead.HighestStage != "won" {
		t.Fatalf("won, but the lead is %+v", lead)
	}

	checkJournal(t, c, lead.ID)
	r := c.Reconciled()
	// 7 of ours, 3 answers, and at least one delivery with its receipt.
	if r.Acknowledged < 11 || r.Leads != 1 || r.LeadsByStage["won"] != 1 || r.Duplicates != 0 {
		t.Errorf("reconciliation: %+v", r)
	}
	funnel := get[Funnel](c, "metrics/funnel?after="+after)
	for _, stage := range []string{"inquiry", "mql", "routed", "accepted", "sql", "won"} {
		if funnel.entered(stage) != 1 {
			t.Errorf("%d leads entered %s: %+v", funnel.entered(stage), stage, funnel)
		}
	}
	if funnel.entered("opportunity") != 0 || funnel.Leads != 1 {
		t.Errorf("a stage that was skipped was invented: %+v", funnel)
	}
	checkStageWebhooks(t, c, crm)
	checkNothingPersonal(t, c, who, "Vera", "Berg")
}

// checkScore works the lead's score out by hand.
func checkScore(t *testing.T, s Score, noon time.Time) {
	t.Helper()
	sums, rules := map[string]int64{}, map[string]float64{}
	for _, k := range s.Contributions {
		m := micros(t, k.Micros)
		sums[k.Side] += m
		rules[k.Rule] += k.Points
		if math.Round(k.Points*1e6) != float64(m) {
			t.Errorf("%s: %v points are not %d micro-points", k.Rule, k.Points, m)
		}
		if k.Side == "engagement" && len(k.Events) == 0 {
			t.Errorf("%s points at no event", k.Rule)
		}
	}
	if sums["engagement"] != micros(t, s.EngagementMicros) || sums["fit"] != micros(t, s.FitMicros) {
		t.Errorf("engagement %s, fit %s, but the contributions sum to %v", s.EngagementMicros, s.FitMicros, sums)
	}
	if s.Engagement != float64(sums["engagement"])/1e6 || s.Fit != 80 || s.Grade != "a" {
		t.Errorf("the score is %+v", s)
	}
	age := s.At.Sub(noon.Add(5 * time.Minute))
	want := map[string]float64{"visit": 4, "pricing": 16, "download": 10 * math.Exp2(-age.Hours()/(30*24)), "senior": 40, "size": 40}
	for rule, points := range want {
		if math.Abs(rules[rule]-points) > 1e-6 {
			t.Errorf("%s gives %v, want %v", rule, rules[rule], points)
		}
	}
	if !slices.ContainsFunc(s.Contributions, func(k Contribution) bool { return k.Rule == "pricing" && k.LimitedBy == "cap" }) {
		t.Errorf("that the third visit to the prices was over the cap is not shown: %+v", s.Contributions)
	}
}

func checkPayload(t *testing.T, p Payload, lead Lead) {
	t.Helper()
	if p.HandoffID != lead.HandoffID || p.Stage != "routed" || p.Epoch != 1 || p.Lead.ID != lead.ID || p.Lead.Email != lead.Email ||
		p.Lead.FirstName != "Vera" || p.Lead.LastName != "Berg" || p.Lead.Title != "VP Engineering" {
		t.Errorf("who: %+v", p)
	}
	if p.Account.ID != "ac-initech" || p.Account.Match.By != "email-domain" || p.Account.Match.Confidence != 1 {
		t.Errorf("account: %+v", p.Account)
	}
	if p.Owner.ID != "cy" || p.Owner.Name != "Cy Ek" || p.Owner.Email != "cy@sales.example" || p.Owner.Team != "emea" || p.Owner.Chosen.Route != "named" {
		t.Errorf("owner: %+v", p.Owner)
	}
	sum := 0.0
	for _, k := range p.Score.Contributions {
		if k.Side == "engagement" {
			sum += k.Points
		}
	}
	if p.Score.Grade != "a" || p.Score.Fit != 80 || p.Score.AgreementVersion != 1 || math.Abs(sum-p.Score.Engagement) > 1e-6 || sum < 25 {
		t.Errorf("score: %+v", p.Score)
	}
	b := p.Brief
	if len(b.WhyNow) == 0 || len(b.Timeline) < 5 || b.Persona != "economic-buyer" || b.JourneyStage == "" || len(b.Interests) == 0 ||
		!slices.Contains([]string{"new", "passing", "familiar"}, b.Familiarity) || len(b.SuggestedNext) == 0 || len(b.Entry) == 0 {
		t.Errorf("brief: %+v", b)
	}
	if len(b.Content) != 1 || b.Content[0].Asset != "pricing-guide" || len(b.Campaigns) != 1 || b.Campaigns[0].Brief != "A set-up within a week." {
		t.Errorf("brief: content %+v, campaigns %+v", b.Content, b.Campaigns)
	}
	if by := time.Until(p.SLA.AcceptBy); by < 3*time.Hour || by > 4*time.Hour {
		t.Errorf("to be accepted in %v, agreed are 4h", by)
	}
}

// checkJournal checks that the lead's journal shows all that happened, in order.
func checkJournal(t *testing.T, c *Cluster, lead string) {
	t.Helper()
	var types []string
	var last int64
	token := ""
	for {
		page := get[JournalPage](c, "leads/"+lead+"/journal?page_size=7&page_token="+query(token))
		for _, e := range page.Entries {
			var ev struct{ Type string }
			c.decode(e.Event, &ev)
			types = append(types, ev.Type)
			if seq := micros(t, e.Sequence); seq <= last {
				t.Errorf("%s at %d stands behind %d", ev.Type, seq, last)
			} else {
				last = seq
			}
			if (e.Producer == "input") != (e.Cause == "") {
				t.Errorf("%s by %q has the cause %q", ev.Type, e.Producer, e.Cause)
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	rest := types
	for _, want := range []string{"identified", "page_viewed", "page_viewed", "asset_downloaded", "qualified", "assigned", "routed", "delivered",
		"accepted", "answered", "contacted", "answered", "sql", "answered", "deal_won", "stage_changed"} {
		i := slices.Index(rest, want)
		if i < 0 {
			t.Fatalf("no %s at its place in the journal: %v", want, types)
		}
		rest = rest[i+1:]
	}
}

// checkStageWebhooks checks that the subscriber of stages was told each move once.
func checkStageWebhooks(t *testing.T, c *Cluster, crm *CRM) {
	t.Helper()
	want := []string{"accepted", "inquiry", "mql", "routed", "sql", "won"}
	eventually(t, "all moves are told", func() error {
		var got []string
		for _, r := range crm.Records() {
			var data struct{ To string }
			if r.Type == "lead.stage_changed" {
				c.decode(r.Data, &data)
				got = append(got, data.To)
			}
		}
		slices.Sort(got)
		return equal(got, want)
	})
}

// checkNothingPersonal searches all logs and metrics for what must not be in them.
func checkNothingPersonal(t *testing.T, c *Cluster, words ...string) {
	t.Helper()
	for _, name := range c.Processes() {
		log, err := os.ReadFile(c.procs[name].log)
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := c.client.Get("http://" + c.admins[name] + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text := string(log) + readAll(t, metrics)
		for _, w := range words {
			if i := strings.Index(text, w); i >= 0 {
				t.Errorf("%s tells of %q: …%s…", name, w, text[max(0, i-100):min(len(text), i+100)])
			}
		}
		if !strings.Contains(text, "baton_") {
			t.Errorf("%s has no metrics of its own", name)
		}
	}
}

func TestRestartChangesNothing(t *testing.T) {
	crm := NewCRM(t, "crm")
	c := Start(t, Setup{CRMs: []*CRM{crm}})
	crowd := newStream(1, "restart", 30)
	var events []Event
	for range 400 {
		events = append(events, crowd.next())
	}
	c.Send(events...)
	c.Quiet()
	before := c.Snapshot()
	calls := len(crm.Records())
	c.RestartAll()
	c.Reconciled()
	c.SameSnapshot(before)
	for _, name := range c.Processes() {
		c.Kill(name)
	}
	for _, name := range c.Processes() {
		c.Restart(name)
	}
	c.Ready()
	c.Reconciled()
	c.SameSnapshot(before)
	if now := len(crm.Records()); now != calls || calls == 0 {
		t.Errorf("%d deliveries before, %d after the restarts", calls, now)
	}
}
