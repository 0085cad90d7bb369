package fold

import (
	"cmp"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// stateSplit gives what follows from a split to the journal.
func stateSplit(id string, f core.Fact, d *journal.Decision) {
	switch f := f.(type) {
	case *core.SplitOff:
		out := &journalv1.SplitOff{Origin: f.Origin, From: f.From, Leaving: f.Leaving, JoinedAt: stamp(f.JoinedAt), By: f.By, Because: f.Because, Epoch: f.Epoch}
		for _, c := range f.Refused {
			out.Refused = append(out.Refused, &journalv1.Refusal{Key: c.Key, Purpose: c.Purpose, Decision: c.Decision, At: stamp(c.At), ByEvent: c.By})
		}
		d.Fact(f.To, &journalv1.Event{Type: "split_off", Payload: &journalv1.Event_SplitOff{SplitOff: out}})
	case *core.Ask:
		d.Fact(f.Lead, &journalv1.Event{Type: "knowledge_asked", Payload: &journalv1.Event_KnowledgeAsked{
			KnowledgeAsked: &journalv1.KnowledgeAsked{Number: f.Number},
		}})
	case *core.Tellings:
		parts := state.Split(f.Lead, partBytes)
		for i, p := range parts {
			d.Fact(f.To, &journalv1.Event{Type: "absorbed", Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{
				From: id, Rank: int32(identity.RankOf(id)), Chunk: int32(i), Chunks: int32(len(parts)), Items: p, Answers: f.Number,
			}}})
		}
	}
}

func leftOf(s *journalv1.SplitOff) *core.Left {
	x := &core.Left{
		Origin: s.GetOrigin(), From: s.GetFrom(), Leaving: s.GetLeaving(), JoinedAt: nanos(s.GetJoinedAt()), By: s.GetBy(), Because: s.GetBecause(), Epoch: s.GetEpoch(),
	}
	for _, c := range s.GetRefused() {
		x.Refused = append(x.Refused, core.Consent{Key: c.GetKey(), Purpose: c.GetPurpose(), Decision: c.GetDecision(), At: nanos(c.GetAt()), By: c.GetByEvent()})
	}
	return x
}

// carriedBy gives the event that carried both identifiers of a link, and its source.
func carriedBy(ev *journal.Event) (event, source string) {
	k := ev.Body.GetLinked()
	if event, source = k.GetByEvent(), k.GetBySource(); ev.Origin == nil {
		source = ev.Body.GetSource()
		if event == "" {
			event = ev.Body.GetId()
		}
	}
	return event, source
}

// aboutHandoff gives the handoff that an answer of sales names.
func aboutHandoff(b *journalv1.Event) string {
	for _, a := range [...]*journalv1.Disposition{
		b.GetAccepted(), b.GetRejected(), b.GetContacted(), b.GetRecycled(), b.GetDisqualified(), b.GetSql(),
	} {
		if a != nil {
			return a.GetHandoffId()
		}
	}
	return cmp.Or(b.GetReassignRequested().GetHandoffId(), b.GetPauseRequested().GetHandoffId(), b.GetResumeRequested().GetHandoffId())
}
