package routing

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// GetContext knows what the lead of testBrief did by then, and nobody else: others are as they were when they last qualified.
func (l leads) GetContext(_ context.Context, r *leadv1.GetContextRequest, _ ...grpc.CallOption) (*leadv1.LeadContext, error) {
	if r.GetId() != l.key.Lead(identity.Email, "", "vera@initech.example") {
		return nil, status.Error(codes.NotFound, "there is no such lead")
	}
	now := timestamppb.Now()
	return &leadv1.LeadContext{
		Score: &leadv1.Score{LeadId: r.GetId(), Fit: 80, Grade: "a", Engagement: 44},
		Snapshot: &journalv1.LeadSnapshot{
			Id: r.GetId(), Email: "vera@initech.example", FirstName: "Vera", Title: "VP Engineering", Engagements: 4, FirstAt: now, LastAt: now,
			Consent:  map[string]string{"email": "withdrawn"},
			Timeline: []*journalv1.TimelineItem{{EventId: "meet-1", Type: "meeting_booked", At: now}, {Type: "demo_requested", At: now}},
		},
	}, nil
}

// A brief is told again once the lead asks for something, with what is known of the lead by then; every version can be read,
// in every form.
func (r *rig) testBrief(t *testing.T) {
	id := r.qualify(t, "vera@initech.example")
	r.handoff(t, id, delivered)
	lead := r.J.Key().Lead(identity.Email, "", "vera@initech.example")
	if _, err := r.J.Append(t.Context(), &journalv1.Event{
		Id: "meet-1", Entity: lead, Type: "meeting_booked", Source: "site", ReceivedAt: timestamppb.Now(), OccurredAt: timestamppb.Now(),
		Payload: &journalv1.Event_MeetingBooked{MeetingBooked: &journalv1.MeetingBooked{}},
	}); err != nil {
		t.Fatal(err)
	}
	var data map[string]any
	journaltest.Eventually(t, "the CRM is told again", func() error {
		if got := r.crm.received("handoff.updated"); len(got) > 0 {
			data = got[0]["data"].(map[string]any)
			return nil
		}
		return fmt.Errorf("it is not")
	})
	because := data["because"].([]any)
	if data["version"] != 2.0 || len(because) != 1 || !strings.HasPrefix(because[0].(string), "They booked a meeting") || data["stage"] != "routed" {
		t.Errorf("%v: %v", data["version"], because)
	}
	if b := data["brief"].(map[string]any); b["consent"].(map[string]any)["email"] != "withdrawn" || b["version"] != 2.0 {
		t.Errorf("not told as things stand: %v", b)
	}

	first, err := r.client.GetBrief(t.Context(), &routingv1.GetHandoffRequest{Id: id, Version: 1})
	if err != nil || first.GetScore().GetEngagement() != 21.4 || first.GetBrief().GetConsent()["email"] != "granted" || len(first.GetBrief().GetChanged()) != 0 || len(first.GetBrief().GetVersions()) != 1 {
		t.Errorf("the first version: %v, %v", first, err)
	}
	latest, err := r.client.GetBrief(t.Context(), &routingv1.GetHandoffRequest{Id: id})
	if err != nil || latest.GetBrief().GetVersion() != 2 || latest.GetScore().GetEngagement() != 44 || len(latest.GetBrief().GetVersions()) != 2 {
		t.Fatalf("the latest version: %v, %v", latest, err)
	}
	said := strings.Join(append(latest.GetBrief().GetCautions(), latest.GetBrief().GetChanged()...), "\n")
	for _, want := range []string{"Do not send e-mail", "meeting is booked already", "They booked a meeting", "Engagement went from 21.4 to 44"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	for version, code := range map[int32]codes.Code{3: codes.NotFound, -1: codes.InvalidArgument} {
		if _, err := r.client.GetBrief(t.Context(), &routingv1.GetHandoffRequest{Id: id, Version: version}); status.Code(err) != code {
			t.Errorf("version %d: %v", version, err)
		}
	}
	text, err := r.client.GetBriefText(t.Context(), &routingv1.GetHandoffRequest{Id: id})
	if err != nil || text.GetContentType() != "text/plain; charset=utf-8" || !strings.Contains(string(text.GetData()), "They booked a meeting") {
		t.Errorf("%s, %v", text, err)
	}
	page, err := r.client.GetBriefPage(t.Context(), &routingv1.GetHandoffRequest{Id: id, Version: 1})
	if err != nil || page.GetContentType() != "text/html; charset=utf-8" || !strings.Contains(string(page.GetData()), "Brief version 1") {
		t.Errorf("%s, %v", page, err)
	}
	if _, err := r.client.GetBriefPage(t.Context(), &routingv1.GetHandoffRequest{Id: "ho_x"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}
