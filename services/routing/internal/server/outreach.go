package server

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Agreements gives the agreement in force, nil where there is none.
type Agreements interface {
	Agreement(ctx context.Context) (*agreement.Agreement, error)
}

const (
	maxOutreach = 1000
	// outreachAtOnce is how many leads of a list are looked up side by side.
	outreachAtOnce = 16
	// maxMerges bounds the way from an old lead to the one it is now.
	maxMerges = 16
)

// CheckOutreach says whether somebody may turn to a lead now.
func (s *Server) CheckOutreach(ctx context.Context, req *routingv1.CheckOutreachRequest) (*routingv1.OutreachVerdict, error) {
	if identity.RankOf(req.GetId()) == 0 {
		return nil, status.Error(codes.NotFound, "there is no such lead")
	}
	list, err := s.CheckOutreachList(ctx, &routingv1.CheckOutreachListRequest{
		Leads: []string{req.GetId()}, Side: req.GetSide(), Channel: req.GetChannel(), Campaign: req.GetCampaign(), Rep: req.GetRep(), After: req.GetAfter(),
	})
	if err != nil {
		return nil, err
	}
	return list.GetVerdicts()[0], nil
}

// CheckOutreachList says it of a list: what a marketing platform asks before it sends.
func (s *Server) CheckOutreachList(ctx context.Context, req *routingv1.CheckOutreachListRequest) (*routingv1.CheckOutreachListResponse, error) {
	n := len(req.GetLeads()) + len(req.GetEmails())
	switch {
	case req.GetSide() != outreach.Marketing && req.GetSide() != outreach.Sales:
		return nil, invalid("side", "must be marketing or sales")
	case n == 0:
		return nil, invalid("leads", "name at least one lead, or an e-mail address under emails")
	case n > maxOutreach:
		return nil, invalid("leads", "at most 1000 leads and e-mail addresses may be asked for at once")
	case len(req.GetChannel()) > 100:
		return nil, invalid("channel", "is longer than 100 bytes")
	}
	in := outreach.Intent{Side: req.GetSide(), Channel: req.GetChannel(), Rep: req.GetRep()}
	if _, rep := s.opt.Caller(ctx); rep != "" && in.Side == outreach.Sales {
		in.Rep = rep
	}
	out := &routingv1.CheckOutreachListResponse{}
	for _, id := range req.GetLeads() {
		if identity.RankOf(id) == 0 {
			return nil, invalid("leads", "are ids of leads: ld_…")
		}
		out.Verdicts = append(out.Verdicts, &routingv1.OutreachVerdict{LeadId: id})
	}
	for _, email := range req.GetEmails() {
		id := s.opt.Renderer.Key.Lead(identity.Email, "", strings.ToLower(strings.TrimSpace(email)))
		out.Verdicts = append(out.Verdicts, &routingv1.OutreachVerdict{LeadId: id, Email: email})
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return nil, badAfter(err)
	}
	rules, err := s.outreachRules(ctx)
	if err != nil {
		return nil, err
	}
	leads, err := s.leadsNow(ctx, out.GetVerdicts())
	if err != nil {
		return nil, err
	}
	return out, s.verdicts(ctx, out.GetVerdicts(), leads, rules, in)
}

func (s *Server) outreachRules(ctx context.Context) (outreach.Rules, error) {
	if s.opt.Agreements == nil {
		return outreach.Rules{}, nil
	}
	a, err := s.opt.Agreements.Agreement(ctx)
	if err != nil || a == nil {
		return outreach.Rules{}, err
	}
	return outreach.Rules{Quiet: a.Outreach.Quiet, SalesFirst: a.Outreach.SalesFirst}, nil
}

// leadsNow reads the leads, each as the one that it has become, and corrects the verdicts' ids.
func (s *Server) leadsNow(ctx context.Context, list []*routingv1.OutreachVerdict) ([]*state.Lead, error) {
	out := make([]*state.Lead, len(list))
	todo := make([]int, len(list))
	for i := range list {
		todo[i] = i
	}
	for hops := 0; len(todo) > 0 && hops < maxMerges; hops++ {
		ids := make([]string, len(todo))
		for k, i := range todo {
			ids[k] = list[i].LeadId
		}
		blobs, err := s.opt.States.Blobs(ctx, ids...)
		if err != nil {
			return nil, err
		}
		var merged []int
		for k, i := range todo {
			if out[i], err = state.DecodeLead(blobs[k]); err != nil {
				return nil, err
			}
			if into := out[i].MergedInto; into != "" {
				list[i].LeadId = into
				merged = append(merged, i)
			}
		}
		todo = merged
	}
	return out, nil
}

// verdicts fills in the verdicts. Consent is scoring's to know: without it nothing can be allowed.
func (s *Server) verdicts(ctx context.Context, list []*routingv1.OutreachVerdict, leads []*state.Lead, rules outreach.Rules, in outreach.Intent) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	for range min(outreachAtOnce, len(list)) {
		running.Go(func() {
			for i := range next {
				consent, err := s.opt.Renderer.Consent(ctx, list[i].LeadId)
				if err != nil {
					mu.Lock()
					if failed == nil {
						failed = err
					}
					mu.Unlock()
					cancel()
					continue
				}
				s.verdict(list[i], leads[i], rules, in, consent)
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	running.Wait()
	return failed
}

func (s *Server) verdict(v *routingv1.OutreachVerdict, on *state.Lead, rules outreach.Rules, in outreach.Intent, consent map[string]string) {
	l := &outreach.Lead{Mail: on.Mail, Outreach: on.Outreach, Consent: consent}
	if h := on.Handoff(""); h != nil && h.Open() {
		l.Owner = h.Owner()
	}
	got := outreach.Check(rules, l, in, s.opt.Now())
	v.Allowed, v.Code, v.Reason, v.Last = got.Allowed, got.Code, got.Reason, render.LastContact(on)
	if !got.Until.IsZero() {
		v.Until = render.Stamp(got.Until)
	}
}
