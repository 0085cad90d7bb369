// Package document writes a brief as people read it: a plain text for mails and terminals, and a page without scripts that
// mail programs show and that prints on one sheet. Both say the same things in the same order: what is new, why now, what to
// mind, what to do, and behind that what it rests on. What is not known is left out. Times are on the
// owner's clock, with its zone beside them.
package document

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// page is a brief laid out, before it has a form.
type page struct {
	Name, Role string
	// Notice is said above everything: the handoff is over.
	Notice   string
	Facts    []item
	Sections []section
	Footer   string
}

// section is one heading with what stands under it.
type section struct {
	Heading string
	// Kind is how it looks: news, alert, do, or "".
	Kind  string
	Items []item
}

// item is one line: a label before it, the text, and what stands behind the text in a weaker voice.
type item struct {
	Label, Text, Sub string
	// URL is http or https, "" for no link.
	URL string
	// New: it came after sales was handed the lead.
	New bool
}

const (
	news  = "news"
	alert = "alert"
	do    = "do"
)

// Subject gives a line that names the lead and the most telling reason; for a mail, a task or a note. It is one line of at
// most 120 characters, and never empty.
func Subject(p *routingv1.Payload) string {
	b := p.GetBrief()
	who := cmp.Or(name(p), p.GetLead().GetEmail(), p.GetLead().GetId(), "a lead")
	if at := cmp.Or(p.GetAccount().GetName(), p.GetAccount().GetDomain()); at != "" {
		who += " (" + at + ")"
	}
	what := ""
	switch {
	case p.GetStage() == "recalled":
		what = "taken back"
	case len(p.GetBecause()) > 0:
		what = "new: " + p.GetBecause()[0]
	case len(b.GetWhyNow()) > 0:
		what = b.GetWhyNow()[0]
	}
	line := plain(who)
	if what != "" {
		line += ": " + lower(strings.TrimSuffix(plain(what), "."))
	}
	return short(line, 120)
}

func lay(p *routingv1.Payload) page {
	l, b, c := p.GetLead(), p.GetBrief(), clockOf(p)
	out := page{Name: cmp.Or(name(p), l.GetEmail(), l.GetId(), "A lead"), Role: role(p), Notice: notice(p), Facts: facts(p, c)}
	add := func(heading, kind string, items ...item) {
		items = slices.DeleteFunc(items, func(i item) bool { return strings.TrimSpace(i.Text) == "" })
		if len(items) > 0 {
			out.Sections = append(out.Sections, section{heading, kind, items})
		}
	}
	add(newsHeading(p), news, changed(p, c)...)
	add("Why now", "", sentences(b.GetWhyNow(), c)...)
	add("Mind", alert, sentences(b.GetCautions(), c)...)
	add("Do next", do, next(b, c)...)
	add("How they came", "", came(b, c)...)
	add("What they did lately", "", visits(b.GetTimeline(), c)...)
	add("What they read", "", read(b.GetContent(), c)...)
	add("Who they are", "", profile(b)...)
	add("At the account", "", account(b, c)...)
	add("What marketing promised", "", promises(b.GetCampaigns())...)
	add("Before this", "", sentences(b.GetEarlier(), c)...)
	add("Score", "", score(p)...)
	add("Why you", "", chosen(p)...)
	foot := []string{}
	if v := b.GetVersion(); v > 0 {
		foot = append(foot, fmt.Sprintf("Brief version %d", v))
	}
	if id := p.GetHandoffId(); id != "" {
		foot = append(foot, "handoff "+id)
	}
	if id := l.GetId(); id != "" {
		foot = append(foot, "lead "+id)
	}
	if zone := c.note(); zone != "" {
		foot = append(foot, zone)
	}
	out.Footer = strings.Join(foot, " · ")
	return out
}

func name(p *routingv1.Payload) string {
	return strings.TrimSpace(strings.TrimSpace(p.GetLead().GetFirstName()) + " " + strings.TrimSpace(p.GetLead().GetLastName()))
}

func role(p *routingv1.Payload) string {
	title, at := strings.TrimSpace(p.GetLead().GetTitle()), strings.TrimSpace(cmp.Or(p.GetAccount().GetName(), p.GetAccount().GetDomain()))
	switch {
	case title != "" && at != "":
		return title + " at " + at
	case at != "":
		return "At " + at
	}
	return title
}

// notice tells what a rep must not overlook: that it is no longer theirs to work on.
func notice(p *routingv1.Payload) string {
	text := ""
	switch p.GetStage() {
	case "recalled":
		text = "This handoff was taken back"
	case "recycled", "disqualified", "won", "lost":
		text = "This handoff is over: " + p.GetStage()
	default:
		return ""
	}
	if p.GetReason() != "" {
		text += " (" + words(p.GetReason()) + ")"
	}
	return text + "."
}

// facts are what is needed to reach the lead in time.
func facts(p *routingv1.Payload, c clock) []item {
	l, b, sla := p.GetLead(), p.GetBrief(), p.GetSla()
	out := []item{
		{Label: "E-mail", Text: l.GetEmail()}, {Label: "Phone", Text: l.GetPhone()}, {Label: "Country", Text: l.GetCountry(), Sub: b.GetWorkingTime()},
		{Label: "Language", Text: b.GetLanguage()},
	}
	if a := p.GetAccount(); a.GetMatch().GetBy() != "" && a.GetMatch().GetBy() != "none" {
		text := cmp.Or(a.GetName(), a.GetDomain(), a.GetId())
		if d := a.GetDomain(); d != "" && d != text {
			text += ", " + d
		}
		out = append(out, item{Label: "Account", Text: text, Sub: "by " + words(a.GetMatch().GetBy())})
	}
	out = append(out, item{Label: "Owner", Text: cmp.Or(p.GetOwner().GetName(), p.GetOwner().GetId())})
	if open := p.GetStage() == "" || p.GetStage() == "routed"; open && sla.GetAcceptBy() != nil {
		out = append(out, item{Label: "Accept by", Text: c.moment(sla.GetAcceptBy())})
	}
	if p.GetStage() != "recalled" && sla.GetContactBy() != nil {
		out = append(out, item{Label: "Contact by", Text: c.moment(sla.GetContactBy())})
	}
	return slices.DeleteFunc(out, func(i item) bool { return strings.TrimSpace(i.Text) == "" })
}

func newsHeading(p *routingv1.Payload) string {
	if v := p.GetBrief().GetVersion(); v > 1 {
		return fmt.Sprintf("New since you were handed this (version %d)", v)
	}
	return "New"
}

// changed gives what is told as new: all of it, what this version was made for first.
func changed(p *routingv1.Payload, c clock) []item {
	list := slices.Clone(p.GetBecause())
	for _, s := range p.GetBrief().GetChanged() {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return sentences(list, c)
}

func sentences(list []string, c clock) []item {
	var out []item
	for _, s := range list {
		out = append(out, item{Text: c.sentence(s)})
	}
	return out
}

func next(b *routingv1.Brief, c clock) []item {
	var out []item
	for _, a := range b.GetNextActions() {
		out = append(out, item{Text: a.GetWhat(), Sub: c.sentence(a.GetReason())})
	}
	for _, s := range b.GetSuggestedNext() {
		text := cmp.Or(s.GetTitle(), words(s.GetAsset()))
		if text == "" {
			continue
		}
		text = "Send “" + text + "”"
		if s.GetKind() != "" {
			text += " (" + words(s.GetKind()) + ")"
		}
		out = append(out, item{Text: text, Sub: c.sentence(s.GetReason()), URL: s.GetUrl()})
	}
	return out
}

func came(b *routingv1.Brief, c clock) []item {
	var out []item
	if b.GetCame() != "" {
		out = append(out, item{Text: c.sentence(b.GetCame())})
	} else if e := b.GetEntry(); e != nil {
		out = append(out, item{Text: entry(e, c)})
	}
	if t := b.GetLastTouch(); t.GetSummary() != "" {
		out = append(out, item{Label: "Last before they qualified", Text: t.GetSummary() + c.at(", ", t.GetAt())})
	}
	return out
}

func entry(e *routingv1.Entry, clock clock) string {
	text := words(cmp.Or(e.GetChannel(), e.GetType()))
	if c := cmp.Or(e.GetCampaignName(), words(e.GetCampaign())); c != "" {
		text = strings.TrimPrefix(text+", ", ", ") + "campaign “" + c + "”"
	}
	if text == "" {
		return ""
	}
	return text + clock.at(", ", e.GetAt())
}

func read(list []*routingv1.Content, clock clock) []item {
	var out []item
	for _, c := range list {
		text := cmp.Or(c.GetTitle(), words(c.GetAsset()))
		what := []string{}
		for _, s := range []string{words(c.GetKind()), prefixed("on ", words(c.GetTopic())), prefixed("for ", words(c.GetStage()))} {
			if s != "" {
				what = append(what, s)
			}
		}
		sub := strings.Join(what, " ")
		when := clock.at("", c.GetAt())
		if n := c.GetTimes(); n > 1 && when != "" {
			when = fmt.Sprintf("%d times, last %s", n, when)
		}
		if when != "" {
			sub = strings.TrimPrefix(sub+"; "+when, "; ")
		}
		out = append(out, item{Text: text, Sub: sub, URL: c.GetUrl()})
	}
	return out
}

func profile(b *routingv1.Brief) []item {
	var topics []string
	for _, i := range b.GetInterests() {
		if i.GetTopic() != "" {
			topics = append(topics, fmt.Sprintf("%s %.0f %%", words(i.GetTopic()), math.Round(100*i.GetWeight())))
		}
	}
	knows := map[string]string{"new": "new to us", "passing": "in passing", "familiar": "well"}
	return []item{
		{Label: "Persona", Text: words(b.GetPersona()), Sub: b.GetPersonaReason()},
		{Label: "Journey", Text: words(b.GetJourneyStage()), Sub: b.GetJourneyReason()},
		{Label: "Knows us", Text: cmp.Or(knows[b.GetFamiliarity()], words(b.GetFamiliarity())), Sub: b.GetFamiliarityReason()},
		{Label: "Pace", Text: b.GetUrgency().GetTrend(), Sub: b.GetUrgency().GetReason()},
		{Label: "Cares for", Text: strings.Join(topics, ", ")},
		{Label: "Consent", Text: consent(b.GetConsent())},
	}
}

func account(b *routingv1.Brief, clock clock) []item {
	var out []item
	for _, c := range b.GetOthersAtAccount() {
		who := c.GetName()
		if c.GetTitle() != "" {
			who = strings.TrimPrefix(who+", "+c.GetTitle(), ", ")
		}
		var sub []string
		if c.GetPersona() != "" {
			sub = append(sub, words(c.GetPersona()))
		}
		if c.GetEngagement() > 0 {
			sub = append(sub, "engagement "+points(c.GetEngagement()))
		}
		if t := clock.at("", c.GetLastAt()); t != "" {
			sub = append(sub, "last active "+t)
		}
		if o := cmp.Or(c.GetOwnerName(), c.GetOwner()); o != "" {
			sub = append(sub, o+" has them")
		}
		out = append(out, item{Text: cmp.Or(who, "Somebody without a name or title"), Sub: strings.Join(sub, "; ")})
	}
	if m := b.GetMissingRoles(); len(m) > 0 && len(out) > 0 {
		list := make([]string, len(m))
		for i, r := range m {
			list[i] = words(r)
		}
		out = append(out, item{Label: "Not met yet", Text: strings.Join(list, ", ")})
	}
	return out
}

func promises(list []*routingv1.CampaignBrief) []item {
	var out []item
	for _, c := range list {
		if c.GetBrief() != "" {
			out = append(out, item{Label: cmp.Or(c.GetName(), words(c.GetId())), Text: c.GetBrief()})
		}
	}
	return out
}

func consent(c map[string]string) string {
	var out []string
	for purpose, decision := range c {
		out = append(out, strings.TrimSpace(words(purpose)+" "+decision))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func prefixed(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}
