package fold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// maxDeals is how many deals an account or a lead remembers: those that moved last, open ones before closed ones.
const maxDeals = 200

// accountPrefix is what the ids of accounts begin with.
const accountPrefix = "ac_"

// accountEntity is an account: leads tell it who works on it, and ask it.
type accountEntity struct {
	state.Account
	id string
	colleagues
}

func loadAccount(id string, blob []byte) (journal.Entity, error) {
	a, err := state.DecodeAccount(blob)
	if err != nil {
		return nil, err
	}
	return &accountEntity{Account: *a, id: id}, nil
}

// Apply folds what a lead tells.
func (e *accountEntity) Apply(_ journal.Globals, ev *journal.Event) journal.Outcome {
	e.colleagues = colleagues{}
	switch ev.Type {
	case typeBriefChanged:
		e.handed(ev)
		return journal.Applied
	case typeOwnerKnown:
	default:
		return journal.Applied
	}
	k := ev.Body.GetOwnerKnown()
	at := instant(k.GetAt())
	if k.GetDealId() != "" {
		e.Deals, _ = putDeal(e.Deals, state.Deal{ID: k.GetDealId(), Lead: k.GetLead(), Owner: k.GetOwner(), Open: k.GetOpen(), At: at})
	} else if k.GetOwner() != "" && !at.Before(e.LastAt) {
		e.LastRep, e.LastAt = k.GetOwner(), at
	}
	return journal.Applied
}

// Decide answers a lead that asks.
func (e *accountEntity) Decide(globals journal.Globals, ev *journal.Event, d *journal.Decision) {
	e.tellColleagues(ev, d)
	g, ok := globals.(*Globals)
	asked := ev.Body.GetOwnerAsked()
	if !ok || ev.Type != typeOwnerAsked || identity.RankOf(asked.GetLead()) == 0 {
		return
	}
	d.Fact(asked.GetLead(), &journalv1.Event{Type: typeOwnerTold, Payload: &journalv1.Event_OwnerTold{OwnerTold: &journalv1.OwnerTold{
		HandoffId: asked.GetHandoffId(), Opportunity: openDealOwner(g.Directory, e.Deals), Previous: e.LastRep,
	}}})
}

// Deadlines has none.
func (*accountEntity) Deadlines(journal.Globals) map[string]time.Time { return nil }

// Save gives the blob.
func (e *accountEntity) Save(*leadstore.Mutation) []byte { return state.EncodeAccount(&e.Account) }

// putDeal takes in how a deal stands, and says false where something later is known of it. A deal that is told without an owner
// keeps the one it had.
func putDeal(list []state.Deal, d state.Deal) ([]state.Deal, bool) {
	i := slices.IndexFunc(list, func(old state.Deal) bool { return old.ID == d.ID })
	if i >= 0 {
		if d.At.Before(list[i].At) {
			return list, false
		}
		d.Owner = cmp.Or(d.Owner, list[i].Owner)
		list[i] = d
		return list, true
	}
	if list = append(list, d); len(list) > maxDeals {
		oldest := 0
		for i := range list {
			if a, b := list[i], list[oldest]; a.Open == b.Open && a.At.Before(b.At) || !a.Open && b.Open {
				oldest = i
			}
		}
		list = slices.Delete(list, oldest, oldest+1)
	}
	return list, true
}

// openDealOwner gives the rep whose open deal moved last, "" where no rep of the directory has one.
func openDealOwner(dir *core.Directory, deals []state.Deal) string {
	best, rep := state.Deal{}, ""
	for _, d := range deals {
		owner := dir.RepBy(d.Owner)
		if !d.Open || owner == "" {
			continue
		}
		if rep == "" || d.At.After(best.At) || d.At.Equal(best.At) && d.ID < best.ID {
			best, rep = d, owner
		}
	}
	return rep
}

// accountOf gives the entity of an account by the id that a lead was matched to, "" for none. A listed account's is that of its
// domain, so that listing it, or calling it otherwise, does not make it forget.
func accountOf(dir *core.Directory, key identity.Key, id string) string {
	if a := dir.Account(id); a != nil {
		return key.Account(cmp.Or(a.Domain, core.NormalizeName(a.Name)))
	}
	if strings.HasPrefix(id, accountPrefix) {
		return id
	}
	return ""
}

// dealMoved folds what a source says of a deal, if it ever said whose it is, and has the account be told.
func (l *lead) dealMoved(g *Globals, ev *journal.Event) {
	p := dealOf(ev)
	known := slices.ContainsFunc(l.Deals, func(d state.Deal) bool { return d.ID == p.GetDealId() })
	if p.GetDealId() == "" || l.MergedInto != "" || !known && p.GetOwner() == "" {
		return
	}
	d := state.Deal{ID: p.GetDealId(), Owner: p.GetOwner(), At: ev.OccurredAt()}
	switch ev.Type {
	case typeDealOpened, typeDealStageChanged, typeDealReopened:
		d.Open = true
	}
	account := ""
	if n := len(l.Handoffs); n > 0 {
		account = l.Handoffs[n-1].Account.ID
	}
	if account == "" {
		company := ev.Body.GetAccount()
		account = g.Directory.FindAccount(accounts.Query{
			Email: ev.Body.GetIdentity().GetEmail(), Company: company.GetName(), Domain: strings.ToLower(company.GetDomain()),
		}, l.key.Account).ID
	}
	d.Told = accountOf(g.Directory, l.key, account)
	var fresh bool
	if l.Deals, fresh = putDeal(l.Deals, d); fresh && d.Told != "" {
		l.known = append(l.known, d.ID)
	}
}

// tellDeals has an account that has just become known be told of the deals that none was told of.
func (l *lead) tellDeals(g *Globals, account string) {
	entity := accountOf(g.Directory, l.key, account)
	for i := range l.Deals {
		if d := &l.Deals[i]; d.Told == "" && entity != "" {
			d.Told = entity
			l.known = append(l.known, d.ID)
		}
	}
}

// decideOwners tells accounts whose the deals are.
func (l *lead) decideOwners(g *Globals, d *journal.Decision) {
	for _, id := range l.known {
		for _, deal := range l.Deals {
			if deal.ID != id || deal.Told == "" {
				continue
			}
			owner := g.Directory.RepBy(deal.Owner)
			// What stands on an account names nobody by address.
			if owner == "" && !strings.Contains(deal.Owner, "@") {
				owner = deal.Owner
			}
			d.Fact(deal.Told, &journalv1.Event{Type: typeOwnerKnown, Payload: &journalv1.Event_OwnerKnown{OwnerKnown: &journalv1.OwnerKnown{
				Lead: l.id, Owner: owner, DealId: id, Open: deal.Open, At: timestamppb.New(deal.At),
			}}})
		}
	}
}

// tellAssigned tells the account who has the lead now, if some route asks for it.
func (l *lead) tellAssigned(g *Globals, account, rep string, now time.Time, d *journal.Decision) {
	if entity := accountOf(g.Directory, l.key, account); entity != "" && g.Directory.TellsAssignments() {
		d.Fact(entity, &journalv1.Event{Type: typeOwnerKnown, Payload: &journalv1.Event_OwnerKnown{OwnerKnown: &journalv1.OwnerKnown{
			Lead: l.id, Owner: rep, At: timestamppb.New(now),
		}}})
	}
}

// people gives who had the lead in its last epoch, and whose its open deal is.
func (l *lead) people(g *Globals, q *journalv1.Qualified) (previous, opportunity string) {
	for _, h := range slices.Backward(l.Handoffs) {
		if previous = h.Owner(); previous != "" {
			break
		}
	}
	for _, e := range slices.Backward(q.GetLead().GetEarlierEpochs()) {
		previous = cmp.Or(previous, g.Directory.RepBy(e.GetOwner()))
	}
	return previous, openDealOwner(g.Directory, l.Deals)
}

// ownerTold takes the account's answer: now the desk can be asked.
func (l *lead) ownerTold(ev *journal.Event) {
	told := ev.Body.GetOwnerTold()
	h := l.find(told.GetHandoffId())
	if h == nil || h.Passed {
		l.forward = l.WentOn() != ""
		return
	}
	if !h.OwnerAsked || !h.Awaits(0) {
		return
	}
	target := h.Target()
	target.Resolve(told.GetOpportunity(), told.GetPrevious())
	h.Send(target)
	l.ask = h
	l.touch(h)
}

func (l *lead) ownerQuestion(handoffID string) *journalv1.Event {
	return &journalv1.Event{Type: typeOwnerAsked, Payload: &journalv1.Event_OwnerAsked{OwnerAsked: &journalv1.OwnerAsked{Lead: l.id, HandoffId: handoffID}}}
}

func deal(eventType string) bool {
	switch eventType {
	case typeDealOpened, typeDealStageChanged, typeDealWon, typeDealLost, typeDealReopened, typeChurned:
		return true
	}
	return false
}

func dealOf(ev *journal.Event) *journalv1.Deal {
	b := ev.Body
	for _, d := range []*journalv1.Deal{
		b.GetDealOpened(), b.GetDealStageChanged(), b.GetDealWon(), b.GetDealLost(), b.GetDealReopened(), b.GetChurned(),
	} {
		if d != nil {
			return d
		}
	}
	return nil
}
