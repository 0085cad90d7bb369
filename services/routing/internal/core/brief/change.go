package brief

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// What a Change can be beside the type of what a lead did.
const (
	Band            = "score_band_changed"
	ColleagueRouted = "colleague_routed"
	Merged          = "merged"
)

// changed tells what is new since sales was handed the lead, the latest first, and at the end how much.
func changed(in Input, acts []Item, dir *core.Directory) []string {
	if len(in.Changes) == 0 {
		return nil
	}
	var out []string
	for _, c := range slices.Backward(in.Changes) {
		if text := c.Tell(in, dir); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if n := acted(acts, in.Qualified); n > 0 {
		text := fmt.Sprintf("Since you were handed the lead they did %s.", plural(n, "thing", "things"))
		if len(in.Timeline) < in.Engagements && n == len(acts) {
			text = strings.Replace(text, "did ", "did at least ", 1)
		}
		out = append(out, text)
	}
	if points(in.WasEngagement) != points(in.Engagement) {
		out = append(out, fmt.Sprintf("Engagement went from %s to %s.", points(in.WasEngagement), points(in.Engagement)))
	}
	if in.WasGrade != "" && in.Grade != "" && in.WasGrade != in.Grade {
		out = append(out, fmt.Sprintf("The grade went from %s to %s.", strings.ToUpper(in.WasGrade), strings.ToUpper(in.Grade)))
	}
	return out
}

// Tell says a change in a sentence, with what is known of it.
func (c Change) Tell(in Input, dir *core.Directory) string {
	text, on := "", ""
	if !c.At.IsZero() {
		on = " on " + day(c.At)
	}
	switch c.What {
	case Band:
		before, now, _ := strings.Cut(c.Detail, ">")
		text = "Their score went from " + cmp.Or(words(before), "none") + " to " + cmp.Or(words(now), "none")
	case ColleagueRouted:
		text = "A colleague was handed to sales"
		for _, o := range in.Colleagues {
			if o.Lead == c.Lead {
				text = upper(o.who()) + " at the same account was handed to " + cmp.Or(o.OwnerName, o.Owner, "sales")
			}
		}
	case Merged:
		text = "Another record turned out to be the same person: what was known of both stands here"
	case "consent_changed":
		var said []string
		for pair := range strings.SplitSeq(c.Detail, ",") {
			if purpose, decision, ok := strings.Cut(pair, "="); ok {
				said = append(said, words(purpose)+" "+words(decision))
			}
		}
		text = "They changed what they consent to"
		if len(said) > 0 {
			text += ": " + strings.Join(said, ", ")
		}
	case "email_unsubscribed":
		text = "They unsubscribed" + from(c.Detail)
	default:
		act := Item{Type: c.What, Name: c.Detail}
		if i := slices.IndexFunc(in.Timeline, func(i Item) bool { return i.ID != "" && i.ID == c.Event && i.Type == c.What }); i >= 0 {
			act = in.Timeline[i]
		}
		text = "They " + lower(summary(act, dir))
	}
	return text + on + "."
}
