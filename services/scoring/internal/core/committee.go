package core

import (
	"strings"
	"time"
)

// tellAgain is after how long a lead that is still active tells its account again, in milliseconds.
const tellAgain = int64(7 * 24 * time.Hour / time.Millisecond)

// Telling is what a lead last told its account.
type Telling struct {
	// Account that counts the lead, "" before it told any. Of is the domain or name that the id was made from, "" where
	// routing matched it.
	Account, Of string
	Micros      Micros
	// Number of the telling: its time in milliseconds, or one more than the last.
	Number int64
}

// Engaged tells an account how engaged the lead is; no engagement takes it off the account.
type Engaged struct {
	Account        string
	Engagement     Micros
	LastAt, Number int64
	// History: it follows from loaded history, and is no reason to hand anybody over.
	History bool
}

func (*Engaged) fact() {}

// AccountOf gives what an account's id is made from where the directory has not said: its domain, or else its name; "" where
// neither is known.
func (l *Lead) AccountOf() string {
	for _, field := range [...]string{AccountPrefix + "domain", AccountPrefix + "name", "company"} {
		if of := l.Profile.Text(field); of != "" {
			return strings.ToLower(of)
		}
	}
	return ""
}

// tell notes what the lead's account is to be told because of an event that was just applied. It is done here rather than
// in Decide because what was told is part of the state.
func (l *Lead) tell(r *Rules, e *Event) {
	if !l.Lasting || !l.tellsBy(e) {
		return
	}
	t := &l.Telling
	account, of := "", l.AccountOf()
	if of == "" {
		account = l.Run.Account
	}
	if account == "" && of == "" && t.Account == "" {
		return
	}
	worth := l.Engagement(e.Now)
	l.weighed, l.worth = true, worth
	same := t.Account != "" && account == t.Account || account == "" && of != "" && of == t.Of
	switch {
	case same:
		moved := worth-t.Micros >= ratedStep || t.Micros-worth >= ratedStep
		gone := worth == 0 && t.Micros > 0
		again := worth >= ratedStep && classOf(e.Type) == engagement && l.automated(e) == "" && e.Now/int64(time.Millisecond)-t.Number > tellAgain
		if moved || gone || again {
			l.say(worth, e)
		}
		return
	case t.Account == "" && worth == 0:
		return // nobody counts the lead yet, and there is nothing to count
	}
	if t.Micros > 0 {
		l.say(0, e)
	}
	if account == "" && of != "" && r.Account != nil {
		account = r.Account(of)
	}
	l.Rated = Rating{}
	*t = Telling{Account: account, Of: of, Number: t.Number}
	if account != "" && worth > 0 {
		l.say(worth, e)
	}
}

// tellsBy reports whether an event can change what the account should know of the lead. What the account says of itself
// cannot, so that no telling answers another; and a timer of the shadow is no reason to look at anything live.
func (l *Lead) tellsBy(e *Event) bool {
	return l.settled || e.ofLead() || e.Handed != nil || e.Timer != "" && e.Timer != TimerShadow || e.Part != nil && e.Answers == 0 && e.PartNo == e.Parts-1
}

// say tells the account that counts the lead.
func (l *Lead) say(engagement Micros, e *Event) {
	t := &l.Telling
	t.Micros, t.Number = engagement, max(t.Number+1, e.Now/int64(time.Millisecond))
	l.tells = append(l.tells, &Engaged{
		Account: t.Account, Engagement: engagement, LastAt: min(l.LastAt, e.Now), Number: t.Number, History: l.ofHistory(e),
	})
}

// leave takes a lead that becomes another's off its account: nobody is counted twice.
func (l *Lead) leave(e *Event) []Fact {
	if l.Telling.Micros == 0 {
		return nil
	}
	return []Fact{&Engaged{
		Account: l.Telling.Account, LastAt: min(l.LastAt, e.Now), Number: max(l.Telling.Number+1, e.Now/int64(time.Millisecond)), History: l.ofHistory(e),
	}}
}

// rated folds what the lead's account says of itself, to it or to one that it absorbed. Another account's word is of one that
// the lead has left, or never was at.
func (l *Lead) rated(r *Rating) {
	if r.Account != "" && r.Account == l.Telling.Account && r.At >= l.Rated.At {
		l.Rated = *r
	}
}
