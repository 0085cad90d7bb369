package agreement

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// What handover and pauses fall back to where the text is silent.
const (
	// DefaultHoldAtMost bounds a hold, from the moment at which the lead qualified.
	DefaultHoldAtMost = 24 * time.Hour
	// DefaultOwnerWait is how long a lead waits for its account's owner with owner: wait.
	DefaultOwnerWait = 16 * time.Hour
)

// Handover says when a lead that qualified is offered to sales; the zero Handover is at once.
type Handover struct {
	// AtOnce are qualify rules whose leads are held back by nothing.
	AtOnce []string
	// AfterTouch must have passed since the lead last did something, AfterMail since marketing last sent it a mail; 0 is no
	// hold. Each starts anew with the next one, until AtMost has passed since the lead qualified.
	AfterTouch, AfterMail, AtMost time.Duration
	// OwnerWait is how long a lead that its route sends to the account's owner waits for their working hours before the pool
	// takes it; 0: it does not wait.
	OwnerWait time.Duration
}

// Outreach is the truce between marketing and sales about whom a lead hears from; the zero Outreach keeps nobody away.
type Outreach struct {
	// Quiet after an outreach of sales keeps marketing, and every other rep, away; 0 is none.
	Quiet time.Duration
	// SalesFirst keeps marketing away while sales has the handoff.
	SalesFirst bool
}

// Pause says how long a rep may have a handoff's clocks stand still, all pauses together. 0: only managers may.
type Pause struct{ AtMost time.Duration }

// Where words of the text mean a choice.
const (
	ownerWait = "wait"
	ownerPool = "pool"
)

func parseHandover(n node, rules []QualifyRule) (h Handover) {
	if !n.Exists() {
		return h
	}
	f := n.object("at_once", "hold", "owner", "owner_wait")
	for _, e := range f["at_once"].list() {
		id := e.id()
		switch {
		case id == "":
		case !slices.ContainsFunc(rules, func(r QualifyRule) bool { return r.ID == id }):
			e.Fail("%q is not among the qualify rules", strictyaml.Clip(id))
		case slices.Contains(h.AtOnce, id):
			e.Fail("%q is given twice", id)
		default:
			h.AtOnce = append(h.AtOnce, id)
		}
	}
	if hold := f["hold"]; hold.Exists() {
		hf := hold.object("after_touch", "after_mail", "at_most")
		h.AfterTouch, h.AfterMail, h.AtMost = hf["after_touch"].duration(), hf["after_mail"].duration(), hf["at_most"].duration()
		if !hf["after_touch"].Exists() && !hf["after_mail"].Exists() {
			hold.Fail("holds nothing: it needs after_touch, after_mail, or both")
		}
		if h.AtMost == 0 {
			h.AtMost = max(DefaultHoldAtMost, h.AfterTouch, h.AfterMail)
		}
		for _, name := range []string{"after_touch", "after_mail"} {
			if d := hf[name].duration(); hf["at_most"].Exists() && h.AtMost > 0 && d > h.AtMost {
				hf[name].Fail("is longer than at_most (%s): it could never pass", FormatDuration(h.AtMost))
			}
		}
	}
	switch f["owner"].oneOf(ownerPool, ownerWait, ownerPool) {
	case ownerWait:
		if h.OwnerWait = f["owner_wait"].duration(); h.OwnerWait == 0 {
			h.OwnerWait = DefaultOwnerWait
		}
	case ownerPool:
		if f["owner_wait"].Exists() {
			f["owner_wait"].Fail("says how long to wait, and owner: wait is missing")
		}
	}
	return h
}

func parseOutreach(n node) (o Outreach) {
	if !n.Exists() {
		return o
	}
	f := n.object("quiet", "sales_first")
	o = Outreach{Quiet: f["quiet"].duration(), SalesFirst: f["sales_first"].boolean()}
	if !f["quiet"].Exists() && !o.SalesFirst {
		n.Fail("refuses nothing: it needs quiet, sales_first: true, or both")
	}
	return o
}

func parsePause(n node) Pause {
	if !n.Exists() {
		return Pause{}
	}
	f := n.object("at_most")
	return Pause{AtMost: required(f["at_most"], "how long a rep may pause").duration()}
}

// parseLadder reads the steps of a clock that promises within. contact: the clock of somebody who has accepted, whom nothing
// takes the handoff from.
func parseLadder(n node, within time.Duration, contact bool) (ladder []Step) {
	if within == 0 {
		within = time.Hour // without a promise there is no clock: percentages are compared with each other
	}
	var last time.Duration
	for _, e := range n.list() {
		l := e.object("at", "notify", "reassign", "overflow")
		step := Step{Notify: l["notify"].oneOf("", NotifyRep, NotifyManager), Reassign: l["reassign"].boolean(), Overflow: l["overflow"].boolean()}
		step.At, step.After = required(l["at"], "a percentage such as 50%, or a duration such as 30m").moment()
		switch {
		case contact && (step.Reassign || step.Overflow):
			e.Fail("takes the handoff from a rep who has accepted it: only notify is possible here")
		case step.Reassign && step.Overflow:
			e.Fail("cannot give it to another rep and to the queue: state reassign or overflow")
		case step.Notify == "" && !step.Reassign && !step.Overflow:
			e.Fail("does nothing: it needs notify, reassign or overflow")
		}
		if at := step.Of(within); at > 0 {
			if at < last {
				e.Fail("comes before the step above it: steps must ascend")
			}
			last = max(last, at)
		}
		ladder = append(ladder, step)
	}
	return ladder
}

// Of gives how much of a clock that promises within must have run before the step is due.
func (s Step) Of(within time.Duration) time.Duration {
	if s.After > 0 {
		return s.After
	}
	// In this order so that nothing overflows, and nothing is lost.
	return within/100*time.Duration(s.At) + within%100*time.Duration(s.At)/100
}

// Text gives when the step is due, as the agreement's text says it: 50%, or 30m.
func (s Step) Text() string {
	if s.After > 0 {
		return FormatDuration(s.After)
	}
	return fmt.Sprintf("%d%%", s.At)
}

// moment reads a percentage or a duration; one of the two is 0.
func (n node) moment() (percent int, after time.Duration) {
	if !n.Exists() {
		return 0, 0
	}
	if s := n.Text(maxNumber); s != "" && !strings.HasSuffix(s, "%") {
		d, err := ParseDuration(s)
		if err != nil {
			n.Fail("must be a percentage between 1%% and 10000%%, or a duration such as 30m")
		}
		return 0, d
	}
	return n.percent(), 0
}
