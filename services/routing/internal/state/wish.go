package state

import (
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

func encodeWish(w *handoff.Wish) *routingv1.WishState {
	if w == nil {
		return nil
	}
	return &routingv1.WishState{
		Request: w.Request, Reason: w.Reason, Note: w.Note, Displaced: w.Displaced, DisplacedBecause: w.DisplacedBecause, Answered: w.Answered,
		DisplacedPool: w.DisplacedPool,
	}
}

func decodeWish(in *routingv1.WishState) *handoff.Wish {
	if in == nil {
		return nil
	}
	return &handoff.Wish{
		Request: in.Request, Reason: in.Reason, Note: in.Note, Displaced: in.Displaced, DisplacedBecause: in.DisplacedBecause, Answered: in.Answered,
		DisplacedPool: in.DisplacedPool,
	}
}
