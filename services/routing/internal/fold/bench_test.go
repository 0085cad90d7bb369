package fold

import (
	"fmt"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// One handoff through the lead, the desk (a pool of 50) and the lead again, each loaded from its blob and saved.
func BenchmarkQualifiedToRouted(b *testing.B) {
	parser, err := directory.NewParser()
	if err != nil {
		b.Fatal(err)
	}
	var reps, ids []string
	for i := range 50 {
		reps = append(reps, fmt.Sprintf("{id: r%d, time_zone: Europe/Stockholm, hours: {mon-sun: [\"00:00-24:00\"]}, weight: %d}", i, 1+i%3))
		ids = append(ids, fmt.Sprintf("r%d", i))
	}
	text := "reps: [" + strings.Join(reps, ", ") + "]\npools: [{id: all, reps: [" + strings.Join(ids, ", ") + "]}]\n" +
		"routes: [{id: named, when: 'account.owner != \"\"', to: {owner: account}}, {id: d, to: {pool: all}}]\n"
	logic := NewLogic(key, parser)
	g := logic.NewGlobals()
	g.Apply(&journal.Event{Head: journal.Head{Type: typeDirectoryChanged}, Body: &journalv1.Event{Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(text)},
	}}})
	blobs := map[string][]byte{}
	var seq uint64
	show := func(entity string, ev *journal.Event) []*journal.Event {
		e, err := logic.Load(entity, blobs[entity])
		if err != nil {
			b.Fatal(err)
		}
		e.Apply(g, ev)
		var d journal.Decision
		e.Decide(g, ev, &d)
		facts := d.Facts(Service, entity, ev, 0)
		for _, f := range facts {
			if f.Entity == entity {
				e.Apply(g, f)
			}
		}
		e.Deadlines(g)
		blobs[entity] = e.Save(new(leadstore.Mutation))
		return facts
	}
	for i := 0; b.Loop(); i++ {
		seq++
		lead := leadOf(fmt.Sprintf("x%d@hooli.example", i))
		q := &journal.Event{Head: journal.Head{Seq: seq, Entity: lead, Type: typeQualified, Logged: start, Origin: &journal.Origin{Producer: scoring, Entity: lead}}, Body: &journalv1.Event{
			Type: typeQualified, Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
				Epoch: 1, HandoffId: identity.Handoff(lead, 1), Score: &journalv1.ScoreSnapshot{}, Lead: &journalv1.LeadSnapshot{Id: lead, Email: "x@hooli.example"},
			}},
		}}
		for _, f := range show(lead, q) {
			for _, f := range show(f.Entity, f) {
				if f.Entity == lead {
					show(lead, f)
				}
			}
		}
		if i == 1000 {
			b.ReportMetric(float64(len(blobs[lead])), "lead-bytes")
			b.ReportMetric(float64(len(blobs[identity.Desk])), "desk-bytes")
		}
		delete(blobs, lead)
	}
}

// A desk with thousands waiting is written with each batch that it has a part in.
func BenchmarkSaveADeskWithManyWaiting(b *testing.B) {
	s := desk.New()
	for i := range 8000 {
		lead := leadOf(fmt.Sprint(i))
		s.Ask(desk.Entry{Lead: lead, Handoff: identity.Handoff(lead, 1), Route: "default", Pool: "emea-smb", Account: key.Account(fmt.Sprint(i)), By: "email-domain", Confidence: 1, Epoch: 1})
	}
	d := &state.Desk{Desk: s}
	for b.Loop() {
		b.SetBytes(int64(len(state.EncodeDesk(d))))
	}
	b.ReportMetric(float64(len(state.EncodeDesk(d)))/8000, "bytes/entry")
}
