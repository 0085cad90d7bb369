package routing

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

const timedAgreement = `
agreement: timed
sla: {accept_within: 8h, pause: {at_most: 2d}}
outreach: {quiet: 48h, sales_first: true}
`

func (r *rig) testTiming(t *testing.T) {
	for _, c := range []*journalv1.AgreementChanged{{Version: 1, Change: "proposed", Yaml: []byte(timedAgreement)}, {Version: 1, Change: "activated"}} {
		last := uint64(0)
		if ev, err := r.J.LastGlobal(t.Context(), "agreement"); err != nil {
			t.Fatal(err)
		} else if ev != nil {
			last = ev.Seq
		}
		if _, err := r.J.AppendGlobal(t.Context(), "agreement", &journalv1.Event{
			Type: "agreement_changed", Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c}, ReceivedAt: timestamppb.Now(),
		}, last); err != nil {
			t.Fatal(err)
		}
	}
	id := r.qualify(t, "timing@initech.example")
	h := r.handoff(t, id, func(h *routingv1.Handoff) bool { return h.GetStage() == "routed" })
	if h.GetAgreementVersion() != 1 || h.GetSla().GetAcceptBy() == nil {
		t.Errorf("routed: %v", h)
	}
	owner := h.GetOwner().GetId()
	until := timestamppb.New(time.Now().Add(24 * time.Hour))
	for _, c := range []struct {
		req  *routingv1.PauseHandoffRequest
		want codes.Code
	}{
		{&routingv1.PauseHandoffRequest{Id: id}, codes.InvalidArgument},
		{&routingv1.PauseHandoffRequest{Id: id, Until: timestamppb.New(time.Unix(1, 0))}, codes.InvalidArgument},
		{&routingv1.PauseHandoffRequest{Id: "ho_x", Until: until}, codes.NotFound},
		{&routingv1.PauseHandoffRequest{Id: id, Until: until, Rep: "cy"}, codes.FailedPrecondition},
		{&routingv1.PauseHandoffRequest{Id: id, Until: timestamppb.New(time.Now().Add(72 * time.Hour)), Rep: owner}, codes.FailedPrecondition},
	} {
		if _, err := r.client.PauseHandoff(t.Context(), c.req); status.Code(err) != c.want {
			t.Errorf("%v: %v, want %s", c.req, err, c.want)
		}
	}
	req := &routingv1.PauseHandoffRequest{Id: id, Until: until, Rep: owner, Reason: "a fair", RequestId: "pause-1"}
	for range 2 { // sent again, it is one request
		got, err := r.client.PauseHandoff(t.Context(), req)
		if err != nil || got.GetStatus() != "done" || got.GetOwner() != owner || !got.GetPausedUntil().AsTime().Equal(until.AsTime()) {
			t.Fatalf("paused: %v, %v", got, err)
		}
	}
	h = r.handoff(t, id, func(h *routingv1.Handoff) bool { return h.GetPausedUntil() != nil })
	if h.GetPauseReason() != "a fair" || !h.GetSla().GetAcceptBy().AsTime().After(until.AsTime()) {
		t.Errorf("paused: %v", h)
	}

	check := func(side, rep string) *routingv1.OutreachVerdict {
		t.Helper()
		v, err := r.client.CheckOutreach(t.Context(), &routingv1.CheckOutreachRequest{Id: h.GetLeadId(), Side: side, Rep: rep, Channel: "email"})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := check("marketing", ""); v.GetAllowed() || v.GetCode() != "with_sales" || v.GetLast() != nil {
		t.Errorf("marketing: %v", v)
	}
	if v := check("sales", "zoe"); v.GetAllowed() || v.GetCode() != "other_rep" {
		t.Errorf("another rep: %v", v)
	}
	if v := check("sales", owner); !v.GetAllowed() {
		t.Errorf("its owner: %v", v)
	}
	if got, err := r.client.ResumeHandoff(t.Context(), &routingv1.ResumeHandoffRequest{Id: id}); err != nil || got.GetStatus() != "done" {
		t.Errorf("resumed: %v, %v", got, err)
	}
	list, err := r.client.CheckOutreachList(t.Context(), &routingv1.CheckOutreachListRequest{
		Leads: []string{h.GetLeadId()}, Emails: []string{" Timing@Initech.example", "nobody@hooli.example"}, Side: "marketing",
	})
	if err != nil || len(list.GetVerdicts()) != 3 || list.Verdicts[0].GetAllowed() || list.Verdicts[1].GetLeadId() != h.GetLeadId() || list.Verdicts[1].GetAllowed() || !list.Verdicts[2].GetAllowed() {
		t.Errorf("a list: %v, %v", list, err)
	}
	for name, bad := range map[string]*routingv1.CheckOutreachListRequest{
		"no side": {Leads: []string{h.GetLeadId()}}, "nobody": {Side: "sales"}, "no lead": {Side: "sales", Leads: []string{"x"}},
		"too many": {Side: "sales", Emails: make([]string, 1001)},
	} {
		if _, err := r.client.CheckOutreachList(t.Context(), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}
