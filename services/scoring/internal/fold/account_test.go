package fold_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// committeeAgreement hands over whoever decides, once the people around them are interested.
const committeeAgreement = `agreement: committee
half_life: none
engagement:
  - { id: page,  on: page_viewed, points: 2 }
  - { id: ebook, on: asset_downloaded, points: 12 }
  - { id: warm,  on: product_used, when: 'account.engagement >= 20', points: 5 }
fit:
  - { id: senior, when: 'lead.title == "VP"', points: 80 }
qualify:
  - { id: committee, when: 'grade == "a" && account.engagement >= 40 && account.people >= 2' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

var (
	cy      = key.Lead(identity.Email, "", "cy@initech.example")
	initech = key.Account("initech.example")
)

func atInitech(title string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.Traits = &journalv1.Traits{Title: proto.String(title)}
		e.Account = &journalv1.Account{Domain: proto.String("Initech.example")}
	}
}

// told writes the tellings to accounts so far.
func (w *world) told() string {
	names := map[string]string{ana: "ana", bo: "bo", cy: "cy", anaCRM: "ana's record", device: "device", tablet: "tablet"}
	var out []string
	for _, f := range w.Facts("account_engaged") {
		to := "initech"
		if f.Entity != initech {
			to = f.Entity
		}
		out = append(out, fmt.Sprintf("%s>%s %g", names[f.Body.GetAccountEngaged().Lead], to, core.Micros(f.Body.GetAccountEngaged().EngagementMicros).Points()))
	}
	return strings.Join(out, ", ")
}

func (w *world) wantTold(want string) {
	w.Helper()
	if got := w.told(); got != want {
		w.Errorf("tellings:\ngot  %s\nwant %s", got, want)
	}
}

func TestACommitteeHandsOverWhoDecides(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(ana, "page_viewed", atInitech("VP"))
	for range 2 {
		w.Now = w.Now.Add(hour)
		w.sees(bo, "asset_downloaded", atInitech("Engineer"))
		w.sees(cy, "asset_downloaded", atInitech("Engineer"))
	}
	w.wantStages(ana, "inquiry", "mql")
	q := w.Facts("qualified")
	if len(q) != 1 || q[0].Entity != ana || q[0].Body.GetQualified().Rule != "committee" {
		t.Fatalf("got %v", q)
	}
	// It was the account's word that handed her over: she did nothing that day.
	cause := w.Sim.Log[q[0].Origin.Cause-1]
	if cause.Type != "account_rated" || cause.Origin.Entity != initech {
		t.Errorf("because of %s of %s", cause.Type, cause.Origin.Entity)
	}
	r := w.lead(ana).Rated
	if r.Account != initech || r.People != 3 || r.Micros < 40*core.Point || r.Micros > 51*core.Point {
		t.Errorf("rated %+v", r)
	}
	w.wantStages(bo, "inquiry") // warm enough, but does not decide
	w.sees(bo, "product_used")
	w.wantEngagement(bo, 29) // engagement rules see it, too
}

func TestALeadTellsItsAccountRarely(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(bo, "asset_downloaded") // nobody knows yet where he works
	w.wantTold("")
	w.sees(bo, "identified", atInitech("Engineer"))
	w.wantTold("bo>initech 12")
	for range 4 {
		w.sees(bo, "page_viewed")
	}
	w.wantTold("bo>initech 12") // 20 points by now: too little has moved
	w.sees(bo, "page_viewed")
	w.wantTold("bo>initech 12, bo>initech 22")
	w.Now = w.Now.Add(8 * day)
	w.sees(bo, "email_sent") // that is not his doing
	w.wantTold("bo>initech 12, bo>initech 22")
	w.sees(bo, "page_viewed")
	w.wantTold("bo>initech 12, bo>initech 22, bo>initech 24") // active still, after a week
	w.sees(bo, "identified", func(e *journalv1.Event) { e.Account = &journalv1.Account{Domain: proto.String("globex.example")} })
	globex := key.Account("globex.example")
	w.wantTold("bo>initech 12, bo>initech 22, bo>initech 24, bo>initech 0, bo>" + globex + " 24")
	if n := len(w.Facts("account_rated")); n != 0 {
		t.Errorf("one person was told %d times of themselves", n)
	}
	// Routing knows better.
	w.routing(bo, routed(identity.Handoff(bo, 1), "kim")) // of no handoff of his
	if strings.Contains(w.told(), "ac-1") {
		t.Error("the account of another handoff was taken")
	}
}

// A committee stays together when one of it is handed over, whatever account routing matches.
func TestRoutingsMatchLeavesTheCommitteeTogether(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	to := routed(identity.Handoff(bo, 1), "kim")
	to.GetRouted().Account = "ac-1"
	w.sees(bo, "event_attended", vpOfBigCompany)
	w.routing(bo, to)
	if got := w.lead(bo).Run.Account; got != "ac-1" {
		t.Fatalf("routing matched %q", got)
	}
	w.wantTold("bo>initech 60")
}

func TestRoutingsMatchIsTheAccountOfWhoHasNoEmployer(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	to := routed(identity.Handoff(bo, 1), "kim")
	to.GetRouted().Account = "ac-1"
	w.sees(bo, "event_attended", func(e *journalv1.Event) { e.Traits = &journalv1.Traits{Title: proto.String("VP")} })
	w.sees(bo, "demo_requested")
	w.wantTold("")
	w.routing(bo, to)
	w.wantTold("bo>ac-1 60")
}

func TestWhoObjectsToProfilingLeavesTheAccount(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(bo, "page_viewed", atInitech("Engineer"))
	w.wantTold("bo>initech 2")
	w.sees(bo, "consent_changed", consent("profiling", "objected"))
	w.wantTold("bo>initech 2, bo>initech 0")
	w.sees(bo, "asset_downloaded")
	w.wantTold("bo>initech 2, bo>initech 0")
}

func TestDevicesTellNoAccount(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(device, "asset_downloaded", atInitech("Engineer"))
	w.wantTold("")
	w.link(device, bo)
	w.wantTold("bo>initech 12") // the device's past is the person's
}

func TestNobodyIsCountedTwiceAfterAMerge(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(anaCRM, "asset_downloaded", atInitech("Clerk"))
	w.sees(ana, "page_viewed", atInitech("Clerk"))
	w.sees(ana, "asset_downloaded")
	w.link(anaCRM, ana)
	w.wantTold("ana's record>initech 12, ana>initech 2, ana>initech 14, ana's record>initech 0, ana>initech 26")
	var people []string
	for _, f := range w.Facts("account_rated") {
		people = append(people, fmt.Sprint(f.Body.GetAccountRated().People))
	}
	if got := people[len(people)-1]; got != "1" {
		t.Errorf("people over time: %v", people)
	}
	// An account's word that crosses with the merge is not passed on.
	for _, f := range w.Facts("account_rated") {
		if f.Origin.Entity != initech {
			t.Errorf("%s stated an account's rating", f.Origin.Entity)
		}
	}
}

func TestAnAccountCoolsDown(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	for range 2 {
		w.sees(bo, "asset_downloaded", atInitech("Engineer")) // 24 points that stay his
	}
	for range 3 {
		w.sees(cy, "asset_downloaded", atInitech("Engineer")) // and 36
	}
	for _, id := range []string{bo, cy} {
		if r := w.lead(id).Rated; r.Micros != 60*core.Point || r.People != 2 {
			t.Fatalf("rated %+v", r)
		}
	}
	before := len(w.Facts("account_rated"))
	w.Advance(start.Add(200 * day))
	rated := w.Facts("account_rated")[before:]
	// 60 falls to 50, 40, 30, 20, 10 after 30d log2 of the ratio: five times, each at its moment and once.
	var got []string
	for _, f := range rated {
		if f.Entity != bo {
			continue // cy is told the same
		}
		r := f.Body.GetAccountRated()
		got = append(got, fmt.Sprintf("%.3f@%s", core.Micros(r.EngagementMicros).Points(), r.At.AsTime().Sub(start).Round(time.Minute)))
	}
	want := "[50.000@189h23m0s 40.000@421h10m0s 30.000@720h0m0s 20.000@1141h10m0s 10.000@1861h10m0s]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if told := w.told(); strings.Count(told, ",") != 4 {
		t.Errorf("an account's word made a lead tell: %s", told)
	}
}

func TestAnAccountsStateIsReadBack(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(bo, "asset_downloaded", atInitech("Engineer"))
	w.sees(cy, "asset_downloaded", atInitech("Engineer"))
	blob := w.Entity(fold.Service, initech).Save(&leadstore.Mutation{})
	again, err := fold.NewLogic(sharedLibrary(t), key).Load(initech, blob)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Save(&leadstore.Mutation{}); !slices.Equal(got, blob) {
		t.Error("stored again it gives other bytes")
	}
	if a, b := again.Deadlines(nil), w.Entity(fold.Service, initech).Deadlines(nil); len(a) != 1 || !a[core.TimerRating].Equal(b[core.TimerRating]) {
		t.Errorf("its timers are %v, were %v", a, b)
	}
}

// What others say in an account's or in scoring's name changes nothing.
func TestOnlyScoringsWordCounts(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(bo, "asset_downloaded", atInitech("Engineer"))
	w.sees(bo, "asset_downloaded")
	before := len(w.Sim.Log)
	w.Append(
		&journalv1.Event{Id: "x1", Source: "site", Entity: initech, Type: "account_engaged", OccurredAt: timestamppb.New(w.Now), Payload: &journalv1.Event_AccountEngaged{
			AccountEngaged: &journalv1.AccountEngaged{Lead: ana, EngagementMicros: 90_000_000, Number: 1 << 60}}},
		&journalv1.Event{Id: "x2", Source: "site", Entity: bo, Type: "account_rated", OccurredAt: timestamppb.New(w.Now), Payload: &journalv1.Event_AccountRated{
			AccountRated: &journalv1.AccountRated{Account: initech, EngagementMicros: 90_000_000, People: 9, At: timestamppb.New(w.Now.Add(day))}}},
	)
	if n := len(w.Sim.Log) - before; n != 2 {
		t.Errorf("%d facts followed", n-2)
	}
	if r := w.lead(bo).Rated; r != (core.Rating{}) {
		t.Errorf("rated %+v", r)
	}
	l := fold.NewLogic(sharedLibrary(t), key)
	if !l.Wants(journal.Head{Entity: initech, Type: "account_engaged", Origin: &journal.Origin{Producer: "scoring", Entity: bo}}) {
		t.Error("accounts are not told")
	}
}

func TestTheAccountCountsBothAgainAfterASplit(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended", vpOfBigCompany)
	w.sees(anaCRM, "event_attended", vpOfBigCompany)
	w.link(anaCRM, ana)
	w.Now = w.Now.Add(hour)
	w.split(ana, anaCRM)
	last := map[string]float64{}
	for _, f := range w.Facts("account_engaged") {
		last[f.Origin.Entity] = float64(f.Body.GetAccountEngaged().GetEngagementMicros()) / 1e6
	}
	for _, id := range []string{ana, anaCRM} {
		if got, want := last[id], w.score(id).Engagement.Points(); got < want-0.5 || got > want+0.5 || got < 59 {
			t.Errorf("%s told its account %v, and is worth %v", id, got, want)
		}
	}
}
