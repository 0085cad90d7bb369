// Package fold is feedback's side of the journal: it folds what scoring and routing state about a lead, and what is said of its
// deals, into what the lead's rows are made of, and into the answers that its handoffs got. It decides nothing.
package fold

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

// Service is the name that feedback's checkpoints and contexts stand under.
const Service = "feedback"

// RowsHash is the hash in each partition of the store that has the row of every lead there, by lead id, as ReadRow reads it.
const RowsHash = "rows"

// The events that feedback folds, and who alone may state them.
const (
	typeStageChanged = "stage_changed"
	typeMergedInto   = "merged_into"
	typeSplitOff     = "split_off"
	typeAnswered     = "answered"

	scoring = "scoring"
	routing = "routing"
)

// keptAnswers is how many answers a lead keeps: a request is repeated within seconds, a handoff sees a handful of answers.
const keptAnswers = 8

// Logic is feedback's journal.Logic.
type Logic struct{}

// Service names the producer.
func (Logic) Service() string { return Service }

// Wants takes the facts about leads that feedback folds, from those who decide them, and what is said from outside of deals
// and calls.
func (Logic) Wants(h journal.Head) bool {
	if identity.RankOf(h.Entity) == 0 {
		return false
	}
	if h.Origin == nil {
		return h.Type == typeCallLogged || dealKind(h.Type) != 0
	}
	switch h.Type {
	case typeStageChanged, typeMergedInto, typeSplitOff, typeQualified:
		return h.Origin.Producer == scoring
	case typeAnswered, typeRouted, typeReassigned, typeSLABreached:
		return h.Origin.Producer == routing
	}
	return false
}

// Load gives a lead from its blob.
func (Logic) Load(entity string, blob []byte) (journal.Entity, error) {
	row, answers, err := ReadState(blob)
	if err != nil {
		return nil, err
	}
	return &Lead{id: entity, row: *row, answers: answers}, nil
}

// Lead is one lead as feedback knows it.
type Lead struct {
	id      string
	row     core.Row
	answers []*feedbackv1.KnownAnswer
}

// Row gives the lead's row. It must not be changed.
func (l *Lead) Row() *core.Row { return &l.row }

// Apply folds one event.
func (l *Lead) Apply(globals journal.Globals, ev *journal.Event) journal.Outcome {
	if !(Logic{}).Wants(ev.Head) || applyRow(&l.row, ev) {
		return journal.Applied
	}
	g, _ := globals.(*Globals)
	outcome := l.facts(g, ev)
	if a := Answer(ev); a != nil {
		if n := len(l.answers); n >= keptAnswers {
			l.answers = append([]*feedbackv1.KnownAnswer(nil), l.answers[n-keptAnswers+1:]...)
		}
		l.answers = append(l.answers, a)
	}
	return outcome
}

// Decide states nothing.
func (l *Lead) Decide(journal.Globals, *journal.Event, *journal.Decision) {}

// Deadlines gives none: what a funnel shows never depends on the hour.
func (l *Lead) Deadlines(journal.Globals) map[string]time.Time { return nil }

// Save gives the blob, and the row as a field of RowsHash.
func (l *Lead) Save(m *leadstore.Mutation) []byte {
	row := rowToProto(&l.row)
	if r := &l.row; len(r.Epochs)+len(r.Passes)+len(r.Calls)+len(r.Deals) > 0 || r.MergedInto != "" || r.LeftFrom != "" {
		m.FieldSet(RowsHash, l.id, marshal(row))
	}
	return marshal(&feedbackv1.LeadState{Row: row, Answers: l.answers})
}

// marshal is deterministic; messages of our own without extensions or required fields cannot fail to encode.
func marshal(m proto.Message) []byte {
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return b
}

// applyRow folds a move, a merge or a split into a lead's row, and reports whether it was one.
func applyRow(r *core.Row, ev *journal.Event) bool {
	switch ev.Type {
	case typeStageChanged:
		s := ev.Body.GetStageChanged()
		at := ev.OccurredAt()
		if s.GetAt() != nil {
			at = s.GetAt().AsTime()
		}
		r.Move(core.Move{
			From: intern(s.GetFrom()), To: intern(s.GetTo()), Epoch: s.GetEpoch(), At: at.UnixMilli(), Highest: intern(s.GetHighest()),
			First: core.Touch{
				At: millis(s.GetFirstAt()), Source: intern(s.GetSource()), Channel: intern(s.GetChannel()), Campaign: intern(s.GetCampaign()),
			},
			Place: core.Place{Cause: ev.Origin.Cause, N: int32(ev.Origin.N)}, History: s.GetHistory(),
		})
		return true
	case typeMergedInto:
		if into := ev.Body.GetMergedInto().GetInto(); into != "" && into != ev.Entity {
			r.MergedInto = into
		}
		return true
	case typeSplitOff: // on the subjects of others it says that somebody has left them
		if ev.Body.GetSplitOff().GetOrigin() == ev.Entity {
			r.MergedInto, r.LeftFrom = "", ev.Body.GetSplitOff().GetFrom()
		}
		return true
	}
	return false
}

// Answer gives the answer that an event states, nil if it states none.
func Answer(ev *journal.Event) *feedbackv1.KnownAnswer {
	a := ev.Body.GetAnswered()
	if a.GetRequestId() == "" || !(Logic{}).Wants(ev.Head) {
		return nil
	}
	return &feedbackv1.KnownAnswer{
		RequestId: a.GetRequestId(), HandoffId: a.GetHandoffId(), Disposition: a.GetDisposition(),
		Ok: a.GetOk(), Refused: a.GetRefused(), Rep: a.GetRep(), Stage: a.GetStage(), Sequence: ev.Seq,
		Outcome: a.GetOutcome(), WaitingUntil: nanos(a.GetWaitingUntil()), PreviousRep: a.GetPreviousRep(),
	}
}

// Merged gives the lead that an event says the entity has merged into, "" if it does not.
func Merged(ev *journal.Event) string {
	if ev.Type != typeMergedInto || !(Logic{}).Wants(ev.Head) {
		return ""
	}
	return ev.Body.GetMergedInto().GetInto()
}

// ReadState reads what Save gave; nil is a lead that nothing is known of.
func ReadState(blob []byte) (*core.Row, []*feedbackv1.KnownAnswer, error) {
	var s feedbackv1.LeadState
	if err := proto.Unmarshal(blob, &s); err != nil {
		return nil, nil, fmt.Errorf("read a lead's feedback state: %w", err)
	}
	return rowFromProto(s.GetRow()), s.GetAnswers(), nil
}

// ReadRow reads a field of RowsHash.
func ReadRow(b []byte) (*core.Row, error) {
	var r feedbackv1.LeadRow
	if err := proto.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("read a lead's funnel row: %w", err)
	}
	return rowFromProto(&r), nil
}
