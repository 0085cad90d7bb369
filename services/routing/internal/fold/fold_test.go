package fold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

func TestFromQualifiedToSQL(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	h := s.handoff(id)
	owner := h.Owner()
	if h.Stage != handoff.Routed || owner == "" || h.Account.ID != key.Account("hooli.example") || h.Account.By != "email-domain" {
		t.Fatalf("after qualified: %+v", h)
	}
	if !h.AcceptBy.Equal(start.Add(4*time.Hour)) || !h.ContactBy.Equal(start.Add(28*time.Hour)) {
		t.Errorf("accept by %s, contact by %s", h.AcceptBy, h.ContactBy)
	}
	if a := h.Current(); a.Route != "default" || a.Pool != "all" || len(a.Considered) != 1 {
		t.Errorf("chosen by %+v", a)
	}
	if got := s.due(); !slices.Equal(got, []string{EventRouted}) {
		t.Fatalf("due: %v", got)
	}
	due := s.Facts(typeDeliveryDue)[0].Body.GetDeliveryDue()
	for range 2 { // the sender may report twice
		s.Append(&journalv1.Event{Id: due.WebhookId + ".1", Source: Service, Entity: leadOf("x@hooli.example"), Type: typeDelivered,
			Payload: &journalv1.Event_Delivered{Delivered: &journalv1.Delivered{WebhookId: due.WebhookId, Destination: "crm", Attempt: 1, Status: 200}}})
	}
	if d := s.lead(leadOf("x@hooli.example")).Book.Find(due.WebhookId); d.State != state.Delivered || d.Attempts != 1 {
		t.Errorf("delivery: %+v", d)
	}
	if _, duplicates := s.Outcomes(Service); duplicates != 1 {
		t.Errorf("%d duplicates, want the second report", duplicates)
	}

	s.Advance(start.Add(time.Hour))
	if a := s.answers(id, handoff.DoSQL, owner, ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "not_accepted: ") {
		t.Errorf("sql before accepted: %v", a)
	}
	if a := s.answers(id, handoff.DoAccept, owner, ""); !a.GetOk() || a.GetStage() != "accepted" || a.GetRep() != owner {
		t.Errorf("accepted: %v", a)
	}
	if h := s.handoff(id); !h.ContactBy.Equal(start.Add(25 * time.Hour)) {
		t.Errorf("accepted after an hour, contact by %s", h.ContactBy)
	}
	if a := s.answers(id, handoff.DoAccept, owner, ""); !a.GetOk() || a.GetStage() != "accepted" {
		t.Errorf("accepted again: %v", a)
	}
	if a := s.answers(id, handoff.DoContact, owner, ""); !a.GetOk() {
		t.Errorf("contacted: %v", a)
	}
	if a := s.answers(id, handoff.DoSQL, owner, ""); !a.GetOk() || a.GetStage() != "sql" {
		t.Errorf("sql: %v", a)
	}
	if a := s.answers(id, handoff.DoAccept, owner, ""); !a.GetOk() || a.GetStage() != "sql" {
		t.Errorf("accepted once more, as sql: %v", a)
	}
	s.Advance(start.Add(1000 * time.Hour))
	if n := s.count(typeSLABreached) + s.count(typeEscalated); n != 0 {
		t.Errorf("%d steps of the ladder for a rep who was in time", n)
	}
}

func TestTheSameRequestTwiceIsAnsweredOnce(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	ev := request(leadOf("x@hooli.example"), "req-same", id, handoff.DoAccept, "", "")
	if a := s.request(ev); !a.GetOk() {
		t.Fatalf("accepted: %v", a)
	}
	if a := s.request(ev); a != nil || s.count(typeAnswered) != 1 {
		t.Errorf("sent twice, answered %d times: %v", s.count(typeAnswered), a)
	}
	// Another sender's id may be the same.
	ev.Source = "crm"
	if a := s.request(ev); !a.GetOk() {
		t.Errorf("the same id of another source: %v", a)
	}
}

func TestRefusals(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	for _, tc := range []struct{ id, do, rep, reason, code string }{
		{id, handoff.DoAccept, "nobody", "", "not_owner"},
		{id, handoff.DoReject, owner, "", "reason_required"},
		{id, handoff.DoReject, owner, "mood", "unknown_reason"},
		{id, handoff.DoRecycle, owner, "timing", "not_accepted"},
		{identity.Handoff(leadOf("x@hooli.example"), 7), handoff.DoAccept, owner, "", "unknown_handoff"},
	} {
		a := s.answers(tc.id, tc.do, tc.rep, tc.reason)
		if code, _, _ := strings.Cut(a.GetRefused(), ":"); a.GetOk() || code != tc.code {
			t.Errorf("%s by %s for %q: %v, want %s", tc.do, tc.rep, tc.reason, a, tc.code)
		}
	}
	// A lead that nobody ever handed over.
	if a := s.answers(identity.Handoff(leadOf("y@hooli.example"), 1), handoff.DoAccept, "ana", ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "unknown_handoff") {
		t.Errorf("accepted out of the blue: %v", a)
	}
	s.wantHandoff(id, handoff.Routed, owner)
}

func TestRejectedGoesBackWithTheTurn(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.qualify("w@hooli.example", 1) // the other one's turn
	if a := s.answers(id, handoff.DoReject, owner, "bad-data"); !a.GetOk() || a.GetStage() != "recycled" || a.GetWakeOn() != "engagement" {
		t.Fatalf("rejected: %v", a)
	}
	if m := s.desk().Desk.Pools["all"][owner]; m.Assigned != 0 || m.Credits != 1 {
		t.Errorf("the turn was not given back: %+v", m)
	}
	if s.count(typeMatched) != 2 {
		t.Error("a rejected handoff was offered to another rep")
	}
	id2 := s.qualify("y@hooli.example", 1)
	s.wantHandoff(id2, handoff.Routed, owner) // whose turn it still is
	if a := s.answers(id2, handoff.DoReject, owner, "no-fit/size"); !a.GetOk() || a.GetStage() != "disqualified" {
		t.Errorf("rejected: %v", a)
	}
	id3 := s.qualify("z@hooli.example", 1)
	owner3 := s.handoff(id3).Owner()
	s.answers(id3, handoff.DoAccept, owner3, "")
	a := s.answers(id3, handoff.DoRecycle, owner3, "timing")
	if !a.GetOk() || a.GetStage() != "recycled" || !a.GetWakeAt().AsTime().Equal(start.Add(90*24*time.Hour)) {
		t.Errorf("recycled: %v", a)
	}
	// The next epoch is another handoff.
	s.wantHandoff(s.qualify("z@hooli.example", 2), handoff.Routed, s.handoff(identity.Handoff(leadOf("z@hooli.example"), 2)).Owner())
	s.wantHandoff(id3, handoff.Recycled, owner3)
}

func TestTheAccountsOwnerComesFirst(t *testing.T) {
	s := newStory(t)
	h := s.wantHandoff(s.qualify("x@initech.example", 1), handoff.Routed, "ana")
	if h.Current().Route != "named" || h.Account.ID != "ac-1" {
		t.Errorf("ana by route %s for account %s", h.Current().Route, h.Account.ID)
	}
	s.Advance(time.Date(2026, 11, 16, 11, 30, 0, 0, time.UTC)) // ana's lunch
	h = s.wantHandoff(s.qualify("y@initech.example", 1), handoff.Routed, "bo")
	want := []handoff.Considered{{Rep: "ana", Skipped: "outside hours"}}
	if h.Current().Route != "default" || !slices.Equal(h.Current().Considered, want) {
		t.Errorf("bo by route %s, considered %v", h.Current().Route, h.Current().Considered)
	}
}

func TestNobodyIsThereThenTheDeskOpens(t *testing.T) {
	s := newStory(t)
	s.Advance(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)) // Friday evening
	var ids []string
	for _, email := range []string{"a@hooli.example", "b@hooli.example", "c@hooli.example"} {
		id := s.qualify(email, 1)
		ids = append(ids, id)
		h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
		monday := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
		if !h.WaitingUntil.Equal(monday) || len(h.WaitingFor) != 2 || h.WaitingFor[0].Skipped != "outside hours" {
			t.Errorf("%s waits until %s for %v, want %s", id, h.WaitingUntil, h.WaitingFor, monday)
		}
		if a := s.answers(id, handoff.DoAccept, "ana", ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "waiting") {
			t.Errorf("accepted while nobody has it: %v", a)
		}
	}
	s.Advance(time.Date(2026, 11, 23, 7, 59, 59, 0, time.UTC))
	if s.count(typeRouted) != 0 {
		t.Fatal("routed before anybody was there")
	}
	s.Advance(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	var routed []string
	for _, f := range s.Facts(typeRouted) {
		routed = append(routed, f.Body.GetRouted().GetHandoffId())
	}
	if !slices.Equal(routed, ids) {
		t.Errorf("routed %v, want them in the order in which they came: %v", routed, ids)
	}
	if got := s.count(typeWaiting); got != 2*len(ids) {
		t.Errorf("%d waiting facts, want one on the desk and one on the lead for each of %d", got, len(ids))
	}
}

func TestAChangedDirectoryFreesWhoWaits(t *testing.T) {
	s := newStory(t)
	s.directory(strings.ReplaceAll(testDirectory, "team: emea,", "team: emea, active: false,"))
	id := s.qualify("x@hooli.example", 1)
	h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if !h.WaitingUntil.IsZero() {
		t.Errorf("nobody will come, but it waits until %s", h.WaitingUntil)
	}
	s.Advance(start.Add(time.Hour))
	s.directory(testDirectory)
	if h := s.handoff(id); h.Stage != handoff.Routed {
		t.Errorf("with reps again it is %s", h.Stage)
	}
}

func TestManyWaitAndTheDeskOpensInPortions(t *testing.T) {
	s := newStory(t)
	s.directory(strings.ReplaceAll(testDirectory, "team: emea,", "team: emea, active: false,"))
	const n = 2*maxRulings + 50
	for i := range n {
		s.qualify(strings.Repeat("x", i+1)+"@hooli.example", 1)
	}
	s.directory(strings.ReplaceAll(testDirectory, ", capacity: {per: 1d, handoffs: 20}", ""))
	s.Advance(s.Now.Add(time.Second))
	if got := s.count(typeRouted); got != n || len(s.desk().Desk.Queue) != 0 {
		t.Fatalf("%d of %d routed, %d wait", got, n, len(s.desk().Desk.Queue))
	}
	byCause := map[uint64]int{}
	for _, f := range s.Log {
		if f.Origin != nil && f.Origin.Producer == Service {
			if byCause[f.Origin.Cause]++; byCause[f.Origin.Cause] > 2*maxRulings {
				t.Fatalf("one event gives %d facts", byCause[f.Origin.Cause])
			}
		}
	}
}

func TestADealEndsTheHandoff(t *testing.T) {
	for _, tc := range []struct {
		to    string
		stage handoff.Stage
	}{{"won", handoff.Won}, {"lost", handoff.Lost}, {"opportunity", handoff.Routed}} {
		s := newStory(t)
		id := s.qualify("x@hooli.example", 1)
		s.scoring(leadOf("x@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
			StageChanged: &journalv1.StageChanged{From: "routed", To: tc.to, Epoch: 1, HandoffId: id},
		}})
		s.Advance(start.Add(1000 * time.Hour))
		if h := s.handoff(id); h.Stage != tc.stage || s.count(typeSLABreached) != 0 {
			t.Errorf("%s: %s, %d breaches", tc.to, h.Stage, s.count(typeSLABreached))
		}
	}
}

func TestWithdrawnConsentTakesItBack(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	s.scoring(leadOf("x@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
		StageChanged: &journalv1.StageChanged{From: "routed", To: "disqualified", Epoch: 1, HandoffId: id, Reason: "objected"},
	}})
	if h := s.handoff(id); h.Stage != handoff.Recalled || h.Reason != "objected" {
		t.Errorf("%+v", h)
	}
	if want := []string{EventRouted, EventRecalled}; !slices.Equal(s.due(), want) {
		t.Errorf("due %v, want %v", s.due(), want)
	}
}

func TestStageAndBandChangesAreTold(t *testing.T) {
	s := newStory(t)
	s.destinations("nurture", EventStageChanged, EventBandChanged, EventAgreementActivated)
	lead := leadOf("x@hooli.example")
	for _, to := range []string{"inquiry", "mql", "inquiry"} {
		s.Now = s.Now.Add(time.Second)
		s.scoring(lead, typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{From: "x", To: to, Epoch: 1}}})
		// Where it stands is stated again with how it came: nobody is told of that.
		s.scoring(lead, typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{From: to, To: to, Epoch: 1}}})
	}
	s.scoring(lead, typeScoreBandChanged, &journalv1.Event{Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{From: "cold", To: "warm"}}})
	// Nor of what follows from loaded history.
	s.scoring(lead, typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{From: "x", To: "won", Epoch: 1, History: true}}})
	s.scoring(lead, typeScoreBandChanged, &journalv1.Event{Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{From: "warm", To: "hot", History: true}}})
	s.agreement(testAgreement)
	if want := []string{EventStageChanged, EventStageChanged, EventStageChanged, EventBandChanged, EventAgreementActivated}; !slices.Equal(s.due(), want) {
		t.Fatalf("due %v, want %v", s.due(), want)
	}
	d := s.Facts(typeDeliveryDue)
	if got := d[1].Body.GetDeliveryDue().GetData(); got["to"] != "mql" || got["epoch"] != "1" || got["at"] == "" {
		t.Errorf("data: %v", got)
	}
	if d[4].Entity != identity.Desk || d[4].Body.GetDeliveryDue().GetData()["version"] == "" {
		t.Errorf("agreement: %v", d[4].Body)
	}
}

func TestReplayPutsADeliveryBack(t *testing.T) {
	s := newStory(t)
	s.qualify("x@hooli.example", 1)
	lead := leadOf("x@hooli.example")
	id := s.Facts(typeDeliveryDue)[0].Body.GetDeliveryDue().GetWebhookId()
	fail := func(attempt int32, dead bool) {
		s.Append(&journalv1.Event{Id: "f", Source: Service, Entity: lead, Type: typeDeliveryFailed, Payload: &journalv1.Event_DeliveryFailed{
			DeliveryFailed: &journalv1.DeliveryFailed{WebhookId: id, Attempt: attempt, Status: 500, Reason: "status 500", NextAt: ts(s.Now.Add(time.Minute)), Dead: dead},
		}})
	}
	fail(1, false)
	fail(1, false)
	if d := s.lead(lead).Book.Find(id); d.State != state.Failing || d.Attempts != 1 || !d.NextAt.Equal(s.Now.Add(time.Minute)) {
		t.Errorf("failing: %+v", d)
	}
	fail(2, true)
	if d := s.lead(lead).Book.Find(id); d.State != state.Dead || !d.Done() {
		t.Errorf("dead: %+v", d)
	}
	s.Append(&journalv1.Event{Id: "r", Source: "api", Entity: lead, Type: typeReplayRequested, Payload: &journalv1.Event_ReplayRequested{
		ReplayRequested: &journalv1.ReplayRequested{WebhookId: id, Destination: "crm"},
	}})
	if d := s.lead(lead).Book.Find(id); d.State != state.Due || d.Before != 2 || d.Done() {
		t.Errorf("put back: %+v", d)
	}
}

func TestIndexesFollowTheHandoff(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	e := s.Entity(Service, leadOf("x@hooli.example")).(*lead)
	var m leadstore.Mutation
	e.Save(&m)
	for _, index := range []string{HandoffIndex("", ""), HandoffIndex(owner, ""), HandoffIndex(owner, "routed"), HandoffIndex("", "routed")} {
		if _, ok := m.ZAdds[index][id]; !ok {
			t.Errorf("not in %s", index)
		}
	}
	if len(m.ZRems) != 0 {
		t.Errorf("takes out of indexes what was never in them: %v", m.ZRems)
	}
	if len(m.HSets[HashSnapshot][id]) == 0 || len(m.HSets[HashDue]) != 1 {
		t.Errorf("snapshot %d bytes, %d due", len(m.HSets[HashSnapshot][id]), len(m.HSets[HashDue]))
	}
	var quiet leadstore.Mutation
	if e.Save(&quiet); !quiet.Empty() {
		t.Errorf("saved again, it writes %+v", quiet)
	}
	s.answers(id, handoff.DoReject, owner, "no-fit")
	e.Save(&quiet)
	if _, ok := quiet.ZAdds[HandoffIndex(owner, "disqualified")][id]; !ok {
		t.Error("not among the disqualified")
	}
	for _, index := range []string{HandoffIndex(owner, "routed"), HandoffIndex("", "routed")} {
		if _, ok := quiet.ZRems[index][id]; !ok {
			t.Errorf("still in %s", index)
		}
	}
	if len(quiet.ZRems) != 2 {
		t.Errorf("taken out of %v", quiet.ZRems)
	}
}

func TestWebhookIDs(t *testing.T) {
	lead := leadOf("x@hooli.example")
	ids := map[string]bool{}
	for _, a := range [][4]string{
		{lead, "crm", EventRouted, "ho_1"}, {lead, "crm2", EventRouted, "ho_1"}, {lead, "crm", EventReassigned, "ho_1"},
		{lead, "crm", EventRouted, "ho_2"}, {identity.Desk, "crm", EventAgreementActivated, "1"},
	} {
		id := WebhookID(a[0], a[1], a[2], a[3])
		if ids[id] || !identity.Safe(id) || EntityOfDelivery(id) != a[0] {
			t.Errorf("%v gives %s", a, id)
		}
		ids[id] = true
	}
	for _, id := range []string{"", "msg_", "msg_desk", "msg_x_abcdefghijklmnop", "msg_desk_short", "ho_1", lead} {
		if got := EntityOfDelivery(id); got != "" {
			t.Errorf("%q is a delivery of %q", id, got)
		}
	}
}
