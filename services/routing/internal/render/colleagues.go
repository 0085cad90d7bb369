package render

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// Colleagues are looked up when a brief is read: they are other people, and what is known of them changes.
const (
	colleaguesWithin = 500 * time.Millisecond
	maxColleagues    = 5
	// askedColleagues is how many of an account are asked for: leads that merged away and the lead itself are not told of.
	askedColleagues = 20
)

// people gives an account's most engaged leads.
type people func(ctx context.Context, account string) ([]*leadv1.Lead, error)

// askColleagues is people as scoring knows them now.
func (r *Renderer) askColleagues(ctx context.Context, account string) ([]*leadv1.Lead, error) {
	list, err := r.Leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Account: account, PageSize: askedColleagues})
	if err != nil {
		r.Log.WarnContext(ctx, "an account's people could not be looked up; briefs go without", "account", account, "code", status.Code(err).String())
		return nil, err
	}
	return list.GetLeads(), nil
}

// colleagues gives who else at the account is known, the most engaged first. A brief without them is better than none: a
// failure leaves them out.
func (r *Renderer) colleagues(ctx context.Context, h *handoff.Handoff, entity string, ask people) []*routingv1.Colleague {
	if r.Leads == nil {
		return nil
	}
	// Leads that were handed over are listed under the directory's account, the others under that of their domain.
	ids := []string{h.Account.ID}
	if h.Account.Domain != "" {
		if id := r.Key.Account(h.Account.Domain); id != h.Account.ID {
			ids = append(ids, id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, colleaguesWithin)
	defer cancel()
	var out []*routingv1.Colleague
	for _, id := range ids {
		if id == "" {
			continue
		}
		list, err := ask(ctx, id)
		if err != nil {
			continue
		}
		for _, l := range list {
			if l.GetId() == entity || l.GetMergedInto() != "" || slices.ContainsFunc(out, func(c *routingv1.Colleague) bool { return c.LeadId == l.GetId() }) {
				continue
			}
			out = append(out, &routingv1.Colleague{LeadId: l.GetId(), Title: l.GetTitle(), Engagement: l.GetScore().GetEngagement()})
		}
	}
	slices.SortStableFunc(out, func(a, b *routingv1.Colleague) int {
		return cmp.Or(cmp.Compare(b.Engagement, a.Engagement), cmp.Compare(a.LeadId, b.LeadId))
	})
	return out[:min(len(out), maxColleagues)]
}

// Deliveries share what is known of an account's people for a short time: many about one account are often due together, and a list over
// an index is the dearest read of all. A failure is shared for a shorter one, so that deliveries do not wait for it each.
const (
	knownFor    = 3 * time.Second
	unknownFor  = time.Second
	maxAccounts = 2000
)

// acquaintances are the people of accounts that have been asked for lately. The zero value knows nobody.
type acquaintances struct {
	mu       sync.Mutex
	accounts map[string]*acquaintance
}

// acquaintance is one account's people; list and err stand once done is closed, and until is when they are asked for again.
type acquaintance struct {
	done  chan struct{}
	list  []*leadv1.Lead
	err   error
	until time.Time
}

// of gives people who are known, or else asked for: once for all that want to know at the same time.
func (a *acquaintances) of(ask people) people {
	return func(ctx context.Context, account string) ([]*leadv1.Lead, error) {
		k, fresh := a.find(account, time.Now())
		if fresh {
			a.learn(ctx, k, account, ask)
		}
		select {
		case <-k.done:
			return k.list, k.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// find gives what is known of an account, or a place for what is about to be; fresh: the caller is to learn it.
func (a *acquaintances) find(account string, now time.Time) (k *acquaintance, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.accounts[account]; k != nil && now.Before(k.until) {
		return k, false
	}
	if a.accounts == nil || len(a.accounts) >= maxAccounts {
		a.accounts = map[string]*acquaintance{} // those that are being asked for have their answer all the same
	}
	k = &acquaintance{done: make(chan struct{}), until: now.Add(colleaguesWithin + knownFor)}
	a.accounts[account] = k
	return k, true
}

// learn asks. Others wait for the answer, too: it does not end with the caller.
func (a *acquaintances) learn(ctx context.Context, k *acquaintance, account string, ask people) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), colleaguesWithin)
	defer cancel()
	list, err := ask(ctx, account)
	a.mu.Lock()
	k.list, k.err, k.until = list, err, time.Now().Add(knownFor)
	if err != nil {
		k.until = time.Now().Add(unknownFor)
	}
	a.mu.Unlock()
	close(k.done)
}
