package core

// Bands of the engagement score, and the least points of each.
const (
	Hot, Warm, Cold = "hot", "warm", "cold"

	hotFrom  = 70 * Point
	warmFrom = 40 * Point
)

// BandOf gives the band of an engagement score.
func BandOf(engagement Micros) string {
	switch {
	case engagement >= hotFrom:
		return Hot
	case engagement >= warmFrom:
		return Warm
	}
	return Cold
}

func (l *Lead) band() string {
	if l.Band == "" {
		return Cold
	}
	return l.Band
}

const wakeOnEngagement = "engagement"

// Decide says what follows from an event that was just applied. It changes nothing.
func (l *Lead) Decide(r *Rules, e *Event) []Fact {
	switch {
	case e.Asked != nil:
		return []Fact{l.tellings(e.Asked)}
	case l.Parent != "":
		return l.passOn(r, e)
	case e.Link != nil:
		return l.linked(e)
	case l.Severed != nil && l.wentOn(r, e.About) != "":
		return []Fact{&PassOn{To: l.Severed.Into}}
	case !l.looks(e) || l.early(e):
		return l.partings()
	}
	d := decision{lead: l, event: e, stage: l.Stated, epoch: max(1, l.Run.Epoch), highest: l.Highest, handoff: l.Run.Handoff}
	if l.parting != nil || l.asks != nil {
		d.facts = l.partings()
	}
	if e.Timer == TimerShadow { // live, nobody looks: it would not have fired without the shadow
		d.shadow(r)
		return d.facts
	}
	d.enter()
	d.hear()
	d.wake()
	d.qualify(r)
	d.shadow(r)
	d.restate()
	d.rate()
	d.facts = append(d.facts, l.tells...)
	return d.facts
}

// looks reports whether an event is a reason to look at the lead.
func (l *Lead) looks(e *Event) bool {
	switch {
	case l.settled:
		return true
	case e.Part != nil:
		return e.PartNo == e.Parts-1 && e.Answers == 0
	case e.Timer != "" || e.Rated != nil:
		return l.Stage() != ""
	}
	return e.ofLead() || e.Handed != nil || e.Answered != nil || l.released
}

// decision is a lead's way through the stages because of one event: where it has come to so far, and the facts.
type decision struct {
	lead  *Lead
	event *Event
	facts []Fact

	stage, highest, handoff string
	epoch                   int32
	moved                   bool
}

func (d *decision) move(to, reason string) *StageMove {
	m := &StageMove{
		From: d.stage, To: to, Reason: reason, Epoch: d.epoch, Handoff: d.handoff, Highest: further(d.highest, to), At: d.event.At, Now: d.event.Now,
		History: d.lead.ofHistory(d.event),
	}
	d.stage, d.highest, d.moved = to, m.Highest, true
	d.facts = append(d.facts, m)
	return m
}

// enter states the stage that the lead has come to by a deal or by what it absorbed; without either, a lead of whom
// anything is known is an inquiry.
func (d *decision) enter() {
	switch now := d.lead.Stage(); {
	case now == "" && d.stage == "":
		d.handoff = ""
		d.move(Inquiry, "")
	case now == d.stage:
	case dealStage(now):
		dealt := d.lead.Deal
		d.move(now, dealt.Reason).Deal = &dealt
	case d.lead.settled:
		d.move(now, split)
	default:
		d.move(now, merged)
	}
}

// hear follows what routing says of the handoff: that a rep has it, what the rep answered, that it was recalled.
func (d *decision) hear() {
	to, reason := "", ""
	switch h, a := d.event.Handed, d.event.Answered; {
	case h != nil && h.Handoff == d.handoff && h.Recalled:
		to, reason = Recycled, "recalled"
	case h != nil && h.Handoff == d.handoff && d.event.Type == "routed":
		to, reason = Routed, h.Reason
	case a != nil && a.Handoff == d.handoff:
		to, reason = a.leadsTo(), a.Reason
	}
	if legal(d.stage, to) {
		d.move(to, reason)
	}
}

// leadsTo gives the stage that an answer leads to, "" for none.
func (a *Answer) leadsTo() string {
	switch a.Disposition {
	case "accepted":
		return Accepted
	case "sql":
		return SQL
	case "recycled":
		return Recycled
	case "disqualified":
		return Disqualified
	case "rejected":
		if a.Stage == Disqualified {
			return Disqualified
		}
		return Recycled
	}
	return ""
}

// wake opens the next epoch of a recycled lead once its condition holds: a time, or that the lead does something again.
func (d *decision) wake() {
	if d.stage != Recycled || d.moved || d.lead.ofHistory(d.event) {
		return
	}
	r, e := &d.lead.Run, d.event
	byTime := r.WakeAt != 0 && r.WakeAt <= e.Now
	byAct := (r.WakeOn == wakeOnEngagement || r.WakeAt == 0) && classOf(e.Type) == engagement && d.lead.automated(e) == "" && e.At > r.RecycledAt
	if byTime || byAct {
		d.epoch++
		d.handoff = ""
		d.move(Inquiry, "woke")
	}
}

// qualify hands an inquiry over where the agreement says so: once an epoch, a person rather than a device, and nobody who
// objected to profiling.
func (d *decision) qualify(r *Rules) {
	if d.stage != Inquiry || !d.lead.Lasting || r.Active == nil || d.lead.ofHistory(d.event) {
		return
	}
	if d.lead.Severed != nil && d.lead.Gathering != nil { // those that left with it may know of an objection
		return
	}
	v := NewView(r.Active, d.lead, d.event, Inquiry, d.event.Now)
	if d.lead.weighed {
		v.engagement, v.computed = d.lead.worth, true
	}
	rule, _ := d.lead.qualifies(v, d.event)
	if rule == nil {
		return
	}
	d.handoff = r.Handoff(d.lead.ID, d.epoch)
	d.move(MQL, rule.ID)
	score := d.lead.Explain(r.Book, d.event.Now)
	score.Shorten()
	d.facts = append(d.facts, &Qualification{Epoch: d.epoch, Handoff: d.handoff, Rule: rule.ID, Version: r.Active.Version, Score: score})
}

// qualifies gives the first qualify rule that holds, and the rules that could not be evaluated. Without an event (an
// explanation) rules are looked at whatever they wait for.
func (l *Lead) qualifies(v *View, e *Event) (*QualifyRule, []Missed) {
	if l.Objected() {
		return nil, nil
	}
	if e != nil && !e.ofLead() {
		v.Event = nil
	}
	against, missed := l.disqualified(v.agreement, v.Standing, v.at, 1)
	if len(against) > 0 {
		return nil, missed
	}
	for _, q := range v.agreement.Qualify {
		if e != nil && (!q.looksAt(e) || len(q.On) > 0 && l.scanned != "") || e == nil && len(q.On) > 0 {
			continue
		}
		verdict := holds(q.When, v)
		if verdict.Missing != "" {
			missed = append(missed, Missed{Rule: q.ID, Reason: verdict.Missing, Times: 1})
		}
		if verdict.Holds {
			return q, missed
		}
	}
	return nil, missed
}

// restate states the stage again where it stays the same and how the lead came has become known: who was identified before
// doing anything would else have no source in any count.
func (d *decision) restate() {
	if d.lead.EntryNews && !d.moved && d.stage != "" {
		d.move(d.stage, "first_touch")
	}
}

// rate states that the score crossed a band, up or down.
func (d *decision) rate() {
	engagement := d.lead.worth
	if !d.lead.weighed {
		engagement = d.lead.Engagement(d.event.Now)
	}
	if to := BandOf(engagement); to != d.lead.band() {
		d.facts = append(d.facts, &BandChange{From: d.lead.band(), To: to, Engagement: engagement, Fit: d.lead.FitScore(), History: d.lead.ofHistory(d.event)})
	}
}

// linked follows a link: the weaker lead joins the stronger. One that stands on the stronger is told to the weaker.
func (l *Lead) linked(e *Event) []Fact {
	switch k := e.Link; {
	case k.To == "" || k.To == l.ID:
		return nil
	case k.Stronger && l.Severed != nil:
		return nil
	case k.Stronger:
		facts := append([]Fact{&Join{Into: k.To, Event: k.Event, Source: k.Source}}, l.leave(e)...)
		if g := l.Gathering; g != nil { // what goes there is what was known before
			facts = append(facts, &SplitOff{To: k.To, Left: Left{Origin: g.Left, From: l.ID, Leaving: []string{g.Left}}})
		}
		return facts
	default:
		return []Fact{&Tell{Lead: k.To, To: l.ID, Unproven: k.Unproven, Event: k.Event, Source: k.Source}}
	}
}

// deaf reports whether an absorbed lead does not hear of a link: a device belongs to the first person it joined, and so does
// anything that a link without proof is of. Neither ever joins two together. Whoever joined a peer has joined nobody yet if
// that one has not: it is asked.
func (l *Lead) deaf(r *Rules, k *Link) bool {
	return (!l.Lasting || k.Unproven && !r.Peers(l.ID, l.Parent)) && k.Lasting && r.Lasting(l.Parent)
}

// asksPeer reports whether a link that an absorbed lead does not hear of is told to the other one: of two of one rank, the one
// that has joined nobody joins the other, whichever of them the link was stated on.
func (k *Link) asksPeer() bool { return k.Unproven && k.Peer && !k.Joined }

// passOn gives what reaches an absorbed lead to the lead that it became, links included, as far as it hears of them.
func (l *Lead) passOn(r *Rules, e *Event) []Fact {
	if k := e.Link; k != nil {
		if !l.news || k.To == l.ID || k.To == l.Parent {
			return nil
		}
		if l.deaf(r, k) {
			return []Fact{&Tell{Lead: k.To, To: l.Parent, Unproven: true, Joined: true, Event: k.Event, Source: k.Source}}
		}
		return []Fact{&Tell{Lead: l.Parent, To: k.To, Unproven: k.Unproven, Joined: k.Joined, Event: k.Event, Source: k.Source}}
	}
	if e.Type == "timer_fired" || e.Answers != 0 || e.Left != nil && e.Left.Origin == l.ID || e.Merged != "" || e.Moved != nil || e.Band != nil || e.Shadow != nil || e.Rated != nil {
		return nil
	}
	return []Fact{&PassOn{To: l.Parent}}
}
