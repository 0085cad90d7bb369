package core

import (
	"slices"
	"time"
)

// What a lead knows by itself is kept apart from the first moment on at which something of another lead's comes to it: by
// the lead that absorbs, beside what all of them know together, and by the one that is absorbed, in place of everything
// else. A split needs no more than that: who leaves goes on with its own, and who stays asks those that stay with it for
// theirs. A lead that never met another keeps nothing.

// Joined says how a lead became another's: when, and by which event of which source.
type Joined struct {
	At            int64
	Event, Source string
}

// keepOwn has a lead keep what it knows by itself before something of another's is folded into it.
func (l *Lead) keepOwn(e *Event) {
	if l.Own == nil && l.Parent == "" && (e.Passed || e.Part != nil && e.Answers == 0 && e.Part.says()) {
		l.Own = l.alone().clone()
	}
}

// DropTimeline forgets the stories that briefs tell: of the lead, and of what it knows by itself.
func (l *Lead) DropTimeline() {
	if l.Timeline = nil; l.Own != nil {
		l.Own.Timeline = nil
	}
}

// says reports whether there is anything in a part of an absorbed lead that scores, stories, profiles or consents are made of.
func (l *Lead) says() bool {
	return l.Seen.len() > 0 || l.recalls()
}

// recalls is says but for which events are recognised when they come again.
func (l *Lead) recalls() bool {
	return len(l.Profile)+len(l.Items)+len(l.Timeline)+len(l.Consent)+len(l.Emails)+len(l.UserIDs)+len(l.Mail) > 0 ||
		l.Email != "" || l.Entry != nil || l.Deal != Deal{} || l.Seen.Forgotten > 0
}

// alone gives a lead without what stands for its place among others: its run, what was stated of it, and what its account
// was told. It shares the lists of l.
func (l *Lead) alone() *Lead {
	return &Lead{
		ID: l.ID, Named: l.Named, Email: l.Email, Emails: l.Emails, UserIDs: l.UserIDs, Profile: l.Profile, Consent: l.Consent,
		Items: l.Items, Timeline: l.Timeline, Mail: l.Mail, Entry: l.Entry, LastAt: l.LastAt, Seen: l.Seen, Deal: l.Deal,
		Held: l.Held,
	}
}

// clone gives l lists of its own.
func (l *Lead) clone() *Lead {
	c := *l
	c.Emails, c.UserIDs, c.Profile, c.Consent = slices.Clone(l.Emails), slices.Clone(l.UserIDs), slices.Clone(l.Profile), slices.Clone(l.Consent)
	c.Items, c.Timeline, c.Mail = slices.Clone(l.Items), slices.Clone(l.Timeline), slices.Clone(l.Mail)
	c.Seen.entries = slices.Clone(l.Seen.entries)
	return &c
}

// ownEvent reports whether an event is one of the lead's own that it knows something from.
func ownEvent(e *Event) bool { return !e.Passed && e.ofLead() }

// beside folds an event into what the lead knows by itself, and into what is being put together.
func (l *Lead) beside(r *Rules, e *Event) {
	if l.Own == nil {
		return
	}
	if ownEvent(e) {
		l.Own.quietly(r, e, l)
	}
	if g := l.Gathering; g != nil && e.ofLead() {
		g.Lead.quietly(r, e, l)
	} else if g != nil && e.Part != nil && e.Answers == 0 { // somebody joins meanwhile
		if e.PartNo == 0 {
			g.holdBoth(e.Part)
		}
		g.take(e.Part)
	}
}

// quietly folds an event beside what stands for the lead's place among others: that is kept with all that it knows.
func (l *Lead) quietly(r *Rules, e *Event, of *Lead) {
	if l.first(e) {
		l.learned(r, e, of)
		l.EntryNews, l.Highest = false, ""
	}
}

// learned folds an event that is new to what a lead knows by itself, and remembered already. Rules see it at the stage, and
// with the account's rating, of the lead that knows it; of one that is another's by now, at the stage at which it joined, or as
// the inquiry that it would be.
func (l *Lead) learned(r *Rules, e *Event, of *Lead) {
	if r.Shadow != nil { // nobody ever looks at a shadow of it
		live := *r
		live.Shadow = nil
		r = &live
	}
	held, knew := l.Held, l.Seen.len() > 1 || l.recalls()
	if e.History && !knew {
		l.Held = true
	}
	stated, rated := l.Stated, l.Rated
	if l.Stated, l.Rated = of.Stated, of.Rated; l.Stated == "" && knew {
		l.Stated = Inquiry
	}
	l.fold(r, e)
	l.Stated, l.Rated = stated, rated
	l.Held = l.Held && (held || !knew) // whether it is blank is not to be seen from a stage here
	l.tells, l.weighed, l.scanned, l.Missed, l.Fit = nil, false, "", nil, Fit{}
}

// heard remembers an event and reports whether it is new. An absorbed lead looks at its own ones: who passes an event on to
// it knows the others.
func (l *Lead) heard(e *Event) bool {
	if l.Parent == "" || l.Own == nil {
		return l.first(e)
	}
	return e.Passed || l.Own.first(e)
}

// Identify says what a lead's id is made from, to all that is kept of it.
func (l *Lead) Identify(id string, named, lasting bool) {
	l.ID, l.Named, l.Lasting = id, named, lasting
	if l.Own != nil {
		l.Own.ID, l.Own.Named = id, named
	}
	if l.Gathering != nil {
		l.Gathering.Lead.ID, l.Gathering.Lead.Named = id, named
	}
}

// become makes this lead another's: it keeps its name, what it knows by itself, and where everything else went.
func (l *Lead) become(parent string, how Joined) {
	own := l.Own
	if own == nil {
		own = l.alone()
	}
	own.Run, own.Stated, own.Highest, own.History, own.Band, own.EntryNews = l.Run, l.Stated, l.Highest, l.History, l.Band, l.EntryNews
	own.Telling.Number = max(l.Telling.Number+1, how.At/int64(time.Millisecond))
	*l = Lead{
		ID: l.ID, Named: l.Named, Lasting: l.Lasting, Parent: parent, Joined: how, Own: own, Looked: l.Looked,
		Absorbed: l.Absorbed, Left: l.Left, Gathered: l.Gathered, Severed: l.Severed,
	}
}

// under folds an event that reaches an absorbed lead: what is its own it knows by itself, too.
func (l *Lead) under(r *Rules, e *Event) {
	switch {
	case e.Link != nil && l.deaf(r, e.Link):
		l.news = e.Link.asksPeer()
	case e.Link != nil && e.Link.Unproven: // with proof, it will be told again
		l.news = true
	case e.Link != nil:
		told := len(l.Told)
		l.Told = addID(l.Told, e.Link.To)
		l.news = len(l.Told) > told
	case e.Split != nil:
		l.sever(r, e)
	case e.Type == historyReleased && l.Own != nil:
		l.Own.Held = false
	case e.Left != nil:
		l.without(e.Left)
	case e.Part != nil && e.Answers == 0:
		l.absorbIDs(e.Part)
	case ownEvent(e) && l.Own != nil:
		l.Own.learned(r, e, l.Own)
	}
}

// absorbIDs notes who was absorbed.
func (l *Lead) absorbIDs(o *Lead) {
	for _, id := range append(slices.Clone(o.Absorbed), o.ID) {
		if i, found := slices.BinarySearch(l.Absorbed, id); !found && id != l.ID {
			l.Absorbed = slices.Insert(l.Absorbed, i, id)
		}
	}
}
