package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

var (
	key     = identity.Key("a key for tests")
	ana     = key.Lead(identity.Email, "", "ana@initech.example")
	bo      = key.Lead(identity.Email, "", "bo@initech.example")
	cy      = key.Lead(identity.Email, "", "cy@initech.example")
	handoff = identity.Handoff(ana, 1)
)

// log is a journal in memory, with feedback's fold over it, and a routing that answers requests as the test says.
type log struct {
	mu      sync.Mutex
	events  []*journal.Event
	changed chan struct{}
	states  map[string]journal.Entity
	// routing gives the facts that follow from a request.
	routing func(req *journal.Event) []*journal.Event
	err     error
}

func newLog() *log { return &log{changed: make(chan struct{}), states: map[string]journal.Entity{}} }

func (l *log) add(evs ...*journal.Event) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ev := range evs {
		ev.Seq = uint64(len(l.events) + 1)
		if ev.Origin != nil {
			ev.Origin.Cause = ev.Seq
		}
		l.events = append(l.events, ev)
		e := l.states[ev.Entity]
		if e == nil {
			e, _ = fold.Logic{}.Load(ev.Entity, nil)
			l.states[ev.Entity] = e
		}
		e.Apply(nil, ev)
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return uint64(len(l.events))
}

func (l *log) Append(_ context.Context, evs ...*journalv1.Event) (uint64, error) {
	if l.err != nil {
		return 0, l.err
	}
	ev := &journal.Event{Head: journal.Head{Entity: evs[0].GetEntity(), Type: evs[0].GetType()}, Body: evs[0]}
	seq := l.add(ev)
	if l.routing != nil {
		if facts := l.routing(ev); facts != nil {
			go func() { time.Sleep(time.Millisecond); l.add(facts...) }()
		}
	}
	return seq, nil
}

func (l *log) Await(ctx context.Context, entity string, from uint64, pick func(*journal.Event) bool) (*journal.Event, error) {
	for at := int(from) - 1; ; {
		l.mu.Lock()
		var next *journal.Event
		if at < len(l.events) {
			next = l.events[at]
		}
		changed := l.changed
		l.mu.Unlock()
		if next != nil {
			if at++; next.Entity == entity && pick(next) {
				return next, nil
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *log) Wait(context.Context, string, ...string) error { return nil }

func (l *log) Blobs(_ context.Context, entities ...string) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.states[entities[0]]; e != nil {
		return [][]byte{e.Save(&leadstore.Mutation{})}, nil
	}
	return [][]byte{nil}, nil
}

func fact(producer, entity string, body *journalv1.Event) *journal.Event {
	return &journal.Event{Head: journal.Head{Entity: entity, Type: body.GetType(), Origin: &journal.Origin{Producer: producer}}, Body: body}
}

func mergedInto(lead, into string) *journal.Event {
	return fact("scoring", lead, &journalv1.Event{Type: "merged_into", Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: into}}})
}

func answered(lead string, req *journal.Event, refused string) *journal.Event {
	return fact("routing", lead, &journalv1.Event{Type: "answered", Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
		HandoffId: handoff, RequestId: req.Body.GetId(), Disposition: req.Type, Ok: refused == "", Refused: refused, Rep: "ana", Stage: req.Type,
	}}})
}

// server gives a Server over l for a caller who is bound to rep.
func server(l *log, rep string, outcomes *[]string) *Server {
	n := 0
	return New(Options{
		Journal: l, States: l, Caller: func(context.Context) (string, string) { return "phone", rep }, AnswerWithin: 2 * time.Second,
		Now: time.Now, NewID: func() string { n++; return fmt.Sprint("made-", n) }, Log: slog.New(slog.DiscardHandler),
		Answered: func(_ core.Disposition, outcome string) {
			if outcomes != nil {
				*outcomes = append(*outcomes, outcome)
			}
		},
	})
}

func ok(lead string) func(*journal.Event) []*journal.Event {
	return func(req *journal.Event) []*journal.Event { return []*journal.Event{answered(lead, req, "")} }
}

func TestEveryDispositionIsItsOwnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.routing = ok(ana)
		s := server(l, "ana", nil)
		for want, call := range map[string]func(context.Context, *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error){
			"accepted": s.Accept, "rejected": s.Reject, "contacted": s.Contact, "recycled": s.Recycle, "disqualified": s.Disqualify, "sql": s.Qualify,
		} {
			r, err := call(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, Reason: "timing", Note: "in spring", RequestId: "req-" + want})
			if err != nil || r.GetStatus() != "done" || r.GetStage() != want || r.GetOwner() != "ana" || r.GetHandoffId() != handoff {
				t.Fatalf("%s: %v, %v", want, r, err)
			}
			if r.GetSequence() != fmt.Sprint(len(l.events)) {
				t.Errorf("%s: sequence %s, the answer stands at %d", want, r.GetSequence(), len(l.events))
			}
			req := l.events[len(l.events)-2]
			var p *journalv1.Disposition
			switch b := req.Body.GetPayload().(type) {
			case *journalv1.Event_Accepted:
				p = b.Accepted
			case *journalv1.Event_Rejected:
				p = b.Rejected
			case *journalv1.Event_Contacted:
				p = b.Contacted
			case *journalv1.Event_Recycled:
				p = b.Recycled
			case *journalv1.Event_Disqualified:
				p = b.Disqualified
			case *journalv1.Event_Sql:
				p = b.Sql
			}
			if req.Type != want || req.Entity != ana || req.Body.GetSource() != "api" || req.Body.GetId() != "req-"+want || req.Body.GetReceivedAt() == nil ||
				p.GetHandoffId() != handoff || p.GetReason() != "timing" || p.GetNote() != "in spring" || p.GetRep() != "ana" {
				t.Errorf("%s: appended %v", want, req.Body)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	for refused, want := range map[string]codes.Code{
		"not_owner: bo has it": codes.FailedPrecondition,
		"already_closed":       codes.FailedPrecondition,
		"not_accepted":         codes.FailedPrecondition,
		"superseded":           codes.FailedPrecondition,
		"a_later_code: hm":     codes.FailedPrecondition,
		"unknown_handoff":      codes.NotFound,
		"reason_required":      codes.InvalidArgument,
		"unknown_reason":       codes.InvalidArgument,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			l.routing = func(req *journal.Event) []*journal.Event { return []*journal.Event{answered(ana, req, refused)} }
			var outcomes []string
			r, err := server(l, "ana", &outcomes).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff})
			if status.Code(err) != want || r != nil || outcomes[0] != "refused" {
				t.Fatalf("%s: %v, %v, %v", refused, r, err, outcomes)
			}
			code, _, _ := strings.Cut(refused, ":")
			var info *errdetails.ErrorInfo
			for _, d := range status.Convert(err).Details() {
				if i, ok := d.(*errdetails.ErrorInfo); ok {
					info = i
				}
			}
			if info.GetReason() != code || info.GetDomain() != "baton" {
				t.Errorf("%s: %v", refused, info)
			}
		})
	}
}

func TestNothingIsAppendedForABadRequest(t *testing.T) {
	for name, c := range map[string]struct {
		req  *feedbackv1.DispositionRequest
		rep  string
		want codes.Code
	}{
		"no handoff's id":          {&feedbackv1.DispositionRequest{Id: "42", Reason: "timing"}, "", codes.NotFound},
		"a subject in the id":      {&feedbackv1.DispositionRequest{Id: "ho_*.>_1", Reason: "timing"}, "", codes.NotFound},
		"no reason":                {&feedbackv1.DispositionRequest{Id: handoff}, "", codes.InvalidArgument},
		"an endless note":          {&feedbackv1.DispositionRequest{Id: handoff, Reason: "timing", Note: strings.Repeat("n", 5000)}, "", codes.InvalidArgument},
		"another rep than its own": {&feedbackv1.DispositionRequest{Id: handoff, Reason: "timing", Rep: "bo"}, "ana", codes.PermissionDenied},
	} {
		l := newLog()
		_, err := server(l, c.rep, nil).Reject(t.Context(), c.req)
		if status.Code(err) != c.want || len(l.events) != 0 {
			t.Errorf("%s: %v, appended %v", name, err, l.events)
		}
	}
}

// A token that is bound to nobody answers for whom it names, or for nobody it knows of.
func TestRepOfAnUnboundToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, rep := range []string{"bo", ""} {
			l := newLog()
			l.routing = ok(ana)
			if _, err := server(l, "", nil).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, Rep: rep}); err != nil {
				t.Fatal(err)
			}
			if b := l.events[0].Body; b.GetAccepted().GetRep() != rep || b.GetId() != "made-1" {
				t.Errorf("%q: %v", rep, b)
			}
		}
	})
}

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		started := time.Now()
		var outcomes []string
		r, err := server(l, "ana", &outcomes).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff})
		if err != nil || r.GetStatus() != "pending" || r.GetSequence() != "1" || r.GetHandoffId() != handoff || outcomes[0] != "pending" {
			t.Fatalf("%v, %v, %v", r, err, outcomes)
		}
		if took := time.Since(started); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestJournalErrorsGoUp(t *testing.T) {
	l := newLog()
	l.err = journal.ErrOverloaded
	var outcomes []string
	_, err := server(l, "ana", &outcomes).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff})
	if !errors.Is(err, journal.ErrOverloaded) || outcomes[0] != "failed" {
		t.Fatalf("%v, %v", err, outcomes)
	}
}

// A repeat of a request is one request: routing answers it once, and both callers get that answer.
func TestRepeatGetsTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.routing = ok(ana)
		s := server(l, "ana", nil)
		first, err := s.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, RequestId: "r"})
		if err != nil {
			t.Fatal(err)
		}
		l.routing = nil
		again, err := s.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, RequestId: "r"})
		if err != nil || again.GetSequence() != first.GetSequence() || again.GetStatus() != "done" {
			t.Fatalf("%v, %v", again, err)
		}
		_, err = s.Contact(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, RequestId: "r"})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), "request_id") {
			t.Fatalf("another request under the same id: %v", err)
		}
	})
}

// The answer is found wherever merges have taken the lead, before the request and after it.
func TestAnswerAfterMerges(t *testing.T) {
	for name, c := range map[string]struct {
		before []*journal.Event
		facts  func(req *journal.Event) []*journal.Event
	}{
		"merged before": {
			[]*journal.Event{mergedInto(ana, bo)},
			func(req *journal.Event) []*journal.Event { return []*journal.Event{answered(bo, req, "")} },
		},
		"merged twice before": {
			[]*journal.Event{mergedInto(ana, bo), mergedInto(bo, cy)},
			func(req *journal.Event) []*journal.Event { return []*journal.Event{answered(cy, req, "")} },
		},
		"merged meanwhile": {nil, func(req *journal.Event) []*journal.Event {
			return []*journal.Event{mergedInto(ana, bo), answered(bo, req, "")}
		}},
		"merged before and meanwhile": {[]*journal.Event{mergedInto(ana, bo)}, func(req *journal.Event) []*journal.Event {
			return []*journal.Event{mergedInto(bo, cy), answered(cy, req, "")}
		}},
		"merged meanwhile, but answered where it was asked": {nil, func(req *journal.Event) []*journal.Event {
			return []*journal.Event{mergedInto(ana, bo), answered(ana, req, "")}
		}},
		"others' answers are not taken for it": {nil, func(req *journal.Event) []*journal.Event {
			other := &journal.Event{Head: req.Head, Body: &journalv1.Event{Id: "other"}}
			return []*journal.Event{answered(ana, other, "not_owner"), answered(ana, req, "")}
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLog()
			if c.before != nil {
				l.add(c.before...)
			}
			l.routing = c.facts
			r, err := server(l, "ana", nil).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff})
			if err != nil || r.GetStatus() != "done" {
				t.Errorf("%s: %v, %v", name, r, err)
			}
		})
	}
}

// funnels gives a fixed count, and remembers what it was asked.
type funnels struct {
	asked core.Query
	after string
	err   error
}

func (f *funnels) Count(_ context.Context, after string, q core.Query) (core.Funnel, error) {
	f.asked, f.after = q, after
	return core.Funnel{
		Leads:  4,
		Stages: []core.StageCount{{Stage: "won", Entered: 1, Current: 1, Reached: 1, OfLeads: 0.25, FromPrevious: 0.5}},
		BySource: []core.GroupCount{
			{Name: "site", Leads: 4, Qualified: 3, Routed: 2, Accepted: 2, SQL: 1, Won: 1, Conversion: 0.25},
		},
		ByChannel: []core.GroupCount{{Name: "ads", Leads: 4}},
	}, f.err
}

func TestGetFunnel(t *testing.T) {
	f := &funnels{}
	s := New(Options{Funnels: f})
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	got, err := s.GetFunnel(t.Context(), &feedbackv1.FunnelRequest{From: timestamppb.New(from), To: timestamppb.New(to), After: "7", Source: "site"})
	if err != nil {
		t.Fatal(err)
	}
	if f.asked != (core.Query{From: from.UnixMilli(), To: to.UnixMilli(), Source: "site"}) || f.after != "7" {
		t.Errorf("asked %+v after %s", f.asked, f.after)
	}
	won, site := got.GetStages()[0], got.GetBySource()[0]
	if got.GetLeads() != 4 || won.GetStage() != "won" || won.GetEntered() != 1 || won.GetCurrent() != 1 || won.GetReached() != 1 || won.GetOfLeads() != 0.25 || won.GetFromPrevious() != 0.5 {
		t.Errorf("%v", got)
	}
	if site.GetName() != "site" || site.GetQualified() != 3 || site.GetRouted() != 2 || site.GetAccepted() != 2 || site.GetSql() != 1 || site.GetWon() != 1 || site.GetConversion() != 0.25 {
		t.Errorf("%v", site)
	}
	if got.GetByChannel()[0].GetName() != "ads" || !got.GetFrom().AsTime().Equal(from) || !got.GetTo().AsTime().Equal(to) {
		t.Errorf("%v", got)
	}

	for name, req := range map[string]*feedbackv1.FunnelRequest{
		"an empty window":     {From: timestamppb.New(to), To: timestamppb.New(to)},
		"a window turned":     {From: timestamppb.New(to), To: timestamppb.New(from)},
		"no sequence":         {After: "soon"},
		"a time that is none": {From: &timestamppb.Timestamp{Seconds: 1 << 60}},
	} {
		if _, err := s.GetFunnel(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.err = journal.ErrNotReady
	if _, err := s.GetFunnel(t.Context(), &feedbackv1.FunnelRequest{}); !errors.Is(err, journal.ErrNotReady) {
		t.Errorf("not ready: %v", err)
	}
}
