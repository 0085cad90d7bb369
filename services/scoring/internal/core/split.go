package core

import (
	"slices"
	"strings"
)

const (
	// askedAtOnce is how many leads are asked what they know by themselves before the next ones are.
	askedAtOnce = 64
	// split is why a lead stands where it does after a split.
	split = "split"
	// keptKey begins the key of a refusal that was made while two leads were one, for the one that did not make it.
	keptKey = "split:"
)

// Severed says that a lead was split off: it joins nobody any more.
type Severed struct {
	At                int64
	From, By, Because string
	// Into is the lead that it had joined, "" where it stood alone: that one goes on with its handoffs up to Epoch.
	Into  string
	Epoch int32
}

// SplitRequest asks that a lead leave the one that it was absorbed into.
type SplitRequest struct{ From, By, Because string }

// Left says that an origin is its own lead again.
type Left struct {
	Origin, From string
	// Leaving are the origin and those that had joined it, JoinedAt when it had joined; 0 where it left another lead before.
	Leaving  []string
	JoinedAt int64
	// Refused is what was refused while they were one, to be known to both.
	Refused     []Consent
	By, Because string
	Epoch       int32
}

// Gathering is what a lead and those that stay with it know, put together anew after an origin has left.
type Gathering struct {
	Number int32
	// Waiting are those who have not answered, in order, of whom the first Asked were asked.
	Waiting []string
	Asked   int
	// Left is who left.
	Left string
	Lead *Lead
}

// Question asks a lead what it knows by itself.
type Question struct {
	By     string
	Number int32
}

// SplitOff tells a lead that an origin has left.
type SplitOff struct {
	To string
	Left
}

// Ask asks a lead what it knows by itself.
type Ask struct {
	Lead   string
	Number int32
}

// Tellings is the answer: nothing from a lead that has left.
type Tellings struct {
	To     string
	Number int32
	Lead   *Lead
}

func (*SplitOff) fact() {}
func (*Ask) fact()      {}
func (*Tellings) fact() {}

// sever splits this lead off: it goes on with what it knows by itself, where it stood when it joined. What sales had of it by
// then stays with the lead that it leaves, so its next epoch begins. It is severed even where it is nobody's: a link that
// comes late, or came just before, changes nothing.
func (l *Lead) sever(r *Rules, e *Event) {
	if l.Severed != nil {
		return
	}
	s := &Severed{At: e.Now, From: e.Split.From, By: clip(e.Split.By, maxID), Because: clip(e.Split.Because, 4*maxID), Into: l.Parent}
	if l.Severed = s; l.Parent == "" || l.Own == nil {
		return
	}
	now := *l.Own
	now.ID, now.Named, now.Lasting, now.Looked = l.ID, l.Named, l.Lasting, l.Looked
	now.Absorbed, now.Left, now.Gathered, now.Joined, now.Severed = l.Absorbed, l.Left, l.Gathered, l.Joined, s
	if !open(now.Run.Stage) {
		s.Epoch = now.Run.Epoch
		now.Run = Run{Epoch: s.Epoch + 1, Stage: Inquiry}
		now.Run.enter(Inquiry, e.Now, split)
	} else if now.Run.Handoff != "" {
		s.Epoch = now.Run.Epoch
	}
	if stage := now.Deal.Stage; stage != "" {
		now.Run.enter(stage, e.Now, now.Deal.Reason)
	}
	now.Held = now.Held && !now.worked()
	now.news, now.settled = false, true
	now.parting = &Left{
		Origin: l.ID, From: l.Parent, Leaving: append([]string{l.ID}, l.Absorbed...), JoinedAt: max(l.Joined.At, 1), By: s.By, Because: s.Because,
		Refused: now.refusedSince(l.Joined.At), Epoch: s.Epoch,
	}
	*l = now
	if len(l.Absorbed) > 0 {
		l.Own = l.alone().clone()
		l.gather(r, l.ID)
	}
	l.follow(r)
	l.lookAgain(r)
	l.shade(r)
}

// refusedSince gives what was refused from a time on, the lead's own words and not what it was told by another.
func (l *Lead) refusedSince(at int64) []Consent {
	var out []Consent
	for _, c := range l.Consent {
		if strictness(c.Decision) >= 2 && c.At >= at && !strings.HasPrefix(c.Key, keptKey) {
			out = append(out, c)
		}
	}
	return out
}

// keep notes what another lead's identifiers refused while they were this one's, too. It holds until an identifier of this
// one says something else of the purpose.
func (l *Lead) keep(refused []Consent) {
	for _, c := range refused {
		said := slices.ContainsFunc(l.Consent, func(x Consent) bool {
			return x.Purpose == c.Purpose && (x.Key == c.Key || x.At > c.At && !strings.HasPrefix(x.Key, keptKey))
		})
		if !said {
			c.Key = keptKey + c.Key
			l.putConsent(c)
		}
	}
}

// supersede drops what was kept of another lead's refusals of a purpose, where this one's own word is later.
func (l *Lead) supersede(purpose string, at int64) {
	l.Consent = slices.DeleteFunc(l.Consent, func(c Consent) bool {
		return c.Purpose == purpose && c.At <= at && strings.HasPrefix(c.Key, keptKey)
	})
}

// without forgets that leads were absorbed.
func (l *Lead) without(x *Left) {
	for _, id := range x.Leaving {
		if i, found := slices.BinarySearch(l.Absorbed, id); found {
			l.Absorbed = slices.Delete(slices.Clone(l.Absorbed), i, i+1)
		}
	}
	l.Left = addID(l.Left, x.Origin)
}

// left folds that an origin has left, or, on the origin itself, what was refused on the lead that it left.
func (l *Lead) left(r *Rules, x *Left) {
	if x.Origin == l.ID {
		if len(x.Refused) > 0 {
			l.keep(x.Refused)
			if l.Own != nil {
				l.Own.keep(x.Refused)
			}
			if l.Gathering != nil {
				l.Gathering.Lead.keep(x.Refused)
			}
			l.lookAgain(r)
			l.settled = true
		}
		return
	}
	l.without(x)
	if x.JoinedAt != 0 {
		if refused := l.refusedSince(x.JoinedAt); len(refused) > 0 {
			// Those of the origin itself are known to it, and stay its own.
			l.parting = &Left{Origin: x.Origin, From: l.ID, Refused: refused}
		}
	}
	if l.Own == nil { // nothing ever came by anybody who was absorbed
		return
	}
	l.Own.keep(x.Refused)
	l.gather(r, x.Origin)
}

// gather begins to put together what those know who stay. What the lead knows of all of them counts until it is done.
func (l *Lead) gather(r *Rules, left string) {
	l.Gathered++
	l.Gathering = &Gathering{Number: l.Gathered, Waiting: slices.Clone(l.Absorbed), Left: left, Lead: l.Own.clone()}
	l.Gathering.Lead.Looked = l.Looked
	l.askNext(r)
}

// askNext asks the next ones, or is done where nobody is left to be asked.
func (l *Lead) askNext(r *Rules) {
	g := l.Gathering
	if len(g.Waiting) == 0 {
		l.settle(r)
		return
	}
	g.Asked = min(len(g.Waiting), askedAtOnce)
	l.asks = g.Waiting[:g.Asked]
}

// tellings answers with what the lead knows by itself, while it is another's.
func (l *Lead) tellings(q *Question) *Tellings {
	t := &Tellings{To: q.By, Number: q.Number, Lead: l.Own}
	if l.Parent == "" || l.Own == nil {
		t.Lead = &Lead{ID: l.ID}
	}
	return t
}

// gathers takes a part of what one of them knows by itself.
func (l *Lead) gathers(r *Rules, e *Event) {
	g := l.Gathering
	if g == nil || g.Number != e.Answers {
		return
	}
	i, found := slices.BinarySearch(g.Waiting, e.Part.ID)
	if !found || i >= g.Asked {
		return
	}
	if e.PartNo == 0 {
		g.holdBoth(e.Part)
	}
	g.take(e.Part)
	if e.PartNo < e.Parts-1 {
		return
	}
	g.Waiting = slices.Delete(slices.Clone(g.Waiting), i, i+1)
	if g.Asked--; g.Asked == 0 {
		l.askNext(r)
	}
}

// holdBoth joins what a lead knows of whether it is held with the others: they are held where all are of whom anything is
// known.
func (g *Gathering) holdBoth(o *Lead) {
	switch {
	case !o.says():
	case !g.Lead.says():
		g.Lead.Held = o.Held
	default:
		g.Lead.Held = g.Lead.Held && o.Held
	}
}

// take joins what a lead knows with the others.
func (g *Gathering) take(o *Lead) {
	g.Lead.absorb(o)
	g.Lead.Absorbed, g.Lead.Left, g.Lead.History, g.Lead.Run, g.Lead.Highest = nil, nil, nil, Run{}, ""
	g.Lead.Rated, g.Lead.Missed = Rating{}, nil
}

// settle puts what was gathered in the place of what was known before. Where the lead stands with sales, and what was stated
// of it, stays.
func (l *Lead) settle(r *Rules) {
	g := l.Gathering.Lead
	stage, entry := l.Stage(), l.Entry
	l.Emails, l.UserIDs, l.Profile, l.Consent = g.Emails, g.UserIDs, g.Profile, g.Consent
	l.Items, l.Timeline, l.Mail, l.Entry, l.LastAt, l.Seen, l.Deal = g.Items, g.Timeline, g.Mail, g.Entry, g.LastAt, g.Seen, g.Deal
	l.EntryNews = l.EntryNews || l.Entry != nil && (entry == nil || entry.Source != l.Entry.Source || entry.Channel != l.Entry.Channel || entry.Campaign != l.Entry.Campaign)
	if now := l.Stage(); now != stage && now != "" {
		l.Run.enter(now, l.Looked, split)
	}
	l.Held = g.Held && !l.worked() // what left may be all that was not history's
	l.Gathering, l.settled = nil, true
	if len(l.Absorbed) == 0 {
		l.Own = nil
	}
	l.lookAgain(r)
	if s := l.Shadow; s != nil && r.Shadow != nil {
		fresh := l.newShadow(r)
		s.Items, s.Fit = fresh.Items, fresh.Fit
	}
}

// worked reports whether the lead was ever handed over: then loaded history is not all that is known of it.
func (l *Lead) worked() bool { return l.Run.Handoff != "" || len(l.History) > 0 }

// partings says what follows from a split that was just applied: who is to know of it, and who is asked.
func (l *Lead) partings() (facts []Fact) {
	if x := l.parting; x != nil {
		if x.Origin == l.ID {
			own := *x
			own.Refused = nil
			facts = append(facts, &SplitOff{To: l.ID, Left: own})
			facts = append(facts, &SplitOff{To: x.From, Left: *x})
		} else {
			facts = append(facts, &SplitOff{To: x.Origin, Left: *x})
		}
	}
	for _, id := range l.asks {
		facts = append(facts, &Ask{Lead: id, Number: l.Gathering.Number})
	}
	return facts
}

// wentOn gives the lead that goes on with a handoff that this one was handed over by before it was split off, "" where it
// is this one's.
func (l *Lead) wentOn(r *Rules, handoff string) string {
	if l.Severed == nil || handoff == "" {
		return ""
	}
	for epoch := l.Severed.Epoch; epoch > 0; epoch-- {
		if r.Handoff(l.ID, epoch) == handoff {
			return l.Severed.Into
		}
	}
	return ""
}
