package agreement

import (
	"slices"
	"strings"
	"time"
)

// rung is all that a ladder does at one moment: that is what its steps are told apart by.
type rung struct {
	// at is the moment as the text says it: 50%, or 30m.
	at, does string
}

// moment gives it in words.
func (r rung) moment() string {
	if strings.HasSuffix(r.at, "%") {
		return r.at + " of the time"
	}
	return r.at
}

// rungs joins the steps, which ascend, at the same moment.
func rungs(ladder []Step) (out []rung) {
	for _, s := range ladder {
		if k := len(out) - 1; k >= 0 && out[k].at == s.Text() {
			out[k].does += ", then " + stepText(s)
		} else {
			out = append(out, rung{s.Text(), stepText(s)})
		}
	}
	return out
}

func find(ladder []rung, at string) (rung, bool) {
	i := slices.IndexFunc(ladder, func(r rung) bool { return r.at == at })
	if i < 0 {
		return rung{}, false
	}
	return ladder[i], true
}

// ladder tells of the steps of one ladder that are new or do something else; each is a step of what.
func (d *differ) ladder(id, what string, from, to []Step) {
	before, after := rungs(from), rungs(to)
	for _, r := range after {
		switch was, known := find(before, r.at); {
		case !known:
			d.add(DiffAdded, id+" "+r.at, "new "+what+": at "+r.moment()+" "+r.does)
		case was.does != r.does:
			d.changed(id+" "+r.at, "%s at %s: %s → %s", what, r.moment(), was.does, r.does)
		}
	}
}

// gone tells of the steps that a ladder no longer has.
func (d *differ) gone(id, what string, from, to []Step) {
	after := rungs(to)
	for _, r := range rungs(from) {
		if _, stays := find(after, r.at); !stays {
			d.add(DiffRemoved, id+" "+r.at, "removed "+what+": at "+r.moment()+" "+r.does)
		}
	}
}

// ladders tells of both, what was removed last.
func (d *differ) ladders(from, to *SLA) {
	d.ladder("ladder", "step", from.Ladder, to.Ladder)
	if from.OwnContactLadder != to.OwnContactLadder {
		words := map[bool]string{false: "those of accepting that tell somebody", true: "its own"}
		d.changed("contact_ladder", "steps before contact: %s → %s", words[from.OwnContactLadder], words[to.OwnContactLadder])
	}
	d.ladder("contact_ladder", "step before contact", from.ContactLadder, to.ContactLadder)
	d.gone("ladder", "step", from.Ladder, to.Ladder)
	d.gone("contact_ladder", "step before contact", from.ContactLadder, to.ContactLadder)
}

func pauseText(p Pause) string {
	if p.AtMost == 0 {
		return "only managers may pause a handoff"
	}
	return "its owner may pause a handoff for up to " + FormatDuration(p.AtMost)
}

func (d *differ) handover(a, b *Handover) {
	d.part = "handover"
	for _, f := range []struct {
		id, what string
		old, new time.Duration
	}{
		{"after_touch", "held after the lead's last touch: ", a.AfterTouch, b.AfterTouch},
		{"after_mail", "held after marketing's last mail: ", a.AfterMail, b.AfterMail},
		{"at_most", "held at most: ", a.AtMost, b.AtMost},
		{"owner_wait", "waits for the account's owner: ", a.OwnerWait, b.OwnerWait},
	} {
		if f.old != f.new {
			d.changed(f.id, "%s%s → %s", f.what, spanText(f.old), spanText(f.new))
		}
	}
	if gone := without(a.AtOnce, b.AtOnce); len(gone) > 0 {
		d.changed("at_once", "no longer handed over at once: %s", strings.Join(gone, ", "))
	}
	if fresh := without(b.AtOnce, a.AtOnce); len(fresh) > 0 {
		d.changed("at_once", "handed over at once: %s", strings.Join(fresh, ", "))
	}
}

func (d *differ) outreach(a, b *Outreach) {
	d.part = "outreach"
	if a.Quiet != b.Quiet {
		d.changed("quiet", "nobody else turns to a lead after sales did: for %s → %s", spanText(a.Quiet), spanText(b.Quiet))
	}
	if a.SalesFirst != b.SalesFirst {
		words := map[bool]string{false: "marketing may write to a lead that sales has", true: "marketing may not"}
		d.changed("sales_first", "%s → %s", words[a.SalesFirst], words[b.SalesFirst])
	}
}

func spanText(d time.Duration) string {
	if d == 0 {
		return "not at all"
	}
	return FormatDuration(d)
}
