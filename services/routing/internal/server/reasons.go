package server

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// History reads what became of the agreement; *journal.Journal does.
type History interface {
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// ListReasons gives the reasons that the agreement in force knows, and what each leads to.
func (s *Server) ListReasons(ctx context.Context, _ *routingv1.ListReasonsRequest) (*routingv1.Reasons, error) {
	events, err := s.opt.History.ReadGlobals(ctx, fold.KindAgreement)
	if err != nil {
		return nil, err
	}
	texts := map[int32][]byte{}
	version := int32(0)
	for _, ev := range events {
		c := ev.Body.GetAgreementChanged()
		if len(c.GetYaml()) > 0 {
			texts[c.GetVersion()] = c.GetYaml()
		}
		if c.GetChange() == "activated" {
			version = c.GetVersion()
		}
	}
	a, err := agreement.Parse(texts[version])
	if version == 0 || err != nil {
		return nil, status.Error(codes.NotFound, "no agreement is in force yet")
	}
	return reasonsOf(version, a), nil
}

func reasonsOf(version int32, a *agreement.Agreement) *routingv1.Reasons {
	out := &routingv1.Reasons{AgreementVersion: version}
	for _, r := range a.RejectReasons {
		leadsTo := handoff.Disqualified
		if r.FixableBy == agreement.RoleMarketing {
			leadsTo = handoff.Recycled
		}
		out.Reject = append(out.Reject, &routingv1.ReasonChoice{
			Id: r.ID, Sub: r.Sub, LeadsTo: string(leadsTo), FixableBy: r.FixableBy, GivesBack: handoff.GivesBack(r.ID),
		})
	}
	for _, r := range a.RecycleReasons {
		out.Recycle = append(out.Recycle, &routingv1.ReasonChoice{
			Id: r.ID, LeadsTo: string(handoff.Recycled), WakeAfter: days(r.WakeAfter), WakeOn: r.WakeOn,
		})
	}
	return out
}

// days writes a duration as the agreement does; "" for none.
func days(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return agreement.FormatDuration(d)
}
