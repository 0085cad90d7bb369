package core

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"
)

// What a scanner or a bot did is kept, shown, and worth nothing. It is told in two ways. An event may say so itself: its
// sender flagged it, or ingest knew its user agent. And of mail it shows in what happened together, whoever sent the events.
// Gateways that look for malware open every link of a message when it arrives, and say that they are a common browser; so
// senders of mail go by time and number: Paminga leaves out clicks in rapid succession, as of a scanner that is through with
// all links within three seconds ("Bot Filtering in Email and Website Activity"), Laposta rapid sequences from one address
// ("Clicks by bots / spam filters"), and guides to deliverability name clicks within seconds of delivery, or before it.
//
// The rules, each over all that is remembered of the lead's mail:
//
//   - burst: three or more different links of one message were clicked within 10 seconds of each other. All clicks of the
//     message within those 10 seconds are the scanner's, on which link ever. Two are not enough: people open two.
//   - arrival: a message was opened or clicked within 2 seconds of the moment at which it was sent or delivered, before
//     or after. Nobody has been told of it by then. Both moments must be stated: where a sender says no time, both are
//     the receipt's and say nothing.
//
// A message is what its source calls it (email_id), or else a campaign and asset; a link is an URL, or else an asset. A
// message without a name is known to no arrival; for a burst, all of a source's nameless messages are one. Whoever opens
// two links and comes back for the third is a person after 10 seconds.
//
// Both rules only ever find more by what is added: a verdict once given stands, and is the same in whatever order the events
// arrive. So it is kept with the points and the touches, and what a late event finds out takes the points away again. A
// lead that was handed over by then stays so. What the lead did first and last is a matter of the events as they are
// stated: of those a scanner's count as well, since the message did reach the lead, and are marked.
const (
	burstLinks  = 3
	burstWithin = int64(10 * time.Second)
	arrival     = int64(2 * time.Second)

	// MaxMail is how much is remembered of a lead's mail: the newest. What is older finds nothing more.
	MaxMail = 100
	// maxAutomated is how many contributions are kept of scanners and bots, to be shown: the newest.
	maxAutomated = 100
)

// Why something is taken for a scanner's or a bot's doing, where its event does not say.
const (
	becauseStated  = "its sender says so"
	becauseBurst   = "three or more links of the message were clicked within 10 seconds: a mail scanner"
	becauseArrival = "within 2 seconds of the message's arrival: a mail scanner or a prefetching proxy"
)

// Mail is one thing that was done with a message, as far as the rules look at it.
type Mail struct {
	At int64
	// Message, Link and Event are hashes, 0 for a message or a link that nothing names.
	Message, Link, Event uint32
	Kind                 MailKind
	// Stated: At is the sender's word rather than the receipt.
	Stated bool
	// Burst and Arrival are the rules that tell a scanner.
	Burst, Arrival bool
}

// MailKind says what was done.
type MailKind uint8

// The kinds. Arrived is sent or delivered.
const (
	MailArrived MailKind = iota
	MailOpened
	MailClicked
)

func (m *Mail) compare(o *Mail) int {
	return cmp.Or(cmp.Compare(m.At, o.At), cmp.Compare(m.Event, o.Event), cmp.Compare(m.Kind, o.Kind), cmp.Compare(m.Message, o.Message),
		cmp.Compare(m.Link, o.Link))
}

// because gives the reason of the strongest rule, "" where none tells a scanner.
func (m *Mail) because() string {
	switch {
	case m.Burst:
		return becauseBurst
	case m.Arrival:
		return becauseArrival
	}
	return ""
}

// stronger gives the reason that is to be shown of two: what was stated before what was found out.
func stronger(a, b string) string {
	rank := func(s string) int {
		switch s {
		case "":
			return 0
		case becauseArrival:
			return 1
		case becauseBurst:
			return 2
		case becauseStated:
			return 3
		}
		return 4
	}
	if c := cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b, a)); c < 0 {
		return b
	}
	return a
}

// statedAutomated gives the reason that an event brings along, "" where it is not stated to be automated.
func statedAutomated(e *Event) string {
	if !e.Automated {
		return ""
	}
	return clip(cmp.Or(e.AutomatedBecause, becauseStated), maxID)
}

// automated gives why the event that is being applied does not count, "" where it does.
func (l *Lead) automated(e *Event) string { return stronger(statedAutomated(e), l.scanned) }

func hashOf(texts ...string) uint32 {
	h := fnv.New32a()
	for _, s := range texts {
		_, _ = h.Write([]byte(s))
		_, _ = h.Write([]byte{0})
	}
	return max(h.Sum32(), 1)
}

func mailOf(e *Event) (m Mail, ok bool) {
	switch e.Type {
	case "email_sent", "email_delivered":
		m.Kind = MailArrived
	case "email_opened":
		m.Kind = MailOpened
	case "email_clicked":
		m.Kind = MailClicked
	default:
		return m, false
	}
	m.At, m.Stated, m.Event = e.At, e.At != e.Now, hashOf(e.Source, clip(e.ID, maxID))
	switch {
	case e.Message != "":
		m.Message = hashOf(e.Source, "id", e.Message)
	case e.Campaign != "":
		m.Message = hashOf(e.Source, "campaign", e.Campaign, e.Asset)
	}
	if link := cmp.Or(e.URL, e.Asset); link != "" && m.Kind == MailClicked {
		m.Link = hashOf(link)
	}
	return m, true
}

// scan looks what an event shows of scanners, of itself and of what came before.
func (l *Lead) scan(e *Event) {
	m, ok := mailOf(e)
	if !ok {
		return
	}
	i := l.putMail(m)
	l.judge(i)
	l.scanned = l.Mail[i].because()
	l.trimMail()
}

// putMail remembers one, and gives its place.
func (l *Lead) putMail(m Mail) int {
	i, found := slices.BinarySearchFunc(l.Mail, m, func(a, b Mail) int { return a.compare(&b) })
	if !found {
		l.Mail = slices.Insert(l.Mail, i, m)
		return i
	}
	known := &l.Mail[i]
	known.Stated, known.Burst, known.Arrival = known.Stated || m.Stated, known.Burst || m.Burst, known.Arrival || m.Arrival
	return i
}

func (l *Lead) trimMail() {
	if n := len(l.Mail) - MaxMail; n > 0 {
		l.Mail = slices.Delete(l.Mail, 0, n)
	}
}

// judge finds what the rules tell because of one.
func (l *Lead) judge(i int) {
	m := l.Mail[i]
	from, to := i, i+1
	for from > 0 && m.At-l.Mail[from-1].At <= burstWithin {
		from--
	}
	for to < len(l.Mail) && l.Mail[to].At-m.At <= burstWithin {
		to++
	}
	near := l.Mail[from:to]
	for k := range near {
		o := &near[k]
		apart := max(o.At-m.At, m.At-o.At)
		if o.Message == m.Message && m.Message != 0 && apart <= arrival && o.Stated && m.Stated && (o.Kind == MailArrived) != (m.Kind == MailArrived) {
			if m.Kind == MailArrived {
				l.tellArrival(o)
			} else {
				l.tellArrival(&l.Mail[i])
			}
		}
	}
	if m.Kind != MailClicked {
		return
	}
	for k := range near {
		if start := &near[k]; start.At <= m.At && start.Kind == MailClicked && start.Message == m.Message {
			l.burst(near[k:], start.At+burstWithin, m.Message)
		}
	}
}

func (l *Lead) tellArrival(m *Mail) {
	if !m.Arrival {
		m.Arrival = true
		l.mark(m)
	}
}

// burst tells the clicks of a message until a time, where they are on enough links.
func (l *Lead) burst(from []Mail, until int64, message uint32) {
	var few [burstLinks]uint32
	links := few[:0]
	in := func(m *Mail) bool { return m.Kind == MailClicked && m.Message == message && m.At <= until }
	for i := range from {
		if m := &from[i]; in(m) && m.Link != 0 && !slices.Contains(links, m.Link) {
			if links = append(links, m.Link); len(links) == burstLinks {
				break
			}
		}
	}
	if len(links) < burstLinks {
		return
	}
	for i := range from {
		if m := &from[i]; in(m) && !m.Burst {
			m.Burst = true
			l.mark(m)
		}
	}
}

// mark takes away the points of a scanner's doing, live and in the shadow, and marks its touches.
func (l *Lead) mark(m *Mail) {
	because := m.because()
	if because == "" {
		return
	}
	l.Items = markItems(l.Items, m, because)
	if l.Shadow != nil {
		l.Shadow.Items = markItems(l.Shadow.Items, m, because)
	}
	for i := range l.Timeline {
		if l.Timeline[i].At != m.At {
			continue
		}
		if t := l.Timeline[i].Touch(); m.is(t.Source, t.ID) {
			t.mark(because)
			l.Timeline[i] = Pack(&t)
		}
	}
	if t := l.Entry; t != nil && t.At == m.At && m.is(t.Source, t.ID) {
		marked := *t
		marked.mark(because)
		l.Entry = &marked
	}
}

func (m *Mail) is(source, id string) bool { return hashOf(source, id) == m.Event }

func (t *Touch) mark(because string) {
	if because != "" {
		t.Automated, t.AutomatedBecause = true, stronger(t.AutomatedBecause, because)
	}
}

func markItems(items []Item, m *Mail, because string) []Item {
	i, _ := slices.BinarySearchFunc(items, m.At, func(it Item, at int64) int { return cmp.Compare(it.At, at) })
	for ; i < len(items) && items[i].At == m.At; i++ {
		if items[i].Count == 1 && m.is(items[i].Source, items[i].ID) {
			items[i].Automated = stronger(items[i].Automated, because)
		}
	}
	return trimAutomated(items)
}

// trimAutomated forgets the oldest contributions of scanners and bots, where there are too many. They are worth nothing.
func trimAutomated(items []Item) []Item {
	excess := -maxAutomated
	for i := range items {
		if items[i].Automated != "" {
			excess++
		}
	}
	if excess <= 0 {
		return items
	}
	return slices.DeleteFunc(items, func(it Item) bool {
		if it.Automated == "" || excess == 0 {
			return false
		}
		excess--
		return true
	})
}

// joinMail takes the union with an absorbed lead's mail, and looks at all of it again: what each saw in part, both see whole.
func (l *Lead) joinMail(mail []Mail) {
	for _, m := range mail {
		l.judge(l.putMail(m))
	}
	l.trimMail()
	l.markAll()
}

// markAll marks all that is known to be a scanner's, after other points and touches were joined.
func (l *Lead) markAll() {
	for i := range l.Mail {
		l.mark(&l.Mail[i])
	}
}
