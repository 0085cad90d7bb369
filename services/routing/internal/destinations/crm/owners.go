package crm

import (
	"context"
	"strings"
	"sync"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// How long it holds who somebody is in a CRM, and that nobody is; and how many are remembered at most.
const (
	foundFor   = time.Hour
	missingFor = time.Minute
	maxOwners  = 10_000
)

// Owners knows who reps are in a CRM.
type Owners struct {
	// Keys are the names under which the directory may have the rep's id there: the destination's, then the type's.
	Keys []string
	// Fallback is the id that stands for reps whom the CRM does not know; "" where there is none.
	Fallback string
	// Valid says whether an id that the directory has can be one.
	Valid func(id string) bool
	// Find looks an active user up by e-mail address; "" where there is none.
	Find func(ctx context.Context, email string) (id string, why destination.Outcome, ok bool)
	Now  func() time.Time

	mu    sync.Mutex
	known map[string]found
}

type found struct {
	id    string
	until time.Time
}

// ID gives a rep's id in the CRM; ok is false where it could not be found out, or where there is none, and the outcome says
// why. A handoff without an owner has "".
func (o *Owners) ID(ctx context.Context, owner *routingv1.Owner) (id string, why destination.Outcome, ok bool) {
	if id, why, ok = o.Lookup(ctx, owner); !ok || id != "" || nobody(owner) {
		return id, why, ok
	}
	if o.Fallback != "" {
		return o.Fallback, destination.Outcome{}, true
	}
	return "", destination.Outcome{
		Reason: "no active user there has the address of " + owner.GetId() + ": give the rep an id in the directory's external_ids, or set options.fallback_owner",
	}, false
}

func nobody(owner *routingv1.Owner) bool { return owner.GetId() == "" && owner.GetEmail() == "" }

// Lookup gives a rep's id in the CRM, "" where the CRM knows nobody like that; ok is false where it could not be found out.
func (o *Owners) Lookup(ctx context.Context, owner *routingv1.Owner) (id string, why destination.Outcome, ok bool) {
	if nobody(owner) {
		return "", destination.Outcome{}, true
	}
	for _, key := range o.Keys {
		if id := owner.GetExternalIds()[key]; id != "" {
			if o.Valid(id) {
				return id, destination.Outcome{}, true
			}
			return "", destination.Outcome{Reason: "the directory's external_ids." + key + " of " + owner.GetId() + " is no id of a user there"}, false
		}
	}
	email := strings.ToLower(owner.GetEmail())
	if email == "" {
		return "", destination.Outcome{}, true
	}
	now := o.Now()
	o.mu.Lock()
	f, isKnown := o.known[email]
	o.mu.Unlock()
	if isKnown && !now.After(f.until) {
		return f.id, destination.Outcome{}, true
	}
	if f.id, why, ok = o.Find(ctx, email); !ok {
		return "", why, false
	}
	f.until = now.Add(foundFor)
	if f.id == "" {
		f.until = now.Add(missingFor)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= maxOwners {
		o.known = map[string]found{}
	}
	o.known[email] = f
	return f.id, destination.Outcome{}, true
}

// Forget drops what was remembered of a rep: the CRM says that it is wrong.
func (o *Owners) Forget(owner *routingv1.Owner) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, strings.ToLower(owner.GetEmail()))
}
