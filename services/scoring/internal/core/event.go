package core

// Event is one event as scoring reads it. Exactly the members that belong to its Type are set; what is absent is unknown.
type Event struct {
	// ID is the sender's id, unique per Source.
	ID, Source, Type string
	// Name of a custom event.
	Name string
	// At is when it happened.
	At int64
	// Now is the clock of every decision about it.
	Now int64
	// Fact says that it was decided rather than sent; Passed, that it is another lead's, passed on to this one.
	Fact, Passed bool
	// Automated is a scanner's or bot's doing.
	Automated bool
	// AutomatedBecause says why, "" where that is not stated.
	AutomatedBecause string
	// History: loaded from records of before Baton. It is no reason to hand the lead over.
	History bool
	// Title of a page.
	Title                                   string
	Channel, Campaign, Asset, URL, Referrer string
	// Message is what a sender calls the message that a mail event is about, "" for no name.
	Message string
	// Content is what the catalogue says of the asset, as of the event's place in the log.
	Content Asset
	// Email, UserID, AnonymousID and External are whom it is about.
	Email, UserID, AnonymousID string
	// External ids, and Traits and account attributes by their field names (see profile.go), in any order.
	Known []Value
	// Purposes of a consent statement and what was said of each.
	Purposes []Purpose

	Deal   *DealFact
	Link   *Link
	Part   *Lead // of an absorbed lead
	Parts  int   // how many parts there are
	PartNo int   // which one Part is, from 0
	Merged string
	Joined Joined // of Merged
	// Answers: Part is what a lead knows by itself, asked for under this number; 0 where it is absorbed.
	Answers int32
	Asked   *Question
	Split   *SplitRequest
	Left    *Left
	// About is the handoff that a rep's answer is about.
	About    string
	Moved    *StageMove
	Band     *BandChange
	Shadow   *ShadowQualification
	Handed   *HandedOver
	Answered *Answer
	Timer    string
	Rated    *Rating

	// Raw is the event as it stands in the journal, for expressions that look at its properties.
	Raw any
}

// Value is one thing that an event says of a person or an account.
type Value struct{ Name, Value string }

// Purpose is what a person said about one use of their data.
type Purpose struct{ Purpose, Decision string }

// DealFact is what a CRM says of an opportunity.
type DealFact struct{ ID, Amount, Currency, Reason string }

// Link says that another identifier was seen together with this lead's.
type Link struct {
	To string
	// Stronger: the other lead outranks this one. Lasting: the other is a person rather than a device.
	Stronger, Lasting bool
	// Unproven: whoever says so cannot prove it. A lead that is joined already does not hear of it.
	Unproven bool
	// Peer: the two are peers, and either may be the one that joins. Joined: the other has joined somebody already,
	// and To is whom.
	Peer, Joined bool
	// Event that carried both, and its Source.
	Event, Source string
}

// HandedOver is what routing says of a handoff: a rep has it now, or (Recalled) nobody any more.
type HandedOver struct {
	Handoff, Rep, Account, Reason string
	Recalled                      bool
}

// Answer is what became of a rep's disposition.
type Answer struct {
	Handoff, Disposition, Stage, Reason string
	WakeAt                              int64
	WakeOn                              string
}

// class says what an event means to a lead, by its type.
type class uint8

const (
	// engagement: the lead did something. Types nobody knows yet are taken for this.
	engagement class = iota
	// mailing: something was sent to the lead. It can be scored but is nobody's doing.
	mailing
	// profile: it says who the lead is.
	profile
	// deal: a CRM says how far an opportunity came.
	deal
	// machinery of Baton: it says nothing of the lead by itself.
	machinery
)

func classOf(eventType string) class {
	switch eventType {
	case "email_sent", "email_delivered", "email_bounced":
		return mailing
	case "identified", "consent_changed":
		return profile
	case "deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed":
		return deal
	case "accepted", "rejected", "contacted", "recycled", "disqualified", "sql", "reassign_requested", "declined",
		historyReleased, "linked", "absorbed", "merged_into", "split_requested", "split_off", "knowledge_asked", "stage_changed", "qualified", "score_band_changed", "shadow_qualified",
		"account_engaged", "account_rated",
		"matched", "assigned", "waiting", "routed", "reassigned", "recalled", "answered", "closed",
		"delivery_due", "delivered", "delivery_failed", "replay_requested", "sla_breached", "escalated",
		"pause_requested", "resume_requested", "held", "resumed",
		"quarantined", "quarantine_released", "poll_progressed", "attributed", "proposal", "timer_fired":
		return machinery
	}
	return engagement
}

// ofLead reports whether the event says something of the lead: what is folded, scored and remembered.
func (e *Event) ofLead() bool { return classOf(e.Type) != machinery }
