package core

// Fact is something that a lead decided: one of the types below.
type Fact interface{ fact() }

// StageMove moves the lead's epoch to another stage.
type StageMove struct {
	From, To, Reason, Handoff, Highest string
	Epoch                              int32
	// At is when it happened in the world, Now when it was decided.
	At, Now int64
	// Deal that caused it, nil for none.
	Deal *Deal
	// History: it follows from loaded history, and is nobody's news.
	History bool
}

// restates reports that the lead stays where it is: only how it came is stated again.
func (m *StageMove) restates() bool { return m.From == m.To }

// Qualification says that the lead is ready for sales.
type Qualification struct {
	Epoch         int32
	Handoff, Rule string
	Version       int32
	Score         Score
}

// BandChange says that the engagement score crossed a band.
type BandChange struct {
	From, To        string
	Engagement, Fit Micros
	// History: it follows from loaded history, and is nobody's news.
	History bool
}

// Join says that this lead is the other from here on: everything it knows goes there.
type Join struct {
	Into string
	// Event that carried both identifiers, and its Source.
	Event, Source string
}

// Tell tells a lead that another identifier is the same person's.
type Tell struct {
	// Lead is told of To.
	Lead, To string
	// As of the Link that it becomes.
	Unproven, Joined bool
	// Event that carried both identifiers, and its Source.
	Event, Source string
}

// PassOn passes the event on to the lead that this one was absorbed into.
type PassOn struct{ To string }

func (*StageMove) fact()     {}
func (*Qualification) fact() {}
func (*BandChange) fact()    {}
func (*Join) fact()          {}
func (*Tell) fact()          {}
func (*PassOn) fact()        {}
