package api

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// source of the events that requests become. With the request's id it makes a repeat recognisable.
const source = "api"

// The status of a DispositionResponse.
const (
	StatusDone    = "done"
	StatusPending = "pending"
)

// answer puts a request into the journal and waits for what routing makes of it. An error that comes after the request is
// in the journal never hides that: not knowing the outcome is pending.
func (s *Server) answer(ctx context.Context, d core.Disposition, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answerBy(ctx, ctx, d, req)
}

// answerBy is answer for a caller who waits until wait ends, if that is sooner.
func (s *Server) answerBy(ctx, wait context.Context, d core.Disposition, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	r, lead, err := s.request(ctx, d, req)
	if err != nil {
		s.opt.Answered(d, "refused")
		return nil, err
	}
	return s.put(ctx, wait, d, req.GetId(), s.event(req, lead, r))
}

// put appends a request, and gives what becomes of it.
func (s *Server) put(ctx, wait context.Context, d core.Disposition, handoff string, ev *journalv1.Event) (_ *feedbackv1.DispositionResponse, err error) {
	outcome := "failed"
	defer func() { s.opt.Answered(d, outcome) }()
	seq, err := s.opt.Journal.Append(ctx, ev)
	if err != nil {
		return nil, err
	}
	a := s.await(wait, ev.GetEntity(), seq, ev.GetId())
	switch {
	case a == nil:
		outcome = StatusPending
		return &feedbackv1.DispositionResponse{HandoffId: handoff, Status: StatusPending, Sequence: strconv.FormatUint(seq, 10)}, nil
	case a.GetDisposition() != string(d) || a.GetHandoffId() != "" && a.GetHandoffId() != handoff:
		outcome = "refused"
		return nil, invalid("the request id belongs to another request", []core.Problem{
			{Field: "request_id", Reason: "was used to answer " + a.GetDisposition()},
		})
	case !a.GetOk():
		outcome = "refused"
		return nil, refusal(core.ParseRefusal(a.GetRefused()))
	}
	outcome = StatusDone
	resp := &feedbackv1.DispositionResponse{
		HandoffId: cmp.Or(a.GetHandoffId(), handoff), Stage: a.GetStage(), Owner: a.GetRep(), Status: StatusDone,
		Sequence: strconv.FormatUint(a.GetSequence(), 10), Outcome: a.GetOutcome(), PreviousOwner: a.GetPreviousRep(),
	}
	if n := a.GetWaitingUntil(); n != 0 {
		resp.WaitingUntil = timestamppb.New(time.Unix(0, n))
	}
	return resp, nil
}

// request checks what was sent, and gives it complete, with the lead that the handoff was made for.
func (s *Server) request(ctx context.Context, d core.Disposition, req *feedbackv1.DispositionRequest) (*core.Request, string, error) {
	lead, _, ok := identity.LeadOfHandoff(req.GetId())
	if !ok {
		return nil, "", refusal(core.Refusal{Code: core.UnknownHandoff})
	}
	r := &core.Request{Disposition: d, Reason: req.GetReason(), Note: req.GetNote(), RequestID: req.GetRequestId(), Rep: req.GetRep()}
	problems := r.Check()
	if _, rep := s.opt.Caller(ctx); rep != "" {
		if r.Rep != "" && r.Rep != rep {
			return nil, "", notYours()
		}
		r.Rep = rep
	}
	if problems != nil {
		return nil, "", invalid("the request is not valid", problems)
	}
	if r.RequestID == "" {
		r.RequestID = s.opt.NewID()
	}
	return r, lead, nil
}

func (s *Server) event(req *feedbackv1.DispositionRequest, lead string, r *core.Request) *journalv1.Event {
	now := timestamppb.New(s.opt.Now())
	ev := &journalv1.Event{Id: r.RequestID, Entity: lead, Type: string(r.Disposition), Source: source, OccurredAt: now, ReceivedAt: now}
	p := &journalv1.Disposition{HandoffId: req.GetId(), Reason: r.Reason, Note: r.Note, Rep: r.Rep, Attempt: req.Attempt}
	switch r.Disposition {
	case core.Accept:
		ev.Payload = &journalv1.Event_Accepted{Accepted: p}
	case core.Reject:
		ev.Payload = &journalv1.Event_Rejected{Rejected: p}
	case core.Contact:
		ev.Payload = &journalv1.Event_Contacted{Contacted: p}
	case core.Recycle:
		ev.Payload = &journalv1.Event_Recycled{Recycled: p}
	case core.Disqualify:
		ev.Payload = &journalv1.Event_Disqualified{Disqualified: p}
	case core.Qualify:
		ev.Payload = &journalv1.Event_Sql{Sql: p}
	}
	return ev
}

// await finds the answer to a request that stands at seq, nil if none is known in time. The answer may stand on the lead's
// own subject or on that of the lead which it has merged into, by now or while the request was under way; and it may stand
// before seq, where the request is a repeat.
func (s *Server) await(ctx context.Context, lead string, seq uint64, id string) *feedbackv1.KnownAnswer {
	ctx, cancel := context.WithTimeout(ctx, s.opt.AnswerWithin)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	found, merged := make(chan *feedbackv1.KnownAnswer), make(chan string)
	followed := map[string]bool{}
	follow := func(lead string) {
		if !followed[lead] {
			followed[lead] = true
			running.Go(func() { s.ahead(ctx, lead, seq, id, found, merged) })
			running.Go(func() { s.behind(ctx, lead, seq, id, found, merged) })
		}
	}
	follow(lead)
	for {
		select {
		case a := <-found:
			return a
		case into := <-merged:
			follow(into)
		case <-ctx.Done():
			return nil
		}
	}
}

// ahead reads the lead's subject from seq on.
func (s *Server) ahead(ctx context.Context, lead string, seq uint64, id string, found chan<- *feedbackv1.KnownAnswer, merged chan<- string) {
	last := seq
	for {
		var answer *feedbackv1.KnownAnswer
		var into string
		ev, err := s.opt.Journal.Await(ctx, lead, last+1, func(ev *journal.Event) bool {
			if ev.Seq <= last {
				return false
			}
			if answer = fold.Answer(ev); answer.GetRequestId() == id {
				return true
			}
			into = fold.Merged(ev)
			return into != ""
		})
		switch {
		case err != nil:
			if ctx.Err() == nil {
				s.opt.Log.WarnContext(ctx, "an answer could not be waited for", "lead", lead, "sequence", seq, "error", err)
			}
			return
		case into != "":
			last = ev.Seq // the answer may still come here: routing may not have seen the merge
			if !send(ctx, merged, into) {
				return
			}
		default:
			send(ctx, found, answer)
			return
		}
	}
}

// behind looks at what the fold knows up to seq: that the lead had merged before, or that the request was answered before.
func (s *Server) behind(ctx context.Context, lead string, seq uint64, id string, found chan<- *feedbackv1.KnownAnswer, merged chan<- string) {
	err := s.opt.States.Wait(ctx, strconv.FormatUint(seq, 10), lead)
	var blobs [][]byte
	if err == nil {
		blobs, err = s.opt.States.Blobs(ctx, lead)
	}
	if err != nil || len(blobs) == 0 {
		return // not ready: what comes ahead still may answer, and if not, pending is the truth
	}
	row, answers, err := fold.ReadState(blobs[0])
	if err != nil {
		s.opt.Log.WarnContext(ctx, "a lead's state could not be read", "lead", lead, "error", err)
		return
	}
	for _, a := range answers {
		if a.GetRequestId() == id {
			send(ctx, found, a)
			return
		}
	}
	if into := cmp.Or(row.MergedInto, row.LeftFrom); into != "" { // of a handoff made before a split the other lead answers
		send(ctx, merged, into)
	}
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}
