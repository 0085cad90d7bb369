package api

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

// leadColumns: one row for each lead and epoch. Fit and engagement are points as of qualifying, rules are joined by |. No person's data: ids
// alone.
func leadColumns() []tabular.Column {
	return slices.Concat(
		tabular.Columns(tabular.ID, "lead"), tabular.Columns(tabular.Count, "epoch"), tabular.Columns(tabular.Text, "stage", "furthest"),
		tabular.Columns(tabular.Moment, "first_seen_at", "inquiry_at", "mql_at", "routed_at", "accepted_at", "sql_at", "opportunity_at", "won_at", "ended_at", "contacted_at"),
		tabular.Columns(tabular.Text, "source", "channel", "campaign", "account", "country", "industry", "persona", "rep", "team", "route", "rule", "rules", "reason"),
		tabular.Columns(tabular.Count, "agreement_version"), tabular.Columns(tabular.Text, "size", "grade"),
		tabular.Columns(tabular.Count, "fit_points", "engagement_points", "reassigns"),
		tabular.Columns(tabular.Flag, "accept_breached", "contact_breached", "rejected", "fixable", "history", "won_before_seen"),
	)
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

func leadRows(t *table.Table, k *metrics.Kept, id string) (rows [][]tabular.Cell) {
	n, known := t.Find(id)
	if !known {
		return nil
	}
	for _, r := range t.Epochs(n, nil) {
		if !k.Row(r) {
			continue
		}
		row := []tabular.Cell{
			tabular.Str(id), tabular.N(r.Epoch), tabular.Str(metrics.StageText(r.Stage)), tabular.Str(metrics.StageText(r.Furthest)), tabular.At(r.First),
		}
		for _, at := range r.Entered {
			row = append(row, tabular.At(at))
		}
		row = append(row, tabular.At(r.Ended), tabular.At(r.Contacted))
		for _, d := range []metrics.Dimension{
			metrics.BySource, metrics.ByChannel, metrics.ByCampaign, metrics.ByAccount, metrics.ByCountry, metrics.ByIndustry, metrics.ByPersona,
			metrics.ByRep, metrics.ByTeam, metrics.ByRoute, metrics.ByRule,
		} {
			row = append(row, tabular.Str(metrics.Text(t, d, r)))
		}
		row = append(row, tabular.Str(strings.Join(t.Names.Members(r.Rules), "|")), tabular.Str(metrics.Text(t, metrics.ByReason, r)), qualified(r, r.Version),
			tabular.Str(metrics.Text(t, metrics.BySize, r)), tabular.Str(metrics.Text(t, metrics.ByGrade, r)), qualified(r, r.Fit), qualified(r, r.Engagement), tabular.N(r.Reassigns))
		for _, f := range []table.Flags{table.AcceptBreached, table.ContactBreached, table.Rejected, table.Fixable, table.History, table.WonBeforeSeen} {
			row = append(row, tabular.Is(r.Flags&f != 0))
		}
		rows = append(rows, row)
	}
	return rows
}

// qualified gives what is known of a lead that qualified, and of no other.
func qualified[N uint8 | uint16](r *table.Row, n N) tabular.Cell {
	if r.Grade == 0 {
		return tabular.None()
	}
	return tabular.N(n)
}

// dealColumns: one row for each deal. The amount is in units of its currency, as last stated.
func dealColumns() []tabular.Column {
	return slices.Concat(
		tabular.Columns(tabular.ID, "deal", "lead"), tabular.Columns(tabular.Count, "epoch", "leads"), tabular.Columns(tabular.Text, "status"),
		tabular.Columns(tabular.Moment, "opened_at", "closed_at", "churned_at", "renewed_at"), tabular.Columns(tabular.Count, "renewals"),
		tabular.Columns(tabular.Money, "amount"),
		tabular.Columns(tabular.Text, "currency", "stage", "reason", "owner", "team", "account", "source", "channel", "campaign", "persona"),
	)
}

func exportedDeals(t *table.Table, k *metrics.Kept) (ids []string) {
	for d := range t.EachDeal() {
		if k.Deal(d) {
			ids = append(ids, t.Names.Name(d.ID))
		}
	}
	return ids
}

func dealRows(t *table.Table, k *metrics.Kept, id string) [][]tabular.Cell {
	sym, _ := t.Names.Find(id)
	d := t.Deal(sym)
	if d == nil || !k.Deal(d) {
		return nil
	}
	amount := tabular.None()
	if d.HasAmount {
		amount = tabular.Micros(d.Amount)
	}
	row := []tabular.Cell{
		tabular.Str(id), tabular.Str(t.LeadID(d.Lead)), tabular.N(d.Epoch), tabular.N(d.Leads), tabular.Str(dealStatusText(d.Status)), tabular.At(d.Opened),
		tabular.At(d.Closed), tabular.At(d.Churned), tabular.At(d.Renewed), tabular.N(d.Renewals), amount,
	}
	for _, s := range []table.Sym{d.Currency, d.Stage, d.Reason, d.Owner, d.Team, d.Account, d.Source, d.Channel, d.Campaign, d.Persona} {
		row = append(row, tabular.Str(t.Names.Name(s)))
	}
	return [][]tabular.Cell{row}
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
