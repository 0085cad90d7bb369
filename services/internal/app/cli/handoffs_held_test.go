package cli

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func TestAHeldHandoffIsNotSaidToFindNobody(t *testing.T) {
	now := time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
	end := timestamppb.New(now.Add(time.Hour))
	if got, want := nextStep(&routingv1.Handoff{Stage: "waiting", WaitingUntil: end, HeldUntil: end}, now), "held until "+until(end, now); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := nextStep(&routingv1.Handoff{Stage: "waiting", WaitingUntil: end}, now), "nobody free, looks again "+until(end, now); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
