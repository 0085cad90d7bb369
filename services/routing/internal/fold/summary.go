package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
)

const typeSummaryDue = "summary_due"

// longestSummary bounds each way in which a summary is written, in bytes: it stays with every delivery until that is done.
const longestSummary = 32 << 10

// summaryDue takes the summary of a week. Weeks are told in order and once: feedback appends the same again after a restart.
func (e *deskEntity) summaryDue(ev *journal.Event) journal.Outcome {
	s := ev.Body.GetSummaryDue()
	e.summary = false
	if !isWeek(s.GetWeek()) || max(len(s.GetText()), len(s.GetHtml()), len(s.GetSlack())) > longestSummary {
		return journal.Applied
	}
	if s.GetWeek() <= e.SummaryWeek {
		return journal.Duplicate
	}
	e.SummaryWeek, e.summary = s.GetWeek(), true
	return journal.Applied
}

// tellSummary tells subscribers of the summary that was just taken.
func (e *deskEntity) tellSummary(g *Globals, ev *journal.Event, d *journal.Decision) {
	if !e.summary {
		return
	}
	s := ev.Body.GetSummaryDue()
	tell(d, g, identity.Desk, EventSummary, "", s.GetWeek(), map[string]string{
		"week": s.GetWeek(), "text": s.GetText(), "html": s.GetHtml(), "slack": s.GetSlack(), "at": ev.Time().UTC().Format(time.RFC3339Nano),
	})
}

// isWeek tells whether a text has the form 2026-W47: such texts are in the order of time.
func isWeek(s string) bool {
	if len(s) != len("2026-W47") || s[4:6] != "-W" {
		return false
	}
	for _, i := range []int{0, 1, 2, 3, 6, 7} {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
