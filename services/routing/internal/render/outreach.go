package render

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// LastContact gives who contacted a lead last, nil where nobody did.
func LastContact(on *state.Lead) *routingv1.LastContact {
	side, c := (&outreach.Lead{Mail: on.Mail, Outreach: on.Outreach}).Last()
	if side == "" {
		return nil
	}
	return &routingv1.LastContact{Side: side, Who: c.Who, Channel: c.Channel, At: stamp(c.At), Campaign: c.Campaign}
}

// Stamp gives a moment as the API states it; nothing for the zero time.
func Stamp(t time.Time) *timestamppb.Timestamp { return stamp(t) }

// Consent gives what a lead has said of the uses of its data, nil where nothing is known. An error means that it cannot be
// known now.
func (r *Renderer) Consent(ctx context.Context, entity string) (map[string]string, error) {
	_, consent, err := r.person(ctx, entity)
	return consent, err
}

// nurture says what marketing's own campaigns should do when a lead enters a stage: rest while it is sales' turn, go on when
// it comes back, and end with those who bought, or who are none. The hint is the same whoever caused the move, so that
// recalls and merges need no rule of their own.
func nurture(to string) string {
	switch to {
	case "mql", "routed", "accepted", "sql", "opportunity":
		return "pause"
	case "inquiry", "recycled", "lost":
		return "resume"
	case "won", "disqualified":
		return "stop"
	}
	return ""
}
