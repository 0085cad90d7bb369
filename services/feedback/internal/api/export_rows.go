package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// leadColumns: one row for each lead and epoch. Moments are RFC 3339 in UTC, fit and engagement are points as of qualifying, rules are joined
// by |, flags are true or nothing. No person's data: ids alone.
func leadColumns() []string {
	return []string{
		"lead", "epoch", "stage", "furthest", "first_seen_at", "inquiry_at", "mql_at", "routed_at", "accepted_at", "sql_at", "opportunity_at", "won_at",
		"ended_at", "contacted_at", "source", "channel", "campaign", "account", "country", "industry", "persona", "rep", "team", "route", "rule", "rules",
		"reason", "agreement_version", "size", "grade", "fit_points", "engagement_points", "reassigns", "accept_breached", "contact_breached", "rejected",
		"fixable", "history", "won_before_seen",
	}
}

func exportedLeads(t *table.Table, k *metrics.Kept) (ids []string) {
	last := uint32(0)
	for _, chunk := range t.Chunks() {
		for i := range chunk {
			if r := &chunk[i]; r.Stage != table.NoStage && k.Row(r) && (len(ids) == 0 || r.Lead != last) {
				if _, head := t.Single(r); head || !headKept(t, k, r.Lead, r) {
					ids, last = append(ids, t.LeadID(r.Lead)), r.Lead
				}
			}
		}
	}
	return ids
}

// headKept tells whether an earlier row of the lead than r is kept: then the lead is listed by that one.
func headKept(t *table.Table, k *metrics.Kept, lead uint32, r *table.Row) bool {
	for _, e := range t.Epochs(lead, nil) {
		if e == r {
			return false
		}
		if k.Row(e) {
			return true
		}
	}
	return false
}

func leadRows(t *table.Table, k *metrics.Kept, id string) (rows [][]string) {
	n, known := t.Find(id)
	if !known {
		return nil
	}
	for _, r := range t.Epochs(n, nil) {
		if !k.Row(r) {
			continue
		}
		row := []string{id, strconv.Itoa(int(r.Epoch)), metrics.StageText(r.Stage), metrics.StageText(r.Furthest), instant(r.First)}
		for _, at := range r.Entered {
			row = append(row, instant(at))
		}
		row = append(row, instant(r.Ended), instant(r.Contacted))
		for _, d := range []metrics.Dimension{
			metrics.BySource, metrics.ByChannel, metrics.ByCampaign, metrics.ByAccount, metrics.ByCountry, metrics.ByIndustry, metrics.ByPersona,
			metrics.ByRep, metrics.ByTeam, metrics.ByRoute, metrics.ByRule,
		} {
			row = append(row, metrics.Text(t, d, r))
		}
		row = append(row, strings.Join(t.Names.Members(r.Rules), "|"))
		for _, d := range []metrics.Dimension{metrics.ByReason, metrics.ByVersion, metrics.BySize, metrics.ByGrade} {
			row = append(row, metrics.Text(t, d, r))
		}
		row = append(row, strconv.Itoa(int(r.Fit)), strconv.Itoa(int(r.Engagement)), strconv.Itoa(int(r.Reassigns)))
		for _, f := range []table.Flags{table.AcceptBreached, table.ContactBreached, table.Rejected, table.Fixable, table.History, table.WonBeforeSeen} {
			row = append(row, truth(r.Flags&f != 0))
		}
		rows = append(rows, row)
	}
	return rows
}

// dealColumns: one row for each deal. The amount is a decimal number of units of its currency, as last stated.
func dealColumns() []string {
	return []string{
		"deal", "lead", "epoch", "leads", "status", "opened_at", "closed_at", "churned_at", "renewed_at", "renewals", "amount", "currency", "stage", "reason",
		"owner", "team", "account", "source", "channel", "campaign", "persona",
	}
}

func exportedDeals(t *table.Table, k *metrics.Kept) (ids []string) {
	for d := range t.EachDeal() {
		if k.Deal(d) {
			ids = append(ids, t.Names.Name(d.ID))
		}
	}
	return ids
}

func dealRows(t *table.Table, k *metrics.Kept, id string) [][]string {
	sym, _ := t.Names.Find(id)
	d := t.Deal(sym)
	if d == nil || !k.Deal(d) {
		return nil
	}
	row := []string{
		id, t.LeadID(d.Lead), strconv.Itoa(int(d.Epoch)), strconv.Itoa(int(d.Leads)), dealStatusText(d.Status), instant(d.Opened), instant(d.Closed),
		instant(d.Churned), instant(d.Renewed), strconv.Itoa(int(d.Renewals)), "",
	}
	if d.HasAmount {
		row[len(row)-1] = decimal(d.Amount)
	}
	for _, s := range []table.Sym{d.Currency, d.Stage, d.Reason, d.Owner, d.Team, d.Account, d.Source, d.Channel, d.Campaign, d.Persona} {
		row = append(row, t.Names.Name(s))
	}
	return [][]string{row}
}

func dealStatusText(s table.DealStatus) string {
	switch s {
	case table.DealWon:
		return "won"
	case table.DealLost:
		return "lost"
	case table.DealOpen:
	}
	return "open"
}

// instant gives a moment to the millisecond; "" for never.
func instant(at table.Time) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return ""
}
