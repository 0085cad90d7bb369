package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Answer is one thing that a rep says of a handoff. Do is the last part of the API's path.
type Answer struct {
	// After the answer before it, or after the handoff arrived.
	After        time.Duration
	Do           string
	Reason, Note string
}

// Deal is what a CRM later says of an opportunity.
type Deal struct {
	ID, Amount, Currency string
	// Won, Lost, or neither: still open.
	Won, Lost bool
	Reason    string
}

// Story is what sales makes of a lead that is handed over: decided beforehand, so that the same seed tells the same story
// whoever gets the lead.
type Story struct {
	Answers []Answer
	Deal    *Deal
}

// newStory decides what becomes of the n-th lead. Few reasons, each of which fits who the lead is.
func newStory(rng *rand.Rand, n int, l *Lead) Story {
	soon := func() time.Duration { return time.Duration(60+rng.IntN(500)) * time.Millisecond }
	answer := func(do, reason, note string) Answer { return Answer{After: soon(), Do: do, Reason: reason, Note: note} }
	small := l.Company.Employees < 40

	switch {
	case l.Title == "Business Student":
		return Story{Answers: []Answer{answer("reject", "no-fit/role", "writes a thesis")}}
	case l.Title == "Independent Consultant" && chance(rng, 50):
		return Story{Answers: []Answer{answer("reject", "competitor", "advises another vendor")}}
	case small && chance(rng, 45):
		return Story{Answers: []Answer{answer("reject", "no-fit/size", "two people would share it")}}
	case chance(rng, 5):
		return Story{Answers: []Answer{answer("reject", "bad-data", "the number belongs to another company")}}
	case chance(rng, 9):
		return Story{} // nobody has come to it yet
	}
	s := Story{Answers: []Answer{answer("accept", "", "")}}
	if chance(rng, 8) {
		return s // accepted, not reached yet
	}
	s.Answers = append(s.Answers, answer("contact", "", "spoke for ten minutes"))
	if chance(rng, 36) {
		why := pick(rng, []weighted[Answer]{
			{Answer{Reason: "timing", Note: "the budget year starts in spring"}, 4},
			{Answer{Reason: "no-budget", Note: "nothing left this year"}, 3},
			{Answer{Reason: "unreachable", Note: "three calls, two mails"}, 2},
		})
		s.Answers = append(s.Answers, answer("recycle", why.Reason, why.Note))
		return s
	}
	s.Answers = append(s.Answers, answer("qualify", "", "has the problem, the money and a date"))
	if chance(rng, 30) {
		return s
	}
	seats := max(5, min(l.Company.Employees/12, 120))
	s.Deal = &Deal{ID: fmt.Sprintf("d-%d", 7000+n), Amount: fmt.Sprintf("%d.00", 240*seats), Currency: "EUR"}
	switch outcome := rng.IntN(100); {
	case outcome < 45:
		s.Deal.Won = true
	case outcome < 70:
		s.Deal.Lost, s.Deal.Reason = true, oneOf(rng, []string{"price", "chose another vendor", "no decision"})
	}
	return s
}
