package core

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// ratedStep is how far an engagement must move before an account hears of it, or its people do: facts stay rare.
	ratedStep = 10 * Point
	// recencyHalfLife is how long a person's last activity keeps half its weight in the account's engagement.
	recencyHalfLife = 30 * 24 * time.Hour
	// MaxPeople is how many people of an account count: those with the most weight.
	MaxPeople = 200
	// maxRated is how many people are told when the rating moved: those with the most weight.
	maxRated = 50
	// TimerRating is the timer of an account: its rating may have fallen so far that its people are to be told.
	TimerRating = "rating"
)

// Account is what is known of the engagement of an account's people. It changes by Engaged and Look alone.
type Account struct {
	// People by lead, in order. Of one who left it is remembered when.
	People []Person
	// Told is the rating that the people were told last.
	Told Micros
	// Looked is the latest time at which it was looked at.
	Looked int64
}

// Person is what a lead told its account.
type Person struct {
	Lead string
	// Micros is its engagement then, 0 for one who left.
	Micros Micros
	LastAt int64
	// Number of the telling: the highest holds.
	Number int64
}

// weight gives what a person's engagement counts for at a time: half as much 30 days after they were last active.
func (p *Person) weight(at int64) Micros {
	return Decayed(p.Micros, time.Duration(at-p.LastAt), recencyHalfLife)
}

// Rating is how engaged an account is as a whole.
type Rating struct {
	Account string
	Micros  Micros
	// People who were counted.
	People int32
	At     int64
}

// sum adds up the people's weights.
func (a *Account) sum(at int64) (sum Micros, people int32) {
	for i := range a.People {
		if p := &a.People[i]; p.Micros > 0 {
			sum += p.weight(at)
			people++
		}
	}
	return sum, people
}

// Rating gives the account's engagement at a time, 0 to 100 points: the sum of engagement * 2^(-(t - last active)/30d) over
// its people, exact in micro-points.
func (a *Account) Rating(at int64) (Micros, int32) {
	sum, people := a.sum(at)
	return clamp(sum), people
}

// Engaged notes what a lead tells at a time, and gives the leads that are to be told the rating: the people with the most
// weight where it moved by 10 points or more since they were told, or else a person who is new.
func (a *Account) Engaged(p Person, now int64) (tell []string) {
	now = max(a.Looked, now)
	p.Micros, p.LastAt = clamp(p.Micros), min(p.LastAt, now)
	i, found := slices.BinarySearchFunc(a.People, p, func(x, y Person) int { return strings.Compare(x.Lead, y.Lead) })
	joined := p.Micros > 0
	switch {
	case found && a.People[i].Number >= p.Number:
		return nil
	case found:
		joined = joined && a.People[i].Micros == 0
		a.People[i] = p
	case p.Micros == 0:
		return nil // one who was not known, and left
	default:
		a.People = slices.Insert(a.People, i, p)
	}
	a.Looked = now
	if len(a.People) > MaxPeople {
		least := slices.MinFunc(a.People, a.heavier(-1))
		a.People = slices.DeleteFunc(a.People, func(x Person) bool { return x.Lead == least.Lead })
		joined = joined && least.Lead != p.Lead
	}
	if tell = a.Look(now); tell == nil && joined && a.committee() {
		tell = []string{p.Lead}
	}
	return tell
}

// committee reports whether there are people to be told of each other.
func (a *Account) committee() bool {
	_, people := a.sum(a.Looked)
	return people >= 2
}

// heavier orders people by weight when the account was last looked at: with sign 1 the most first.
func (a *Account) heavier(sign int) func(x, y Person) int {
	return func(x, y Person) int {
		return cmp.Or(sign*cmp.Compare(y.weight(a.Looked), x.weight(a.Looked)), sign*strings.Compare(x.Lead, y.Lead))
	}
}

// Look compares the rating with what the people were told, and gives those who are to be told, nil for none. One person is
// no committee: they would be told what they said themselves. So an account is rated from the second person on, and where
// people leave, down to the last.
func (a *Account) Look(now int64) (tell []string) {
	a.Looked = max(a.Looked, now)
	rating, people := a.Rating(a.Looked)
	if people < 2 && a.Told == 0 {
		return nil
	}
	if rating-a.Told < ratedStep && a.Told-rating < ratedStep {
		return nil
	}
	a.Told = rating
	all := slices.DeleteFunc(slices.Clone(a.People), func(p Person) bool { return p.Micros == 0 })
	slices.SortFunc(all, a.heavier(1))
	for i := range all[:min(len(all), maxRated)] {
		tell = append(tell, all[i].Lead)
	}
	return tell
}

// Deadline gives the first millisecond at which decay alone has taken the rating 10 points below what the people were told,
// 0 for never. All weights share a half-life h: that is h log2(S/θ) from now, and exact sums lead from there to the
// millisecond, because each weight is rounded by itself.
func (a *Account) Deadline() int64 {
	least := a.Told - ratedStep
	sum, _ := a.sum(a.Looked)
	switch {
	case least <= 0:
		return 0
	case sum <= least:
		return a.Looked
	}
	const ms = int64(time.Millisecond)
	fell := func(t int64) bool { s, _ := a.sum(t * ms); return s <= least }
	from := a.Looked / ms
	guess := from + int64(math.Log2(float64(sum)/float64(least))*float64(recencyHalfLife/time.Millisecond))
	lo, hi := max(from, guess-1), guess+1
	for step := int64(1); lo > from && fell(lo); step *= 4 {
		lo, hi = max(from, lo-step), lo
	}
	for step := int64(1); !fell(hi); step *= 4 {
		lo, hi = hi, hi+step
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; fell(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return max(hi*ms, a.Looked)
}
