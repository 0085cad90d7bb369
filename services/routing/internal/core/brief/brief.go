// Package brief writes what sales should know before they speak to a lead: why now, how they came, what they did and read,
// how well they know us, and what to say next. It reads what was known when the lead qualified, and the directory.
package brief

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// Input is what was known of a lead when it qualified.
type Input struct {
	// At is that moment: what was recent then is told as recent.
	At         time.Time
	Rule       string
	Engagement float64
	Fit        float64
	Grade      string
	Lines      []Line
	Entry      *Item
	// Timeline, newest first. Engagements counts all there were, also those it no longer shows.
	Timeline    []Item
	Engagements int
	First       time.Time
	Earlier     []Epoch
	Persona     string
}

// Line is one contribution to a score.
type Line struct {
	Side, Rule, Because string
	Points              float64
	Events              int
}

// Item is one thing that the lead did.
type Item struct {
	Type, Name, Channel, Campaign, Asset, URL, Title string
	At                                               time.Time
	// Automated: a scanner's or bot's doing.
	Automated bool
}

// Epoch is an earlier run through the stages.
type Epoch struct {
	Number        int
	Ended, Reason string
	At            time.Time
}

// Brief is what sales reads.
type Brief struct {
	WhyNow       []string
	Familiarity  string
	Interests    []Interest
	Content      []Content
	Timeline     []Told
	JourneyStage string
	Campaigns    []Campaign
	Next         []Suggestion
}

// Interest is a topic and its share of what the lead looked at; the shares sum to 1.
type Interest struct {
	Topic  string
	Weight float64
}

// Content is an asset that the lead has seen, and when last.
type Content struct {
	Asset, Kind, Topic string
	At                 time.Time
}

// Told is a line of the timeline.
type Told struct {
	Type, Summary string
	At            time.Time
}

// Campaign is what marketing did and promised.
type Campaign struct{ ID, Brief string }

// Suggestion is what to send or speak about next.
type Suggestion struct{ Asset, Reason, URL string }

// How well a lead knows us.
const (
	New      = "new"
	Passing  = "passing"
	Familiar = "familiar"
)

const maxTimeline = 20

// Write writes the brief. A nil directory knows no assets and campaigns.
func Write(in Input, dir *core.Directory) Brief {
	acts := slices.DeleteFunc(slices.Clone(in.Timeline), func(i Item) bool { return i.Automated })
	b := Brief{Familiarity: familiarity(in), Interests: interests(in.At, acts, dir), Content: content(acts, dir)}
	b.JourneyStage = journeyStage(acts, dir)
	b.WhyNow = whyNow(in, acts)
	for _, i := range acts[:min(len(acts), maxTimeline)] {
		b.Timeline = append(b.Timeline, Told{Type: i.Type, Summary: summary(i, dir), At: i.At})
	}
	b.Campaigns = campaigns(in.Entry, acts, dir)
	b.Next = suggest(b, in.Persona, dir)
	return b
}

// familiarity: familiar are those who were with sales before, and those who did eight things or more over a week or longer;
// new are those who did no more than two.
func familiarity(in Input) string {
	switch {
	case len(in.Earlier) > 0 || in.Engagements >= 8 && in.At.Sub(in.First) >= 7*24*time.Hour:
		return Familiar
	case in.Engagements <= 2:
		return New
	}
	return Passing
}

// interestHalfLife is how long an interest keeps half its weight.
const interestHalfLife = 14 * 24 * time.Hour

// interests weighs the topics of the assets that the lead met, by how much the act says and how long ago it was.
func interests(now time.Time, acts []Item, dir *core.Directory) []Interest {
	weights, total := map[string]float64{}, 0.0
	for _, i := range acts {
		a := dir.Asset(i.Asset)
		if a == nil || a.Topic == "" {
			continue
		}
		w := telling(i.Type) * math.Exp2(-max(0, now.Sub(i.At).Hours())/interestHalfLife.Hours())
		weights[a.Topic] += w
		total += w
	}
	if total <= 0 {
		return nil
	}
	var out []Interest
	for topic, w := range weights {
		out = append(out, Interest{Topic: topic, Weight: w / total})
	}
	slices.SortFunc(out, func(a, b Interest) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Topic, b.Topic))
	})
	return rounded(out)
}

// telling says how much an act says of an interest.
func telling(eventType string) float64 {
	switch eventType {
	case "asset_downloaded", "event_attended", "demo_requested", "pricing_requested":
		return 3
	case "form_submitted", "email_clicked", "event_registered", "trial_started":
		return 2
	}
	return 1
}

// rounded gives thousandths that sum to exactly one; what rounding leaves over goes to the largest remainders.
func rounded(list []Interest) []Interest {
	type part struct {
		index, n  int
		remainder float64
	}
	parts, left := make([]part, len(list)), 1000
	for i, it := range list {
		exact := it.Weight * 1000
		parts[i] = part{i, int(exact), exact - math.Floor(exact)}
		left -= parts[i].n
	}
	byRemainder := slices.Clone(parts)
	slices.SortStableFunc(byRemainder, func(a, b part) int { return cmp.Compare(b.remainder, a.remainder) })
	for i := 0; i < left && i < len(byRemainder); i++ {
		parts[byRemainder[i].index].n++
	}
	out := make([]Interest, 0, len(list))
	for i, p := range parts {
		if p.n > 0 {
			out = append(out, Interest{Topic: list[i].Topic, Weight: float64(p.n) / 1000})
		}
	}
	return out
}

func content(acts []Item, dir *core.Directory) []Content {
	var out []Content
	seen := map[string]bool{}
	for _, i := range acts {
		if i.Asset == "" || seen[i.Asset] {
			continue
		}
		seen[i.Asset] = true
		c := Content{Asset: i.Asset, At: i.At}
		if a := dir.Asset(i.Asset); a != nil {
			c.Kind, c.Topic = a.Kind, a.Topic
		}
		out = append(out, c)
	}
	return out
}

// The stages of a buyer's journey, in order.
var journey = []string{"awareness", "consideration", "decision"}

// journeyStage is the furthest that the lead's acts and assets speak of.
func journeyStage(acts []Item, dir *core.Directory) string {
	furthest := -1
	other := ""
	for _, i := range acts {
		if asks(i.Type) != "" {
			return journey[2]
		}
		furthest = max(furthest, 0)
		if a := dir.Asset(i.Asset); a != nil && a.Stage != "" {
			if n := slices.Index(journey, a.Stage); n >= 0 {
				furthest = max(furthest, n)
			} else if other == "" {
				other = a.Stage
			}
		}
	}
	switch {
	case furthest > 0:
		return journey[furthest]
	case other != "":
		return other // a directory with stages of its own: the latest one met
	case furthest == 0:
		return journey[0]
	}
	return ""
}

func campaigns(entry *Item, acts []Item, dir *core.Directory) []Campaign {
	var out []Campaign
	add := func(id string) {
		if id == "" || slices.ContainsFunc(out, func(c Campaign) bool { return c.ID == id }) {
			return
		}
		c := Campaign{ID: id}
		if known := dir.Campaign(id); known != nil {
			c.Brief = known.Brief
		}
		out = append(out, c)
	}
	for _, i := range acts {
		add(i.Campaign)
	}
	if entry != nil {
		add(entry.Campaign)
	}
	return out
}
