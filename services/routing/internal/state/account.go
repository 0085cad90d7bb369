package state

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Account is an account as routing sees it: who works on it.
type Account struct {
	// Deals that are open, or were closed lately; by lead and id.
	Deals []Deal
	// LastRep was given one of its leads last, at LastAt.
	LastRep string
	LastAt  time.Time
	// Handoffs that reps have, in the order in which they got them.
	Handoffs []AccountHandoff
}

// EncodeAccount gives an account's blob.
func EncodeAccount(a *Account) []byte {
	return marshal(&routingv1.AccountState{Deals: encodeDeals(a.Deals), LastRep: a.LastRep, LastAt: nanos(a.LastAt), Handoffs: encodeAtAccount(a.Handoffs)})
}

// DecodeAccount reads an account's blob; nil is an account that nothing is known of.
func DecodeAccount(blob []byte) (*Account, error) {
	var in routingv1.AccountState
	if err := proto.Unmarshal(blob, &in); err != nil {
		return nil, fmt.Errorf("read an account's routing state: %w", err)
	}
	return &Account{Deals: decodeDeals(in.Deals), LastRep: in.LastRep, LastAt: instant(in.LastAt), Handoffs: decodeAtAccount(in.Handoffs)}, nil
}

func encodeDeals(list []Deal) []*routingv1.DealState {
	var out []*routingv1.DealState
	for _, d := range list {
		out = append(out, &routingv1.DealState{Id: d.ID, Lead: d.Lead, Owner: d.Owner, Open: d.Open, At: nanos(d.At), Told: d.Told})
	}
	return out
}

func decodeDeals(list []*routingv1.DealState) []Deal {
	var out []Deal
	for _, d := range list {
		out = append(out, Deal{ID: d.Id, Lead: d.Lead, Owner: d.Owner, Open: d.Open, At: instant(d.At), Told: d.Told})
	}
	return out
}
