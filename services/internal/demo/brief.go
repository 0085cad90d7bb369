package main

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// printBrief lays one handoff's brief out, as the rep gets it.
func printBrief(s *sheet, p *routingv1.Payload, names map[string]string, now time.Time) {
	l, b := p.GetLead(), p.GetBrief()
	s.rule()
	s.line("%s", ends(" "+plain(strings.TrimSpace(l.GetFirstName()+" "+l.GetLastName())+" · "+l.GetTitle()), plain(l.GetEmail())))
	s.line("%s", ends(" "+company(p), "for "+plain(p.GetOwner().GetName())))
	s.rule()
	s.item("Why now", whyNow(b))
	printScore(s, p.GetScore())
	s.item("Came by", entry(b))
	s.item("Did", visits(b.GetTimeline())...)
	s.item("Read", content(b.GetContent()))
	s.item("Cares for", interests(b))
	s.item("Colleagues", colleagues(b.GetOthersAtAccount())...)
	for i, c := range b.GetCampaigns() {
		if i < 2 {
			s.item(first(i, "We said"), plain(c.GetId()+": "+c.GetBrief()))
		}
	}
	for i, n := range b.GetSuggestedNext() {
		if i < 2 {
			s.item(first(i, "Say next"), plain(n.GetAsset()+": "+n.GetReason()))
		}
	}
	s.item("Consent", consent(b.GetConsent()))
	s.item("Promise", promise(p.GetSla(), now))
	s.item("Chosen", chosen(p.GetOwner()))
	s.item("Passed over", passedOver(p.GetOwner(), names))
	s.rule()
}

// whyNow leaves out what the score below says anyway.
func whyNow(b *routingv1.Brief) string {
	said := slices.DeleteFunc(slices.Clone(b.GetWhyNow()), func(s string) bool { return strings.Contains(s, "engagement points") })
	return plain(strings.Join(said, " "))
}

func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

func company(p *routingv1.Payload) string {
	a := p.GetAccount()
	text := cmp.Or(a.GetName(), a.GetDomain(), "no company known")
	if c := p.GetLead().GetCountry(); c != "" {
		text += " (" + c + ")"
	}
	if m := a.GetMatch(); m.GetBy() != "" {
		text += fmt.Sprintf(", matched by %s", strings.ReplaceAll(m.GetBy(), "-", " "))
	}
	return plain(text)
}

// row is one line of a score: all contributions of one rule.
type row struct {
	because string
	times   int
	micros  int64
}

// rows adds a side's contributions up by rule, most first. The sum stays what it was, to the micro-point.
func rows(list []*journalv1.Contribution, side string) []row {
	var out []row
	at := map[string]int{}
	for _, c := range list {
		if c.GetSide() != side || c.GetPoints() == 0 {
			continue
		}
		i, seen := at[c.GetRule()]
		if !seen {
			i = len(out)
			at[c.GetRule()] = i
			out = append(out, row{because: plain(cmp.Or(c.GetBecause(), c.GetRule()))})
		}
		out[i].times++
		out[i].micros += micros(c)
	}
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(b.micros, a.micros) })
	return out
}

func micros(c *journalv1.Contribution) int64 {
	if m, err := strconv.ParseInt(c.GetMicros(), 10, 64); err == nil {
		return m
	}
	return int64(math.Round(c.GetPoints() * 1e6))
}

// printScore shows both sides beside each other, each with its sum.
func printScore(s *sheet, score *journalv1.ScoreSnapshot) {
	const column = (width - labels) / 2
	fit := side(rows(score.GetContributions(), "fit"), "fit, grade "+strings.ToUpper(score.GetGrade()), column-2)
	engagement := side(rows(score.GetContributions(), "engagement"), fmt.Sprintf("engagement, by agreement %d", score.GetAgreementVersion()), column)
	for i := range max(len(fit), len(engagement)) {
		left, right := "", ""
		if i < len(fit) {
			left = fit[i]
		}
		if i < len(engagement) {
			right = engagement[i]
		}
		s.line(" %-*s%s", labels-1, first(i, "Score"), strings.TrimRight(pad(left, column)+right, " "))
	}
}

// side gives the sum of one side, and under it the lines that make it up.
func side(list []row, name string, n int) []string {
	parts := make([]int64, len(list))
	for i, r := range list {
		parts[i] = r.micros
	}
	rounded, whole := cents(parts)
	out := []string{fmt.Sprintf("%6s = %s", points(whole), name)}
	for i, r := range list {
		text := r.because
		if r.times > 1 {
			text += fmt.Sprintf(" ×%d", r.times)
		}
		out = append(out, short(fmt.Sprintf("%6s   %s", points(rounded[i]), text), n))
	}
	return out
}

func entry(b *routingv1.Brief) string {
	e := b.GetEntry()
	text := cmp.Or(strings.ReplaceAll(e.GetChannel(), "_", " "), "an unknown way")
	if e.GetCampaign() != "" {
		text += ", " + e.GetCampaign()
	}
	if u, err := url.Parse(e.GetUrl()); err == nil && u.Path != "" {
		text += ", to " + u.Path
	}
	if e.GetAt() != nil {
		text += " on " + day(e.GetAt().AsTime())
	}
	knows := map[string]string{"new": "new to us", "passing": "knows us in passing", "familiar": "knows us well"}
	if says := cmp.Or(knows[b.GetFamiliarity()], b.GetFamiliarity()); says != "" {
		text += "; " + says
	}
	return plain(text)
}

// apart is the silence that ends a visit.
const apart = 40 * time.Minute

// visits tells a timeline (newest first) visit by visit: when, how many pages, and what else happened. At most five.
func visits(timeline []*routingv1.TimelineEntry) []string {
	var out []string
	for i := 0; i < len(timeline); {
		end := i + 1
		for end < len(timeline) && timeline[end-1].GetAt().AsTime().Sub(timeline[end].GetAt().AsTime()) < apart {
			end++
		}
		if len(out) == 5 {
			out[4] += fmt.Sprintf("; … and %d more before", len(timeline)-i)
			break
		}
		out = append(out, day(timeline[end-1].GetAt().AsTime())+" · "+visit(timeline[i:end]))
		i = end
	}
	return out
}

func visit(list []*routingv1.TimelineEntry) string {
	pages := 0
	var did []string
	for _, t := range slices.Backward(list) {
		if t.GetType() == "page_viewed" && !strings.Contains(t.GetSummary(), "ricing") {
			pages++
			continue
		}
		if text := plain(cmp.Or(t.GetSummary(), t.GetType())); !slices.Contains(did, text) {
			did = append(did, text)
		}
	}
	if pages > 0 {
		did = append(did, plural(pages, "other page", "other pages"))
	}
	return strings.Join(did, "; ")
}

func content(list []*routingv1.Content) string {
	var out []string
	for _, c := range list {
		text := c.GetAsset()
		if c.GetKind() != "" {
			text += " (" + strings.ReplaceAll(c.GetKind(), "-", " ") + " on " + c.GetTopic() + ")"
		}
		out = append(out, text)
	}
	return plain(strings.Join(out, ", "))
}

func interests(b *routingv1.Brief) string {
	var out []string
	for _, i := range b.GetInterests() {
		out = append(out, fmt.Sprintf("%s %.0f %%", i.GetTopic(), 100*i.GetWeight()))
	}
	text := strings.Join(out, ", ")
	if b.GetPersona() != "" {
		text += "; reads as " + b.GetPersona()
	}
	if b.GetJourneyStage() != "" {
		text += " in " + b.GetJourneyStage()
	}
	return plain(strings.TrimPrefix(text, "; "))
}

func colleagues(list []*routingv1.Colleague) []string {
	var out []string
	for i, c := range list {
		if i == 3 {
			out = append(out, fmt.Sprintf("… and %d more", len(list)-i))
			break
		}
		out = append(out, fmt.Sprintf("%s, engagement %.0f", plain(cmp.Or(c.GetTitle(), "no title")), c.GetEngagement()))
	}
	return out
}

func consent(c map[string]string) string {
	var out []string
	for purpose, decision := range c {
		out = append(out, purpose+" "+decision)
	}
	slices.Sort(out)
	return plain(strings.Join(out, ", "))
}

func promise(sla *routingv1.Sla, now time.Time) string {
	var out []string
	if t := sla.GetAcceptBy(); t != nil {
		out = append(out, "to accept by "+day(t.AsTime())+" (in "+span(t.AsTime().Sub(now))+")")
	}
	if t := sla.GetContactBy(); t != nil {
		out = append(out, "to contact by "+day(t.AsTime())+" (in "+span(t.AsTime().Sub(now))+")")
	}
	return strings.Join(out, ", ")
}

// chosen says who got it, and by which route.
func chosen(o *routingv1.Owner) string {
	text := fmt.Sprintf("%s (%s) by route %s", o.GetName(), o.GetTeam(), o.GetChosen().GetRoute())
	if pool := o.GetChosen().GetPool(); pool != "" {
		text += ", pool " + pool
	}
	return plain(text)
}

// passedOver says who did not get it, and why.
func passedOver(o *routingv1.Owner, names map[string]string) string {
	var over []string
	for _, c := range o.GetChosen().GetConsidered() {
		over = append(over, cmp.Or(names[c.GetRep()], c.GetRep())+": "+c.GetSkipped())
	}
	return plain(strings.Join(over, ", "))
}
