package fold

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

// pins states the destinations as this program does: clocks are pinned from here on.
func (s *story) pins(events ...string) {
	s.AppendGlobal(KindDestinations, &journalv1.Event{Type: typeDestinationsChanged, Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{Decides: Decides, Destinations: []*journalv1.Destination{{Name: "crm", Type: "webhook", Events: events}}},
	}})
}

// asks sends a request about a clock and gives what was answered; a zero until asks to resume.
func (s *story) asks(id, rep string, until time.Time) *journalv1.Answered {
	entity, _, _ := identity.LeadOfHandoff(id)
	s.n++
	ev := &journalv1.Event{Id: fmt.Sprintf("req-%d", s.n), Source: "api", Entity: entity}
	if until.IsZero() {
		ev.Type = typeResumeRequested
		ev.Payload = &journalv1.Event_ResumeRequested{ResumeRequested: &journalv1.ResumeRequested{HandoffId: id, Rep: rep, By: "phone"}}
	} else {
		ev.Type = typePauseRequested
		ev.Payload = &journalv1.Event_PauseRequested{PauseRequested: &journalv1.PauseRequested{HandoffId: id, Rep: rep, By: "phone", Until: ts(until), Reason: "fair"}}
	}
	return s.request(ev)
}

// sees is an event of a lead: what it did, or what it was sent.
func (s *story) sees(entity, eventType string, at time.Time) {
	s.n++
	s.Append(&journalv1.Event{Id: fmt.Sprintf("e-%d", s.n), Source: "site", Entity: entity, Type: eventType, OccurredAt: ts(at), Touch: &journalv1.Touch{Campaign: "q4"}})
}

func TestAClockKeepsItsAgreement(t *testing.T) {
	for name, pinned := range map[string]bool{"pinned": true, "as before": false} {
		s := newStory(t)
		if pinned {
			s.pins(EventRouted, EventSLAEscalated)
		}
		id := s.qualify("x@hooli.example", 1)
		owner := s.handoff(id).Owner()
		s.Advance(start.Add(time.Hour))
		s.agreement(strings.NewReplacer("accept_within: 4h", "accept_within: 1h", "max_reassigns: 1", "max_reassigns: 0").Replace(testAgreement))
		s.Advance(start.Add(5 * time.Hour))
		s.wantHandoff(id, handoff.Routed, owner)
		s.Advance(start.Add(6*time.Hour + time.Minute))
		r := s.Facts(typeRouted)[0].Body.GetRouted()
		switch {
		case pinned && (s.count(typeReassigned) != 1 || r.AgreementVersion != 1 || s.Facts(typeReassigned)[0].Body.GetReassigned().AgreementVersion != 2):
			t.Errorf("%s: %d reassigned under the agreement of before, routed %v", name, s.count(typeReassigned), r)
		case !pinned && (s.count(typeReassigned) != 0 || r.AgreementVersion != 0):
			t.Errorf("%s: %d reassigned, routed %v", name, s.count(typeReassigned), r)
		}
		if !pinned {
			continue
		}
		// The new rep's clock is the new agreement's.
		h := s.handoff(id)
		if !h.AcceptBy.Equal(start.Add(7 * time.Hour)) {
			t.Errorf("accept by %s", h.AcceptBy)
		}
		if a := s.answers(id, handoff.DoAccept, h.Owner(), ""); a.GetAgreementVersion() != 2 {
			t.Errorf("accepted: %v", a)
		}
		if want := []string{EventRouted, EventSLAEscalated, EventSLAEscalated, EventSLAEscalated}; !slices.Equal(s.due(), want) {
			t.Errorf("due %v, want %v", s.due(), want)
		}
	}
}

// A holiday entered later counts, and one struck out too, at the next look at the latest.
func TestACalendarThatChanges(t *testing.T) {
	working := strings.Replace(testAgreement, "clock: elapsed", "clock: working", 1)
	with := strings.Replace(testDirectory, `"13:00-17:00"]}`, `"13:00-17:00"]}, holidays: [2026-11-23]`, 1)
	friday := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC) // 16:00: an hour left
	for name, c := range map[string]struct {
		first, then string
		breach      time.Time
	}{
		"entered":    {testDirectory, with, time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)},
		"struck out": {with, testDirectory, time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)},
	} {
		s := newStory(t)
		s.pins(EventRouted)
		s.agreement(working)
		s.directory(c.first)
		s.Advance(friday)
		id := s.qualify("x@initech.example", 1)
		s.wantHandoff(id, handoff.Routed, "ana")
		s.Advance(friday.Add(20 * time.Hour))
		s.directory(c.then)
		s.Advance(friday.Add(7 * 24 * time.Hour))
		breaches := s.Facts(typeSLABreached)
		if len(breaches) < 1 || !breaches[0].Body.GetSlaBreached().GetDue().AsTime().Equal(c.breach) || !breaches[0].Time().Equal(c.breach) {
			t.Errorf("%s: breached %v, want %s", name, breaches, c.breach)
		}
		if n := s.count(typeEscalated); n < 3 {
			t.Errorf("%s: %d steps", name, n)
		}
	}
}

func TestOverflow(t *testing.T) {
	s := newStory(t)
	s.pins(EventRouted, EventReassigned, EventSLAEscalated, EventRecalled)
	s.agreement(strings.Replace(testAgreement, "{at: 150%, reassign: true}", "{at: 5h, overflow: true}", 1))
	id := s.qualify("x@hooli.example", 1)
	first := s.handoff(id).Owner()
	second := map[string]string{"ana": "bo", "bo": "ana"}[first]
	s.Advance(start.Add(5 * time.Hour))
	s.wantHandoff(id, handoff.Routed, second)
	if r := s.Facts(typeReassigned); len(r) != 1 || r[0].Body.GetReassigned().GetReason() != "overflow" || r[0].Body.GetReassigned().GetFrom() != first {
		t.Fatalf("reassigned: %v", r)
	}
	// Everybody had it: it waits at the desk, with nobody, and the desk alone answers for it.
	s.Advance(start.Add(200 * time.Hour))
	h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if len(h.WaitingFor) != 2 || len(h.Steps) != 0 || len(s.desk().Desk.Queue) != 1 {
		t.Errorf("it waits as %+v", h)
	}
	if a := s.answers(id, handoff.DoAccept, second, ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "waiting") {
		t.Errorf("accepted by somebody who no longer has it: %v", a)
	}
	s.directory(strings.NewReplacer("reps: [ana, bo]", "reps: [ana, bo, cy]", "pools:", "  - { id: cy }\npools:").Replace(testDirectory))
	s.wantHandoff(id, handoff.Routed, "cy")
	// Whoever was told of it hears of its end, wherever it is.
	s.scoring(leadOf("x@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
		StageChanged: &journalv1.StageChanged{From: "routed", To: "recycled", Epoch: 1, Reason: "consent"}}})
	if due := s.due(); due[len(due)-1] != EventRecalled {
		t.Errorf("due %v", due)
	}
}

func TestPauseAndResume(t *testing.T) {
	s := newStory(t)
	s.pins(EventRouted)
	s.agreement(strings.Replace(testAgreement, "max_reassigns: 1", "max_reassigns: 1\n  pause: {at_most: 2d}", 1))
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.Advance(start.Add(time.Hour))
	if a := s.asks(id, owner, start.Add(100*time.Hour)); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "too_long") {
		t.Errorf("paused for too long: %v", a)
	}
	if a := s.asks(id, owner, start.Add(25*time.Hour)); !a.GetOk() || a.GetDisposition() != "paused" || a.GetBy() != "phone" || a.GetStage() != "routed" {
		t.Fatalf("paused: %v", a)
	}
	// A restart, and another firing, change nothing of it.
	s.Append(&journalv1.Event{Type: journal.TypeTimerFired, Entity: leadOf("x@hooli.example"), Payload: &journalv1.Event_TimerFired{
		TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(Service, timerSLA)}}})
	s.Advance(start.Add(24 * time.Hour))
	if h := s.handoff(id); s.count(typeEscalated) != 0 || !h.AcceptBy.Equal(start.Add(28*time.Hour)) {
		t.Errorf("%d steps in a pause, accept by %s", s.count(typeEscalated), h.AcceptBy)
	}
	s.Advance(start.Add(25 * time.Hour))
	if s.count(typeResumed) != 1 || !s.handoff(id).Pause.Until.IsZero() {
		t.Errorf("%d resumed by themselves", s.count(typeResumed))
	}
	s.Advance(start.Add(26 * time.Hour)) // 50% of four hours
	if s.count(typeEscalated) != 1 {
		t.Errorf("%d steps after the pause", s.count(typeEscalated))
	}
	// Paused by a manager, resumed early by its owner.
	if a := s.asks(id, "", start.Add(300*time.Hour)); !a.GetOk() {
		t.Fatalf("a manager pauses: %v", a)
	}
	s.Advance(start.Add(30 * time.Hour))
	if a := s.asks(id, owner, time.Time{}); !a.GetOk() || a.GetDisposition() != "resumed" {
		t.Fatalf("resumed: %v", a)
	}
	s.Advance(start.Add(32 * time.Hour))
	if b := s.Facts(typeSLABreached); len(b) != 1 || !b[0].Body.GetSlaBreached().GetDue().AsTime().Equal(start.Add(32*time.Hour)) {
		t.Errorf("breached %v", b)
	}
	if a := s.asks(id, owner, time.Time{}); !strings.HasPrefix(a.GetRefused(), "not_paused") {
		t.Errorf("resumed twice: %v", a)
	}
	// Who accepts is at work again.
	s.asks(id, "", start.Add(300*time.Hour))
	s.answers(id, handoff.DoAccept, owner, "")
	if h := s.handoff(id); !h.Pause.Until.IsZero() || !h.ContactBy.Equal(start.Add(56*time.Hour)) {
		t.Errorf("accepted in a pause: contact by %s, paused until %s", h.ContactBy, h.Pause.Until)
	}
}

const holding = testAgreement + `
handover: { at_once: [fast-track], hold: {after_touch: 30m, after_mail: 4h, at_most: 6h}, owner: wait, owner_wait: 16h }
outreach: {quiet: 48h, sales_first: true}
`

// ready qualifies a lead whose past scoring tells.
func (s *story) ready(email, rule string, timeline ...*journalv1.TimelineItem) string {
	lead := leadOf(email)
	id := identity.Handoff(lead, 1)
	s.scoring(lead, typeQualified, &journalv1.Event{Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: 1, HandoffId: id, Rule: rule, Score: &journalv1.ScoreSnapshot{}, Lead: &journalv1.LeadSnapshot{Id: lead, Email: email, Timeline: timeline},
	}}})
	return id
}

func item(eventType string, at time.Time) *journalv1.TimelineItem {
	return &journalv1.TimelineItem{Type: eventType, At: ts(at), EventId: eventType, Source: "site"}
}

func TestHeldUntilItIsQuiet(t *testing.T) {
	s := newStory(t)
	s.pins(EventRouted)
	s.agreement(strings.Replace(holding, "when: 'engagement >= 20'}", "when: 'engagement >= 20'}, {id: fast-track, on: demo_requested}", 1))
	lead := leadOf("x@hooli.example")
	id := s.ready("x@hooli.example", "matrix", item("page_viewed", start), item("email_sent", start.Add(-time.Hour)))
	h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if want := start.Add(3 * time.Hour); !h.WaitingUntil.Equal(want) || h.Asked || !strings.Contains(h.WaitingFor[0].Skipped, "held: marketing's mail of 2026-11-16 07:00 UTC, until 2026-11-16 11:00 UTC") {
		t.Fatalf("held: %+v", h)
	}
	s.wantHandoff(s.ready("fast@hooli.example", "fast-track", item("page_viewed", start)), handoff.Routed, s.handoff(identity.Handoff(leadOf("fast@hooli.example"), 1)).Owner())
	s.wantHandoff(s.ready("quiet@hooli.example", "matrix", item("page_viewed", start.Add(-time.Hour))), handoff.Routed, s.handoff(identity.Handoff(leadOf("quiet@hooli.example"), 1)).Owner())
	// Each mail puts it off, an automated one does not, and none beyond the bound.
	s.Advance(start.Add(time.Hour))
	s.sees(lead, "email_sent", s.Now)
	s.Advance(start.Add(4 * time.Hour))
	if h = s.wantHandoff(id, handoff.Waiting, identity.Desk); !h.HeldUntil.Equal(start.Add(5 * time.Hour)) {
		t.Errorf("held until %s", h.HeldUntil)
	}
	s.sees(lead, "email_delivered", s.Now)
	s.Advance(start.Add(6*time.Hour - time.Second))
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	s.Advance(start.Add(6 * time.Hour))
	h = s.handoff(id)
	if h.Stage != handoff.Routed || !h.Current().At.Equal(start.Add(6*time.Hour)) || !h.HeldUntil.IsZero() {
		t.Errorf("%s at %s", h.Stage, h.Current().At)
	}
	if n := s.count(typeHeld); n != 4 {
		t.Errorf("%d facts of one hold: begun, put off twice, over", n)
	}
	// It is over while it is held: the desk never hears of it, and no timer is left that does anything.
	id = s.ready("y@hooli.example", "matrix", item("page_viewed", s.Now))
	s.scoring(leadOf("y@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
		StageChanged: &journalv1.StageChanged{From: "mql", To: "recycled", Epoch: 1}}})
	s.Advance(s.Now.Add(24 * time.Hour))
	s.wantHandoff(id, handoff.Recalled, identity.Desk)
}

func TestHeldForTheOwnersMorning(t *testing.T) {
	for name, c := range map[string]struct {
		at, routed time.Time
		owner      string
	}{
		// 22:00 on Monday: ana is back at nine, bo never went.
		"tomorrow": {time.Date(2026, 11, 16, 21, 0, 0, 0, time.UTC), time.Date(2026, 11, 17, 8, 0, 0, 0, time.UTC), "ana"},
		// Friday evening: Monday is too far away.
		"after the weekend": {time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC), time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC), "bo"},
	} {
		s := newStory(t)
		s.pins(EventRouted)
		s.directory(strings.Replace(testDirectory, `hours: {mon-fri: ["09:00-17:00"]}, `, "", 1))
		s.agreement(holding[:strings.Index(holding, "handover")] + "handover: {owner: wait}\n")
		s.Advance(c.at)
		id := s.ready("x@initech.example", "matrix")
		if h := s.handoff(id); c.owner == "ana" && (h.Stage != handoff.Waiting || !strings.Contains(h.HeldBecause, "its owner ana")) {
			t.Errorf("%s: %+v", name, h)
		}
		s.Advance(c.at.Add(48 * time.Hour))
		if h := s.handoff(id); h.Assignments[0].Rep != c.owner || !h.Assignments[0].At.Equal(c.routed) {
			t.Errorf("%s: %s got it at %s", name, h.Assignments[0].Rep, h.Assignments[0].At)
		}
	}
}

func TestContactsAreRememberedOfThoseHandedOver(t *testing.T) {
	s := newStory(t)
	s.pins(EventRouted)
	lead := leadOf("x@hooli.example")
	s.sees(lead, "page_viewed", start)
	if e := s.Entity(Service, lead).(*leadEntity); e.Changed() || !e.Touch.At.IsZero() {
		t.Errorf("of a lead that was never handed over: %+v", e.Touch)
	}
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.Advance(start.Add(time.Hour))
	s.sees(lead, "email_sent", s.Now)
	s.sees(lead, "email_sent", s.Now.Add(-time.Minute)) // late, and older
	if e := s.Entity(Service, lead).(*leadEntity); e.Changed() || e.Mail.Event != "e-4" && !e.Mail.At.Equal(s.Now) || e.Mail.Channel != "email" || e.Mail.Campaign != "q4" {
		t.Errorf("mail: %+v", e.Mail)
	}
	s.answers(id, handoff.DoAccept, owner, "")
	s.answers(id, handoff.DoContact, owner, "")
	if l := s.lead(lead); l.Outreach.Who != owner || l.Outreach.Type != "contacted" {
		t.Errorf("outreach: %+v", l.Outreach)
	}
	s.Advance(start.Add(2 * time.Hour))
	s.sees(lead, "call_logged", s.Now)
	l := s.lead(lead)
	if l.Outreach.Channel != "call" || l.Outreach.Who != owner || !l.Touch.At.IsZero() {
		t.Errorf("outreach: %+v, touch %+v", l.Outreach, l.Touch)
	}
	// With a lead that merges, they go on.
	s.scoring(lead, typeMergedInto, &journalv1.Event{Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: leadOf("z@hooli.example")}}})
	if into := s.lead(leadOf("z@hooli.example")); into.Outreach != l.Outreach || into.Mail != l.Mail {
		t.Errorf("after a merge: %+v", into)
	}
	if side, _ := (&outreach.Lead{Mail: l.Mail, Outreach: l.Outreach}).Last(); side != outreach.Sales {
		t.Error("sales was last")
	}
}

type leadEntity = lead

// Marketing hears of each move of a lead once, in order, through a recycling and a second epoch.
func TestMarketingHearsOfEveryMoveInOrder(t *testing.T) {
	s := newStory(t)
	s.pins(EventStageChanged)
	lead := leadOf("x@hooli.example")
	moves := [][2]string{{"inquiry", "mql"}, {"mql", "routed"}, {"routed", "recycled"}, {"recycled", "inquiry"}, {"inquiry", "mql"}, {"mql", "routed"}, {"routed", "accepted"}}
	for i, m := range moves {
		if m[1] == "mql" {
			s.qualify("x@hooli.example", int32(1+i/4))
		}
		s.Advance(s.Now.Add(time.Second))
		s.scoring(lead, typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
			StageChanged: &journalv1.StageChanged{From: m[0], To: m[1], Epoch: int32(1 + i/4)}}})
	}
	var told [][2]string
	for _, f := range s.Facts(typeDeliveryDue) {
		d := f.Body.GetDeliveryDue().GetData()
		told = append(told, [2]string{d["from"], d["to"]})
	}
	if !slices.Equal(told, moves) {
		t.Errorf("told %v", told)
	}
}

// Everything of this file's matter in one story: whoever lives in blobs alone, loaded anew for each event, as after a crash
// between any two of them, states the same.
func TestRestartsBetweenAnyTwoSteps(t *testing.T) {
	tell := func(s *story) *story {
		s.pins(EventRouted, EventReassigned, EventSLAEscalated, EventSLABreached, EventRecalled)
		s.agreement(strings.NewReplacer("clock: elapsed", "clock: working", "{at: 150%, reassign: true}", "{at: 5h, reassign: true}, {at: 9h, overflow: true}",
			"max_reassigns: 1", "max_reassigns: 1\n  pause: {at_most: 5d}").Replace(holding[:strings.Index(holding, "handover")]) +
			"handover: {hold: {after_touch: 30m, after_mail: 1h}}\n")
		var ids []string
		for i := range 4 {
			email := fmt.Sprintf("p%d@hooli.example", i)
			ids = append(ids, s.ready(email, "matrix", item("page_viewed", s.Now), item("email_sent", s.Now.Add(-10*time.Minute))))
			s.Advance(s.Now.Add(20 * time.Minute))
			s.sees(leadOf(email), "email_sent", s.Now)
		}
		s.Advance(s.Now.Add(3 * time.Hour))
		s.asks(ids[1], "", s.Now.Add(30*time.Hour))
		s.asks(ids[2], s.handoff(ids[2]).Owner(), s.Now.Add(50*time.Hour))
		s.Advance(s.Now.Add(4 * time.Hour))
		s.directory(strings.Replace(testDirectory, `"13:00-17:00"]}`, `"13:00-17:00"]}, holidays: [2026-11-18, 2026-11-19]`, 1))
		s.Advance(s.Now.Add(10 * time.Hour))
		s.asks(ids[2], "", time.Time{})
		s.agreement(testAgreement)
		s.Advance(s.Now.Add(300 * time.Hour))
		return s
	}
	whole := tell(newStory(t))
	again := tell(newStoryOf(t, func(l *Logic) journal.Logic { return reloadingLogic{l} }))
	sameLogs(t, whole.Log, again.Log)
	steps := map[string]int{}
	for _, e := range whole.Facts(typeEscalated) {
		p := e.Body.GetEscalated()
		steps[fmt.Sprint(p.HandoffId, p.Rep, p.Clock, p.Step, p.Notify)]++
	}
	for step, n := range steps {
		if n != 1 {
			t.Errorf("%s was taken %d times", step, n)
		}
	}
	if len(steps) < 12 || whole.count(typeHeld) < 8 || whole.count(typeResumed) != 1 {
		t.Errorf("the story is thin: %d steps, %d of holds, %d resumed", len(steps), whole.count(typeHeld), whole.count(typeResumed))
	}
}

// What a touch of a lead that was never handed over costs the fold: nothing is stored for it.
func BenchmarkTouchOfAStranger(b *testing.B) {
	logic := NewLogic(key, nil)
	g := logic.NewGlobals()
	id := leadOf("x@hooli.example")
	ev := &journal.Event{Head: journal.Head{Seq: 1, Entity: id, Type: "page_viewed", Logged: start}, Body: &journalv1.Event{Type: "page_viewed", Source: "site", Id: "e"}}
	for b.Loop() {
		if !logic.Wants(ev.Head) {
			b.Fatal("it is not wanted")
		}
		e, err := logic.Load(id, nil)
		if err != nil {
			b.Fatal(err)
		}
		e.Apply(g, ev)
		var d journal.Decision
		e.Decide(g, ev, &d)
		e.Deadlines(g)
		if e.(journal.Steady).Changed() {
			b.Fatal("it is stored")
		}
	}
}

// What a touch of a lead with a handoff costs: the blob is read and written.
func BenchmarkTouchOfALeadWithSales(b *testing.B) {
	s := &handoff.Handoff{ID: identity.Handoff(leadOf("x@hooli.example"), 1), Stage: handoff.Routed, QualifiedAt: start}
	s.Assign(handoff.Assignment{Rep: "ana", At: start})
	l := &lead{id: leadOf("x@hooli.example"), key: key}
	l.Handoffs = []*handoff.Handoff{s}
	logic := NewLogic(key, nil)
	g := logic.NewGlobals()
	blob := l.Save(new(leadstore.Mutation))
	bare := len(blob)
	for i := 0; b.Loop(); i++ {
		e, err := logic.Load(l.id, blob)
		if err != nil {
			b.Fatal(err)
		}
		e.Apply(g, &journal.Event{Head: journal.Head{Entity: l.id, Type: "page_viewed", Logged: start.Add(time.Duration(i) * time.Second)},
			Body: &journalv1.Event{Type: "page_viewed", Source: "site", Id: "e"}})
		blob = e.Save(new(leadstore.Mutation))
	}
	b.ReportMetric(float64(len(blob)-bare), "bytes-more")
}
