package fold_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// everybody are the leads of the worlds in which everything happens.
var everybody = []string{ana, bo, cy, anaCRM, device, tablet}

// deed is one thing that happens in a world: what, to whom, and a number for everything else about it.
type deed struct {
	what string
	lead int
	seed uint64
}

// deeds that may happen, by how likely they are.
var deedKinds = strings.Fields(`event event event event event event event event event loaded loaded release link joined grant object wait wait wait long
	routed recycled disqualified accepted deal agree shadow shadow unshadow mail scanner unproven split split`)

func drawDeeds(rt *rapid.T, kinds []string, most int) []deed {
	least := rapid.IntRange(1, most/2).Draw(rt, "least")
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) deed {
		return deed{rapid.SampledFrom(kinds).Draw(rt, "what"), rapid.IntRange(0, len(everybody)-1).Draw(rt, "lead"), rapid.Uint64Range(0, 1<<20).Draw(rt, "seed")}
	}), least, most).Draw(rt, "deeds")
}

// drawnDeeds gives deeds of a seed: long stories, which drawing by rapid, made to be short, seldom gives.
func drawnDeeds(seed uint64, kinds []string, n int) []deed {
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([]deed, n)
	for i := range out {
		out[i] = deed{kinds[r.IntN(len(kinds))], r.IntN(len(everybody)), r.Uint64N(1 << 20)}
	}
	return out
}

// seeded is a test that names the seed with which it failed.
type seeded struct {
	t    *testing.T
	seed uint64
}

func (s seeded) Fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// texts of agreements, by version: limits, groups, timeframes, caps, scores, a matrix, conditions that disqualify; and where
// accounts count, rules that look at their rating.
func texts(seed uint64, accounts bool) map[int32]string {
	out := map[int32]string{}
	c := chance{rand.New(rand.NewPCG(seed, 7))}
	for v := int32(1); v <= 4; v++ {
		text := c.definition(int(v), accounts && c.one(2)).text()
		if accounts {
			text = strings.Replace(text, "engagement:\n", "engagement:\n  - { id: warm, on: page_viewed, when: 'account.engagement >= 10.0', points: 7, half_life: 48h }\n"+
				"  - { id: sure, on: [asset_downloaded, event_attended], points: 15, half_life: 240h }\n", 1)
			text = strings.Replace(text, "\nqualify:\n", "\nqualify:\n  - { id: team, when: 'account.engagement >= 20.0 && lead.title.startsWith(\"VP\")' }\n", 1)
		}
		out[v] = text
	}
	return out
}

// everything is a world with the agreements that may come into force in it.
type everything struct {
	*world
	texts    map[int32]string
	inForce  int32
	shadows  bool
	accounts bool
	before   []*story
}

func newEverything(t testing.TB, seed uint64, shadows, accounts bool) *everything {
	x := &everything{world: newWorld(t, ""), texts: texts(seed, accounts), shadows: shadows, accounts: accounts}
	x.agree(1, x.texts[1])
	if x.book().Active() == nil {
		t.Fatalf("this is no agreement:\n%s", x.texts[1])
	}
	for v := int32(2); v <= 4; v++ {
		x.changes(v, book.Proposed, x.texts[v])
	}
	x.inForce = 1
	return x
}

// story makes an event of a lead.
func (x *everything) story(lead string, c chance, change ...func(*journalv1.Event)) *journalv1.Event {
	x.n++
	s := c.story(x.n, x.Now, x.before)
	s.objects = false
	x.before = append(x.before, s)
	if s.kind == "consent_changed" {
		s.kind = "page_viewed"
	}
	e := s.input()
	e.Entity, e.Identity = lead, x.event(lead, "x").Identity
	if x.accounts && c.one(2) {
		if e.Account == nil {
			e.Account = &journalv1.Account{}
		}
		e.Account.Domain = proto.String(pick(c, "initech.example", "initech.example", "globex.example"))
	}
	for _, f := range change {
		f(e)
	}
	return e
}

func (x *everything) do(d deed) {
	c := chance{rand.New(rand.NewPCG(d.seed, 3))}
	id := everybody[d.lead]
	x.Now = x.Now.Add(time.Duration(c.Int64N(int64(20 * hour)))).Truncate(time.Millisecond)
	handoff := ""
	if x.Entity(fold.Service, x.root(id)) != nil {
		handoff = x.lead(x.root(id)).Run.Handoff
	}
	if handoff == "" && strings.Contains("routed recycled disqualified accepted", d.what) {
		return
	}
	handoff = pick(c, handoff, handoff, handoff, identity.Handoff(id, 1))
	other := everybody[c.IntN(len(everybody))]
	if identity.Stronger(id, other) {
		id, other = other, id
	}
	switch d.what {
	case "event":
		x.Append(x.story(everybody[d.lead], c))
	case "loaded":
		x.Append(x.story(everybody[d.lead], c, loaded))
	case "mail":
		x.sees(everybody[d.lead], "email_sent")
	case "release":
		x.release(everybody[d.lead])
	case "link", "joined", "unproven":
		if id != other && c.one(2) {
			x.n++
			x.Append(&journalv1.Event{Id: fmt.Sprintf("e%04d", x.n), Source: "site", Entity: id, Type: "linked", OccurredAt: timestamppb.New(x.Now), History: d.what == "joined",
				Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{
					To: other, Rank: int32(identity.RankOf(id)), ToRank: int32(identity.RankOf(other)), Unproven: d.what == "unproven",
				}}})
		}
	case "scanner":
		x.scanner(c)
	case "split":
		x.leaves(c, everybody[d.lead])
	case "object":
		if !c.one(3) { // or nobody would be scored for long
			return
		}
		x.sees(everybody[d.lead], "consent_changed", consent("profiling", "objected"))
	case "grant":
		x.sees(everybody[d.lead], "consent_changed", consent("profiling", "granted"))
	case "wait":
		x.Advance(x.Now.Add(time.Duration(c.Int64N(int64(5 * day)))))
	case "long":
		x.Advance(x.Now.Add(time.Duration(c.Int64N(int64(60 * day)))))
	case "routed":
		f := routed(handoff, "kim")
		f.GetRouted().Account = pick(c, "", "ac-1")
		x.routing(everybody[d.lead], f)
	case "recycled":
		x.routing(everybody[d.lead], answered(handoff, "recycled", "recycled", x.Now.Add(time.Duration(c.Int64N(int64(20*day))))))
	case "disqualified", "accepted":
		x.routing(everybody[d.lead], answered(handoff, d.what, d.what, time.Time{}))
	case "deal":
		x.sees(everybody[d.lead], pick(c, "deal_opened", "deal_won", "deal_lost"))
	case "agree":
		x.inForce++
		if text, ok := x.texts[x.inForce]; ok {
			x.agree(x.inForce, text)
		}
	case "shadow":
		if x.shadows {
			v := int32(2 + c.IntN(3))
			x.changes(v, book.Shadowed, x.texts[v])
		}
	case "unshadow":
		if r := x.book().Running(); r != nil {
			x.changes(r.Version, book.Unshadowed, "")
		}
	}
}

// scanner clicks the links of a message within seconds, by whichever identifier of the person the message was sent to.
func (x *everything) scanner(c chance) {
	var clicks []*journalv1.Event
	for i := range 2 + c.IntN(3) {
		when := x.Now.Add(-time.Duration(c.IntN(12_000)) * time.Millisecond)
		clicks = append(clicks, x.event(pick(c, ana, ana, anaCRM, device), "email_clicked", click("m1", fmt.Sprintf("https://initech.example/%d", i), when)))
	}
	x.Append(clicks...)
}

// leaves splits an origin off: mostly one that has joined somebody. What else happens to both meanwhile comes at once with it.
func (x *everything) leaves(c chance, origin string) {
	lead := x.root(origin)
	if lead == origin && !c.one(4) {
		return
	}
	inputs := []*journalv1.Event{splitRequest(lead, origin)}
	for range c.IntN(3) {
		inputs = slices.Insert(inputs, c.IntN(len(inputs)+1), x.story(pick(c, lead, origin, everybody[c.IntN(len(everybody))]), c))
	}
	x.Append(inputs...)
}

// forgetful is scoring that stores and reads back every entity between any two events.
type forgetful struct{ *fold.Logic }

func (f forgetful) Load(id string, blob []byte) (journal.Entity, error) {
	e, err := f.Logic.Load(id, blob)
	return &forgetting{e, id, f.Logic}, err
}

type forgetting struct {
	journal.Entity
	id    string
	logic *fold.Logic
}

func (f *forgetting) Apply(g journal.Globals, ev *journal.Event) journal.Outcome {
	e, err := f.logic.Load(f.id, f.Save(&leadstore.Mutation{}))
	if err != nil {
		panic(err)
	}
	f.Entity = e
	return f.Entity.Apply(g, ev)
}

// recalled folds an entity from what is recorded, with nothing decided, as a journal's recall does.
func recalled(t testing.TB, log []*journal.Event, logic journal.Logic, id string) []byte {
	g := logic.NewGlobals()
	e, err := logic.Load(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := map[uint64][]*journal.Event{}
	for _, ev := range log {
		if ev.Entity == id && journal.OwnToSelf(logic.Service(), ev.Head) {
			f := *ev
			f.Seq, f.Logged = 0, time.Time{}
			own[ev.Origin.Cause] = append(own[ev.Origin.Cause], &f)
		}
	}
	for _, ev := range log {
		switch {
		case ev.Partition == journal.Global:
			g.Apply(ev)
		case ev.Entity != id || journal.OwnToSelf(logic.Service(), ev.Head) || !logic.Wants(ev.Head):
		case e.Apply(g, ev) != journal.Duplicate:
			for _, f := range own[ev.Seq] {
				e.Apply(g, f)
			}
		}
	}
	return e.Save(&leadstore.Mutation{})
}

// Whatever happens in one world, with agreements, shadows, history, releases, accounts, merges, objections and time all at
// once: whoever folds the log again, from stored states or from what is recorded alone, finds the same facts and states, and
// what is promised of each part holds.
func TestEverythingAtOnce(t *testing.T) {
	for seed := range uint64(60) {
		foldsTheSame(t, seeded{t, seed}, seed, drawnDeeds(seed, deedKinds, 35))
	}
	rapid.Check(t, func(rt *rapid.T) {
		foldsTheSame(t, rt, rapid.Uint64Range(0, 300).Draw(rt, "agreements"), drawDeeds(rt, deedKinds, 40))
	})
}

func foldsTheSame(t *testing.T, rt fatal, agreements uint64, deeds []deed) {
	logic := fold.NewLogic(sharedLibrary(t), key)
	x := newEverything(t, agreements, true, true)
	for _, d := range deeds {
		x.do(d)
	}
	for name, l := range map[string]journal.Logic{"from memory": logic, "from the store": forgetful{logic}} {
		r, err := journaltest.Check(x.Sim.Log, l)
		if err != nil || !r.Ok() {
			rt.Fatalf("folded again %s: %v, missing %v, unexpected %v, differing %v", name, err, r.Missing, r.Unexpected, r.Differing)
		}
		for id, blob := range r.States {
			if e := x.Entity(fold.Service, id); !bytes.Equal(e.Save(&leadstore.Mutation{}), blob) {
				rt.Fatalf("folded again %s, %s is another", name, id)
			}
		}
	}
	for _, id := range everybody {
		if e := x.Entity(fold.Service, id); e != nil && !bytes.Equal(e.Save(&leadstore.Mutation{}), recalled(t, x.Sim.Log, logic, id)) {
			rt.Fatalf("recalled, %s is another", id)
		}
	}
	x.promises(rt)
}

// cause gives the input that a fact follows from in the end.
func (x *everything) cause(ev *journal.Event) *journal.Event {
	for ev.Origin != nil {
		ev = x.Sim.Log[ev.Origin.Cause-1]
	}
	return ev
}

// promises checks what holds of every world.
func (x *everything) promises(rt fatal) {
	for _, q := range x.Facts("qualified") {
		if in := x.cause(q); in.Body.GetHistory() {
			rt.Fatalf("%s was handed over because of loaded history: %d %s of %s", q.Entity, in.Seq, in.Type, in.Entity)
		}
		live, known := false, map[string]bool{} // what a scanner does ends no hold
		root := x.rootsAt(q.Seq)
		for _, ev := range x.Sim.Log[:q.Seq] {
			if ev.Origin == nil && strings.HasPrefix(ev.Entity, "ld_") && root(ev.Entity) == root(q.Entity) && ev.Type != journal.TypeTimerFired {
				live = live || !ev.Body.History && (!ev.Body.Automated || !known[ev.Entity])
				known[ev.Entity] = true
			}
		}
		if !live {
			rt.Fatalf("%s was handed over, and nothing but history is known of it", q.Entity)
		}
		s := q.Body.GetQualified()
		if s.Score.AgreementVersion != s.AgreementVersion {
			rt.Fatalf("%s qualified under version %d with the fit of %d", q.Entity, s.AgreementVersion, s.Score.AgreementVersion)
		}
	}
	for _, id := range everybody {
		if x.Entity(fold.Service, id) == nil {
			continue
		}
		l := x.lead(id)
		for _, at := range []time.Time{x.Now, x.Now.Add(3 * day)} {
			s := l.Explain(x.book(), at.UnixNano())
			var engagement, fit core.Micros
			for _, line := range s.Lines {
				if line.Side == core.SideFit {
					fit += line.Points
				} else {
					engagement += line.Points
				}
			}
			if s.Engagement != engagement || s.Fit != fit || engagement != l.Engagement(at.UnixNano()) || l.Parent == "" && l.Fit.Version != 0 && fit != l.FitScore() {
				rt.Fatalf("%s: %v and %v in all, the lines sum to %v and %v, by itself %v and %v", id, s.Engagement, s.Fit, engagement, fit, l.Engagement(at.UnixNano()), l.FitScore())
			}
		}
		if l.Rated.Account != "" && l.Rated.Account != l.Telling.Account {
			rt.Fatalf("%s goes by the rating of %s, and counts for %s", id, l.Rated.Account, l.Telling.Account)
		}
		x.counted(rt, l)
		blob := state.Append(nil, l, state.Beside{})
		for _, most := range []int{1, 200, 1 << 20} {
			x.joins(rt, l, most, blob)
		}
	}
}

// rootsAt gives whose a lead was at a place in the log.
func (x *everything) rootsAt(seq uint64) func(string) string {
	parents := map[string]string{}
	for _, ev := range x.Sim.Log[:seq] {
		switch {
		case ev.Type == "merged_into":
			parents[ev.Entity] = ev.Body.GetMergedInto().Into
		case ev.Type == "split_off" && ev.Body.GetSplitOff().Origin == ev.Entity:
			delete(parents, ev.Entity)
		}
	}
	return func(id string) string {
		for parents[id] != "" {
			id = parents[id]
		}
		return id
	}
}

// counted checks that accounts know of a lead what it told them last.
func (x *everything) counted(rt fatal, l *core.Lead) {
	for _, account := range []string{initech, key.Account("globex.example"), "ac-1"} {
		e := x.Entity(fold.Service, account)
		if e == nil {
			continue
		}
		a, err := state.DecodeOther(e.Save(&leadstore.Mutation{}))
		if err != nil {
			rt.Fatalf("%v", err)
		}
		var knows core.Micros
		for _, p := range a.People {
			if p.Lead == l.ID {
				knows = p.Micros
			}
		}
		told := core.Micros(0)
		if l.Telling.Account == account {
			told = l.Telling.Micros
		}
		if knows != told {
			rt.Fatalf("%s told %s %v, and it counts %v", l.ID, account, told, knows)
		}
	}
}

// joins checks that the parts of a lead, put together by a lead that nothing is known of, are what it was.
func (x *everything) joins(rt fatal, l *core.Lead, most int, blob []byte) {
	into := &core.Lead{ID: l.ID, Lasting: l.Lasting, Named: l.Named}
	r := *x.book().Rules()
	r.Active, r.Account = nil, nil
	parts := state.Split(l, most)
	for i, p := range parts {
		part, _, err := state.Decode(p)
		if err != nil {
			rt.Fatalf("part %d of %d cannot be read: %v", i, len(parts), err)
		}
		part.ID = l.ID
		into.Apply(&r, &core.Event{Type: "absorbed", Fact: true, Part: part, PartNo: i, Parts: len(parts), Now: l.Looked})
	}
	if l.Parent != "" {
		return
	}
	if into.Held != l.Held || len(into.Items) != len(l.Items) || len(into.Run.Stages) < len(l.Run.Stages) || len(into.History) != len(l.History) {
		rt.Fatalf("%s in parts of %d: held %v and %v, %d items and %d, %+v and %+v\n%x", l.ID, most, into.Held, l.Held, len(into.Items), len(l.Items), into.Run, l.Run, blob)
	}
	if run := x.book().Rules().ShadowRun; l.Shadow != nil && l.Shadow.Run == run && x.book().Running() != nil {
		s, o := into.Shadow, l.Shadow
		if len(s.Items) != len(o.Items) || s.Epoch != o.Epoch || s.Rule != o.Rule || s.QualifiedAt != o.QualifiedAt {
			rt.Fatalf("%s in parts of %d has another shadow: %+v, not %+v", l.ID, most, s, o)
		}
	}
}
