package fold_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// chance draws agreements and what happens under them.
type chance struct{ *rand.Rand }

func (c chance) one(in int) bool { return c.IntN(in) == 0 }

func pick[T any](c chance, from ...T) T { return from[c.IntN(len(from))] }

// points between a least and a most, in whole points, tenths or millionths.
func (c chance) points(least, most int64) int64 {
	step := pick(c, int64(1_000_000), 1_000_000, 100_000, 1)
	return (least*1_000_000 + c.Int64N((most-least)*1_000_000+1)) / step * step
}

var spans = []time.Duration{time.Hour, 6 * time.Hour, day, 3 * day, 7 * day, 14 * day, 30 * day, 90 * day}

var kinds = []string{"page_viewed", "asset_downloaded", "email_clicked", "email_opened", "event_attended", "demo_requested", "email_unsubscribed"}

// condition draws an expression over the event, or over what the lead is worth.
func (c chance) condition(scores []string) condition {
	switch c.IntN(9) {
	case 0:
		n := c.IntN(10)
		return condition{fmt.Sprintf("event.properties.size >= %d", n), func(s *sight) bool { return s.event != nil && s.event.size >= n && s.event.size > 0 }}
	case 1:
		return condition{`event.url.contains("/pricing")`, func(s *sight) bool { return s.event != nil && strings.Contains(s.event.url, "/pricing") }}
	case 2:
		return condition{`!event.url.contains("/blog") || event.type == "page_viewed"`, func(s *sight) bool {
			return s.event != nil && (s.event.url != "" && !strings.Contains(s.event.url, "/blog") || s.event.kind == "page_viewed")
		}}
	case 3, 4:
		if len(scores) > 0 {
			id, n := pick(c, scores...), c.points(1, 30)
			return condition{fmt.Sprintf("scores.%s >= %s", id, decimal(n, true)), func(s *sight) bool { return s.of.engagement(id, s.at) >= n }}
		}
		fallthrough
	case 5, 6:
		n := c.points(1, 60)
		return condition{fmt.Sprintf("engagement >= %s", decimal(n, true)), func(s *sight) bool { return s.of.engagement("", s.at) >= n }}
	case 7:
		g := pick(c, "b", "c", "d")
		return condition{fmt.Sprintf("grade <= %q", g), func(s *sight) bool { return s.of.grade() <= g }}
	}
	return c.ofLead()
}

// ofLead draws an expression over what the lead is.
func (c chance) ofLead() condition {
	switch c.IntN(3) {
	case 0:
		word := pick(c, "VP", "Head", "Clerk")
		return condition{fmt.Sprintf("lead.title.startsWith(%q)", word), func(s *sight) bool {
			e := s.of.latest(func(e *story) bool { return e.title != "" })
			return e != nil && strings.HasPrefix(e.title, word)
		}}
	case 1:
		country := pick(c, "SE", "DE", "FR")
		return condition{fmt.Sprintf("lead.country in [%q, \"NL\"]", country), func(s *sight) bool {
			e := s.of.latest(func(e *story) bool { return e.country != "" })
			return e != nil && (e.country == country || e.country == "NL")
		}}
	}
	n := pick(c, 10, 200, 1000)
	return condition{fmt.Sprintf("account.employees >= %d", n), func(s *sight) bool {
		e := s.of.latest(func(e *story) bool { return e.employees > 0 })
		return e != nil && e.employees >= n
	}}
}

// definition draws a version of an agreement. Without points against a lead time alone makes nobody qualify.
func (c chance) definition(version int, against bool) *definition {
	d := &definition{version: version, groups: map[string]int64{}, grades: [3]int64{75_000_000, 50_000_000, 25_000_000}}
	if c.one(3) {
		d.grades = [3]int64{60_000_000, 40_000_000, 20_000_000}
	}
	scores := []string{"payroll", "hiring"}[:c.IntN(3)]
	inGroup := map[string]string{} // the score of each group
	for i := range 1 + c.IntN(7) {
		r := defRule{id: fmt.Sprintf("r%d", i), points: c.points(0, 40)}
		if against && c.one(4) {
			r.points = -r.points
		}
		for n := 1 + c.IntN(2); len(r.on) < n; {
			if k := pick(c, kinds...); len(r.on) == 0 || r.on[0] != k {
				r.on = append(r.on, k)
			}
		}
		if c.one(2) {
			r.when = c.condition(scores)
		}
		if !c.one(4) {
			r.halfLife = pick(c, spans...)
		}
		if c.one(3) {
			r.timeframe = pick(c, spans...)
		}
		if c.one(3) {
			r.capCount, r.capPer = 1+c.IntN(3), pick(c, spans...)
		}
		if c.one(3) {
			r.limit = 1 + c.points(0, 50)
		}
		if len(scores) > 0 && c.one(2) {
			r.score = pick(c, scores...)
		}
		if g := pick(c, "", "content", "events"); g != "" {
			if s, taken := inGroup[g]; !taken || s == r.score {
				r.group, inGroup[g] = g, r.score
				if d.groups[g] == 0 {
					d.groups[g] = 1 + c.points(0, 60)
				}
			}
		}
		d.rules = append(d.rules, r)
	}
	for i := range c.IntN(4) {
		f := defFit{fmt.Sprintf("f%d", i), c.ofLead(), c.points(0, 60)}
		if c.one(5) {
			f.points = -f.points
		}
		d.fit = append(d.fit, f)
	}
	for range c.IntN(3) / 2 {
		d.disqualify = append(d.disqualify, c.ofLead())
	}
	for i := range 1 + c.IntN(3) {
		q := defQualify{id: fmt.Sprintf("q%d", i)}
		if c.one(3) {
			q.on = []string{pick(c, kinds...)}
		}
		switch {
		case c.one(3):
			q.matrix = map[string]int64{"a": c.points(1, 20), "b": c.points(10, 60)}
			if c.one(2) {
				q.matrix["d"] = c.points(20, 99)
			}
		case q.on == nil || c.one(2):
			q.when = c.condition(scores)
		}
		d.qualify = append(d.qualify, q)
	}
	return d
}

// text writes the definition as people do.
func (d *definition) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("agreement: drawn\nhalf_life: none")
	// Every score that an expression may name is there, whether or not a rule counts for it.
	line("scores: [ {id: payroll}, {id: hiring} ]")
	if len(d.groups) > 0 {
		line("groups:")
		for _, g := range []string{"content", "events"} {
			if limit := d.groups[g]; limit != 0 {
				line("  - { id: %s, limit: %s }", g, decimal(limit, false))
			}
		}
	}
	line("engagement:")
	for _, r := range d.rules {
		fmt.Fprintf(&b, "  - { id: %s, on: [%s], points: %s", r.id, strings.Join(r.on, ", "), decimal(r.points, false))
		opt := func(set bool, format string, args ...any) {
			if set {
				fmt.Fprintf(&b, ", "+format, args...)
			}
		}
		opt(r.when.holds != nil, "when: '%s'", r.when.cel)
		opt(r.halfLife > 0, "half_life: %dh", int(r.halfLife.Hours()))
		opt(r.timeframe > 0, "timeframe: %dh", int(r.timeframe.Hours()))
		opt(r.capCount > 0, "cap: {count: %d, per: %dh}", r.capCount, int(r.capPer.Hours()))
		opt(r.limit > 0, "limit: %s", decimal(r.limit, false))
		opt(r.group != "", "group: %s", r.group)
		opt(r.score != "", "score: %s", r.score)
		line(" }")
	}
	if len(d.fit) > 0 {
		line("fit:")
		for _, f := range d.fit {
			line("  - { id: %s, when: '%s', points: %s }", f.id, f.when.cel, decimal(f.points, false))
		}
	}
	line("grades: { a: %s, b: %s, c: %s }", decimal(d.grades[0], false), decimal(d.grades[1], false), decimal(d.grades[2], false))
	if len(d.disqualify) > 0 {
		line("disqualify:")
		for i, x := range d.disqualify {
			line("  - { id: x%d, when: '%s' }", i, x.cel)
		}
	}
	line("qualify:")
	for _, q := range d.qualify {
		fmt.Fprintf(&b, "  - { id: %s", q.id)
		if q.on != nil {
			fmt.Fprintf(&b, ", on: [%s]", strings.Join(q.on, ", "))
		}
		if q.when.holds != nil {
			fmt.Fprintf(&b, ", when: '%s'", q.when.cel)
		}
		if q.matrix != nil {
			var cells []string
			for _, g := range []string{"a", "b", "d"} {
				if least, listed := q.matrix[g]; listed {
					cells = append(cells, g+": "+decimal(least, false))
				}
			}
			fmt.Fprintf(&b, ", matrix: {%s}", strings.Join(cells, ", "))
		}
		line(" }")
	}
	line("signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]")
	return b.String()
}

// decimal writes micro-points as points, for an expression always with a point.
func decimal(micros int64, float bool) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	s := fmt.Sprintf("%s%d.%06d", sign, micros/1_000_000, micros%1_000_000)
	if float {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// story draws what happens next, some of it reported late, some twice.
func (c chance) story(n int, now time.Time, before []*story) *story {
	if len(before) > 0 && c.one(15) {
		if again := *pick(c, before...); now.Sub(again.received) < 30*day { // repeats are recognised for 35
			again.received = now
			return &again
		}
	}
	e := &story{id: fmt.Sprintf("e%03d", n), kind: pick(c, kinds...), occurred: now, received: now, automated: c.one(15)}
	if c.one(3) {
		e.occurred = now.Add(-time.Duration(c.Int64N(int64(20 * day)))).Truncate(time.Millisecond)
	}
	if c.one(6) {
		e.kind = "identified"
	}
	c.mail(e, before)
	if c.one(3) || e.kind == "email_clicked" && !c.one(4) {
		e.url = pick(c, "https://initech.example/pricing", "https://initech.example/blog/1", "https://initech.example/docs", "https://initech.example/tour")
	}
	if c.one(3) {
		e.size = 1 + c.IntN(12)
	}
	if c.one(4) {
		e.title = pick(c, "VP Sales", "Head of IT", "Clerk")
	}
	if c.one(5) {
		e.country = pick(c, "SE", "DE", "FR", "NL")
	}
	if c.one(5) {
		e.employees = pick(c, 5, 50, 420, 5000)
	}
	if c.one(150) {
		e.kind, e.objects = "consent_changed", true
	}
	return e
}

// mail has messages sent, opened and clicked, and now and then much of one message in a few seconds, as scanners do.
func (c chance) mail(e *story, before []*story) {
	if c.one(3) {
		e.kind = pick(c, "email_clicked", "email_clicked", "email_opened", "email_delivered", "email_sent")
	}
	if !strings.HasPrefix(e.kind, "email_") {
		return
	}
	e.message, e.campaign = pick(c, "", "m1", "m2"), pick(c, "", "spring")
	var mails []*story
	for _, b := range before {
		if strings.HasPrefix(b.kind, "email_") {
			mails = append(mails, b)
		}
	}
	if len(mails) == 0 || c.one(4) {
		return
	}
	near := pick(c, mails...)
	e.message, e.campaign = near.message, near.campaign
	apart := pick(c, 0, 2*time.Second, 2*time.Second+time.Millisecond, 10*time.Second, 10*time.Second+time.Millisecond, time.Duration(c.IntN(12_000))*time.Millisecond)
	if c.one(2) {
		apart = -apart
	}
	if at := near.occurred.Add(apart); at.Before(e.received) {
		e.occurred = at
	}
}

// input gives the story as ingest would write it.
func (e *story) input() *journalv1.Event {
	in := &journalv1.Event{
		Id: e.id, Source: "site", Entity: ana, Type: e.kind, Automated: e.automated, OccurredAt: timestamppb.New(e.occurred),
		Identity: &journalv1.Identity{Email: "ana@initech.example"},
	}
	if e.url != "" || e.campaign != "" {
		in.Touch = &journalv1.Touch{Url: e.url, Campaign: e.campaign}
	}
	switch e.kind {
	case "email_sent":
		in.Payload = &journalv1.Event_EmailSent{EmailSent: &journalv1.EmailSent{EmailId: e.message}}
	case "email_delivered":
		in.Payload = &journalv1.Event_EmailDelivered{EmailDelivered: &journalv1.EmailDelivered{EmailId: e.message}}
	case "email_opened":
		in.Payload = &journalv1.Event_EmailOpened{EmailOpened: &journalv1.EmailOpened{EmailId: e.message}}
	case "email_clicked":
		in.Payload = &journalv1.Event_EmailClicked{EmailClicked: &journalv1.EmailClicked{EmailId: e.message}}
	}
	if e.size > 0 {
		in.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{"size": structpb.NewNumberValue(float64(e.size))}}
	}
	if e.title != "" || e.country != "" {
		in.Traits = &journalv1.Traits{}
		if e.title != "" {
			in.Traits.Title = proto.String(e.title)
		}
		if e.country != "" {
			in.Traits.Country = proto.String(e.country)
		}
	}
	if e.employees > 0 {
		in.Account = &journalv1.Account{Employees: proto.Int32(int32(e.employees))}
	}
	if e.objects {
		consent("profiling", "objected")(in)
	}
	return in
}
