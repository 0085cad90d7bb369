// Package table holds what every metric is counted from: one row of fixed size for each lead and epoch, and one for each deal. Rows are
// replaced when something about them changes, and scanned when something is asked: so any window, segment and cohort is
// exact, a late or corrected fact counts where it belongs, and an event costs the same however many leads there are.
package table

// Time is milliseconds since 1970, UTC; 0 is never, or not known.
type Time = int64

// Sym is a name in a Names: equal names are equal symbols. 0 is "", not known.
type Sym uint32

// Row is one epoch of one lead, 152 bytes. A lead that merged into another has no rows of its own: the other's have its facts.
type Row struct {
	// Lead is a number that the table gives to each lead; see Table.LeadID.
	Lead  uint32
	Epoch uint16
	// Stage is where the epoch is now, Furthest the stage on the way to won that it or an earlier epoch of the lead reached.
	Stage, Furthest Stage

	// First is when the lead was first seen; the same on all its rows.
	First Time
	// When the epoch first entered each stage on the way to won.
	Entered [WayStages]Time
	// Ended is when it last entered lost, recycled or disqualified; the flags tell which of them it ever entered.
	Ended Time
	// Contacted is when sales first reached out to the lead in this epoch: a rep's `contacted`, a call that was logged.
	Contacted Time

	// How the lead first came; the same on all its rows.
	Source, Channel, Campaign Sym
	// Who it is: the account's id, the country (ISO 3166-1 alpha-2, upper case), the industry, the persona; as of qualifying.
	Account, Country, Industry, Persona Sym
	// Who has or had it, their team, and the route that led there.
	Rep, Team, Route Sym
	// Rule is the qualify rule that held; Rules names the set of engagement and fit rules that contributed, see Names.Set.
	Rule, Rules Sym
	// Reason that sales gave: of a rejection, a recycling, a disqualification. With a sub-reason it is id/sub.
	Reason Sym
	// Version of the agreement under which it qualified.
	Version uint16
	// Size is a band of head count; Grade is 1 (a) to 4 (d), 0 where it never qualified; Fit and Engagement are in points, as
	// of qualifying, rounded down.
	Size            SizeBand
	Grade           uint8
	Fit, Engagement uint8
	Flags           Flags
	// Reassigns counts how often it went to another rep.
	Reassigns uint8
}

// Stage of a row. NoStage is none; those on the way to won are indexes into Row.Entered.
type Stage int8

// The stages, in the order of the way to won; the ends beside it follow.
const (
	NoStage Stage = iota - 1
	Inquiry
	MQL
	Routed
	Accepted
	SQL
	Opportunity
	Won
	Lost
	Recycled
	Disqualified
	// Other is a stage that this version does not know.
	Other
)

// WayStages is how many stages are on the way to won.
const WayStages = int(Won) + 1

// Flags of a row.
type Flags uint16

// The flags.
const (
	// WonBeforeSeen: a deal was won before the lead was first seen. It counts as won after no
	// time at all; no negative duration is taken from it.
	WonBeforeSeen Flags = 1 << iota
	// AcceptBreached and ContactBreached: the promise was broken.
	AcceptBreached
	ContactBreached
	// Rejected: sales rejected it; Fixable: for a reason that marketing can mend.
	Rejected
	Fixable
	// History: the epoch is known from loaded history alone.
	History
	// WasLost, WasRecycled and WasDisqualified: the epoch entered that stage, wherever it is now.
	WasLost
	WasRecycled
	WasDisqualified
)

// SizeBand is a band of head count.
type SizeBand uint8

// The bands: up to 10, 50, 200, 1000, 5000, and above. NoSize is not known.
const (
	NoSize SizeBand = iota
	UpTo10
	UpTo50
	UpTo200
	UpTo1000
	UpTo5000
	Above5000
)

// Deal is one opportunity, however many leads are on it, 112 bytes.
type Deal struct {
	// ID is the CRM's id of the deal, after its source and a slash: ids of two CRMs are two deals.
	ID Sym
	// Lead is the number of the primary lead (the one that was on it first), Epoch the epoch that the deal was opened in; Leads
	// is how many are on it.
	Lead  uint32
	Epoch uint16
	Leads uint16
	// Status as the CRM last said by its own clock; ChurnedAt and the renewals are beside it: a deal that was won may churn.
	Status  DealStatus
	Opened  Time
	Closed  Time
	Churned Time
	// Renewed is the latest renewal; Renewals counts them.
	Renewed  Time
	Renewals uint16
	// Amount in micro-units of Currency (ISO 4217), as last stated; HasAmount tells zero from not stated.
	Amount    int64
	Currency  Sym
	HasAmount bool
	// Stage is the CRM's own name of it, Reason why it was lost.
	Stage, Reason Sym
	Owner, Team   Sym
	Account       Sym
	// How the primary lead first came, and its persona.
	Source, Channel, Campaign, Persona Sym
}

// DealStatus is how a deal stands.
type DealStatus uint8

// The states of a deal.
const (
	DealOpen DealStatus = iota
	DealWon
	DealLost
)
