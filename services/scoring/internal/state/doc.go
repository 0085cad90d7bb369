// Package state stores leads: it writes core.Lead as the bytes of a baton.scoring.v1.LeadState and reads them back. Both
// ways are written by hand, field by field, because every event of every lead goes through them: reading shares one copy of
// the text, writing is one growing buffer. Tests hold them against the generated code.
package state

// Format is the version of the stored form. A store that was written in another one is folded again from the journal.
const Format = "4"

// Indexed is what the store's indexes hold of a lead, so that a change can take the old entry out.
type Indexed struct {
	Stage string
	// LastMs orders the stage's index.
	LastMs int64
	// Micros orders the index by score.
	Micros int64
	// Known: the lead is in the indexes at all.
	Known bool
	// Account id, and the domain or name it was made from.
	Account, AccountOf string
	Ownerless          bool
	QuarantinedMs      int64
	// Held: the lead is in the index of held ones.
	Held bool
}

// Beside is what is stored with a lead and is none of the rules' business.
type Beside struct {
	Indexed Indexed
	// QuarantinedAt is when the newest quarantine record on the lead's subject was made.
	QuarantinedAt int64
}
