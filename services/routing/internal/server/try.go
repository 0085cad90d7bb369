package server

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/apply"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/dryrun"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// maxTrials is how many leads one request tries.
const maxTrials = 100

// TryRouting says who would get some leads, and why. It writes nothing.
func (s *Server) TryRouting(ctx context.Context, req *routingv1.TryRoutingRequest) (*routingv1.TryRoutingResponse, error) {
	n := len(req.GetLeads()) + len(req.GetHandoffs()) + len(req.GetSamples())
	switch {
	case n == 0:
		return nil, invalid("leads", "names nobody: give leads, handoffs or samples")
	case n > maxTrials:
		return nil, invalid("leads", fmt.Sprintf("at most %d leads, handoffs and samples together", maxTrials))
	}
	inForce, proposed, err := s.versions(ctx, req.GetYaml())
	if err != nil {
		return nil, err
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return nil, badAfter(err)
	}
	base := dryrun.Trial{Logic: s.logic(), Key: s.opt.Renderer.Key, Now: s.opt.Now(), State: s.stateOf(ctx, req.GetFreshDesk())}
	if base.At = base.Now; req.GetAt() != nil {
		if err := req.GetAt().CheckValid(); err != nil {
			return nil, invalid("at", "is not a moment")
		}
		base.At = req.GetAt().AsTime()
	}
	base.Changed = proposed.Hash != inForce.Hash && !req.GetFreshDesk()
	if base.At.Before(base.Now) {
		base.Now = base.At
	}
	var promised *agreement.Agreement
	if s.opt.Agreements != nil {
		if promised, err = s.opt.Agreements.Agreement(ctx); err != nil {
			return nil, err
		}
	}
	out := &routingv1.TryRoutingResponse{Hash: proposed.Hash, InForce: proposed.Hash == inForce.Hash}
	try := func(asked string, find func() (*journalv1.Qualified, string, error)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		q, lead, err := find()
		if err != nil {
			return err
		}
		t := base
		t.Qualified, t.Lead = q, lead
		if t.Again, err = s.hasHandoff(ctx, lead, q.GetHandoffId()); err != nil {
			return err
		}
		t.Globals = t.Logic.NewTrial(proposed.Directory, promised)
		got, err := t.Run()
		if err != nil {
			return fmt.Errorf("try routing: %w", err)
		}
		out.Trials = append(out.Trials, trialShown(asked, &t, got))
		return nil
	}
	for i, asked := range req.GetLeads() {
		if err := try(asked, func() (*journalv1.Qualified, string, error) { return s.asLead(ctx, fmt.Sprintf("leads[%d]", i), asked) }); err != nil {
			return nil, err
		}
	}
	for _, asked := range req.GetHandoffs() {
		if err := try(asked, func() (*journalv1.Qualified, string, error) { return s.asHandoff(ctx, asked) }); err != nil {
			return nil, err
		}
	}
	for i, sample := range req.GetSamples() {
		if err := try("", func() (*journalv1.Qualified, string, error) {
			return s.asSample(ctx, fmt.Sprintf("samples[%d]", i), sample)
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) logic() *fold.Logic { return fold.NewLogic(s.opt.Renderer.Key, s.opt.Parser) }

// versions gives the directory in force, and the one that a request proposes: "" is the one in force.
func (s *Server) versions(ctx context.Context, yaml string) (inForce, proposed current.Version, err error) {
	if inForce, err = s.opt.Directory.Get(ctx, 0); err != nil {
		return inForce, proposed, err
	}
	if yaml == "" {
		if inForce.Seq == 0 {
			return inForce, proposed, status.Error(codes.FailedPrecondition, "there is no directory yet: give one to try")
		}
		return inForce, inForce, nil
	}
	hash := apply.Hash([]byte(yaml))
	if hash == inForce.Hash {
		return inForce, inForce, nil
	}
	proposed = current.Version{YAML: yaml, Hash: hash}
	if proposed.Directory, err = s.opt.Parser.Parse([]byte(yaml)); err != nil {
		return inForce, proposed, faults(err)
	}
	proposed.Directory.ExactTurns = directory.TurnsExact > 0
	return inForce, proposed, nil
}

// stateOf reads entities as they stand.
func (s *Server) stateOf(ctx context.Context, fresh bool) func(string) ([]byte, error) {
	return func(entity string) ([]byte, error) {
		if fresh && entity == identity.Desk {
			return nil, nil
		}
		blobs, err := s.opt.States.Blobs(ctx, entity)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", entity, err)
		}
		return blobs[0], nil
	}
}

// hasHandoff reports whether a lead has a handoff.
func (s *Server) hasHandoff(ctx context.Context, lead, handoffID string) (bool, error) {
	l, err := s.opt.Renderer.Lead(ctx, lead)
	if err != nil {
		return false, err
	}
	h := l.Handoff(handoffID)
	return h != nil && h.ID == handoffID, nil
}

// asLead gives a lead as scoring knows it now, as if it qualified for its next epoch.
func (s *Server) asLead(ctx context.Context, field, asked string) (*journalv1.Qualified, string, error) {
	id := strings.TrimSpace(asked)
	if strings.Contains(id, "@") {
		email, ok := identity.NormalizeEmail(id)
		if !ok {
			return nil, "", invalid(field, "is no e-mail address")
		}
		id = s.opt.Renderer.Key.Lead(identity.Email, "", email)
	}
	if identity.RankOf(id) == 0 {
		return nil, "", invalid(field, "must be a lead's id (ld_…) or an e-mail address")
	}
	id, on, err := s.becomes(ctx, id)
	if err != nil {
		return nil, "", err
	}
	q := &journalv1.Qualified{}
	if s.opt.Renderer.Leads != nil {
		live, err := s.opt.Renderer.Leads.GetContext(ctx, &leadv1.GetContextRequest{Id: id})
		switch {
		case status.Code(err) == codes.NotFound:
		case err != nil:
			return nil, "", fmt.Errorf("read what is known of the lead: %w", err)
		default:
			q.Lead, q.Rule = live.GetSnapshot(), live.GetScore().GetQualifiesBy()
			q.Score = &journalv1.ScoreSnapshot{
				Fit: live.GetScore().GetFit(), Grade: live.GetScore().GetGrade(), Engagement: live.GetScore().GetEngagement(), Scores: live.GetScore().GetScores(),
			}
		}
	}
	if last := on.Handoff(""); last != nil {
		if q.Lead == nil { // as it was when it last qualified
			was, err := s.opt.Renderer.Snapshot(ctx, last.ID)
			if err != nil {
				return nil, "", notFound(err, "there is no such lead: "+asked)
			}
			q.Lead, q.Score = was.GetLead(), was.GetScore()
		}
		q.Rule = cmp.Or(q.GetRule(), last.Rule)
	}
	if q.Lead == nil {
		return nil, "", status.Error(codes.NotFound, "there is no such lead: "+asked)
	}
	q.Epoch = nextEpoch(on)
	q.HandoffId = identity.Handoff(id, q.Epoch)
	return q, id, nil
}

// becomes follows a lead to the one that it is by now.
func (s *Server) becomes(ctx context.Context, id string) (string, *state.Lead, error) {
	for hops := 0; ; hops++ {
		l, err := s.opt.Renderer.Lead(ctx, id)
		if err != nil || l.MergedInto == "" || hops == maxMerges {
			return id, l, err
		}
		id = l.MergedInto
	}
}

func nextEpoch(l *state.Lead) int32 {
	epoch := 0
	for _, h := range l.Handoffs {
		epoch = max(epoch, h.Epoch)
	}
	return int32(epoch) + 1
}

// asHandoff gives the lead of a handoff as it was when it qualified.
func (s *Server) asHandoff(ctx context.Context, id string) (*journalv1.Qualified, string, error) {
	gone := "there is no such handoff: " + id
	_, _, entity, err := s.opt.Renderer.Find(ctx, id)
	if err != nil {
		return nil, "", notFound(err, gone)
	}
	q, err := s.opt.Renderer.Snapshot(ctx, id)
	if err != nil {
		return nil, "", notFound(err, gone)
	}
	return q, entity, nil
}

// asSample gives a made-up lead. One of a known address is that lead's next epoch.
func (s *Server) asSample(ctx context.Context, field string, sample *routingv1.SampleLead) (*journalv1.Qualified, string, error) {
	q := &journalv1.Qualified{Rule: sample.GetRule(), Epoch: sample.GetEpoch(), Score: sample.GetScore(), Lead: &journalv1.LeadSnapshot{}}
	if sample.GetLead() != nil {
		q.Lead = proto.CloneOf(sample.GetLead())
	}
	if q.Score == nil {
		q.Score = &journalv1.ScoreSnapshot{}
	}
	id := s.opt.Renderer.Key.Lead(identity.Anonymous, "sample", field)
	if email := q.Lead.GetEmail(); email != "" {
		normal, ok := identity.NormalizeEmail(email)
		if !ok {
			return nil, "", invalid(field+".lead.email", "is no e-mail address")
		}
		q.Lead.Email, id = normal, s.opt.Renderer.Key.Lead(identity.Email, "", normal)
	}
	q.Lead.AccountDomain = strings.ToLower(strings.TrimSpace(q.Lead.GetAccountDomain()))
	if q.GetEpoch() < 0 {
		return nil, "", invalid(field+".epoch", "must not be negative")
	}
	id, on, err := s.becomes(ctx, id)
	if err != nil {
		return nil, "", err
	}
	q.Lead.Id = id
	if q.Epoch == 0 {
		q.Epoch = nextEpoch(on)
	}
	q.HandoffId = identity.Handoff(id, q.Epoch)
	return q, id, nil
}
