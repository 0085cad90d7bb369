package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// maxSubject bounds a subject, in characters: what mail programs show of one, and some more.
const maxSubject = 140

// writer finds the words for one delivery to one recipient.
type writer struct {
	n    *Notifier
	dir  *core.Directory
	to   *Recipient
	job  *destination.Job
	p    *routingv1.Payload
	now  time.Time
	zone *time.Location
}

// handoff writes what is told of a handoff.
func (w *writer) handoff(m *Message) {
	who, owner, stale := w.who(), w.owner(), w.stale()
	b := w.p.GetBreach()
	whole := false
	switch w.job.Event {
	case fold.EventRouted, fold.EventReassigned:
		if w.to.as() == Previous {
			m.Subject = who + " went to " + owner
			m.Lead = who + " is " + owner + "'s now" + because(w.p.GetReason(), w.lastReason()) + ". You need not do anything."
			break
		}
		whole = true
		m.Subject, m.Lead = w.asked(who, stale)
	case fold.EventRecalled:
		m.Subject = "Taken back: " + who
		m.Lead = "Do not work on " + who + " any more: the handoff was taken back" + because(w.p.GetReason()) + "."
	case fold.EventUpdated:
		whole = true
		what := "there is news"
		if len(w.p.GetBecause()) > 0 {
			what = lower(strings.TrimSuffix(strings.TrimSpace(w.p.GetBecause()[0]), "."))
		}
		m.Subject = "New: " + who + ": " + what
		m.Lead = "The brief of " + who + " has changed."
		m.Lines = append(m.Lines, w.p.GetBecause()...)
	case fold.EventSLAEscalated:
		whole = w.to.as() == Owner
		m.Subject, m.Lead = w.reminder(who, owner, b)
	case fold.EventSLABreached:
		m.Subject = "Overdue: " + owner + " did not " + doing(b.GetClock()) + " " + who + w.byMoment(b.GetDue())
		m.Lead = owner + " was to " + doing(b.GetClock()) + " " + who + w.byMoment(b.GetDue()) + " and has not."
		if w.to.as() == Owner {
			m.Subject = "Overdue: " + doing(b.GetClock()) + " " + who + " now"
			m.Lead = "You were to " + doing(b.GetClock()) + " " + who + w.byMoment(b.GetDue()) + "."
		}
	default:
		m.Subject = words(w.job.Event) + ": " + who
		m.Lead = words(w.job.Event) + "."
	}
	if stale != "" {
		m.Lines = append(m.Lines, stale)
	}
	if w.to.as() != Previous {
		m.Lines = append(m.Lines, w.facts(whole)...)
		m.Links = w.links()
	}
	if whole {
		if w.n.Deps.Text != nil {
			m.Text = w.n.Deps.Text(w.p)
		}
		if w.n.Deps.HTML != nil {
			m.HTML = w.n.Deps.HTML(w.p)
		}
	}
	m.Why = w.why()
}

// asked says that somebody has a handoff, and by when they are to do what.
func (w *writer) asked(who, stale string) (subject, lead string) {
	by, contact := w.p.GetSla().GetAcceptBy(), w.p.GetSla().GetContactBy()
	do := ""
	switch {
	case stale != "":
	case by.IsValid() && w.over(by):
		do = "accept now, it was due" + strings.Replace(w.byMoment(by), " by ", " at ", 1)
	case by.IsValid():
		do = "accept" + w.byMoment(by)
	case contact.IsValid():
		do = "contact them" + w.byMoment(contact)
	}
	what := who
	if why := w.whyNow(); why != "" {
		what += why
	}
	if w.job.Event == fold.EventReassigned {
		what = "Now yours: " + what
	}
	if do == "" {
		return what, "You were given " + who + "."
	}
	// What is to be done stays, however long the rest is.
	subject = short(what, maxSubject-utf8.RuneCountInString(do)-2) + ": " + do
	lead = "Please " + do
	if by.IsValid() && contact.IsValid() {
		lead += ", and contact them" + w.byMoment(contact)
	}
	return subject, lead + "."
}

// reminder says that a clock runs on, to the owner or to whoever leads them.
func (w *writer) reminder(who, owner string, b *routingv1.Breach) (subject, lead string) {
	do, by := doing(b.GetClock()), w.byMoment(w.dueOf(b))
	if w.to.as() == Owner && b.GetNotify() == handoff.NotifyRep {
		return "Reminder: " + do + " " + who + by, "Please " + do + " " + who + by + "."
	}
	lead = owner + " has not done it yet: to " + do + " " + who + by + "."
	switch b.GetNotify() {
	case handoff.Reassign:
		return who + " is passed on: " + owner + " did not " + do + " in time", lead + " It is being given to somebody else."
	case handoff.Overflow:
		return "Nobody has " + who + ": " + owner + " did not " + do + " in time", lead + " It waits for somebody who can take it."
	}
	return owner + " has not yet done it: " + do + " " + who + by, lead
}

// dueOf gives when the clock of a reminder ends.
func (w *writer) dueOf(b *routingv1.Breach) *timestamppb.Timestamp {
	if b.GetClock() == handoff.ContactClock {
		return w.p.GetSla().GetContactBy()
	}
	return w.p.GetSla().GetAcceptBy()
}

// facts are what is to be known at a glance.
func (w *writer) facts(contact bool) (out []string) {
	l := w.p.GetLead()
	for _, s := range w.p.GetBrief().GetWhyNow() {
		if len(out) < 3 && contact {
			out = append(out, s)
		}
	}
	if contact {
		reach := join(", ", l.GetEmail(), l.GetPhone(), l.GetCountry())
		if reach != "" {
			out = append(out, "Reach them: "+reach+".")
		}
		for i, a := range w.p.GetBrief().GetNextActions() {
			if i < 1 && a.GetWhat() != "" {
				out = append(out, "Do next: "+lower(strings.TrimSuffix(a.GetWhat(), "."))+".")
			}
		}
		for i, c := range w.p.GetBrief().GetCautions() {
			if i < 2 {
				out = append(out, "Mind: "+c)
			}
		}
	}
	return out
}

// stale says how things stand where they have gone on since, "" where they have not.
func (w *writer) stale() string {
	st := w.job.Standing
	if st == nil || st.Stage == "" {
		return ""
	}
	owner := w.p.GetOwner().GetId()
	switch {
	case w.job.Event == fold.EventRecalled || w.to.as() == Previous:
		return ""
	case st.Rep == "" && st.Stage == string(handoff.Routed):
		return "Meanwhile it was taken from " + w.owner() + ": it waits for somebody else."
	case st.Assignment != st.Current || st.Rep != "" && st.Rep != owner:
		return "Meanwhile it went to " + w.name(st.Rep) + "."
	case st.Stage != string(handoff.Routed) && w.job.Event != fold.EventUpdated && !(w.p.GetBreach().GetClock() == handoff.ContactClock && st.Stage == "accepted"):
		return "Meanwhile it is " + words(st.Stage) + "."
	}
	return ""
}

func (w *writer) why() string {
	switch owner := w.owner(); w.to.as() {
	case Owner:
		why := "You get this because the handoff is yours"
		if route := w.p.GetOwner().GetChosen().GetRoute(); route != "" {
			why += ", by the route " + route
		}
		return why + "."
	case Previous:
		return "You get this because it was yours before."
	case Manager:
		return "You get this because you lead the team of " + owner + "."
	case Team:
		return "You get this because you are in the team of " + owner + "."
	}
	return "You get this because the configuration of Baton names you."
}

// who names the lead: "Ana Lind, VP Engineering at Initech".
func (w *writer) who() string {
	l := w.p.GetLead()
	name := cmp.Or(join(" ", strings.TrimSpace(l.GetFirstName()), strings.TrimSpace(l.GetLastName())), l.GetEmail(), l.GetId(), "a lead")
	at := cmp.Or(w.p.GetAccount().GetName(), w.p.GetAccount().GetDomain())
	title := strings.TrimSpace(l.GetTitle())
	switch {
	case title != "" && at != "":
		return name + ", " + title + " at " + at
	case at != "":
		return name + " at " + at
	case title != "":
		return name + ", " + title
	}
	return name
}

// whyNow makes the most telling reason the rest of a sentence about the lead: "They asked for a demo." becomes ", asked for a demo".
func (w *writer) whyNow() string {
	list := w.p.GetBrief().GetWhyNow()
	if len(list) == 0 || strings.TrimSpace(list[0]) == "" {
		return ""
	}
	s := strings.TrimSuffix(strings.TrimSpace(list[0]), ".")
	if rest, ok := strings.CutPrefix(s, "They "); ok {
		for many, one := range map[string]string{"have ": "has ", "are ": "is ", "were ": "was "} {
			if tail, ok := strings.CutPrefix(rest, many); ok {
				rest = one + tail
				break
			}
		}
		return ", " + rest
	}
	return ", " + lower(s)
}

func (w *writer) owner() string {
	return cmp.Or(w.p.GetOwner().GetName(), w.name(w.p.GetOwner().GetId()), "nobody")
}

func (w *writer) name(id string) string {
	if r := w.dir.Rep(id); r != nil && r.Name != "" {
		return r.Name
	}
	return id
}

// lastReason is why the last thing happened, where the event does not say it.
func (w *writer) lastReason() string {
	if h := w.p.GetHistory(); len(h) > 0 {
		return h[len(h)-1].GetReason()
	}
	return ""
}

func (w *writer) over(t *timestamppb.Timestamp) bool { return t.IsValid() && !t.AsTime().After(w.now) }

// byMoment gives " by 14:00" on the recipient's clock, with the day where it is not today's; "" where it is not known.
func (w *writer) byMoment(t *timestamppb.Timestamp) string {
	if !t.IsValid() {
		return ""
	}
	return " by " + Clock(t.AsTime(), w.now, w.zone)
}

// Clock gives a moment on the clock of a zone, as short as it can be told now: 14:00 today, Mon 14:00 within the week, else
// Mon 30 Nov 14:00; with the zone's name where it is UTC.
func Clock(t, now time.Time, zone *time.Location) string {
	t, now = t.In(zone), now.In(zone)
	layout := "Mon 2 Jan 15:04"
	switch days := t.Sub(now).Hours() / 24; {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		layout = "15:04"
	case days > 0 && days < 6:
		layout = "Mon 15:04"
	}
	if zone == time.UTC || zone.String() == "UTC" {
		layout += " UTC"
	}
	return t.Format(layout)
}

func doing(clock string) string {
	if clock == handoff.ContactClock {
		return "contact"
	}
	return "accept"
}

func because(reasons ...string) string {
	said := map[string]string{"sla": "it was not answered in time", "overflow": "it was not answered in time", "merged": "the lead is somebody whom we know already"}
	for _, r := range reasons {
		if r != "" {
			return ": " + cmp.Or(said[r], words(r))
		}
	}
	return ""
}

func join(sep string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}

// words makes a name of ours readable: handoff.stage_changed becomes handoff stage changed.
func words(s string) string { return strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(s) }

func lower(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(second) {
		return s // an abbreviation
	}
	return string(unicode.ToLower(first)) + s[n:]
}

// line makes one line of a text: no controls, no breaks, valid, at most so many characters.
func line(s string, most int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	return short(strings.Join(strings.Fields(s), " "), most)
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimRight(string(r[:max(0, most-1)]), " ,.:") + "…"
	}
	return s
}

func digestID(ids []string) string {
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return fmt.Sprintf("digest_%s", hex.EncodeToString(sum[:16]))
}
