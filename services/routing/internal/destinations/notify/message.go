package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Message is what a recipient is told, before it has a form. Texts hold what others wrote, as they wrote it: whoever writes them
// down escapes them.
type Message struct {
	// ID is the webhook-id, or one made of those of all deliveries that it tells of: the same when the same comes again.
	ID string
	// Subject is one line: who, what to do, by when.
	Subject string
	// Lead says what to do and by when, Lines what else is to be known, Why why it is told to them. Times are on the recipient's clock.
	Lead  string
	Lines []string
	Links []Link
	Why   string
	// Text and HTML are the brief, or what the event brings along; "" for none. HTML is a page.
	Text, HTML string
	// Mention are those whom it concerns: in a channel they are called.
	Mention []*Person
	// Items are what a message that gathers several tells of.
	Items []*Message
	At    time.Time
}

// Link is an address to go to. The first of a message is what it is about.
type Link struct{ Label, URL string }

// Lifetimes of links that answer: so long behind the delivery, or behind the moment until when it is to be answered.
const (
	linksLive  = 7 * 24 * time.Hour
	linksGrace = 24 * time.Hour
	// readLive is how long the brief may be read, while the handoff stays in the assignment that was told of.
	readLive = 30 * 24 * time.Hour
)

// message writes what a recipient is told of a delivery.
func (n *Notifier) message(dir *core.Directory, r *Recipient, job *destination.Job, now time.Time) *Message {
	w := &writer{n: n, dir: dir, to: r, job: job, p: job.Payload, now: now, zone: r.zone(n.Settings)}
	m := &Message{ID: job.ID, At: now, Mention: r.People}
	if job.Payload != nil {
		w.handoff(m)
	} else {
		w.other(m)
	}
	m.Subject = line(m.Subject, maxSubject)
	return m
}

// gathered writes one message of several deliveries to the same recipient.
func (n *Notifier) gathered(dir *core.Directory, list []*telling) *Message {
	if len(list) == 1 {
		return n.message(dir, list[0].to, list[0].job, list[0].now)
	}
	slices.SortStableFunc(list, func(a, b *telling) int {
		return cmp.Or(a.job.DueAt.Compare(b.job.DueAt), cmp.Compare(a.job.ID, b.job.ID))
	})
	m := &Message{At: list[0].now}
	var ids []string
	open := 0
	for _, t := range list {
		one := n.message(dir, t.to, t.job, t.now)
		ids = append(ids, one.ID)
		m.Items = append(m.Items, one)
		for _, p := range one.Mention {
			if !slices.ContainsFunc(m.Mention, func(o *Person) bool { return o.Key == p.Key }) {
				m.Mention = append(m.Mention, p)
			}
		}
		if slices.ContainsFunc(one.Links, func(l Link) bool { return l.Label == acceptLabel }) || toAccept(t.job) && t.to.as() == Owner {
			open++
		}
	}
	slices.Sort(ids)
	m.ID = digestID(ids)
	what := fmt.Sprintf("%d messages", len(list))
	m.Lead = fmt.Sprintf("%d things happened since you were told last.", len(list))
	switch {
	case open == 1:
		what += ", one handoff to accept"
		m.Lead += " One handoff waits for your answer."
	case open > 1:
		what += fmt.Sprintf(", %d handoffs to accept", open)
		m.Lead += fmt.Sprintf(" %d handoffs wait for your answer.", open)
	}
	m.Subject = line(what+": "+m.Items[0].Subject, maxSubject)
	m.Why = "You get this in one message because it came outside of your working time, or because messages are gathered for you."
	return m
}

// toAccept reports whether a handoff is still to be accepted in the assignment that a job tells of.
func toAccept(job *destination.Job) bool {
	st := job.Standing
	return job.Payload != nil && st != nil && st.Stage == string(handoff.Routed) && st.Assignment >= 0 && st.Assignment == st.Current &&
		st.Rep == job.Payload.GetOwner().GetId()
}

const (
	acceptLabel = "Accept"
	rejectLabel = "Reject"
	openLabel   = "Open"
)

// links gives where to answer, for the owner alone and while there is something to answer, and where to read.
func (w *writer) links() (out []Link) {
	n := w.n
	id, owner := w.p.GetHandoffId(), w.p.GetOwner().GetId()
	answers := slices.ContainsFunc(w.to.People, func(p *Person) bool { return p.As == Owner && p.Key == owner })
	if n.Settings.links && n.Deps.Notify.Link != nil && answers && toAccept(w.job) {
		expires := w.job.DueAt.Add(linksLive)
		if by := w.p.GetSla().GetAcceptBy(); by.IsValid() && by.AsTime().Add(linksGrace).After(expires) {
			expires = by.AsTime().Add(linksGrace)
		}
		for _, l := range []struct {
			label  string
			action links.Action
		}{{acceptLabel, links.Accept}, {rejectLabel, links.Reject}} {
			if url := n.Deps.Notify.Link(id, owner, w.job.Standing.Assignment, l.action, expires); url != "" {
				out = append(out, Link{l.label, url})
			}
		}
	}
	switch {
	case n.Settings.open != "":
		url := strings.NewReplacer("{handoff_id}", id, "{lead_id}", w.p.GetLead().GetId()).Replace(n.Settings.open)
		out = append(out, Link{openLabel, url})
	case n.Settings.links && n.Deps.Notify.Link != nil && owner != "" && w.job.Standing != nil && w.job.Standing.Assignment >= 0:
		if url := n.Deps.Notify.Link(id, owner, w.job.Standing.Assignment, links.Read, w.job.DueAt.Add(readLive)); url != "" {
			out = append(out, Link{openLabel, url})
		}
	case n.Deps.Notify.PublicURL != "":
		out = append(out, Link{openLabel, strings.TrimRight(n.Deps.Notify.PublicURL, "/") + "/api/v1/handoffs/" + id + "/brief.html"})
	}
	return out
}
