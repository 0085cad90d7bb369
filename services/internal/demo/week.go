package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Via is the source that an event comes by, named as in the configuration.
type Via string

// The sources.
const (
	Site     Via = "site"
	Nurture  Via = "nurture"
	Webinars Via = "webinars"
)

// Event is one thing that happened, in no sender's format yet.
type Event struct {
	At   time.Time
	Via  Via
	ID   string
	Type string // of Baton's vocabulary
	Lead *Lead
	// Signed: on the website, the visitor gave their address in this very call.
	Signed                                         bool
	URL, Title, Referrer, Channel, Campaign, Asset string
	// About is the form, the mail or the meeting.
	About     string
	Automated bool
}

// Week is one made-up week of marketing: companies, leads, and all that happened, in the order in which it did.
type Week struct {
	From, To  time.Time
	Companies []*Company
	Leads     []*Lead
	Events    []*Event
}

// Size of the week.
const (
	days         = 7
	leadCount    = 420
	companyCount = 180
	// lastMinutes of the week belong to the last lead's request for a demonstration.
	lastMinutes = 25 * time.Minute
)

// NewWeek makes up the week that ends at a moment. It is pure: the same seed and end give the same week. The seed alone
// decides who there is, how far each lead goes and what becomes of it; the end moves what happens to working hours, and cuts
// off what would come later. owners are the reps who own a named account each, and one of them may own several.
func NewWeek(seed uint64, end time.Time, owners []string) *Week {
	const people, journeys, clocks = 1 << 32, 2 << 32, 3 << 32
	rng := seeded(seed, people)
	end = end.UTC().Truncate(time.Second)
	w := &Week{From: end.AddDate(0, 0, -days), To: end}
	w.Companies = newCompanies(rng, companyCount, owners)
	w.people(rng, len(owners))
	for i, l := range w.Leads {
		j := &journey{rng: seeded(seed, journeys+uint64(i)), clock: seeded(seed, clocks+uint64(i)), week: w, lead: l}
		j.tell()
		w.Events = append(w.Events, j.events...)
	}
	slices.SortStableFunc(w.Events, func(a, b *Event) int { return a.At.Compare(b.At) })
	for i, e := range w.Events {
		e.ID = fmt.Sprintf("%s-%d-%05d", e.Via, seed, i)
	}
	return w
}

func seeded(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // invented data, the same for the same seed
}

// people makes the leads: first a buying committee at every named account, then everybody else.
func (w *Week) people(rng *rand.Rand, named int) {
	names := surnames().all(rng)
	taken := map[string]bool{}
	add := func(c *Company) *Lead {
		for {
			l := newLead(rng, len(w.Leads), c, names[len(w.Leads)%len(names)])
			if !taken[l.Email] {
				taken[l.Email] = true
				w.Leads = append(w.Leads, l)
				return l
			}
		}
	}
	for _, c := range w.Companies[:named] {
		for i, interest := range []Interest{Asks, Weighs, Reads} {
			l := add(c)
			l.Interest = interest
			l.Title = oneOf(rng, committee()[i])
			l.arrive(rng)
		}
	}
	for len(w.Leads) < leadCount {
		l := add(oneOf(rng, w.Companies[named:]))
		l.Interest = l.interested(rng)
		l.arrive(rng)
	}
	for i, l := range w.Leads {
		l.Story = newStory(rng, i, l)
	}
	w.Last().Channel, w.Last().Campaign = "paid_search", "search-handoff"
	w.Last().Story = Story{} // waits for whoever runs this
}

// Last is the lead whose request for a demonstration ends the week.
func (w *Week) Last() *Lead { return w.Leads[0] }

// interested decides how far somebody goes: most look once, and those who could use it go further.
func (l *Lead) interested(rng *rand.Rand) Interest {
	far := 0
	if l.Company.Employees >= 120 {
		far += 3
	}
	if strings.Contains("VP Head Director Chief Founder Manager Lead", strings.Fields(l.Title)[0]) {
		far += 3
	}
	return pick(rng, []weighted[Interest]{{Glances, 66 - 3*far}, {Reads, 22}, {Weighs, 6 + far}, {Asks, 5 + 2*far}})
}

// arrive decides what brought somebody.
func (l *Lead) arrive(rng *rand.Rand) {
	from := pick(rng, []weighted[[2]string]{
		{[2]string{"paid_search", "search-handoff"}, 24}, {[2]string{"organic", ""}, 24}, {[2]string{"email", "nurture-handoffs"}, 20},
		{[2]string{"webinar", "webinar-five-handoffs"}, 14}, {[2]string{"partner", "partner-referrals"}, 8}, {[2]string{"event", "revops-days"}, 10},
	})
	l.Channel, l.Campaign = from[0], from[1]
}

// Day gives the events of one day of the week, from 0.
func (w *Week) Day(n int) []*Event {
	return w.Between(w.From.AddDate(0, 0, n), w.From.AddDate(0, 0, n+1))
}

// Between gives the events from a moment on and before another.
func (w *Week) Between(from, to time.Time) []*Event {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(w.Events, t, func(e *Event, t time.Time) int { return e.At.Compare(t) })
		return i
	}
	return w.Events[at(from):at(to)]
}
