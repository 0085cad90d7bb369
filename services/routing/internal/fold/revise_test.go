package fold

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// versioned has the story's briefs have versions, and the CRM told of them.
func (s *story) versioned() {
	s.AppendGlobal(KindDestinations, &journalv1.Event{Type: typeDestinationsChanged, Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{BriefVersions: BriefVersions, Destinations: []*journalv1.Destination{
			{Name: "crm", Type: "webhook", Events: []string{EventRouted, EventReassigned, EventRecalled, EventUpdated}},
		}},
	}})
}

// does has a lead do something; each time another event unless id is given.
func (s *story) does(lead, what, id string) {
	s.n++
	if id == "" {
		id = fmt.Sprintf("did-%d", s.n)
	}
	ev := &journalv1.Event{Id: id, Source: "site", Entity: lead, Type: what}
	switch what {
	case "consent_changed":
		ev.Payload = &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"email": "withdrawn", "a": "granted"}}}
	case "email_unsubscribed":
		ev.Payload = &journalv1.Event_EmailUnsubscribed{EmailUnsubscribed: &journalv1.EmailUnsubscribed{List: "weekly"}}
	}
	s.Append(ev)
}

// versions gives what each version of a lead's briefs was made for, in the order of the log.
func (s *story) versions(lead string) (out [][]string) {
	for _, f := range s.Facts(typeBriefChanged) {
		c := f.Body.GetBriefChanged()
		if f.Entity != lead || !journal.OwnToSelf(Service, f.Head) {
			continue
		}
		var because []string
		for _, b := range c.GetBecause() {
			because = append(because, b.GetWhat())
		}
		out = append(out, because)
	}
	return out
}

func (s *story) wait(d time.Duration) { s.Advance(s.Now.Add(d)) }

func (s *story) updates() int {
	n := 0
	for _, e := range s.due() {
		if e == EventUpdated {
			n++
		}
	}
	return n
}

func wantVersions(t *testing.T, got [][]string, want ...[]string) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("versions %v, want %v", got, want)
	}
}

func TestWhatALeadAsksIsToldAtOnce(t *testing.T) {
	s := newStory(t)
	s.versioned()
	lead := leadOf("a@initech.example")
	id := s.qualify("a@initech.example", 1)
	s.does(lead, "demo_requested", "demo-1")
	wantVersions(t, s.versions(lead), []string{"demo_requested"})
	var c *journalv1.BriefChanged
	for _, f := range s.Facts(typeBriefChanged) {
		if f.Entity == lead {
			c = f.Body.GetBriefChanged()
		}
	}
	if c.GetVersion() != 2 || c.GetByEvent() != "demo-1" || c.GetHandoffId() != id || c.GetBecause()[0].GetEvent() != "demo-1" {
		t.Errorf("%v", c)
	}
	last := s.Facts(typeDeliveryDue)[len(s.Facts(typeDeliveryDue))-1].Body.GetDeliveryDue()
	if last.GetEvent() != EventUpdated || last.GetData()["version"] != "2" || last.GetData()["attempt"] != "0" || last.GetData()["after"] == "" {
		t.Errorf("%v", last)
	}
	s.does(lead, "consent_changed", "")
	v := s.handoff(id).Versions
	if len(v) != 2 || v[1].Number != 3 || v[1].Because[0].Detail != "a=granted,email=withdrawn" {
		t.Errorf("%+v", v)
	}
	// The sender's repeat, what bots do, what was loaded, and what says little are no news.
	s.does(lead, "demo_requested", "demo-1")
	s.Append(&journalv1.Event{Id: "bot", Source: "site", Entity: lead, Type: "form_submitted", Automated: true})
	s.Append(&journalv1.Event{Id: "old", Source: "site", Entity: lead, Type: "meeting_booked", History: true})
	s.does(lead, "page_viewed", "")
	s.wait(time.Hour)
	if n := s.updates(); n != 2 {
		t.Errorf("%d updates, want 2", n)
	}
}

// What the lead did before it qualified is in the first brief: neither a sender's repeat nor the same event's band is news.
func TestWhatTheFirstBriefTellsIsNoNews(t *testing.T) {
	s := newStory(t)
	s.versioned()
	lead := leadOf("a@initech.example")
	s.does(lead, "demo_requested", "demo-1")
	id := identity.Handoff(lead, 1)
	s.scoring(lead, typeQualified, &journalv1.Event{Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: 1, HandoffId: id, Rule: "matrix", AgreementVersion: 1,
		Lead: &journalv1.LeadSnapshot{Id: lead, Email: "a@initech.example", Timeline: []*journalv1.TimelineItem{{EventId: "demo-1", Source: "site", Type: "demo_requested"}}},
	}}})
	s.scoring(lead, typeScoreBandChanged, &journalv1.Event{Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{From: "warm", To: "hot"}}})
	before := s.Now
	s.wait(time.Minute)
	s.does(lead, "demo_requested", "demo-1")
	s.Append(&journalv1.Event{
		Id: "said-1", Source: "site", Entity: lead, Type: "consent_changed", OccurredAt: timestamppb.New(before.Add(-time.Hour)),
		Payload: &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"email": "granted"}}},
	})
	s.wait(time.Hour)
	wantVersions(t, s.versions(lead))
	s.does(lead, "demo_requested", "demo-2")
	wantVersions(t, s.versions(lead), []string{"demo_requested"})
}

func TestSeveralChangesAreOneTelling(t *testing.T) {
	s := newStory(t)
	s.versioned()
	lead := leadOf("a@initech.example")
	s.qualify("a@initech.example", 1)
	s.does(lead, "form_submitted", "")
	s.wait(10 * time.Minute)
	s.does(lead, "event_attended", "")
	s.scoring(lead, typeScoreBandChanged, &journalv1.Event{Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{From: "warm", To: "hot"}}})
	wantVersions(t, s.versions(lead))
	s.wait(6 * time.Minute) // a quarter of an hour after the first
	wantVersions(t, s.versions(lead), []string{"form_submitted", "event_attended", brief.Band})
	if n := s.updates(); n != 1 {
		t.Errorf("%d updates, want 1", n)
	}
	// What is told at once takes along what waited, and nothing is told twice.
	s.does(lead, "trial_started", "")
	s.does(lead, "meeting_canceled", "")
	s.wait(time.Hour)
	wantVersions(t, s.versions(lead)[1:], []string{"trial_started", "meeting_canceled"})
}

func TestWhatChangesAtTheDeskIsInTheFirstBrief(t *testing.T) {
	s := newStory(t)
	s.versioned()
	s.directory(`
reps: [ {id: ana, time_zone: Europe/Stockholm, hours: {mon-fri: ["10:00-12:00"]}} ]
pools: [ {id: all, reps: [ana]} ]
routes: [ {id: default, to: {pool: all}} ]
`)
	lead := leadOf("a@initech.example")
	id := s.qualify("a@initech.example", 1)
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	s.does(lead, "demo_requested", "")
	wantVersions(t, s.versions(lead))
	s.wait(90 * time.Minute)
	s.wantHandoff(id, handoff.Routed, "ana")
	wantVersions(t, s.versions(lead), []string{"demo_requested"})
	if got := s.due(); !slices.Equal(got, []string{EventRouted}) {
		t.Errorf("told: %v", got)
	}
}

func TestNothingIsToldOfWhatIsOver(t *testing.T) {
	s := newStory(t)
	s.versioned()
	lead := leadOf("a@initech.example")
	s.does(lead, "demo_requested", "") // nobody has it yet
	id := s.qualify("a@initech.example", 1)
	s.does(lead, "form_submitted", "")
	if a := s.answers(id, handoff.DoReject, "ana", "bad-data"); !a.GetOk() {
		t.Fatal(a)
	}
	s.does(lead, "demo_requested", "")
	s.wait(time.Hour)
	wantVersions(t, s.versions(lead))
	if s.updates() != 0 {
		t.Error("a rep is told of what they rejected")
	}
	other := leadOf("nobody@initech.example")
	s.does(other, "consent_changed", "")
	if l := s.lead(other); len(l.Seen)+len(l.Handoffs) != 0 {
		t.Errorf("of a lead that was never handed over is kept %+v", l)
	}
}

// A journal from before briefs had versions decides what it decided then.
func TestOldJournalsStayAsTheyWere(t *testing.T) {
	s := newStory(t)
	lead := leadOf("a@initech.example")
	s.qualify("a@initech.example", 1)
	s.does(lead, "demo_requested", "")
	s.scoring(lead, typeScoreBandChanged, &journalv1.Event{Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{From: "warm", To: "hot"}}})
	s.wait(time.Hour)
	if n := s.count(typeBriefChanged); n != 0 {
		t.Errorf("%d facts that no old journal has", n)
	}
}

func TestColleaguesHearOfEachOther(t *testing.T) {
	s := newStory(t)
	s.versioned()
	a, b := leadOf("a@initech.example"), leadOf("b@initech.example")
	first := s.qualify("a@initech.example", 1)
	second := s.qualify("b@initech.example", 1)
	s.qualify("c@elsewhere.example", 1)
	s.wait(20 * time.Minute)
	wantVersions(t, s.versions(a), []string{brief.ColleagueRouted})
	wantVersions(t, s.versions(b))
	if c := s.handoff(first).Versions[0].Because[0]; c.Lead != b || c.Event != second {
		t.Errorf("%+v", c)
	}
	if ans := s.answers(first, handoff.DoReject, "ana", "bad-data"); !ans.GetOk() {
		t.Fatal(ans)
	}
	s.qualify("d@initech.example", 1)
	s.wait(20 * time.Minute)
	wantVersions(t, s.versions(a)[1:])
	wantVersions(t, s.versions(b), []string{brief.ColleagueRouted})
}

func TestABriefGoesOnWithItsLead(t *testing.T) {
	s := newStory(t)
	s.versioned()
	weak, strong := key.Lead(identity.Anonymous, "", "an-1"), leadOf("a@initech.example")
	id := s.qualifyLead(weak, "", 1)
	s.does(weak, "demo_requested", "")
	s.does(weak, "form_submitted", "") // not told yet
	s.scoring(weak, typeMergedInto, &journalv1.Event{Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: strong, IntoRank: 1}}})
	s.wait(20 * time.Minute)
	wantVersions(t, s.versions(strong), []string{"form_submitted", brief.Merged})
	h := s.handoff(id)
	if h.Version() != 3 || len(h.Versions) != 2 || h.Versions[0].Because[0].What != "demo_requested" {
		t.Errorf("%+v", h.Versions)
	}
	s.does(strong, "meeting_booked", "")
	if h.Version() != 4 {
		t.Errorf("version %d on the lead that goes on", h.Version())
	}
	// Taken back, it is told of once more and never updated again.
	own := s.qualifyLead(strong, "a@initech.example", 2)
	s.does(strong, "consent_changed", "")
	if got := s.handoff(own).Version(); got != 2 {
		t.Errorf("the lead's own brief is version %d", got)
	}
	if back := s.lead(weak).Handoff(id); back.Stage != handoff.Recalled {
		t.Errorf("%s is %s", id, back.Stage)
	}
	s.wait(time.Hour)
}

// Against an obvious reference: whatever happens when, each change is told once, in order, at once or a quarter of an hour
// after the first that waits.
func TestTellingAgainstAReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory(t)
		s.versioned()
		lead := leadOf("a@initech.example")
		s.qualify("a@initech.example", 1)
		var want [][]string
		var waiting []string
		var due time.Time
		now := s.Now
		flush := func() { want, waiting = append(want, waiting), nil }
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			wait := time.Duration(rapid.IntRange(0, 20).Draw(rt, "minutes"))*time.Minute + 7*time.Second
			s.wait(wait)
			now = now.Add(wait)
			if len(waiting) > 0 && !due.After(now) {
				flush()
			}
			what := rapid.SampledFrom([]string{"form_submitted", "event_attended", "demo_requested", "page_viewed", "email_unsubscribed"}).Draw(rt, "what")
			s.does(lead, what, fmt.Sprint("r-", i))
			matters, atOnce := material(what)
			if !matters {
				continue
			}
			if len(waiting) == 0 {
				due = now.Add(handoff.Settle)
			}
			if waiting = append(waiting, what); atOnce {
				flush()
			}
		}
		s.wait(20 * time.Minute)
		if len(waiting) > 0 {
			flush()
		}
		if got := s.versions(lead); !slices.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("versions %v, want %v", got, want)
		}
		if s.updates() != len(want) {
			rt.Fatalf("%d updates of %d versions", s.updates(), len(want))
		}
	})
}

func TestDetailNamesNobody(t *testing.T) {
	if got := detail(&journalv1.Event{Payload: &journalv1.Event_FormSubmitted{FormSubmitted: &journalv1.FormSubmitted{Form: "ana@initech.example"}}, OccurredAt: timestamppb.Now()}); got != "" {
		t.Error(got)
	}
}
