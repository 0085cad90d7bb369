package core

import (
	"cmp"
	"slices"
	"strings"
)

// The stages. "" is a lead of whom nothing is known yet.
const (
	Inquiry      = "inquiry"
	MQL          = "mql"
	Routed       = "routed"
	Accepted     = "accepted"
	SQL          = "sql"
	Opportunity  = "opportunity"
	Won          = "won"
	Lost         = "lost"
	Recycled     = "recycled"
	Disqualified = "disqualified"
)

// Stages lists all stages, in the order of a lead's way.
func Stages() []string {
	return []string{Inquiry, MQL, Routed, Accepted, SQL, Opportunity, Won, Lost, Recycled, Disqualified}
}

// Marketing is the accountable owner of a lead that no rep has.
const Marketing = "marketing"

// progress ranks stages by how far they lie; lost, recycled and disqualified are no progress.
func progress(stage string) int {
	return slices.Index([]string{"", Inquiry, MQL, Routed, Accepted, SQL, Opportunity, Won}, stage)
}

// further gives the stage that lies further on.
func further(a, b string) string {
	if a == "" || progress(b) > progress(a) {
		return b
	}
	return a
}

func dealStage(stage string) bool { return stage == Opportunity || stage == Won || stage == Lost }

// withSales reports whether a lead at this stage is sales' to work on: it needs a rep.
func withSales(stage string) bool { return stage == Routed || stage == Accepted || stage == SQL }

// open reports whether a stage is marketing's: the lead may still qualify, now or once it wakes.
func open(stage string) bool { return stage == "" || stage == Inquiry || stage == Recycled }

// Run is one epoch: one run of a lead through the stages.
type Run struct {
	Epoch int32
	// Stage reached by other means than deals.
	Stage string
	// Handoff of this epoch, "" before it qualified, and the lead that it was made for: this one or an absorbed one.
	Handoff, Lead string
	QualifiedAt   int64
	// Rep who has it, "" for none. Account as routing matched it.
	Rep, Account string
	// Of a recycled epoch: since when, why, and what wakes it.
	RecycledAt     int64
	Reason, WakeOn string
	WakeAt         int64
	// Stages that it went through, in order; of a run that has ended, those since: a deal may still come of it.
	Stages []StageSpan
}

// Deal is the latest word of a CRM on an opportunity, by when it happened, then by the event's id.
type Deal struct {
	At                           int64
	By, Stage                    string
	ID, Amount, Currency, Reason string
}

func (d *Deal) before(o *Deal) bool {
	return cmp.Or(cmp.Compare(d.At, o.At), strings.Compare(d.By, o.By), strings.Compare(d.ID, o.ID)) < 0
}

// PastEpoch is a run that ended.
type PastEpoch struct {
	Epoch                       int32
	Ended, Reason, Handoff, Rep string
	At                          int64
	// Stages that it went through, in order.
	Stages []StageSpan
}

// maxHistory is how many past epochs are kept: the latest.
const maxHistory = 20

// Stage gives where the lead stands: what a CRM last said of a deal, or else its run's stage.
func (l *Lead) Stage() string {
	if l.Deal.Stage != "" {
		return l.Deal.Stage
	}
	return l.Run.Stage
}

// Owner gives who is accountable: the rep, or marketing.
func (l *Lead) Owner() string {
	if l.Run.Rep != "" {
		return l.Run.Rep
	}
	return Marketing
}

// Ownerless reports a lead that is sales' to work on and that no rep has: this must not be.
func (l *Lead) Ownerless() bool { return withSales(l.Stage()) && l.Run.Rep == "" }

// deals folds a deal fact. The latest decides; one that was superseded before it arrived changes nothing.
func (l *Lead) deals(e *Event) {
	d := Deal{At: e.At, By: clip(e.ID, maxID)}
	if e.Deal != nil {
		d.ID, d.Amount, d.Currency, d.Reason = clip(e.Deal.ID, maxID), clip(e.Deal.Amount, 64), clip(e.Deal.Currency, 8), clip(e.Deal.Reason, maxID)
	}
	switch e.Type {
	case "deal_opened", "deal_reopened":
		d.Stage = Opportunity
	case "deal_won":
		d.Stage = Won
	case "deal_lost":
		d.Stage = Lost
	case "deal_stage_changed":
		// It says that there is an opportunity, and no more: any other fact about a deal outweighs it.
		d.At, d.Stage = 0, Opportunity
	default:
		return // churned, renewed: a customer's later life
	}
	l.Highest = further(l.Highest, d.Stage)
	if l.Deal.before(&d) {
		l.Deal = d
	}
}

// handed folds what routing says of this epoch's handoff; what it says of any other is history.
func (l *Lead) handed(h *HandedOver) {
	if h.Handoff == "" || h.Handoff != l.Run.Handoff {
		return
	}
	l.Held = false
	if h.Recalled {
		l.Run.Rep, l.Run.WakeAt, l.Run.WakeOn = "", 0, wakeOnEngagement
		return
	}
	l.Run.Rep = h.Rep
	if h.Account != "" {
		l.Run.Account = h.Account
	}
}

// answered folds the outcome of a disposition of this epoch's handoff: what wakes the lead, should it be recycled.
func (l *Lead) answered(a *Answer) {
	if a.Handoff == "" || a.Handoff != l.Run.Handoff {
		return
	}
	l.Held = false
	l.Run.WakeAt, l.Run.WakeOn = a.WakeAt, a.WakeOn
}

// moved folds a stage change that was decided for this lead.
func (l *Lead) moved(m *StageMove) {
	l.Stated, l.EntryNews = m.To, false
	l.Highest = further(l.Highest, m.To)
	if m.restates() {
		return
	}
	r := &l.Run
	if dealStage(m.To) {
		r.enter(m.To, m.Now, m.Reason)
		if r.Epoch == 0 { // the deal came first: no stage was stated, but the epoch has begun
			r.Epoch, r.Stage = m.Epoch, Inquiry
		}
		return
	}
	if r.Stage == m.To && r.Epoch == m.Epoch {
		return // the run was taken over from an absorbed lead, and stands there already
	}
	if m.To == Inquiry {
		*r = Run{Epoch: m.Epoch, Stage: Inquiry, Account: r.Account}
		r.enter(Inquiry, m.Now, m.Reason)
		return
	}
	r.Stage, r.Epoch = m.To, m.Epoch
	r.enter(m.To, m.Now, m.Reason)
	switch m.To {
	case MQL:
		if r.Handoff != m.Handoff { // else it was taken over from an absorbed lead
			r.Handoff, r.Lead, r.QualifiedAt = m.Handoff, l.ID, m.Now
		}
	case Recycled, Disqualified:
		r.Reason, r.RecycledAt = m.Reason, m.At
		l.ended(PastEpoch{Epoch: r.Epoch, Ended: m.To, Reason: m.Reason, Handoff: r.Handoff, Rep: r.Rep, At: m.At, Stages: r.Stages})
		r.Rep, r.Stages = "", nil
	}
}

func comparePast(a, b PastEpoch) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Epoch, b.Epoch), strings.Compare(a.Handoff, b.Handoff), strings.Compare(a.Ended, b.Ended))
}

// ended adds a past epoch to the history.
func (l *Lead) ended(p PastEpoch) {
	i, found := slices.BinarySearchFunc(l.History, p, comparePast)
	if found {
		return
	}
	l.History = slices.Insert(l.History, i, p)
	if over := len(l.History) - maxHistory; over > 0 {
		l.History = slices.Delete(l.History, 0, over)
	}
}

// adopt joins the run of an absorbed lead with this one's. This lead keeps what sales has in hand of it; without that, what
// sales has of the other is taken over, the older of several. Of two that are marketing's, the later epoch counts, and
// recycled before inquiry. What is not taken over becomes history; routing recalls its handoff.
func (l *Lead) adopt(o Run) {
	o.Stages = slices.Clone(o.Stages)
	mine, other := l.Run, o
	if other.preferredTo(mine, l.ID) {
		mine, other = other, mine
	}
	mine.sinceEarlier(&other)
	mine.Epoch = max(mine.Epoch, other.Epoch)
	if mine.Account == "" {
		mine.Account = other.Account
	}
	l.Run = mine
	if !open(other.Stage) && other.Handoff != "" && other.Handoff != mine.Handoff {
		other.enter(merged, l.Looked, "")
		l.ended(PastEpoch{Epoch: other.Epoch, Ended: merged, Handoff: other.Handoff, Rep: other.Rep, At: other.QualifiedAt, Stages: other.Stages})
	}
}

// preferredTo reports whether r is what lead id goes on with, rather than with cur. Equals keep cur.
func (r Run) preferredTo(cur Run, id string) bool {
	if open(r.Stage) != open(cur.Stage) {
		return !open(r.Stage)
	}
	if open(r.Stage) {
		return cmp.Or(
			cmp.Compare(cur.Epoch, r.Epoch), cmp.Compare(openRank(cur.Stage), openRank(r.Stage)), cmp.Compare(cur.RecycledAt, r.RecycledAt),
			cmp.Compare(cur.WakeAt, r.WakeAt), strings.Compare(cur.WakeOn, r.WakeOn), strings.Compare(cur.Handoff, r.Handoff),
		) < 0
	}
	if (r.Lead == id) != (cur.Lead == id) {
		return r.Lead == id
	}
	return cmp.Or(cmp.Compare(r.QualifiedAt, cur.QualifiedAt), strings.Compare(r.Handoff, cur.Handoff)) < 0
}

func openRank(stage string) int { return slices.Index([]string{"", Inquiry, Recycled}, stage) }
