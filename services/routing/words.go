package routing

import (
	"cmp"
	"html"
	"strings"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// words gives the writers of a handoff's brief for people: as text, as HTML, and its line in lists.
func words() (text, page, subject func(*routingv1.Payload) string) {
	subject = func(p *routingv1.Payload) string {
		lead := p.GetLead()
		who := cmp.Or(strings.TrimSpace(lead.GetFirstName()+" "+lead.GetLastName()), lead.GetEmail(), lead.GetId())
		if at := cmp.Or(p.GetAccount().GetName(), p.GetAccount().GetDomain()); at != "" {
			who += " (" + at + ")"
		}
		if why := p.GetBrief().GetWhyNow(); len(why) > 0 {
			who += ": " + why[0]
		}
		return who
	}
	text = func(p *routingv1.Payload) string { return strings.Join(sentences(p), "\n") }
	page = func(p *routingv1.Payload) string {
		var b strings.Builder
		for _, s := range sentences(p) {
			b.WriteString("<p>" + html.EscapeString(s) + "</p>\n")
		}
		return b.String()
	}
	return text, page, subject
}

// sentences gives what a brief says, a line each.
func sentences(p *routingv1.Payload) []string {
	b := p.GetBrief()
	out := append([]string(nil), b.GetWhyNow()...)
	add := func(label, what string) {
		if what != "" {
			out = append(out, label+": "+what)
		}
	}
	add("Title", p.GetLead().GetTitle())
	add("Came by", cmp.Or(b.GetEntry().GetCampaign(), b.GetEntry().GetChannel()))
	add("Stage of the journey", b.GetJourneyStage())
	add("Persona", b.GetPersona())
	for _, c := range b.GetContent() {
		add("Read", c.GetAsset())
	}
	for _, s := range b.GetSuggestedNext() {
		add("Send next", s.GetAsset()+" – "+s.GetReason())
	}
	return out
}
