package fold

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// breachStep is the number of the step that is the breach itself.
const breachStep = -1

// Decide says what follows from an event that was just applied.
func (l *lead) Decide(globals journal.Globals, ev *journal.Event, d *journal.Decision) {
	g, ok := globals.(*Globals)
	if !ok {
		return
	}
	if l.forward {
		d.Fact(l.WentOn(), &journalv1.Event{Type: ev.Type, Payload: ev.Body.GetPayload()})
		return
	}
	if l.ask != nil {
		d.Fact(identity.Desk, l.question(l.ask, 0, ""))
	}
	if len(l.passing)+len(l.held) > 0 {
		d.Fact(l.MergedInto, &journalv1.Event{Type: typeAbsorbed, Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{
			From: l.id, Rank: int32(identity.RankOf(l.id)), Chunks: 1,
			Items: state.EncodeLead(&state.Lead{Handoffs: l.passing, Held: l.held}),
		}}})
	}
	l.decideEnds(g, ev, d)
	switch ev.Type {
	case typeAssigned:
		if l.effects.assigned != nil {
			l.route(g, ev.Time(), d)
		} else if a := ev.Body.GetAssigned(); a.GetHandoffId() != "" {
			// Nobody waits for it any more: the rep never hears of it and gets the turn back.
			d.Fact(identity.Desk, l.closed(a.GetHandoffId(), a.GetRep(), a.GetPool(), closedWithdrawn))
		}
	case typeStageChanged:
		c := ev.Body.GetStageChanged()
		if c.GetFrom() == c.GetTo() || c.GetHistory() { // it says again how the lead came, or what was long known: it is nobody's news
			break
		}
		l.tellChange(g, d, EventStageChanged, c.GetHandoffId(), ev, map[string]string{
			"from": c.GetFrom(), "to": c.GetTo(), "epoch": itoa(int(c.GetEpoch())), "reason": c.GetReason(),
		})
	case typeScoreBandChanged:
		c := ev.Body.GetScoreBandChanged()
		if c.GetHistory() {
			break
		}
		l.tellChange(g, d, EventBandChanged, "", ev, map[string]string{"from": c.GetFrom(), "to": c.GetTo()})
	case journal.TypeTimerFired:
		for _, h := range l.Handoffs {
			l.climb(g, h, ev.Time(), d)
		}
		for _, r := range l.overdue(ev.Time()) {
			l.refuse(d, r, handoff.UnknownHandoff, "this lead has no such handoff")
		}
	}
	l.answer(g, d)
}

// tellChange tells of something that may happen to a lead any number of times: its time tells one from the other, and not
// its place in the log, which is another after every crash.
func (l *lead) tellChange(g *Globals, d *journal.Decision, event, handoffID string, ev *journal.Event, data map[string]string) {
	data["at"] = ev.OccurredAt().UTC().Format(time.RFC3339Nano)
	what := data["epoch"] + "." + data["from"] + "." + data["to"] + "." + strconv.FormatInt(ev.Time().UnixNano(), 10)
	tell(d, g, l.id, event, handoffID, what, data)
}

// decideEnds tells the desk, and whoever was told of them, of handoffs that are over or no longer want another owner.
func (l *lead) decideEnds(g *Globals, ev *journal.Event, d *journal.Decision) {
	for _, h := range l.merged {
		if ev.Type == typeRecalled { // the lead that took it back has told the desk
			l.tellRecalled(g, d, h)
			continue
		}
		origin, _, _ := identity.LeadOfHandoff(h.ID)
		d.Fact(origin, &journalv1.Event{Type: typeRecalled, Payload: &journalv1.Event_Recalled{Recalled: &journalv1.Recalled{
			HandoffId: h.ID, Rep: h.Owner(), Reason: handoff.ByMerge,
		}}})
		d.Fact(identity.Desk, l.closedNow(h, closedRecalled))
	}
	for _, h := range l.ended {
		d.Fact(identity.Desk, l.closedNow(h, h.ClosedBy))
		if h.Stage == handoff.Recalled {
			l.tellRecalled(g, d, h)
		}
	}
	for _, h := range l.withdrawn {
		d.Fact(identity.Desk, l.closed(h.ID, "", "", closedWithdrawn))
	}
}

func (l *lead) tellRecalled(g *Globals, d *journal.Decision, h *handoff.Handoff) {
	if h.Owner() != "" {
		tell(d, g, l.id, EventRecalled, h.ID, h.ID, map[string]string{"attempt": itoa(h.Current().Attempt), "reason": h.ClosedBy})
	}
}

// question asks the desk for an owner.
func (l *lead) question(h *handoff.Handoff, attempt int, reason string) *journalv1.Event {
	m := &journalv1.Matched{
		Lead: l.id, HandoffId: h.ID, Epoch: int32(h.Epoch), Account: h.Account.ID, By: h.Account.By, Confidence: h.Account.Confidence,
		Route: h.Route, Pool: h.Pool, Rep: h.Rep, Exclude: h.Had(), Attempt: int32(attempt), Reason: reason,
	}
	return &journalv1.Event{Type: typeMatched, Payload: &journalv1.Event_Matched{Matched: m}}
}

func (l *lead) closedNow(h *handoff.Handoff, outcome string) *journalv1.Event {
	rep, pool := "", ""
	if a := h.Current(); a != nil {
		rep, pool = a.Rep, a.Pool
	}
	return l.closed(h.ID, rep, pool, outcome)
}

func (l *lead) closed(handoffID, rep, pool, outcome string) *journalv1.Event {
	return &journalv1.Event{Type: typeClosed, Payload: &journalv1.Event_Closed{Closed: &journalv1.Closed{
		Lead: l.id, HandoffId: handoffID, Rep: rep, Pool: pool, Outcome: outcome,
	}}}
}

// route hands the lead to the rep whom the desk chose. The contact clock starts when the rep accepts: until then the latest
// moment is told that it can end at.
func (l *lead) route(g *Globals, now time.Time, d *journal.Decision) {
	h, a := l.effects.assigned, l.pending
	promise, clock := g.promise(), g.clock(a.Rep)
	acceptBy, _ := promise.AcceptSteps(now, clock)
	start := acceptBy
	if start.IsZero() {
		start = now
	}
	contactBy, _ := promise.ContactSteps(start, clock)
	data := map[string]string{"attempt": itoa(a.Attempt)}
	if old := h.Owner(); old != "" {
		d.Fact(l.id, &journalv1.Event{Type: typeReassigned, Payload: &journalv1.Event_Reassigned{Reassigned: &journalv1.Reassigned{
			HandoffId: h.ID, From: old, To: a.Rep, Reason: a.Reason, AcceptBy: stamp(acceptBy), ContactBy: stamp(contactBy),
		}}})
		tell(d, g, l.id, EventReassigned, h.ID, h.ID+"."+itoa(a.Attempt), data)
		return
	}
	d.Fact(l.id, &journalv1.Event{Type: typeRouted, Payload: &journalv1.Event_Routed{Routed: &journalv1.Routed{
		HandoffId: h.ID, Epoch: int32(h.Epoch), Rep: a.Rep, Route: a.Route, Pool: a.Pool,
		AcceptBy: stamp(acceptBy), ContactBy: stamp(contactBy), Account: h.Account.ID,
		Persona: h.Persona, Team: g.team(a.Rep),
	}}})
	tell(d, g, l.id, EventRouted, h.ID, h.ID, data)
}

// climb takes the steps of the service level that are due.
func (l *lead) climb(g *Globals, h *handoff.Handoff, now time.Time, d *journal.Decision) {
	asked := h.Asked
	for _, s := range h.Due(now) {
		switch s.Action {
		case handoff.Breach:
			d.Fact(l.id, &journalv1.Event{Type: typeSLABreached, Payload: &journalv1.Event_SlaBreached{SlaBreached: &journalv1.SlaBreached{
				HandoffId: h.ID, Clock: s.Clock, Rep: h.Owner(), Due: stamp(s.At),
			}}})
			attempt := itoa(h.Current().Attempt)
			tell(d, g, l.id, EventSLABreached, h.ID, h.ID+"."+attempt+"."+s.Clock, map[string]string{
				"attempt": attempt, "clock": s.Clock, "due": s.At.UTC().Format(time.RFC3339Nano),
			})
		case handoff.Reassign:
			if asked || h.Attempt >= g.promise().MaxReassigns {
				l.escalate(d, h, s, handoff.NotifyManager)
				continue
			}
			asked = true
			l.escalate(d, h, s, handoff.Reassign)
			d.Fact(identity.Desk, l.question(h, h.Attempt+1, "sla"))
		default:
			l.escalate(d, h, s, s.Action)
		}
	}
}

func (l *lead) escalate(d *journal.Decision, h *handoff.Handoff, s handoff.Step, notify string) {
	d.Fact(l.id, &journalv1.Event{Type: typeEscalated, Payload: &journalv1.Event_Escalated{Escalated: &journalv1.Escalated{
		HandoffId: h.ID, Notify: notify, Rep: h.Owner(), Clock: s.Clock, Step: int32(s.Number),
	}}})
}

// climbed takes a step off the list. Where nobody is left to reassign to, the manager is told instead.
func (l *lead) climbed(h *handoff.Handoff, e *journalv1.Escalated, at time.Time) {
	n, left := int(e.GetStep()), len(h.Steps)
	h.Done(e.GetClock(), e.GetNotify(), n)
	if e.GetNotify() == handoff.NotifyManager && len(h.Steps) == left {
		h.Done(e.GetClock(), handoff.Reassign, n)
	}
	if e.GetNotify() == handoff.Reassign {
		h.Ask("sla")
	}
	h.Record("escalated", at, e.GetRep(), e.GetClock()+": "+e.GetNotify())
	l.touch(h)
}

// answer decides the requests that wait for it, in order, each on what the ones before it have done.
func (l *lead) answer(g *Globals, d *journal.Decision) {
	copies := map[string]*handoff.Handoff{}
	for _, r := range l.requests {
		h := l.find(r.Handoff)
		if r.Handoff == "" {
			h = l.Handoff("")
		}
		if h == nil {
			l.refuse(d, r, handoff.UnknownHandoff, "this lead has no such handoff")
			continue
		}
		if copies[h.ID] == nil {
			copies[h.ID] = clone(h)
		}
		h = copies[h.ID]
		a := h.Decide(r.Request, reasons{g.Agreement})
		d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: h.ID, RequestId: r.ID, Disposition: r.Do, Ok: a.OK, Refused: a.Refused, Rep: h.Owner(), Reason: r.Reason,
			Stage: string(a.Stage), Note: r.Note, WakeAt: stamp(a.WakeAt), WakeOn: a.WakeOn,
		}}})
		if !a.OK || a.Repeat {
			continue
		}
		asked := h.Asked
		h.Apply(handoff.Effect{Do: r.Do, Stage: a.Stage, Rep: h.Owner(), Reason: r.Reason, Note: r.Note, At: r.At})
		switch {
		case !h.Open():
			outcome := string(a.Stage)
			if r.Do == handoff.DoReject && handoff.GivesBack(r.Reason) {
				outcome = closedGivenBack
			}
			d.Fact(identity.Desk, l.closedNow(h, outcome))
		case asked && !h.Asked:
			d.Fact(identity.Desk, l.closed(h.ID, "", "", closedWithdrawn))
		}
	}
}

func (l *lead) refuse(d *journal.Decision, r handoff.Held, code, why string) {
	d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
		HandoffId: r.Handoff, RequestId: r.ID, Disposition: r.Do, Refused: handoff.Refuse(code, why), Reason: r.Reason,
	}}})
}

// MatchFacts finds the account of a lead that qualified, and gives what conditions look at.
func MatchFacts(dir *core.Directory, key identity.Key, q *journalv1.Qualified) (core.Facts, core.Match) {
	p := q.GetLead()
	m := dir.MatchAccount(p.GetEmail(), p.GetAccountName(), p.GetAccountDomain(), key.Account)
	f := core.Facts{
		Lead: core.LeadFacts{
			ID: p.GetId(), Email: p.GetEmail(), FirstName: p.GetFirstName(), LastName: p.GetLastName(), Title: p.GetTitle(),
			Country: p.GetCountry(), Phone: p.GetPhone(), Language: p.GetLanguage(), ExternalIDs: p.GetExternalIds(), Consent: p.GetConsent(),
		},
		Account: core.AccountFacts{
			ID: m.ID, Name: m.Name, Domain: m.Domain, Industry: p.GetAccountIndustry(), Employees: int64(p.GetAccountEmployees()),
		},
		Engagement: q.GetScore().GetEngagement(), Fit: q.GetScore().GetFit(), Grade: q.GetScore().GetGrade(),
	}
	if m.Listed != nil {
		f.Account.Owner, f.Account.Listed, f.Account.Target = m.Listed.Owner, true, m.Listed.Target
	}
	return f, m
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
