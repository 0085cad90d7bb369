package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/sender"
)

// Senders knows how destinations do.
type Senders interface {
	Statuses() []sender.Status
	Check(ctx context.Context, name string) (found sender.Check, ok bool)
	Test(ctx context.Context, name, to string) (o destination.Outcome, err error)
}

// maxBecause bounds why somebody pauses a destination, in characters.
const maxBecause = 200

// ListDestinations tells how every destination does, as this process sees it.
func (s *Server) ListDestinations(context.Context, *routingv1.ListDestinationsRequest) (*routingv1.ListDestinationsResponse, error) {
	out := &routingv1.ListDestinationsResponse{}
	for _, st := range s.opt.Senders.Statuses() {
		out.Destinations = append(out.Destinations, &routingv1.DestinationStatus{
			Name: st.Name, Type: st.Type, Events: st.Events, State: st.State, Reason: st.Reason, Since: stamp(st.Since), Until: stamp(st.Until),
			PausedBy: st.PausedBy, Backlog: int32(st.Backlog), OldestDueAt: stamp(st.Oldest), Alarm: st.Alarm, InFlight: int32(st.InFlight),
			LastSuccessAt: stamp(st.LastSuccess), Delivered: int32(st.Delivered), Failed: int32(st.Failed), Dead: int32(st.Dead),
			Check: checkResult(st.Check), PutOff: int32(st.PutOff),
		})
	}
	return out, nil
}

// CheckDestination looks at a receiver now.
func (s *Server) CheckDestination(ctx context.Context, req *routingv1.CheckDestinationRequest) (*routingv1.CheckResult, error) {
	found, ok := s.opt.Senders.Check(ctx, req.GetName())
	if !ok {
		return nil, noDestination()
	}
	return checkResult(found), nil
}

func checkResult(c sender.Check) *routingv1.CheckResult {
	if c.At.IsZero() {
		return nil
	}
	return &routingv1.CheckResult{At: stamp(c.At), Problems: c.Problems, Error: c.Err, Unsupported: c.Unsupported}
}

// TestDestination sends a sample. Nothing of it is in the journal.
func (s *Server) TestDestination(ctx context.Context, req *routingv1.TestDestinationRequest) (*routingv1.TestDestinationResponse, error) {
	o, err := s.opt.Senders.Test(ctx, req.GetName(), req.GetTo())
	switch {
	case errors.Is(err, sender.ErrUnknown):
		return nil, noDestination()
	case errors.Is(err, sender.ErrNoSample):
		return nil, invalid("name", "is a destination that can send no sample: its receiver would take it for a lead")
	case err != nil:
		return nil, err
	}
	if reason, ok := strings.CutPrefix(o.Reason, "to: "); ok && o.Verdict == destination.Never {
		return nil, invalid("to", reason)
	}
	return &routingv1.TestDestinationResponse{Sent: o.Verdict == destination.Done, Reason: o.Reason}, nil
}

// PauseDestination states that nothing be sent to a destination until it is resumed: by any process, through restarts.
func (s *Server) PauseDestination(ctx context.Context, req *routingv1.PauseDestinationRequest) (*routingv1.PauseDestinationResponse, error) {
	if utf8.RuneCountInString(req.GetReason()) > maxBecause {
		return nil, invalid("reason", "must be at most "+strconv.Itoa(maxBecause)+" characters long")
	}
	return s.pause(ctx, req.GetName(), true, req.GetReason())
}

// ResumeDestination ends a pause.
func (s *Server) ResumeDestination(ctx context.Context, req *routingv1.ResumeDestinationRequest) (*routingv1.PauseDestinationResponse, error) {
	return s.pause(ctx, req.GetName(), false, "")
}

func (s *Server) pause(ctx context.Context, name string, paused bool, because string) (*routingv1.PauseDestinationResponse, error) {
	if !s.knows(name) {
		return nil, noDestination()
	}
	by, _ := s.opt.Caller(ctx)
	now := s.opt.Now()
	seq, err := s.opt.Journal.Append(ctx, &journalv1.Event{
		Id: fmt.Sprintf("%s.paused.%t.%d", name, paused, now.UnixNano()), Entity: identity.Desk, Type: "destination_paused", Source: "api",
		OccurredAt: timestamppb.New(now), ReceivedAt: timestamppb.New(now),
		Payload: &journalv1.Event_DestinationPaused{DestinationPaused: &journalv1.DestinationPaused{
			Destination: name, Paused: paused, By: by, Because: because,
		}},
	})
	if err != nil {
		return nil, err
	}
	return &routingv1.PauseDestinationResponse{Sequence: strconv.FormatUint(seq, 10)}, nil
}

// knows reports whether a destination is configured, or something is due to it.
func (s *Server) knows(name string) bool {
	for _, st := range s.opt.Senders.Statuses() {
		if st.Name == name {
			return true
		}
	}
	return false
}

func noDestination() error { return status.Error(codes.NotFound, "there is no such destination") }

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
