package api

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
)

// sentence says a step in plain words.
func sentence(x *journeys.Step, d *journeys.Deal, title string) string {
	who := cmp.Or(title, x.Lead)
	if x.Kind == journeys.KindMilestone {
		return milestone(x, d, who)
	}
	w := &x.What
	what := who + " " + doingOf(w)
	if x.Kind == journeys.KindSales {
		what = salesDoing(w, who)
	}
	if x.Times > 1 {
		what += " (" + strconv.Itoa(x.Times) + " times)"
	}
	var by []string
	for _, v := range [...]struct{ name, value string }{{"by ", w.Channel}, {"campaign ", w.Campaign}} {
		if v.value != "" && x.Kind != journeys.KindSales {
			by = append(by, v.name+v.value)
		}
	}
	if len(by) > 0 {
		what += ", " + strings.Join(by, ", ")
	}
	return what + "."
}

func doingOf(w *journeys.What) string {
	named := func(words, name string) string {
		if name == "" {
			return words
		}
		return words + " " + name
	}
	switch w.Type {
	case "page_viewed":
		if w.Asset != "" {
			return "read " + w.Asset
		}
		return "looked at our pages"
	case "asset_downloaded":
		return "downloaded " + cmp.Or(w.Asset, "something")
	case "email_clicked":
		return "followed a link in a mail"
	case "form_submitted":
		return named("filled in the form", w.Name)
	case "event_registered":
		return named("registered for the event", w.Name)
	case "event_attended":
		return named("attended the event", w.Name)
	case "demo_requested":
		return "asked for a demo"
	case "pricing_requested":
		return "asked for prices"
	case "trial_started":
		return named("started a trial", w.Name)
	case "product_used":
		return "used the product"
	case "meeting_booked":
		return "booked a meeting"
	case "ad_clicked":
		return "clicked an ad"
	case "social_engaged":
		return named("engaged with us on", cmp.Or(w.Name, "social media"))
	case "chat_started":
		return "started a chat"
	}
	return "did: " + words(cmp.Or(w.Name, w.Type))
}

func salesDoing(w *journeys.What, who string) string {
	switch w.Type {
	case "contacted":
		return "Sales spoke to " + who
	case "call_logged":
		if w.Name != "" {
			return "Sales called " + who + ": " + words(w.Name)
		}
		return "Sales called " + who
	case "meeting_booked":
		return "Sales booked a meeting with " + who
	}
	return "With sales, " + who + " " + doingOf(w)
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func milestone(x *journeys.Step, d *journeys.Deal, who string) string {
	m := &x.Mark
	reason := ""
	if m.Reason != "" {
		reason = " (" + m.Reason + ")"
	}
	rep := cmp.Or(m.Rep, "sales")
	switch x.Type {
	case "first_seen":
		return who + " was first seen."
	case "known":
		return who + " became known to us."
	case "qualified":
		return fmt.Sprintf("%s qualified by rule %s of agreement version %d.", who, m.Rule, m.Version)
	case "routed":
		return who + " was handed to " + rep + "."
	case "reassigned":
		return who + " was handed on to " + rep + reason + "."
	case "accepted":
		return rep + " accepted " + who + "."
	case "sql":
		return rep + " confirmed " + who + " as an SQL."
	case "contacted":
		return rep + " spoke to " + who + "."
	case "rejected", "recycled", "disqualified":
		return rep + " " + x.Type + " " + who + reason + "."
	case "opportunity":
		return "The opportunity was opened."
	case string(journeys.StatusWon):
		return "The deal was won."
	case string(journeys.StatusLost):
		if d.Reason != "" {
			return "The deal was lost (" + d.Reason + ")."
		}
		return "The deal was lost."
	}
	return who + ": " + words(x.Type) + "."
}

// storyText writes a story for people to read together.
func storyText(s *feedbackv1.DealStory) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Deal %s: %s", s.GetId(), s.GetStatus())
	if m := s.GetAmount(); m != nil {
		fmt.Fprintf(&b, ", %s", worth(m))
	}
	if s.GetDays() > 0 {
		fmt.Fprintf(&b, ", %.0f days from the first touch", s.GetDays())
	}
	b.WriteString("\n\nWho\n")
	for _, p := range s.GetPeople() {
		fmt.Fprintf(&b, "  %s", cmp.Or(p.GetTitle(), p.GetLeadId()))
		if p.GetTitle() != "" {
			fmt.Fprintf(&b, " (%s)", p.GetLeadId())
		}
		if p.GetPersona() != "" {
			fmt.Fprintf(&b, ", persona %s", p.GetPersona())
		}
		if p.GetRole() != "" {
			fmt.Fprintf(&b, ", %s", p.GetRole())
		}
		if !p.GetOnDeal() {
			b.WriteString(", known at the account")
		}
		if p.GetWithheld() {
			b.WriteString(", refused profiling: what they did is not told")
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nWhat happened\n")
	for _, x := range s.GetSteps() {
		fmt.Fprintf(&b, "  %s  %s%s", x.GetAt().AsTime().Format("2006-01-02 15:04"), map[string]string{"milestone": "* "}[x.GetKind()], x.GetText())
		var credits []string
		for _, c := range x.GetCredits() {
			switch c.GetModel() {
			case "first", "linear", "last", "markov":
				if c.GetShare() > 0 {
					credits = append(credits, fmt.Sprintf("%s %.1f %%", c.GetModel(), 100*c.GetShare()))
				}
			}
		}
		if len(credits) > 0 {
			fmt.Fprintf(&b, " [%s]", strings.Join(credits, ", "))
		}
		if x.GetNotCounted() != "" {
			fmt.Fprintf(&b, " [not counted: %s]", x.GetNotCounted())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func worth(m *journalv1.Money) string {
	return strings.TrimSpace(m.GetAmount() + " " + m.GetCurrency())
}
