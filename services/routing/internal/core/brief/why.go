package brief

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
)

const (
	week = 7 * 24 * time.Hour
	// justNow is how long ago an act can lie and still be a reason to call today.
	justNow = 48 * time.Hour
)

// Trends of Urgency.
const (
	Rising  = "rising"
	Steady  = "steady"
	Falling = "falling"
)

// urgency tells a change of pace apart from the level: twice as much as in the week before, and three things at least, is a
// rise, and the other way round a fall. The timeline keeps the newest acts only: where it ends within the two weeks, it tells
// a rise alone, from what it has.
func urgency(in Input, acts []Item) Urgency {
	var u Urgency
	for _, i := range acts {
		switch age := in.At.Sub(i.At); {
		case age < 0:
		case age <= week:
			u.Lately++
		case age <= 2*week:
			u.Before++
		}
	}
	all := len(in.Timeline) >= in.Engagements || len(in.Timeline) > 0 && in.At.Sub(in.Timeline[len(in.Timeline)-1].At) > 2*week
	switch {
	case !all:
		u.Before = 0
		if u.Lately > 0 {
			u.Reason = fmt.Sprintf("Did at least %s in the last seven days.", plural(u.Lately, "thing", "things"))
		}
		return u
	case u.Lately >= 3 && u.Lately >= 2*u.Before:
		u.Trend = Rising
	case u.Before >= 3 && u.Before >= 2*u.Lately:
		u.Trend = Falling
	case u.Lately > 0 && u.Before > 0 && u.Lately+u.Before >= 4:
		u.Trend = Steady
	}
	if u.Lately > 1 || u.Trend != "" {
		then := "none"
		if u.Before > 0 {
			then = fmt.Sprint(u.Before)
		}
		did := plural(u.Lately, "thing", "things")
		if u.Lately == 0 {
			did = "nothing"
		}
		u.Reason = fmt.Sprintf("Did %s in the last seven days, %s in the seven before.", did, then)
	}
	return u
}

// whyNow gives the reasons to speak to the lead now, the most telling first: what they asked for, what changed lately, what
// the agreement counts for them, what brought them back.
func whyNow(in Input, acts []Item, u Urgency) []Said {
	why := asked(in, acts)
	if u.Trend == Rising {
		why = append(why, Said{Text: u.Reason, Events: ids(acts[:min(u.Lately, len(acts))])})
	}
	why = append(why, reasons(in)...)
	if u.Trend != Rising && u.Reason != "" {
		why = append(why, Said{Text: u.Reason})
	}
	if n := len(in.Earlier); n > 0 && acted(acts, in.Earlier[n-1].At) > 0 {
		why = append(why, Said{Text: "Back again: " + lower(ended(in.Earlier[n-1])) + "."})
	}
	if in.Rule != "" {
		text := fmt.Sprintf("Qualified by the rule “%s”: engagement %s, fit %s", words(in.Rule), points(in.Engagement), points(in.Fit))
		if in.Grade != "" {
			text += ", grade " + strings.ToUpper(in.Grade)
		}
		why = append(why, Said{Text: text + "."})
	}
	return why
}

// asked tells what they asked for lately, each kind once, the latest first. A meeting that was cancelled since is none.
func asked(in Input, acts []Item) []Said {
	var out []Said
	said := map[string]bool{}
	canceled := false
	for _, i := range acts {
		if i.Type == "meeting_canceled" {
			canceled = true
		}
		text := asks(i.Type)
		if text == "" || said[i.Type] || in.At.Sub(i.At) > justNow || i.Type == "meeting_booked" && canceled {
			continue
		}
		said[i.Type] = true
		out = append(out, Said{Text: text + " on " + day(i.At) + ".", Events: ids([]Item{i})})
	}
	return out
}

// reasons tells the largest contributions: up to three of what they did, and all of what they are in one sentence.
func reasons(in Input) []Said {
	type sum struct {
		rule, because string
		points        float64
		times         int
		events        []string
	}
	var did []*sum
	var are []string
	for _, l := range in.Lines {
		switch {
		case l.Points <= 0:
		case l.Side == "fit":
			if text := cmp.Or(l.Because, words(l.Rule)); text != "" {
				are = append(are, lower(text))
			}
		default:
			i := slices.IndexFunc(did, func(s *sum) bool { return s.rule == l.Rule })
			if i < 0 {
				did = append(did, &sum{rule: l.Rule, because: l.Because})
				i = len(did) - 1
			}
			did[i].points += l.Points
			did[i].times += max(1, len(l.Events))
			did[i].events = append(did[i].events, l.Events...)
		}
	}
	slices.SortStableFunc(did, func(a, b *sum) int { return cmp.Compare(b.points, a.points) })
	var out []Said
	for _, s := range did[:min(len(did), 3)] {
		text := cmp.Or(s.because, words(s.rule))
		if text == "" {
			continue
		}
		times := ""
		if s.times > 1 {
			times = fmt.Sprintf(" %d times", s.times)
		}
		out = append(out, Said{fmt.Sprintf("%s%s: %s of %s engagement points.", upper(text), times, points(s.points), points(in.Engagement)), s.events})
	}
	if len(are) > 0 {
		grade := ""
		if in.Grade != "" {
			grade = ", grade " + strings.ToUpper(in.Grade)
		}
		out = append(out, Said{Text: fmt.Sprintf("Fits%s: %s.", grade, strings.Join(are, "; "))})
	}
	return out
}

// came tells how the lead first came, and gives the last touch before it qualified where that is another one.
func came(in Input, acts []Item, dir *core.Directory) (text string, last *Item) {
	if e := in.Entry; e != nil {
		said := "Came"
		if e.Channel != "" {
			said += " by " + words(e.Channel)
		}
		if e.Campaign != "" {
			said += ", campaign “" + campaignName(e.Campaign, dir) + "”"
		}
		if p := path(e.URL); p != "" {
			said += ", to " + p
		} else if e.Channel == "" && e.Campaign == "" {
			said += ": " + lower(summary(*e, dir))
		}
		if !e.At.IsZero() {
			said += ", on " + date(e.At)
		}
		text = said + "."
	}
	for _, i := range acts {
		if i.At.After(in.Qualified) || i.Channel == "" && i.Campaign == "" {
			continue
		}
		if e := in.Entry; e == nil || i.At != e.At || i.Type != e.Type || i.ID != e.ID {
			last = &i
		}
		break
	}
	return text, last
}

func campaignName(id string, dir *core.Directory) string {
	if c := dir.Campaign(id); c != nil {
		return cmp.Or(c.Name, words(c.ID))
	}
	return words(id)
}

// earlier tells the epochs before this one, the latest first, and what the lead did since the latest ended.
func earlier(in Input, acts []Item) []string {
	var out []string
	for n, e := range slices.Backward(in.Earlier) {
		text := ended(e)
		if since := acted(acts, e.At); n == len(in.Earlier)-1 && since > 0 {
			text += "; since then they did " + plural(since, "thing", "things")
		}
		out = append(out, text+".")
	}
	return out
}

func ended(e Epoch) string {
	text := fmt.Sprintf("Epoch %d", e.Number)
	if e.Owner != "" {
		text += " was with " + e.Owner + " and"
	}
	text += " ended"
	if e.Ended != "" {
		text += " as " + words(e.Ended)
	}
	if e.Reason != "" {
		text += " (" + words(e.Reason) + ")"
	}
	if !e.At.IsZero() {
		text += " on " + date(e.At)
	}
	return text
}

// acted counts what was done after a moment; 0 where the moment is not known.
func acted(acts []Item, since time.Time) int {
	n := 0
	for _, i := range acts {
		if !since.IsZero() && i.At.After(since) {
			n++
		}
	}
	return n
}

// persona gives the one whose condition holds, or else the one that most of what they read is written for, and says which it
// was.
func persona(in Input, acts []Item, dir *core.Directory) (id, because string) {
	if in.Persona != "" {
		return in.Persona, "Its condition in the directory holds for them."
	}
	var seen []Interest
	total := 0
	for _, c := range content(acts, dir) {
		a := dir.Asset(c.Asset)
		if a == nil {
			continue
		}
		total++
		if a.Persona == "" {
			continue
		}
		i := slices.IndexFunc(seen, func(s Interest) bool { return s.Topic == a.Persona })
		if i < 0 {
			i = len(seen)
			seen = append(seen, Interest{Topic: a.Persona})
		}
		seen[i].Weight++
	}
	slices.SortStableFunc(seen, func(a, b Interest) int { return cmp.Compare(b.Weight, a.Weight) })
	if len(seen) == 0 || seen[0].Weight < 2 || 2*seen[0].Weight <= float64(total) {
		return "", ""
	}
	return seen[0].Topic, fmt.Sprintf("The closest: %.0f of the %d assets that they met are written for it. No persona's condition holds for them.", seen[0].Weight, total)
}

// missing gives the directory's personas that nobody known at the account has.
func missing(in Input, b Brief, dir *core.Directory) []string {
	if dir == nil || len(in.Colleagues) == 0 {
		return nil
	}
	var out []string
	for _, p := range dir.Personas {
		if p.ID != b.Persona && !slices.ContainsFunc(in.Colleagues, func(c Colleague) bool { return c.Persona == p.ID }) {
			out = append(out, p.ID)
		}
	}
	return out
}

func ids(acts []Item) []string {
	var out []string
	for _, i := range acts {
		if i.ID != "" {
			out = append(out, i.ID)
		}
	}
	return out
}

// sentence puts parts together; "" of none.
func sentence(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return upper(strings.Join(parts, "; ")) + "."
}
