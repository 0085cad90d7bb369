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

// Input is what was known of a lead at the moment that a brief speaks of.
type Input struct {
	// At is that moment: what was recent then is told as recent.
	At time.Time
	// Qualified is when the lead was handed to sales; what came later is new. Zero means At.
	Qualified  time.Time
	Rule       string
	Engagement float64
	Fit        float64
	Grade      string
	// WasEngagement and WasGrade are the score that sales was handed.
	WasEngagement float64
	WasGrade      string
	Lines         []Line
	Entry         *Item
	// Timeline, newest first. Engagements counts all there were, also those it no longer shows.
	Timeline    []Item
	Engagements int
	First       time.Time
	Earlier     []Epoch
	// Persona whose condition holds, "" for none.
	Persona string
	// Consent gives the decision on each purpose.
	Consent                         map[string]string
	Email, Phone, Language, Country string
	Colleagues                      []Colleague
	Changes                         []Change
	Owner                           Rep
	Contacts                        []Contact
	AccountName, MatchedBy          string
	MatchConfidence                 float64
	// Behind: what is known of the lead beyond the changes could not be read.
	Behind bool
}

// Line is one contribution to a score.
type Line struct {
	Side, Rule, Because string
	Points              float64
	// Events behind it, by id.
	Events []string
}

// Item is one thing that the lead did.
type Item struct {
	ID, Type, Name, Channel, Campaign, Asset, URL, Title string
	At                                                   time.Time
	// Automated: a scanner's or bot's doing.
	Automated bool
}

// Epoch is an earlier run through the stages. Owner is the name of the rep who had it.
type Epoch struct {
	Number               int
	Ended, Reason, Owner string
	At                   time.Time
}

// Colleague is somebody else at the account, and the rep who has them.
type Colleague struct {
	Lead, Name, Title, Persona string
	Owner, OwnerName           string
}

// Change is one thing that changed what sales was told: the type of what the lead did, or Band, ColleagueRouted, Merged.
type Change struct {
	What, Event, Detail, Lead string
	At                        time.Time
}

// Rep is who reads the brief; a nil Zone is UTC.
type Rep struct {
	ID   string
	Zone *time.Location
}

// Contact is a rep's having spoken to the lead.
type Contact struct {
	Rep, Name string
	At        time.Time
}

// Brief is what sales reads.
type Brief struct {
	Why           []Said
	Changed       []string
	Cautions      []string
	Actions       []Action
	Urgency       Urgency
	Familiarity   string
	FamiliarityBy string
	Interests     []Interest
	Content       []Content
	Timeline      []Told
	JourneyStage  string
	JourneyBy     string
	Persona       string
	PersonaBy     string
	Came          string
	LastTouch     *Item
	Campaigns     []Campaign
	Next          []Suggestion
	Missing       []string
	Earlier       []string
	Language      string
	WorkingTime   string
}

// Said is a sentence and the events that it follows from.
type Said struct {
	Text   string
	Events []string
}

// Action is what to do next, and why.
type Action struct {
	What, Reason string
	Events       []string
}

// Urgency compares the last seven days with the seven before. Trend is Rising, Steady, Falling, or "" where too little was
// done to say.
type Urgency struct {
	Trend, Reason  string
	Lately, Before int
}

// Interest is a topic and its share of what the lead looked at; the shares sum to 1.
type Interest struct {
	Topic  string
	Weight float64
}

// Content is an asset that the lead has seen, when last, and how often.
type Content struct {
	Asset, Title, Kind, Topic, Stage, URL string
	At                                    time.Time
	Times                                 int
}

// Told is a line of the timeline.
type Told struct {
	Type, Summary, Event string
	At                   time.Time
	New                  bool
}

// Campaign is what marketing did and promised.
type Campaign struct{ ID, Name, Channel, Brief string }

// Suggestion is what to send or speak about next.
type Suggestion struct{ Asset, Title, Kind, Reason, URL string }

// How well a lead knows us.
const (
	New      = "new"
	Passing  = "passing"
	Familiar = "familiar"
)

const maxTimeline = 20

// Write writes the brief. A nil directory knows no assets and campaigns.
func Write(in Input, dir *core.Directory) Brief {
	if in.Qualified.IsZero() {
		in.Qualified = in.At
	}
	acts := slices.DeleteFunc(slices.Clone(in.Timeline), func(i Item) bool { return i.Automated || i.At.IsZero() || i.Type == "" })
	b := Brief{Interests: interests(in.At, acts, dir), Content: content(acts, dir), Urgency: urgency(in, acts)}
	b.Familiarity, b.FamiliarityBy = familiarity(in, acts)
	b.JourneyStage, b.JourneyBy = journeyStage(acts, dir)
	b.Persona, b.PersonaBy = persona(in, acts, dir)
	b.Why = whyNow(in, acts, b.Urgency)
	for _, i := range acts[:min(len(acts), maxTimeline)] {
		b.Timeline = append(b.Timeline, Told{Type: i.Type, Summary: summary(i, dir), Event: i.ID, At: i.At, New: i.At.After(in.Qualified)})
	}
	b.Came, b.LastTouch = came(in, acts, dir)
	b.Campaigns = campaigns(in.Entry, acts, dir)
	b.Next = suggest(b, in.Persona, dir)
	b.Changed = changed(in, acts, dir)
	b.Cautions = cautions(in, acts, dir)
	b.Actions = actions(in, acts, b, dir)
	b.Missing = missing(in, b, dir)
	b.Earlier = earlier(in, acts)
	b.Language, b.WorkingTime = language(in.Language), workingTime(in.Country, in.At, in.Owner.Zone)
	return b
}

// familiarity: familiar are those who were with sales before, and those who did eight things or more over a week or longer;
// new are those who did no more than two.
func familiarity(in Input, acts []Item) (level, because string) {
	level = Passing
	switch {
	case len(in.Earlier) > 0 || in.Engagements >= 8 && in.At.Sub(in.First) >= week:
		level = Familiar
	case in.Engagements <= 2:
		level = New
	}
	var said []string
	if len(in.Earlier) > 0 {
		said = append(said, "with sales before")
	}
	if in.Engagements > 0 && !in.First.IsZero() && !in.First.After(in.At) {
		said = append(said, "first seen on "+date(in.First))
	}
	if in.Engagements > 0 {
		did := "did " + plural(in.Engagements, "thing", "things")
		if days := int(in.At.Sub(in.First).Hours() / 24); days > 0 && !in.First.IsZero() {
			did += " over " + plural(days, "day", "days")
		}
		if n := visits(acts); n > 1 && len(in.Timeline) >= in.Engagements {
			did += " in " + plural(n, "visit", "visits")
		}
		said = append(said, did)
	}
	return level, sentence(said)
}

// apart is the silence that ends a visit.
const apart = 40 * time.Minute

func visits(acts []Item) int {
	n := 0
	for i := range acts {
		if i == 0 || acts[i-1].At.Sub(acts[i].At) >= apart {
			n++
		}
	}
	return n
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
	for _, i := range acts {
		if i.Asset == "" {
			continue
		}
		if n := slices.IndexFunc(out, func(c Content) bool { return c.Asset == i.Asset }); n >= 0 {
			out[n].Times++
			continue
		}
		c := Content{Asset: i.Asset, At: i.At, Times: 1}
		if a := dir.Asset(i.Asset); a != nil {
			c.Title, c.Kind, c.Topic, c.Stage, c.URL = a.Title, a.Kind, a.Topic, a.Stage, a.URL
		}
		out = append(out, c)
	}
	return out
}

// The stages of a buyer's journey, in order.
var journey = []string{"awareness", "consideration", "decision"}

// journeyStage is the furthest that the lead's acts and assets speak of, with the act that does.
func journeyStage(acts []Item, dir *core.Directory) (stage, because string) {
	furthest := -1
	other := ""
	by, otherBy := "", ""
	for _, i := range acts {
		if asked := asks(i.Type); asked != "" {
			return journey[2], asked + " on " + date(i.At) + "."
		}
		a := dir.Asset(i.Asset)
		switch {
		case a == nil || a.Stage == "":
			furthest = max(furthest, 0)
		case slices.Contains(journey, a.Stage):
			if n := slices.Index(journey, a.Stage); n > furthest || by == "" && n == furthest {
				furthest, by = n, summary(i, dir)+" on "+date(i.At)+", which is for that stage."
			}
		default:
			furthest = max(furthest, 0)
			if other == "" {
				other, otherBy = a.Stage, summary(i, dir)+" on "+date(i.At)+", which is for that stage."
			}
		}
	}
	switch {
	case furthest > 0:
		return journey[furthest], by
	case other != "":
		return other, otherBy // a directory with stages of its own: the latest one met
	case furthest == 0:
		if by == "" {
			by = "Nothing that they did speaks of a later stage."
		}
		return journey[0], by
	}
	return "", ""
}

func campaigns(entry *Item, acts []Item, dir *core.Directory) []Campaign {
	var out []Campaign
	add := func(id string) {
		if id == "" || slices.ContainsFunc(out, func(c Campaign) bool { return c.ID == id }) {
			return
		}
		c := Campaign{ID: id}
		if known := dir.Campaign(id); known != nil {
			c.Name, c.Channel, c.Brief = known.Name, known.Channel, known.Brief
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
