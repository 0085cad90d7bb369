package core

import "slices"

// Lead is everything that scoring knows of one lead. It changes by Apply alone.
type Lead struct {
	ID string
	// Named: the id is made from an e-mail address. Lasting: it names a person rather than a device.
	Named, Lasting bool

	// Parent is the lead that this one was absorbed into, "" for none: then everything but Own and who was absorbed is there.
	Parent string
	// Own is what the lead knows by itself, nil where that is all it knows. Gathering puts together what is known without an
	// origin that has left, nil where nobody has just left; Gathered counts how often that was done.
	Own       *Lead
	Gathering *Gathering
	Gathered  int32
	// Joined is how it became its parent's, and Severed how it was split off, nil where it was not. Left are those that were
	// split off from it, in order.
	Joined  Joined
	Severed *Severed
	Left    []string
	// Told are the leads that the parent was told to be linked to, in order: it need not hear of them with every event.
	Told []string
	// Absorbed are the leads that were absorbed into this one, in order.
	Absorbed []string

	// Email is the address that the id is made from, Emails and UserIDs all others, in order.
	Email   string
	Emails  []string
	UserIDs []string
	Profile Profile
	Consent []Consent

	// Items are the scored engagements in order of (occurred_at, id); Timeline the newest engagements, newest first.
	Items    []Item
	Timeline []Packed
	Entry    *Touch
	// EntryNews: how the lead came has become known otherwise than a stage was last stated with.
	EntryNews bool
	LastAt    int64
	Seen      Seen
	Missed    []Missed

	Run     Run
	Deal    Deal
	History []PastEpoch
	// Stated is the stage that was last stated; Highest the furthest that ever was.
	Stated, Highest string

	Fit Fit
	// Band of the engagement score that was last stated, "" for the lowest.
	Band string
	// Telling is what the lead's account was last told, Rated what it last said of itself.
	Telling Telling
	Rated   Rating
	// Looked is the latest time at which anything was decided.
	Looked int64
	// Shadow is the lead under the agreement in the shadow, nil where none has run since it was last looked at.
	Shadow *Shadow

	// Mail is the newest of what was done with mail, in order: it tells scanners from people.
	Mail []Mail

	// Held: known from loaded history alone, which nobody has released: it does not qualify.
	Held bool

	// released says, from Apply to Decide, that the lead was held until this event. It is not kept.
	released bool
	// news says, from Apply to Decide, that a link is one that the parent has not heard of. It is not kept.
	news bool
	// tells is what the account is to be told, from Apply to Decide; worth the engagement at the event's time, where it was
	// weighed. They are not kept.
	tells   []Fact
	worth   Micros
	weighed bool
	// scanned says, from Apply to Decide, by what the event is found to be a mail scanner's. It is not kept.
	scanned string
	// parting is whom to tell of a split, asks who is asked what they know, and settled says that a split is done and the lead
	// to be looked at, from Apply to Decide. They are not kept.
	parting *Left
	asks    []string
	settled bool
}

// Rules are what a decision depends on besides the lead and the event.
type Rules struct {
	// Active is the agreement in force, nil before there is one.
	Active *Agreement
	// Shadow is the agreement that runs beside it and decides nothing, nil for none; ShadowRun tells its runs apart, from 1 on.
	Shadow    *Agreement
	ShadowRun int32
	Book      Book
	// Catalogue of assets, nil before there is one.
	Catalogue Catalogue
	// Account gives the id of an account from its domain or name; nil where accounts are nobody's business.
	Account func(domainOrName string) string
	// Handoff names the handoff of a lead's epoch. Lasting reports whether a lead's id names a person.
	Handoff func(lead string, epoch int32) string
	Lasting func(lead string) bool
	// Peers reports whether two leads' ids are of one kind, so that neither is more of a person than the other.
	Peers func(a, b string) bool
}

// Known reports whether anything was ever said of the lead, rather than only of others in its place.
func (l *Lead) Known() bool { return l.Parent == "" && l.Stage() != "" }

// Apply folds one event. It reports whether the event was recognised as one that was folded before: then it changed nothing.
func (l *Lead) Apply(r *Rules, e *Event) (duplicate bool) {
	l.tells, l.weighed, l.scanned, l.parting, l.asks, l.settled = nil, false, "", nil, nil, false
	l.keepOwn(e)
	if !l.heard(e) {
		if l.Parent == "" { // it came by another one before
			l.beside(r, e)
		}
		return true
	}
	l.Looked = max(l.Looked, e.Now)
	l.released = false
	if l.Parent != "" { // Decide passes it on
		if l.under(r, e); l.settled {
			l.tell(r, e)
		}
		return false
	}
	l.fold(r, e)
	l.beside(r, e)
	return false
}

// fold folds an event that is new to the lead.
func (l *Lead) fold(r *Rules, e *Event) {
	l.shade(r)
	if l.early(e) {
		return
	}
	if !e.ofLead() {
		l.applyFact(r, e)
		l.tell(r, e)
		return
	}
	l.scan(e)
	l.hold(e)
	changed := l.learn(e)
	if r.Active != nil && (changed || l.Fit.Version != r.Active.Version) {
		l.refit(r.Active)
	}
	if l.Shadow != nil && changed {
		l.Shadow.refit(r.Shadow, l)
	}
	l.act(e)
	if r.Active != nil {
		l.score(r.Active, e, NewView(r.Active, l, e, l.Stated, e.Now))
	}
	if l.Shadow != nil {
		l.Shadow.score(r.Shadow, l, e)
	}
	l.tell(r, e)
}

// first remembers an event by its sender's id and reports whether it is new. What Baton decided is never twice in the log;
// timers and links are not remembered: a repeat of theirs finds nothing left to do.
func (l *Lead) first(e *Event) bool {
	if e.ID == "" || e.Fact && !e.Passed || e.Type == "timer_fired" || e.Type == "linked" {
		return true
	}
	return l.Seen.Add(KeyOf(e.Source, e.ID), e.Now, classOf(e.Type) == engagement && !e.Automated)
}

// act notes what the lead did, or what a CRM did about it.
func (l *Lead) act(e *Event) {
	switch classOf(e.Type) {
	case engagement:
		t := touchOf(e)
		t.mark(l.automated(e))
		l.remember(Pack(&t))
		if !e.Automated {
			l.engaged(&t)
		}
	case deal:
		t := touchOf(e)
		l.remember(Pack(&t))
		l.deals(e)
	}
}

// applyFact folds what Baton decided: other leads' and routing's facts, and this lead's own.
func (l *Lead) applyFact(r *Rules, e *Event) {
	switch {
	case e.Type == historyReleased:
		l.release(r)
	case e.Split != nil:
		l.sever(r, e)
	case e.Left != nil:
		l.left(r, e.Left)
	case e.Answers != 0:
		l.gathers(r, e)
	case e.Part != nil:
		if e.PartNo == 0 {
			l.holdBoth(e.Part, e.History)
		}
		changed := l.absorb(e.Part)
		if changed {
			l.lookAgain(r)
		}
		l.follow(r)
		if l.Shadow != nil {
			l.Shadow.join(e.Part, l.Looked)
			l.markAll()
			if changed {
				l.Shadow.refit(r.Shadow, l)
			}
		}
	case e.Merged != "":
		l.become(e.Merged, e.Joined)
	case e.Moved != nil:
		l.moved(e.Moved)
	case e.Band != nil:
		if l.Band = e.Band.To; l.Band == Cold {
			l.Band = ""
		}
	case e.Shadow != nil:
		l.shadowed(e.Shadow, e.Now)
	case e.Handed != nil:
		l.handed(e.Handed)
		l.follow(r)
	case e.Answered != nil:
		l.answered(e.Answered)
		l.follow(r)
	case e.Rated != nil:
		l.rated(e.Rated)
		l.follow(r)
	case e.Timer != "" && e.Timer != TimerShadow:
		l.follow(r)
	}
}

// follow has the lead looked at under the version in force, where it was last looked at under another: whatever may qualify
// it does so with that version's fit.
func (l *Lead) follow(r *Rules) {
	if r.Active != nil && l.Fit.Version != r.Active.Version {
		l.refit(r.Active)
	}
}

func (l *Lead) lookAgain(r *Rules) {
	if r.Active != nil {
		l.refit(r.Active)
	}
}

// absorb takes the union with a part of an absorbed lead, and reports whether anything that fit rules look at changed.
// Events that both have seen are one, the profile's latest value counts, the strictest consent holds.
func (l *Lead) absorb(o *Lead) (changed bool) {
	l.absorbIDs(o)
	for _, id := range o.Left {
		l.Left = addID(l.Left, id)
	}
	for _, f := range o.Profile {
		if l.Profile.put(f) {
			changed = true
		}
	}
	for _, email := range append(slices.Clone(o.Emails), o.Email) {
		if email != l.Email {
			l.Emails = addID(l.Emails, email)
		}
	}
	for _, id := range o.UserIDs {
		l.UserIDs = addID(l.UserIDs, id)
	}
	for _, c := range o.Consent {
		l.putConsent(c)
	}
	for _, it := range o.Items {
		l.addItem(it)
	}
	if l.Items = trimAutomated(l.Items); len(l.Items) > maxItems {
		l.foldItems(l.Looked)
	}
	for _, p := range o.Timeline {
		l.remember(p)
	}
	if o.Entry != nil {
		l.engaged(o.Entry)
	}
	l.joinMail(o.Mail)
	l.LastAt = max(l.LastAt, o.LastAt)
	if o.Rated.At > l.Rated.At {
		l.rated(&o.Rated)
	}
	l.Seen.merge(&o.Seen)
	for _, m := range o.Missed {
		l.addMissed(m)
	}
	was := l.Run
	l.adopt(o.Run)
	if l.Deal.before(&o.Deal) {
		l.Deal = o.Deal
	}
	l.dealt(&was, &o.Run)
	for _, p := range o.History {
		l.ended(p)
	}
	l.Highest = further(l.Highest, o.Highest)
	return changed || len(o.Consent) > 0 || len(o.Emails) > 0 || o.Email != ""
}
