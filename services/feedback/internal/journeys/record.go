package journeys

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unique"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// The services whose facts are read.
const (
	scoring = "scoring"
	routing = "routing"
)

// Side says whose touch it is.
type Side uint8

// The sides.
const (
	Marketing Side = iota
	Sales
)

// channelSales is the channel by which senders say that something was sales' doing.
const channelSales = "sales"

// What is all that touches of a kind share; few of them are different.
type What struct {
	Type, Name, Channel, Campaign, Asset, Source string
	Side                                         Side
}

// touch is one engagement, 40 bytes.
type touch struct {
	seq uint64
	at  int64 // milliseconds since 1970, UTC
	// event is a hash of the sender's name and its id of the event.
	event uint64
	what  unique.Handle[What]
	times int32
}

// Mark is a milestone: where the person got to, as Baton or sales said it.
type Mark struct {
	seq uint64
	// At in milliseconds since 1970, UTC.
	At int64
	// Type: known, qualified, routed, reassigned, accepted, contacted, sql, rejected, recycled, disqualified.
	Type string
	// Rule that qualified it, or route that led to the rep; Version of the agreement; Reason that sales gave.
	Rule, Reason, Rep string
	Version           int32
	event             uint64
}

// said is a text, and when it was said.
type said struct {
	text string
	at   int64
}

func (s *said) put(text *string, at int64) {
	if text != nil && at >= s.at {
		s.text, s.at = intern(*text), at
	}
}

// statement is what was last said of profiling, by one identifier.
type statement struct {
	at      int64
	seq     uint64
	refused bool
}

// record is what is kept of one subject.
type record struct {
	// last is the sequence of the last event noted.
	last uint64
	// first is when anything was first heard of the subject; known, of one that lasts.
	first, known int64
	touches      []touch
	marks        []Mark
	deals        []dealRole
	// absorbed are those that joined it, left those that are no part of it any more.
	absorbed []string
	left     map[string]bool
	// into is the lead that it has become.
	into string
	// consent to profiling by a hash of who said it.
	consent map[uint64]statement
	// automated are the events that scoring found to be a scanner's, by hash of their id and source.
	automated map[uint64]bool
	title     said
	persona   said
	// company is what was last said of the account: its domain, its name, and what the person calls it.
	company [3]said
	// rated is the account that told the lead of itself, matched the one that routing found; members, of an account, are those whom
	// it ever counted.
	rated, matched string
	members        []string
}

// size is about how many touches' worth of memory it holds.
func (r *record) size() int { return 10 + len(r.touches) + 2*len(r.marks) + 2*len(r.deals) }

func hashOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

func intern(s string) string { return unique.Make(s).Value() }

// note takes the next event of the subject. What comes a second time changes nothing.
func (r *record) note(ev *journal.Event) {
	if ev.Seq <= r.last {
		return
	}
	r.last = ev.Seq
	if ev.Origin != nil {
		r.fact(ev)
		return
	}
	r.input(ev)
}

// input takes what came from outside. What scoring passed on from an absorbed lead is a fact, and stands on that lead's own
// subject, from where it is read.
func (r *record) input(ev *journal.Event) {
	b, at := ev.Body, ev.OccurredAt().UnixMilli()
	if t := b.GetTraits(); t != nil {
		r.title.put(t.Title, at)
		r.company[2].put(t.Company, at)
	}
	if a := b.GetAccount(); a != nil {
		r.company[0].put(a.Domain, at)
		r.company[1].put(a.Name, at)
	}
	switch p := b.Payload.(type) {
	case *journalv1.Event_ConsentChanged:
		r.consented(ev, p.ConsentChanged, at)
	case *journalv1.Event_DealOpened:
		r.deal(ev, p.DealOpened)
	case *journalv1.Event_DealStageChanged:
		r.deal(ev, p.DealStageChanged)
	case *journalv1.Event_DealWon:
		r.deal(ev, p.DealWon)
	case *journalv1.Event_DealLost:
		r.deal(ev, p.DealLost)
	case *journalv1.Event_DealReopened:
		r.deal(ev, p.DealReopened)
	}
	if !ofPerson(ev.Type) {
		return
	}
	if r.first == 0 || at < r.first {
		r.first = at
	}
	if identity.RankOf(ev.Entity).Lasting() && (r.known == 0 || at < r.known) {
		r.known = at
	}
	if what, ok := touchOf(b, ev.Type); ok {
		r.touches = append(r.touches, touch{seq: ev.Seq, at: at, event: hashOf(b.GetSource(), b.GetId()), what: unique.Make(what), times: 1})
	}
}

// ofPerson reports whether an input says something of a person, rather than of a handoff, a deal or Baton's own machinery.
func ofPerson(eventType string) bool {
	switch eventType {
	case "accepted", "rejected", "contacted", "recycled", "disqualified", "sql",
		"deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed",
		"history_released", "split_requested", "pause_requested", "resume_requested", "linked",
		"quarantined", "quarantine_released", "delivered", "delivery_failed", "replay_requested", "poll_progressed", journal.TypeTimerFired:
		return false
	}
	return true
}

// touchOf reads an event as a touch, false where it is none.
func touchOf(b *journalv1.Event, eventType string) (What, bool) {
	if b.GetAutomated() {
		return What{}, false
	}
	switch eventType {
	case "email_sent", "email_delivered", "email_bounced", "identified", "consent_changed": // nobody's doing
		return What{}, false
	case "email_opened", "email_unsubscribed", "meeting_canceled":
		return What{}, false
	}
	t := b.GetTouch()
	w := What{
		Type: eventType, Name: strings.Clone(nameOf(b)), Channel: strings.Clone(t.GetChannel()), Campaign: strings.Clone(t.GetCampaign()),
		Asset: strings.Clone(t.GetAsset()), Source: strings.Clone(b.GetSource()),
	}
	if w.Channel == channelSales || eventType == "call_logged" || eventType == "meeting_booked" && w.Channel == "" && w.Campaign == "" {
		w.Side = Sales
	}
	return w, true
}

// nameOf gives what a sentence calls the event beyond its type.
func nameOf(b *journalv1.Event) string {
	switch p := b.Payload.(type) {
	case *journalv1.Event_FormSubmitted:
		return p.FormSubmitted.GetForm()
	case *journalv1.Event_EventRegistered:
		return p.EventRegistered.GetEvent()
	case *journalv1.Event_EventAttended:
		return p.EventAttended.GetEvent()
	case *journalv1.Event_TrialStarted:
		return p.TrialStarted.GetPlan()
	case *journalv1.Event_SocialEngaged:
		return p.SocialEngaged.GetNetwork()
	case *journalv1.Event_CallLogged:
		return p.CallLogged.GetOutcome()
	}
	return b.GetName()
}

// consented notes what a person says of profiling. Each of their identifiers counts by itself, and the strictest of them for the person.
func (r *record) consented(ev *journal.Event, c *journalv1.ConsentChanged, at int64) {
	decision, ok := c.GetPurposes()["profiling"]
	if !ok {
		return
	}
	refused := false
	switch decision {
	case "denied", "withdrawn", "revoked", "unsubscribed", "objected":
		refused = true
	}
	id := ev.Body.GetIdentity()
	keys := []uint64{}
	for _, k := range [...]struct{ kind, value string }{{"e", id.GetEmail()}, {"u", id.GetUserId()}, {"a", id.GetAnonymousId()}} {
		if k.value != "" {
			keys = append(keys, hashOf(k.kind, k.value))
		}
	}
	for system, value := range id.GetExternalIds() {
		keys = append(keys, hashOf("x", system, value))
	}
	if len(keys) == 0 {
		keys = append(keys, hashOf("entity", ev.Entity))
	}
	if r.consent == nil {
		r.consent = map[uint64]statement{}
	}
	for _, k := range keys {
		if old, ok := r.consent[k]; !ok || old.at <= at {
			r.consent[k] = statement{at: at, seq: ev.Seq, refused: refused}
		}
	}
}

// fact takes what scoring and routing decided.
func (r *record) fact(ev *journal.Event) {
	at := ev.OccurredAt().UnixMilli()
	if q := ev.Body.GetQuarantined(); q != nil && ev.Type == "quarantined" {
		r.drop(q.GetInputSequence())
		return
	}
	switch ev.Origin.Producer {
	case scoring:
		r.scored(ev, at)
	case routing:
		r.routed(ev, at)
	}
}

// drop forgets an input that had no effect.
func (r *record) drop(sequence string) {
	seq, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil {
		return
	}
	for i := range r.touches {
		if r.touches[i].seq == seq {
			r.touches = append(r.touches[:i], r.touches[i+1:]...)
			break
		}
	}
	for i := range r.deals {
		if r.deals[i].seq == seq {
			r.deals = append(r.deals[:i], r.deals[i+1:]...)
			break
		}
	}
}
