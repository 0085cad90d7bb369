package fold

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/directory"
)

// Of ana and bo everything is limited in all of these, so that what they have can be counted; the others come and go.
var mixedDirectories = []string{
	mixedReps + `
  - { id: cy, team: emea, languages: [sv], skills: [core] }
  - { id: di, team: apac, capacity: {per: 1d, handoffs: 2} }
pools:
  - { id: all, reps: [ana, bo, cy] }
  - { id: sv, reps: [cy, di], needs: {languages: lead, fallback: [en]}, overflow: {after: 2h, pool: all} }
  - { id: far, reps: [di, {rep: bo, weight: 2}], overflow: {after: 3h, rep: ana} }
exclude: [ {rep: bo, account: ac-2} ]
` + mixedRoutes,
	mixedReps + `
  - { id: cy, team: emea, active: false }
pools:
  - { id: all, reps: [ana, bo], capacity: {per: 1d, handoffs: 6} }
  - { id: far, reps: [bo, cy], time_zone: Europe/Stockholm, hours: {mon-fri: ["08:00-12:00"]} }
` + strings.ReplaceAll(mixedRoutes, "pool: sv", "pool: far"),
	strings.NewReplacer("holidays: []", "holidays: [2026-11-17, 2026-11-18]", "away: []", "away: [{from: 2026-11-16, to: 2026-12-20}]").Replace(mixedReps) + `
pools: [ {id: all, reps: [ana]}, {id: sv, reps: [ana, bo]}, {id: far, reps: [ana]} ]
` + mixedRoutes,
}

const mixedReps = `
teams: [ {id: emea, manager: kim}, {id: apac, manager: lee} ]
accounts:
  - { id: ac-1, name: Initech, domain: initech.example, owner: ana }
  - { id: ac-2, name: Hooli, domain: hooli.example, owner: bo }
languages: {by_country: {SE: sv}, default: en}
reps:
  - { id: ana, team: emea, languages: [sv, en], time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-12:00", "13:00-17:00"]}, holidays: [], capacity: {open: 2} }
  - { id: bo, team: emea, languages: [en], time_zone: America/New_York, hours: {mon-sat: ["08:00-18:00"]}, away: [], capacity: [{per: 1d, handoffs: 3}, {open: 3}] }
`

const mixedRoutes = `
routes:
  - { id: deal, to: {owner: opportunity} }
  - { id: sticky, to: {owner: previous}, previous_at: account }
  - { id: named, when: 'account.owner != "" && lead.country != "NO"', to: {owner: account} }
  - { id: list, when: 'lead.country == "NO"', to: [{rep: bo}, {rep: ana}, {pool: far}] }
  - { id: sv, when: 'lead.country == "SE"', to: {pool: sv} }
  - { id: default, to: {pool: all} }
`

var mixedAgreements = []string{
	testAgreement,
	strings.NewReplacer("{at: 150%, reassign: true}", "{at: 5h, reassign: true}, {at: 9h, overflow: true}", "max_reassigns: 1",
		"max_reassigns: 2\n  pause: {at_most: 5d}").Replace(testAgreement) +
		"handover: {hold: {after_touch: 30m, after_mail: 1h}, owner: wait, owner_wait: 16h}\n",
	strings.NewReplacer("clock: elapsed", "clock: working", "{at: 150%, reassign: true}", "{at: 100%, overflow: true}").Replace(testAgreement),
}

// relay is a mouthpiece that passes on what reaches a lead after it merged, as scoring does.
type relay struct{ mouthpiece }

func (relay) Load(string, []byte) (journal.Entity, error) {
	return &relayed{before: map[string]bool{}}, nil
}

type relayed struct {
	spoken
	into, left string
	// before are the handoffs from before it was split off.
	before map[string]bool
}

func (r *relayed) Apply(_ journal.Globals, ev *journal.Event) journal.Outcome {
	if ev.Origin != nil && ev.Origin.Producer == scoring {
		switch {
		case ev.Type == typeQualified && r.left == "":
			r.before[ev.Body.GetQualified().GetHandoffId()] = true
		case ev.Type == typeMergedInto:
			r.into = ev.Body.GetMergedInto().GetInto()
		case ev.Type == typeSplitOff:
			r.into, r.left = "", r.into
		}
	}
	return journal.Applied
}

func (r *relayed) Decide(g journal.Globals, ev *journal.Event, d *journal.Decision) {
	passes := disposition(ev.Type) || ev.Type == handoff.DoReassign || deal(ev.Type)
	// After a split what is about a handoff that the lead passed on is still the other's.
	into := r.into
	if id := requestOf(ev).Handoff; into == "" && r.left != "" && id != "" && r.before[id] {
		into = r.left
	}
	if into != "" && passes && (ev.Input() || ev.Origin.Producer == scoring) && !journal.OwnToSelf(scoring, ev.Head) {
		d.Fact(into, &journalv1.Event{Id: ev.Body.GetId(), Source: ev.Body.GetSource(), Type: ev.Type, Payload: ev.Body.GetPayload()})
		return
	}
	r.spoken.Decide(g, ev, d)
}

// mix is a story in which everything happens at once.
type mix struct {
	*story
	rt       *rapid.T
	leads    []string
	into     map[string]string
	left     map[string]bool
	took     map[string]bool
	epoch    map[string]int32
	requests []string
	checked  int
	// The directory in force, what each rep got each day and what the desk was asked, up to checked.
	dir     *core.Directory
	perDay  map[string]int
	matched map[string]*journalv1.Matched
}

// newMix begins a story whose entities live in their blobs alone.
func newMix(t *testing.T, rt *rapid.T) *mix {
	t.Helper()
	parser, err := directory.NewParser()
	if err != nil {
		rt.Fatal(err)
	}
	s := &story{t: t, logic: NewLogic(key, parser)}
	s.Sim = journaltest.NewSim(start, reloadingLogic{s.logic}, relay{})
	m := &mix{
		story: s, rt: rt, into: map[string]string{}, left: map[string]bool{}, took: map[string]bool{}, epoch: map[string]int32{},
		perDay: map[string]int{}, matched: map[string]*journalv1.Matched{},
		leads: []string{
			leadOf("x@hooli.example"), leadOf("y@initech.example"), leadOf("z@initrode.example"),
			key.Lead(identity.ExternalID, "h", "1"), weak("u1"), weak("u2"),
		},
	}
	s.AppendGlobal(KindDestinations, &journalv1.Event{Type: typeDestinationsChanged, Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{Decides: Decides, BriefVersions: BriefVersions, Destinations: []*journalv1.Destination{{
			Name: "crm", Type: "webhook",
			Events: []string{EventRouted, EventReassigned, EventRecalled, EventUpdated, EventSLABreached, EventSLAEscalated, EventDeskWaiting, EventDeskCleared},
		}}},
	}})
	s.agreement(mixedAgreements[rapid.IntRange(0, len(mixedAgreements)-1).Draw(rt, "agreement")])
	m.direct(0)
	return m
}

func (m *mix) direct(i int) {
	if _, err := m.logic.parser.Parse([]byte(mixedDirectories[i])); err != nil {
		m.rt.Fatal(err)
	}
	m.AppendGlobal(KindDirectory, &journalv1.Event{Type: typeDirectoryChanged, Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(mixedDirectories[i]), Turns: int32(i % 2)},
	}})
}

func (m *mix) pick(what string, of ...string) string { return rapid.SampledFrom(of).Draw(m.rt, what) }

func (m *mix) id() string { m.n++; return fmt.Sprint("m-", m.n) }

// anyHandoff gives one of a lead's epochs.
func (m *mix) anyHandoff() (entity, id string) {
	l := m.pick("lead", m.leads...)
	return l, identity.Handoff(l, max(1, m.epoch[l]-int32(rapid.IntRange(0, 1).Draw(m.rt, "earlier"))))
}

// input makes something that comes from outside; nil where it makes no sense now.
func (m *mix) input() *journalv1.Event {
	entity, id := m.anyHandoff()
	ev := &journalv1.Event{Id: m.id(), Source: "api", Entity: entity}
	reps := []string{"", "", "ana", "bo", "cy"}
	switch what := rapid.IntRange(0, 15).Draw(m.rt, "what"); what {
	case 0, 1:
		if m.into[entity] != "" {
			return nil
		}
		m.epoch[entity]++
		ev.Name, ev.Type = scoring, typeQualified
		email := m.pick("email", "x@hooli.example", "y@initech.example", "z@initrode.example", "q@gmail.com")
		q := &journalv1.Qualified{
			Epoch: m.epoch[entity], HandoffId: identity.Handoff(entity, m.epoch[entity]), Rule: "matrix", Score: &journalv1.ScoreSnapshot{},
			Lead: &journalv1.LeadSnapshot{Id: entity, Email: email, Country: m.pick("country", "", "SE", "NO")},
		}
		if rapid.Bool().Draw(m.rt, "fresh") {
			q.Lead.Timeline = []*journalv1.TimelineItem{item("page_viewed", m.Now)}
		}
		ev.Payload = &journalv1.Event_Qualified{Qualified: q}
		return ev
	case 2, 3, 4, 5:
		do := m.pick("do", handoff.DoAccept, handoff.DoAccept, handoff.DoReject, handoff.DoContact, handoff.DoRecycle, handoff.DoDisqualify, handoff.DoSQL)
		ev = request(entity, ev.Id, id, do, m.pick("rep", reps...), m.pick("reason", "", "bad-data", "no-fit", "timing"))
	case 6, 7, 8:
		w := &journalv1.ReassignRequested{HandoffId: id, By: "kim", Reason: "r", To: m.pick("to", "", "ana", "bo", "cy", "di", "all", "far", "zed")}
		w.Role = m.pick("role", handoff.ByAdmin, handoff.ByAdmin, handoff.ByManager, handoff.ByRep)
		if w.Role == handoff.ByRep {
			w.Rep, w.To = m.pick("rep", reps...), ""
		} else {
			w.Force = rapid.Bool().Draw(m.rt, "force")
		}
		ev.Type, ev.Payload = handoff.DoReassign, &journalv1.Event_ReassignRequested{ReassignRequested: w}
	case 9:
		ev.Type, ev.Payload = typePauseRequested, &journalv1.Event_PauseRequested{PauseRequested: &journalv1.PauseRequested{
			HandoffId: id, Rep: m.pick("rep", reps...), By: "phone", Until: ts(m.Now.Add(time.Duration(rapid.IntRange(-1, 40).Draw(m.rt, "pause")) * time.Hour)),
		}}
	case 10:
		ev.Type, ev.Payload = typeResumeRequested, &journalv1.Event_ResumeRequested{ResumeRequested: &journalv1.ResumeRequested{HandoffId: id, By: "phone"}}
	case 11:
		ev.Type = m.pick("deal", typeDealOpened, typeDealStageChanged, typeDealWon)
		d := &journalv1.Deal{DealId: m.pick("id", "d1", "d2"), Owner: m.pick("rep", reps...)}
		switch ev.Type {
		case typeDealOpened:
			ev.Payload = &journalv1.Event_DealOpened{DealOpened: d}
		case typeDealStageChanged:
			ev.Payload = &journalv1.Event_DealStageChanged{DealStageChanged: d}
		default:
			ev.Payload = &journalv1.Event_DealWon{DealWon: d}
		}
		return ev
	case 12, 13:
		ev.Type = m.pick("does", "demo_requested", "form_submitted", "page_viewed", "email_sent", "consent_changed", "call_logged", "event_attended")
		return ev
	case 14:
		if m.into[entity] != "" {
			return nil
		}
		to := m.pick("stage", "opportunity", "won", "recycled", "disqualified", "mql")
		ev.Name, ev.Type = scoring, typeStageChanged
		ev.Payload = &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{From: "routed", To: to}}
		return ev
	default:
		return m.firing(entity, m.pick("timer", timerSLA, timerHold, timerBrief, timerHeld))
	}
	m.requests = append(m.requests, ev.Id)
	return ev
}

func (m *mix) step() {
	switch what := rapid.IntRange(0, 9).Draw(m.rt, "step"); what {
	case 0, 1, 2:
		m.Advance(m.Now.Add(time.Duration(rapid.IntRange(1, 900).Draw(m.rt, "minutes")) * time.Minute))
	case 3:
		if rapid.Bool().Draw(m.rt, "agreement or directory") {
			m.agreement(mixedAgreements[rapid.IntRange(0, len(mixedAgreements)-1).Draw(m.rt, "agreement")])
		} else {
			m.direct(rapid.IntRange(0, len(mixedDirectories)-1).Draw(m.rt, "directory"))
		}
	default:
		// Several inputs stand in the journal before any is folded; a merge, if there is one, behind them.
		var inputs []*journalv1.Event
		for range rapid.IntRange(1, 4).Draw(m.rt, "at once") {
			if ev := m.input(); ev != nil {
				inputs = append(inputs, ev)
			}
		}
		if what == 9 {
			inputs = append(inputs, m.merger()...)
		}
		m.Append(inputs...)
	}
	m.Now = m.Now.Add(time.Millisecond) // no two steps at the same moment
}

func (m *mix) merger() []*journalv1.Event {
	from, into := m.pick("from", m.leads...), m.pick("into", m.leads...)
	ev := &journalv1.Event{Id: m.id(), Source: "api", Entity: from, Name: scoring}
	switch {
	case m.into[from] != "" && !m.took[from] && rapid.Bool().Draw(m.rt, "split"): // nobody is split off who had taken others in
		ev.Type, ev.Payload = typeSplitOff, &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: from, From: m.into[from]}}
		m.left[from] = true
		delete(m.into, from)
	case m.into[from] == "" && !m.left[from] && m.into[into] == "" && from != into && identity.Stronger(into, from):
		ev.Type = typeMergedInto
		ev.Payload = &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: into, IntoRank: int32(identity.RankOf(into))}}
		m.into[from] = into
		m.took[into] = true
	default:
		return nil
	}
	return []*journalv1.Event{ev}
}

// holds checks everything that must be true once nobody has anything left to decide.
func (m *mix) holds() {
	m.rt.Helper()
	m.watch()
	waiting, open := map[string]int{}, map[string]string{}
	held := map[string]bool{}
	hands := map[string]int{}
	for _, entity := range m.leads {
		if m.Entity(Service, entity) == nil {
			continue
		}
		l := m.lead(entity)
		for _, r := range l.Held {
			held[r.ID] = true
		}
		n := 0
		for _, h := range l.Handoffs {
			if !h.Open() {
				if h.Asked && !h.Passed || !h.ClosedAt.IsZero() && !h.HeldUntil.IsZero() {
					m.rt.Fatalf("%s is over and asked for, or held: %+v", h.ID, h)
				}
				continue
			}
			n++
			if was := open[h.ID]; was != "" {
				m.rt.Fatalf("%s is open on %s and on %s", h.ID, was, entity)
			}
			open[h.ID] = entity
			owner := h.Owner()
			switch {
			case (owner == "") != (h.Stage == handoff.Waiting):
				m.rt.Fatalf("%s is %s and %q has it", h.ID, h.Stage, owner)
			case owner == "" && !h.Asked && h.HeldUntil.IsZero():
				m.rt.Fatalf("nobody has %s, and nobody looks for anybody: %+v", h.ID, h)
			case owner != "" && !h.HeldUntil.IsZero():
				m.rt.Fatalf("%s has an owner and is held: %+v", h.ID, h)
			case h.Wish != nil && !h.Wish.Answered:
				m.rt.Fatalf("a wish for %s hangs: %+v", h.ID, h.Wish)
			case !h.Pause.Until.IsZero() && len(h.Steps) == 0:
				m.rt.Fatalf("%s is paused and no clock runs", h.ID)
			case len(h.Due(m.Now.Add(-time.Minute))) > 0 && h.Pinned.Version == 0:
				m.rt.Fatalf("a step of %s is overdue: %+v", h.ID, h.Steps)
			}
			if h.Asked {
				waiting[h.ID] = h.Attempt
			}
			hands[owner]++
		}
		if n > 1 {
			m.rt.Fatalf("%s has %d open handoffs", entity, n)
		}
	}
	d := m.desk().Desk
	for _, e := range d.Queue {
		attempt, ok := waiting[e.Handoff]
		if !ok || attempt != e.Attempt {
			m.rt.Fatalf("the desk looks for attempt %d of %s, its lead waits for %d (%v)", e.Attempt, e.Handoff, attempt, ok)
		}
		delete(waiting, e.Handoff)
	}
	if len(waiting) > 0 {
		m.rt.Fatalf("wait for a desk that knows nothing of them: %v", waiting)
	}
	for _, rep := range []string{"ana", "bo"} {
		if len(d.Hands[rep]) != hands[rep] {
			m.rt.Fatalf("%s has %d handoffs, the desk counts %d", rep, hands[rep], len(d.Hands[rep]))
		}
	}
	answers, unknown := map[string]int{}, map[string]bool{}
	for _, f := range m.Facts(typeAnswered) {
		// A lead that merged answers for the handoffs that it kept, and the lead it merged into says later that it knows nothing of them.
		if a := f.Body.GetAnswered(); strings.HasPrefix(a.GetRefused(), handoff.UnknownHandoff) {
			unknown[a.GetRequestId()] = true
		} else {
			answers[a.GetRequestId()]++
		}
	}
	for _, r := range m.requests {
		if n := answers[r]; n > 1 || n == 0 && !held[r] && !unknown[r] {
			m.rt.Fatalf("request %s was answered %d times", r, n)
		}
	}
}

// watch follows the log as a slow, obvious desk would: nobody gets what they may not have.
func (m *mix) watch() {
	for ; m.checked < len(m.Log); m.checked++ {
		ev := m.Log[m.checked]
		if y := ev.Body.GetDirectoryChanged(); y != nil {
			m.dir, _ = m.logic.parser.Parse(y.GetYaml())
		}
		if ev.Entity != identity.Desk {
			continue
		}
		if q := ev.Body.GetMatched(); q != nil {
			m.matched[q.GetHandoffId()+"/"+itoa(int(q.GetAttempt()))] = q
		}
		a := ev.Body.GetAssigned()
		if a == nil {
			continue
		}
		q := m.matched[a.GetHandoffId()+"/"+itoa(int(a.GetAttempt()))]
		rep := m.dir.Rep(a.GetRep())
		switch {
		case q == nil:
			m.rt.Fatalf("%v was never asked for", a)
		case rep == nil || !rep.Active:
			m.rt.Fatalf("%v: there is no such rep", a)
		case slices.Contains(q.GetExclude(), rep.ID):
			m.rt.Fatalf("%v: had it before", a)
		}
		day := rep.ID + ev.Time().In(rep.Calendar.Location).Format(time.DateOnly)
		if !q.GetForce() {
			if rep.Calendar.At(ev.Time()) != calendar.Open {
				m.rt.Fatalf("%v at %s: outside hours", a, ev.Time())
			}
			for _, c := range rep.Capacities {
				if rep.ID == "bo" && m.perDay[day] >= c.Handoffs {
					m.rt.Fatalf("%v: above capacity", a)
				}
			}
		}
		m.perDay[day]++
	}
}

// replays folds the log anew and compares: the same facts, the same states.
func (m *mix) replays() {
	m.rt.Helper()
	r, err := journaltest.Check(m.Log, m.logic)
	if err != nil || !r.Ok() {
		m.rt.Fatalf("%v, missing %v, unexpected %v, differing %v", err, r.Missing, r.Unexpected, r.Differing)
	}
	for id, blob := range r.States {
		e := m.Entity(Service, id)
		if e == nil {
			m.rt.Fatalf("%s came from nowhere", id)
		}
		if got := e.Save(new(leadstore.Mutation)); !bytes.Equal(got, blob) {
			m.rt.Fatalf("%s, replayed, is another", id)
		}
	}
	webhooks := map[string]proto.Message{}
	for _, f := range m.Facts(typeDeliveryDue) {
		d := f.Body.GetDeliveryDue()
		if f.Entity == identity.Desk { // told apart by the time, which stands still here while several things happen
			continue
		}
		if old := webhooks[d.GetWebhookId()]; old != nil {
			m.rt.Fatalf("one id for two deliveries: %v and %v", old, d)
		}
		webhooks[d.GetWebhookId()] = d
	}
}

// Whatever happens, in whatever order and however much of it at once: every open handoff has exactly one who answers for it,
// nobody gets more than they may have, every request is answered once, and a replay gives the same journal and the same states.
func TestEverythingAtOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMix(t, rt)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			m.step()
			m.holds()
		}
		m.replays()
		m.Advance(m.Now.Add(30 * 24 * time.Hour))
		m.holds()
		m.replays()
	})
}
