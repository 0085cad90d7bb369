package main

import (
	"fmt"
	"slices"
	"time"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

// printFunnel shows how far leads came, and which channels they came by.
func printFunnel(s *sheet, f *feedbackv1.Funnel) {
	s.line(" %-14s %8s %10s %12s %8s", "Funnel", "reached", "of leads", "of previous", "there now")
	for i, st := range f.GetStages() {
		if st.GetReached() == 0 && st.GetCurrent() == 0 {
			continue
		}
		previous := ""
		if i > 0 && st.GetFromPrevious() > 0 {
			previous = percent(st.GetFromPrevious())
		}
		ofLeads := 0.0
		if f.GetLeads() > 0 {
			ofLeads = st.GetReached() / f.GetLeads()
		}
		s.line("   %-12s %8s %10s %12s %8s", st.GetStage(), count(st.GetReached()), percent(ofLeads), previous, count(st.GetCurrent()))
	}
	s.line("")
	printGroups(s, "By channel", f.GetByChannel())
	s.line("")
	printGroups(s, "By source", f.GetBySource())
}

func printGroups(s *sheet, title string, list []*feedbackv1.FunnelSource) {
	s.line(" %-14s %8s %10s %12s %8s %8s %8s %8s", title, "leads", "qualified", "of leads", "accepted", "sql", "won", "of leads")
	for _, g := range list {
		qualified := 0.0
		if g.GetLeads() > 0 {
			qualified = g.GetQualified() / g.GetLeads()
		}
		s.line("   %-12s %8s %10s %12s %8s %8s %8s %8s", short(plain(g.GetName()), 12), count(g.GetLeads()), count(g.GetQualified()), percent(qualified),
			count(g.GetAccepted()), count(g.GetSql()), count(g.GetWon()), percent(g.GetConversion()))
	}
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// printReconciliation says in one line that nothing was lost, or that it was.
func printReconciliation(s *sheet, r *scoringv1.Reconciliation) {
	s.item("Nothing lost", fmt.Sprintf("acknowledged %s = applied %s + duplicates %s + quarantined %s + pending %s + erased %s; drift %s",
		count(r.GetAcknowledged()), count(r.GetApplied()), count(r.GetDuplicates()), count(r.GetQuarantined()), count(r.GetPending()),
		count(r.GetErased()), count(r.GetDrift())))
	verdict := fmt.Sprintf("ok: %s leads, each in exactly one stage with one accountable owner", count(r.GetLeads()))
	if !r.GetOk() {
		verdict = "NOT OK"
	}
	s.item("", verdict)
	s.item("", r.GetProblems()...)
}

// latency says how long it took from a request for a demonstration to its record in the CRM: the middle and the slowest.
func latency(ascending []time.Duration) string {
	if len(ascending) == 0 {
		return ""
	}
	middle, slowest := ascending[(len(ascending)-1)/2], ascending[len(ascending)-1]
	return fmt.Sprintf("%s from the request for a demonstration to the record in the CRM (p50 of %d; the slowest %s)",
		seconds(middle), len(ascending), seconds(slowest))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// showpiece gives the record whose brief has most to tell. Of equals it is the one that nobody has answered yet, then the
// latest.
func showpiece(list []*record, answered map[string]bool) *record {
	var best *record
	most := -1
	for _, r := range slices.Backward(list) {
		b := r.payload.GetBrief()
		n := 0
		for _, there := range []bool{
			len(b.GetWhyNow()) > 0, len(b.GetContent()) > 1, len(b.GetOthersAtAccount()) > 0, len(b.GetSuggestedNext()) > 0,
			len(b.GetCampaigns()) > 0, len(r.payload.GetOwner().GetChosen().GetConsidered()) > 0, len(b.GetTimeline()) > 8,
			b.GetPersona() != "", len(b.GetInterests()) > 1, !answered[r.payload.GetHandoffId()],
		} {
			if there {
				n++
			}
		}
		if n > most {
			best, most = r, n
		}
	}
	return best
}

// printNext says where to look while Baton still runs.
func printNext(s *sheet, base, binary string, p *routingv1.Payload) {
	api := base + "/api/v1"
	s.line(" Look around; Baton is still running:")
	for _, l := range [][2]string{
		{"the lead, for people", fmt.Sprintf("%s lead --url %s %s", binary, base, p.GetLead().GetEmail())},
		{"the lead", fmt.Sprintf("curl -s '%s/leads?email=%s'", api, p.GetLead().GetEmail())},
		{"its score, explained", fmt.Sprintf("curl -s %s/leads/%s/score", api, p.GetLead().GetId())},
		{"all that it did", fmt.Sprintf("curl -s %s/leads/%s/journal", api, p.GetLead().GetId())},
		{"an inbox", fmt.Sprintf("curl -s '%s/handoffs?owner=%s'", api, p.GetOwner().GetId())},
		{"the funnel", fmt.Sprintf("curl -s %s/metrics/funnel", api)},
		{"the proof", fmt.Sprintf("curl -s %s/reconciliation", api)},
		{"take the lead", fmt.Sprintf("curl -s %s/handoffs/%s/accept -d '{\"rep\": \"%s\"}'", api, p.GetHandoffId(), p.GetOwner().GetId())},
	} {
		s.line("   %-22s%s", l[0], l[1])
	}
}
