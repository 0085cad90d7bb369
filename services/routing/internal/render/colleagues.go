package render

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
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
func (r *Renderer) colleagues(ctx context.Context, h *handoff.Handoff, entity string, dir *core.Directory, ask people) []*routingv1.Colleague {
	if r.Leads == nil {
		return nil
	}
	// Leads that were handed over are listed under the directory's account, the others under that of their domain.
	var ids []string
	if h.Account.ID != "" {
		ids = append(ids, h.Account.ID)
	}
	if h.Account.Domain != "" {
		if id := r.Key.Account(h.Account.Domain); id != h.Account.ID {
			ids = append(ids, id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, colleaguesWithin)
	defer cancel()
	lists := make([][]*leadv1.Lead, len(ids))
	var asking sync.WaitGroup
	for i, id := range ids {
		asking.Go(func() { lists[i], _ = ask(ctx, id) }) // it has logged why not
	}
	asking.Wait()
	var known []*leadv1.Lead
	for _, l := range slices.Concat(lists...) {
		if l.GetId() != entity && l.GetMergedInto() == "" && !slices.ContainsFunc(known, func(o *leadv1.Lead) bool { return o.GetId() == l.GetId() }) {
			known = append(known, l)
		}
	}
	slices.SortStableFunc(known, func(a, b *leadv1.Lead) int {
		return cmp.Or(cmp.Compare(b.GetScore().GetEngagement(), a.GetScore().GetEngagement()), cmp.Compare(a.GetId(), b.GetId()))
	})
	var out []*routingv1.Colleague
	for _, l := range known[:min(len(known), maxColleagues)] {
		out = append(out, colleague(l, h, dir))
	}
	return out
}

// colleague tells one. Their owner is a rep only while their handoff is open: before and after, marketing has them.
func colleague(l *leadv1.Lead, h *handoff.Handoff, dir *core.Directory) *routingv1.Colleague {
	c := &routingv1.Colleague{
		LeadId: l.GetId(), Title: l.GetTitle(), Engagement: l.GetScore().GetEngagement(), Name: strings.TrimSpace(l.GetFirstName() + " " + l.GetLastName()),
		LastAt: l.GetLastAt(), Stage: l.GetStage(),
		Persona: dir.Persona(core.Facts{
			Lead: core.LeadFacts{
				ID: l.GetId(), Email: l.GetEmail(), FirstName: l.GetFirstName(), LastName: l.GetLastName(), Title: l.GetTitle(), Country: l.GetCountry(),
				ExternalIDs: l.GetExternalIds(), Consent: l.GetConsent(),
			},
			Account: core.AccountFacts{ID: h.Account.ID, Name: h.Account.Name, Domain: h.Account.Domain}, Engagement: l.GetScore().GetEngagement(),
			Fit: l.GetScore().GetFit(), Grade: l.GetScore().GetGrade(),
		}),
	}
	if rep := l.GetOwner(); dir.Rep(rep) != nil {
		c.Owner, c.OwnerName = rep, repName(dir, rep)
	}
	return c
}

// Deliveries share what is known of an account's people for a short time: many about one account are often due together, and a list over
// an index is the dearest read of all. maxAccounts bounds how many accounts are known at once.
const (
	knownFor    = 3 * time.Second
	maxAccounts = 500
)

// acquaintances are the people of accounts that have been asked for lately. The zero value knows nobody.
type acquaintances struct {
	mu       sync.Mutex
	accounts map[string]*acquaintance
}

// acquaintance is one answer about an account's people: list and err stand once done is closed.
type acquaintance struct {
	// asked is when the question was put: the answer has all that scoring had folded by then.
	asked time.Time
	done  chan struct{}
	over  bool
	list  []*leadv1.Lead
	err   error
	// next is the question that is put once this one is answered, for those whom its answer comes too early for; nil for none.
	next *acquaintance
}

// since gives people as they were known at a moment or later. An answer that was asked for before it is never given: who asks on behalf
// of a decision names a moment behind it, and is not told of a colleague's state that the decision knew to be over. At most one question
// about an account is on its way; ask puts it, and now is the clock.
func (a *acquaintances) since(moment time.Time, now func() time.Time, ask people) people {
	return func(ctx context.Context, account string) ([]*leadv1.Lead, error) {
		k := a.find(context.WithoutCancel(ctx), account, moment, now, ask)
		select {
		case <-k.done:
			return k.list, k.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// find gives an answer that serves, or the question that will have one.
func (a *acquaintances) find(ctx context.Context, account string, moment time.Time, now func() time.Time, ask people) *acquaintance {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, at := a.accounts[account], now()
	switch {
	case k != nil && !k.asked.Before(moment) && (!k.over || at.Sub(k.asked) < knownFor):
		return k
	case k != nil && !k.over:
		if k.next == nil {
			k.next = &acquaintance{done: make(chan struct{})}
		}
		return k.next
	}
	k = &acquaintance{done: make(chan struct{})}
	a.put(ctx, k, account, now, ask)
	return k
}

// put puts a question; a.mu is held. Others wait for the answer, too: ctx is one that does not end with the caller.
func (a *acquaintances) put(ctx context.Context, k *acquaintance, account string, now func() time.Time, ask people) {
	if a.accounts == nil {
		a.accounts = map[string]*acquaintance{}
	}
	if len(a.accounts) >= maxAccounts { // questions that are on their way stay: there are no more of them than deliveries
		maps.DeleteFunc(a.accounts, func(_ string, old *acquaintance) bool { return old.over })
	}
	k.asked = now()
	a.accounts[account] = k
	go func() {
		within, cancel := context.WithTimeout(ctx, colleaguesWithin)
		defer cancel()
		list, err := ask(within, account)
		a.mu.Lock()
		defer a.mu.Unlock()
		k.list, k.err, k.over = list, err, true
		close(k.done)
		if k.next != nil {
			a.put(ctx, k.next, account, now, ask)
			return
		}
		time.AfterFunc(knownFor, func() { a.forget(account, k) })
	}()
}

// forget drops an answer that is too old, so that nothing is known of people for longer than it is of use.
func (a *acquaintances) forget(account string, k *acquaintance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accounts[account] == k {
		delete(a.accounts, account)
	}
}
