package dryrun

import (
	"context"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

var (
	key = identity.Key("0123456789abcdef0123456789abcdef")
	// A Monday, 09:00 in Stockholm.
	start = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
)

const testAgreement = `
agreement: test
qualify: [ {id: matrix, when: 'engagement >= 20'}, {id: fast, when: 'engagement >= 90'} ]
sla:
  accept_within: 4h
  contact_within: 24h
  clock: elapsed
  ladder: [ {at: 50%, notify: rep}, {at: 100%, reassign: true} ]
  max_reassigns: 2
handover: { hold: {after_touch: 10m, at_most: 24h}, owner: wait, owner_wait: 16h, at_once: [fast] }
reject_reasons:  [ {id: bad-data, fixable_by: marketing}, {id: bad-fit} ]
recycle_reasons: [ {id: timing, wake_after: 90d} ]
`

// world is a journal with routing over it, and a stand-in for scoring that states whatever the test says.
type world struct {
	*journaltest.Sim
	t      fataler
	parser *directory.Parser
	logic  *fold.Logic
	text   string
	n      int
	// epochs of leads, by e-mail address; ids are the handoffs.
	epochs map[string]int32
	ids    []string
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(t fataler, dir string) *world {
	t.Helper()
	parser, err := directory.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, parser: parser, logic: fold.NewLogic(key, parser), epochs: map[string]int32{}}
	w.Sim = journaltest.NewSim(start, w.logic, mouthpiece{})
	w.AppendGlobal(fold.KindDestinations, &journalv1.Event{Type: "destinations_changed", Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{Decides: fold.Decides, Destinations: []*journalv1.Destination{
			{Name: "crm", Type: "webhook", Events: []string{fold.EventRouted, fold.EventDeskWaiting, fold.EventDeskCleared}},
		}},
	}})
	for _, change := range []string{"proposed", "activated"} {
		c := &journalv1.AgreementChanged{Version: 1, Change: change, Hash: "h"}
		if change == "proposed" {
			c.Yaml = []byte(testAgreement)
		}
		w.AppendGlobal(fold.KindAgreement, &journalv1.Event{Type: "agreement_changed", Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c}})
	}
	w.directory(dir)
	return w
}

func (w *world) directory(text string) {
	w.t.Helper()
	w.version(text)
	w.text = text
	w.AppendGlobal(fold.KindDirectory, &journalv1.Event{Type: "directory_changed", Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(text), Hash: hashOf(text), Turns: directory.TurnsExact},
	}})
}

func hashOf(text string) string { return fmt.Sprintf("%d-%s", len(text), key.Hash(text)) }

func (w *world) version(text string) Version {
	w.t.Helper()
	d, err := w.parser.Parse([]byte(text))
	if err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
	d.ExactTurns = true
	return Version{Directory: d, Hash: hashOf(text)}
}

func (w *world) agreement() *agreement.Agreement {
	a, err := agreement.Parse([]byte(testAgreement))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// mouthpiece states as scoring what an input of its name carries.
type mouthpiece struct{}

func (mouthpiece) Service() string { return "scoring" }
func (mouthpiece) Wants(h journal.Head) bool {
	return h.Origin == nil && identity.RankOf(h.Entity) != 0
}
func (mouthpiece) NewGlobals() journal.Globals                 { return journaltest.NoGlobals{} }
func (mouthpiece) Load(string, []byte) (journal.Entity, error) { return spoken{}, nil }

type spoken struct{ journaltest.Stateless }

func (spoken) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if ev.Body.GetName() == "scoring" {
		d.Fact(ev.Entity, &journalv1.Event{Type: strings.TrimPrefix(ev.Type, "say_"), Payload: ev.Body.GetPayload()})
	}
}

func leadOf(email string) string { return key.Lead(identity.Email, "", email) }

// qualified gives a lead that qualifies.
func qualified(email, country, rule string, epoch int32, touched time.Time) *journalv1.Qualified {
	lead := leadOf(email)
	return &journalv1.Qualified{
		Epoch: epoch, HandoffId: identity.Handoff(lead, epoch), Rule: rule, AgreementVersion: 1,
		Score: &journalv1.ScoreSnapshot{Fit: 80, Grade: "a", Engagement: 21.4},
		Lead:  &journalv1.LeadSnapshot{Id: lead, Email: email, Title: "VP", Country: country, LastAt: timestamppb.New(touched)},
	}
}

func (w *world) qualify(q *journalv1.Qualified) string {
	w.Append(&journalv1.Event{
		Id: fmt.Sprint("q", len(w.Log)), Source: "test", Name: "scoring", Entity: q.Lead.Id, Type: "say_qualified",
		Payload: &journalv1.Event_Qualified{Qualified: q},
	})
	return q.HandoffId
}

func (w *world) answer(id, do, reason string) {
	lead, _, _ := identity.LeadOfHandoff(id)
	w.n++
	body := fold.AnswerAgain(&journalv1.Answered{HandoffId: id, RequestId: fmt.Sprint("req-", w.n), Disposition: do, Reason: reason})
	body.Entity, body.Source = lead, "api"
	w.Append(body)
}

func (w *world) deal(email, id, owner string) {
	w.Append(&journalv1.Event{
		Id: "deal-" + id, Source: "crm", Entity: leadOf(email), Type: "deal_opened", Identity: &journalv1.Identity{Email: email},
		Payload: &journalv1.Event_DealOpened{DealOpened: &journalv1.Deal{DealId: id, Owner: owner}},
	})
}

// state gives an entity as it is stored.
func (w *world) state(entity string) ([]byte, error) {
	if e := w.Entity(fold.Service, entity); e != nil {
		return e.Save(new(leadstore.Mutation)), nil
	}
	return nil, nil
}

func (w *world) scan(ctx context.Context, from uint64, f func(*journal.Event) error) error {
	for _, ev := range w.Log {
		if ev.Seq < from {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(ev); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) simulate(proposed string, from, to time.Time, answers bool) *Report {
	w.t.Helper()
	r, err := Simulate(context.Background(), Options{
		Logic: w.logic, Scan: w.scan, InForce: w.version(w.text), Proposed: w.version(proposed), From: from, To: to, Answers: answers, WaitedOver: time.Hour,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) try(q *journalv1.Qualified) *Result {
	w.t.Helper()
	t := &Trial{
		Logic: w.logic, Globals: w.logic.NewTrial(w.version(w.text).Directory, w.agreement()), Key: key, Lead: q.Lead.Id, Qualified: q,
		Now: w.Now, At: w.Now, State: w.state,
	}
	out, err := t.Run()
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

var countries = []string{"SE", "DE", "NO", "US", ""}

// drawDirectory draws a directory that uses most of what there is.
func drawDirectory(t *rapid.T) string {
	var b strings.Builder
	n := rapid.IntRange(2, 5).Draw(t, "reps")
	var ids []string
	b.WriteString("reps:\n")
	for i := range n {
		ids = append(ids, fmt.Sprintf("r%d", i))
		fmt.Fprintf(&b, "  - { id: r%d, weight: %d", i, rapid.IntRange(1, 4).Draw(t, "weight"))
		if rapid.Bool().Draw(t, "hours") {
			fmt.Fprintf(&b, ", time_zone: Europe/Stockholm, hours: {mon-fri: [\"0%d:00-17:00\"]}", rapid.IntRange(8, 9).Draw(t, "from"))
		}
		switch rapid.IntRange(0, 3).Draw(t, "capacity") {
		case 1:
			fmt.Fprintf(&b, ", capacity: {per: 1d, handoffs: %d}", rapid.IntRange(1, 4).Draw(t, "a day"))
		case 2:
			fmt.Fprintf(&b, ", capacity: {open: %d}", rapid.IntRange(1, 3).Draw(t, "open"))
		}
		b.WriteString(" }\n")
	}
	list := strings.Join(ids, ", ")
	half := strings.Join(ids[:(n+1)/2], ", ")
	fmt.Fprintf(&b, "pools:\n  - { id: all, reps: [%s] }\n", list)
	fmt.Fprintf(&b, "  - { id: few, reps: [%s]", half)
	if rapid.Bool().Draw(t, "overflow") {
		b.WriteString(", overflow: {after: 2h, pool: all}")
	}
	b.WriteString(" }\nroutes:\n")
	for i, r := range []string{
		"{ id: %s, when: 'account.owner != \"\"', to: {owner: account} }",
		"{ id: %s, to: {owner: opportunity} }",
		"{ id: %s, to: {owner: previous}, previous_at: account }",
		"{ id: %s, to: {owner: previous} }",
		"{ id: %s, when: 'lead.country in [\"SE\", \"NO\"]', to: [{rep: r0}, {pool: few}] }",
		"{ id: %s, when: 'lead.country == \"US\" && account.employees > 10', to: {pool: few} }",
	} {
		if rapid.Bool().Draw(t, "route") {
			fmt.Fprintf(&b, "  - "+r+"\n", fmt.Sprint("route", i))
		}
	}
	b.WriteString("  - { id: default, to: {pool: all} }\naccounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: r1} ]\n")
	return b.String()
}

// earlier fills in what scoring knows of a lead's earlier epochs.
func (w *world) earlier(q *journalv1.Qualified) {
	if e := w.Entity(fold.Service, q.Lead.Id); e != nil {
		for _, h := range fold.LeadOf(e).Handoffs {
			q.Lead.EarlierEpochs = append(q.Lead.EarlierEpochs, &journalv1.EarlierEpoch{Epoch: int32(h.Epoch), HandoffId: h.ID, Owner: h.Owner()})
		}
	}
}

var domains = []string{"initech.example", "hooli.example", "globex.example", "gmail.com"}

// live lets some hours pass in which leads qualify, are answered, and have deals. step is called with each that is about to
// qualify.
func (w *world) live(t *rapid.T, steps int, step func(*journalv1.Qualified)) {
	for range steps {
		w.Advance(w.Now.Add(time.Duration(rapid.IntRange(0, 180).Draw(t, "minutes")) * time.Minute))
		switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
		case what < 6 || len(w.ids) == 0:
			email := fmt.Sprintf("p%d@%s", rapid.IntRange(0, 12).Draw(t, "who"), rapid.SampledFrom(domains).Draw(t, "domain"))
			w.epochs[email]++
			touched := w.Now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "touched")) * time.Minute)
			q := qualified(email, rapid.SampledFrom(countries).Draw(t, "country"), rapid.SampledFrom([]string{"matrix", "fast", "fast"}).Draw(t, "rule"), w.epochs[email], touched)
			w.earlier(q)
			if step != nil {
				step(q)
			}
			w.ids = append(w.ids, w.qualify(q))
		case what == 6:
			w.n++
			w.deal(fmt.Sprintf("d%d@%s", w.n, rapid.SampledFrom(domains[:3]).Draw(t, "domain")), fmt.Sprint("d", w.n), fmt.Sprint("r", rapid.IntRange(0, 1).Draw(t, "owner")))
		default:
			id := rapid.SampledFrom(w.ids).Draw(t, "handoff")
			do := rapid.SampledFrom([]string{"accepted", "accepted", "contacted", "rejected", "recycled"}).Draw(t, "do")
			w.answer(id, do, map[string]string{"rejected": "bad-fit", "recycled": "timing"}[do])
		}
	}
}
