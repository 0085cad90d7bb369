package intake

import (
	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
)

// named is one identifier of an event and the lead that it names.
type named struct {
	lead   string
	rank   identity.Rank
	system string
	value  string
}

// maxNamed is how many identifiers one event can carry: external ids, e-mail, user id and anonymous id.
const maxNamed = fact.MaxExternalIDs + 3

// address gives the event to the lead of its strongest identifier and states, on the subject of each weaker one's lead,
// that it is linked to that. A fact about a handoff goes to the handoff's own lead, whatever else it says: that is where
// the handoff is decided.
func (b *Batch) address(f fact.Fact) {
	b.unproven = b.from.Open || f.Unproven
	var space [maxNamed]named
	all := b.named(space[:0], f.Event.GetIdentity(), f.Lead)
	strongest := named{}
	for _, n := range all {
		if strongest.lead == "" || identity.Stronger(n.lead, strongest.lead) {
			strongest = n
		}
	}
	ev := f.Event
	if ev.Type == fact.TypeLinked {
		b.alias(f, all, strongest)
		return
	}
	ev.Entity = strongest.lead
	if f.Lead != "" {
		ev.Entity = f.Lead
	}
	b.out = append(b.out, ev)
	for _, n := range all {
		b.link(n, strongest, ev)
	}
	if f.Lead != "" && strongest.lead != "" {
		b.linkHandoff(f.Lead, strongest, ev)
	}
}

// named lists the identifiers of an identity, of a fact about the handoff of a lead or of none, "".
func (b *Batch) named(out []named, id *journalv1.Identity, handoff string) []named {
	add := func(rank identity.Rank, system, value string) {
		if value != "" {
			out = append(out, b.name(rank, system, value))
		}
	}
	if email := id.GetEmail(); !b.isMailbox(id, handoff) {
		add(identity.Email, "", email)
	}
	for system, value := range id.GetExternalIds() {
		add(identity.ExternalID, system, value)
	}
	add(identity.UserID, b.userSpace(), id.GetUserId())
	add(identity.Anonymous, "", id.GetAnonymousId())
	return out
}

// isMailbox reports whether an identity's address is one that many people read, and something else names the person: in it, or
// the handoff.
func (b *Batch) isMailbox(id *journalv1.Identity, handoff string) bool {
	return b.in.mailbox != nil && id.GetEmail() != "" &&
		(handoff != "" || id.UserId != "" || id.AnonymousId != "" || len(id.ExternalIds) > 0) && b.in.mailbox(id.Email)
}

// userSpace tells user ids of different systems apart: those that nobody has proven, of an open source or from a stranger's hand,
// are the source's own. Else a stranger could join one first, and with it whomever a CRM later names by it.
func (b *Batch) userSpace() string {
	if b.unproven {
		return b.from.Name
	}
	return ""
}

func (b *Batch) name(rank identity.Rank, system, value string) named {
	return named{lead: b.in.key.Lead(rank, system, value), rank: rank, system: system, value: value}
}

// own gives the identity that consists of this identifier alone: a weaker lead's subject need not learn the stronger ones.
func (n named) own() *journalv1.Identity {
	switch n.rank {
	case identity.Email:
		return &journalv1.Identity{Email: n.value}
	case identity.ExternalID:
		return &journalv1.Identity{ExternalIds: map[string]string{n.system: n.value}}
	case identity.UserID:
		return &journalv1.Identity{UserId: n.value}
	case identity.Anonymous:
		return &journalv1.Identity{AnonymousId: n.value}
	}
	return nil
}

// link states that n's lead is to's, unless that has been stated lately or in this batch.
func (b *Batch) link(n, to named, by *journalv1.Event) {
	if n.lead == to.lead {
		return
	}
	kind := byte('l')
	if b.unproven { // once it is proven, it is stated again
		kind = 'u'
	}
	pair := remember(kind, n.lead, to.lead)
	for _, l := range b.linked {
		if l == pair {
			return
		}
	}
	if _, stated := b.in.links.Get(pair, b.in.now()); stated {
		return
	}
	b.linked = append(b.linked, pair)
	b.out = append(b.out, b.linkedEvent(b.linkID(n.lead, to.lead), n, to, by))
}

// linkID names a link by its pair, so that the fold recognises it when it is stated again.
func (b *Batch) linkID(from, to string) string {
	if b.unproven {
		return "lu_" + b.in.key.Hash("linked", from, to)
	}
	return "ln_" + b.in.key.Hash("linked", from, to)
}

func (b *Batch) linkedEvent(id string, n, to named, by *journalv1.Event) *journalv1.Event {
	return &journalv1.Event{
		Id: id, Entity: n.lead, Type: fact.TypeLinked, Source: by.Source,
		OccurredAt: by.OccurredAt, ReceivedAt: by.ReceivedAt, StatedAt: by.StatedAt, Identity: n.own(), History: by.History,
		Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{
			To: to.lead, Rank: int32(n.rank), ToRank: int32(to.rank), ByEvent: by.Id, Unproven: b.unproven,
		}},
	}
}

// alias states the links of an event that is nothing else. The previous id may have been a user's or a device's, and each
// is linked to the lead of the event's own strongest identifier: a device always below it, a user by the order of leads. The
// link of the user carries the sender's id and is always written: it is the event.
func (b *Batch) alias(f fact.Fact, own []named, strongest named) {
	from, to := b.name(identity.UserID, b.userSpace(), f.Previous), strongest
	if identity.Stronger(from.lead, to.lead) {
		from, to = to, from
	}
	b.out = append(b.out, b.linkedEvent(f.Event.Id, from, to, f.Event))
	b.link(b.name(identity.Anonymous, "", f.Previous), strongest, f.Event)
	for _, n := range own {
		b.link(n, strongest, f.Event)
	}
}

// linkHandoff joins the lead that a handoff was made for with the one that the fact's own identifiers name, so that what a
// CRM says later by its own id alone finds its way. Two of one rank (two addresses, say) are not joined: a CRM's record
// that moved to another person must not merge the two.
func (b *Batch) linkHandoff(handoff string, strongest named, by *journalv1.Event) {
	h := named{lead: handoff, rank: identity.RankOf(handoff)}
	switch {
	case h.rank == strongest.rank || !strongest.rank.Lasting():
	case identity.Stronger(h.lead, strongest.lead):
		b.link(strongest, h, by)
	default:
		b.link(h, strongest, by)
	}
}
