package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

const (
	// maxBecause is how long a reason may be, in bytes.
	maxBecause = 1000
	// splitWait bounds how long a split waits to be seen to take effect.
	splitWait = 2 * time.Second
)

// ListOrigins gives who was absorbed into a lead, how they joined, and who was split off again.
func (s *Server) ListOrigins(ctx context.Context, req *leadv1.ListOriginsRequest) (*leadv1.ListOriginsResponse, error) {
	if err := s.wait(ctx, req.GetAfter()); err != nil {
		return nil, err
	}
	l, err := s.lead(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	ids := append(slices.Clone(l.Absorbed), l.Left...)
	out := &leadv1.ListOriginsResponse{LeadId: l.ID}
	if len(ids) == 0 {
		return out, nil
	}
	blobs, err := s.opt.States.Blobs(ctx, ids...)
	if err != nil {
		return nil, failed("read the origins", err)
	}
	for i, id := range ids {
		o := &core.Lead{}
		if blobs[i] != nil { // else it was erased
			if o, _, err = fold.DecodeLead(id, blobs[i]); err != nil {
				return nil, failed("read an origin", err)
			}
		}
		out.Origins = append(out.Origins, s.origin(id, o, l))
	}
	slices.SortStableFunc(out.Origins, func(a, b *leadv1.Origin) int { return a.JoinedAt.AsTime().Compare(b.JoinedAt.AsTime()) })
	return out, nil
}

// origin shows an origin of a lead. Its identifier is shown only where the lead's context has it anyhow.
func (s *Server) origin(id string, o, lead *core.Lead) *leadv1.Origin {
	out := &leadv1.Origin{Id: id, JoinedAt: stamp(o.Joined.At), ByEvent: o.Joined.Event, BySource: o.Joined.Source, Into: o.Parent}
	if x := o.Severed; x != nil {
		out.Into, out.SplitAt, out.SplitBy, out.SplitBecause = x.Into, stamp(x.At), x.By, x.Because
	}
	switch identity.RankOf(id) {
	case identity.Email:
		out.Kind = "email"
		i := slices.IndexFunc(fold.OtherEmails(lead), func(e string) bool { return s.opt.Key.Lead(identity.Email, "", e) == id })
		if i >= 0 {
			out.Value = fold.OtherEmails(lead)[i]
		} else if e := lead.PrimaryEmail(); e != "" && s.opt.Key.Lead(identity.Email, "", e) == id {
			out.Value = e
		}
	case identity.ExternalID:
		out.Kind = "external_id"
		for system, value := range fold.ExternalIDs(lead) {
			if s.opt.Key.Lead(identity.ExternalID, system, value) == id {
				out.System, out.Value = system, value
			}
		}
	case identity.UserID:
		out.Kind = "user_id"
	case identity.Anonymous:
		out.Kind = "anonymous_id"
	}
	return out
}

// originID gives the lead that an origin is named by.
func (s *Server) originID(origin string) (string, error) {
	origin = strings.TrimSpace(origin)
	switch {
	case origin == "":
		return "", invalid("origin", "is needed: a lead id, an e-mail address, or an id as SYSTEM:ID")
	case isLead(origin):
		return origin, nil
	case strings.Contains(origin, "@") && !strings.Contains(origin, ":"):
		email, ok := identity.NormalizeEmail(origin)
		if !ok {
			return "", invalid("origin", "is not an address")
		}
		return s.opt.Key.Lead(identity.Email, "", email), nil
	}
	system, id, ok := strings.Cut(origin, ":")
	switch {
	case !ok || system == "" || id == "":
		return "", invalid("origin", "must be a lead id, an e-mail address, or an id as SYSTEM:ID")
	case system == "user":
		return s.opt.Key.Lead(identity.UserID, "", id), nil
	case system == "anonymous":
		return s.opt.Key.Lead(identity.Anonymous, "", id), nil
	}
	return s.opt.Key.Lead(identity.ExternalID, system, id), nil
}

// SplitLead has one origin leave the lead that it was absorbed into.
func (s *Server) SplitLead(ctx context.Context, req *leadv1.SplitLeadRequest) (*leadv1.SplitLeadResponse, error) {
	origin, err := s.originID(req.GetOrigin())
	if err != nil {
		return nil, err
	}
	if len(req.GetBecause()) > maxBecause {
		return nil, invalid("because", "must be at most "+strconv.Itoa(maxBecause)+" bytes long")
	}
	// What was written by now is to be known, the merge itself above all.
	if _, err := s.opt.Accounts.Counters(ctx); err != nil {
		return nil, failed("read the journal", err)
	}
	l, err := s.lead(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	if err := s.mayLeave(ctx, l, origin); err != nil {
		return nil, err
	}
	if slices.Contains(l.Left, origin) { // it has left: a repeat
		return &leadv1.SplitLeadResponse{Origin: origin, Done: true}, nil
	}
	now := timestamppb.New(s.opt.Now())
	seq, err := s.opt.Inputs.Append(ctx, &journalv1.Event{
		Id: "split:" + origin, Entity: origin, Type: "split_requested", Source: releaseSource, OccurredAt: now, ReceivedAt: now,
		Payload: &journalv1.Event_SplitRequested{SplitRequested: &journalv1.SplitRequested{Lead: l.ID, By: callerName(ctx), Because: req.GetBecause()}},
	})
	if err != nil {
		return nil, failed("ask for the split", err)
	}
	out := &leadv1.SplitLeadResponse{Origin: origin, Sequence: strconv.FormatUint(seq, 10)}
	waiting, cancel := context.WithTimeout(ctx, splitWait)
	defer cancel()
	out.Done = s.wait(waiting, out.Sequence) == nil
	return out, nil
}

// mayLeave says why an origin cannot leave a lead, nil where it can or has done so.
func (s *Server) mayLeave(ctx context.Context, l *core.Lead, origin string) error {
	refuse := func(why string) error { return status.Error(codes.FailedPrecondition, why) }
	switch {
	case origin == l.ID:
		return invalid("origin", "is the lead itself: name the one that is to leave it")
	case slices.Contains(l.Absorbed, origin), slices.Contains(l.Left, origin):
		return nil
	}
	blobs, err := s.opt.States.Blobs(ctx, origin)
	if err != nil {
		return failed("read the origin", err)
	}
	if len(blobs) != 1 || blobs[0] == nil {
		return status.Error(codes.NotFound, "nothing is known of this origin")
	}
	o, _, err := fold.DecodeLead(origin, blobs[0])
	switch {
	case err != nil:
		return failed("read the origin", err)
	case o.Severed != nil:
		return refuse(fmt.Sprintf("%s was split off from %s before, and is a lead of its own", origin, cmp.Or(o.Severed.From, "another lead")))
	case o.Parent == "":
		return refuse(origin + " was never merged into another lead: there is nothing to undo")
	}
	return refuse(fmt.Sprintf("%s is not part of %s: it was merged into %s", origin, l.ID, o.Parent))
}
