// Package destination is the contract of a kind of receiver: a webhook, a CRM, a mailbox. What is due to one, and when, is
// the sender's business (package sender); a destination is handed one delivery at a time, makes the requests that its
// receiver understands, and says what came of it. It keeps no record of its own of what it has delivered: a delivery may come again
// under the same id at any time, after a crash or a lost answer, and must then find what it made and make nothing twice.
package destination

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Job is one delivery.
type Job struct {
	// ID is the webhook-id, the same on every attempt; Attempt counts from 1.
	ID      string
	Attempt int
	// Event is what happened: handoff.routed, lead.stage_changed, …
	Event string
	// Entity is the lead that it is about, or the desk; Handoff is "" where it is about none.
	Entity, Handoff string
	DueAt           time.Time
	// SeenAt is when the sender read the delivery: whatever it follows from was known before.
	SeenAt time.Time
	// One of these is set: of handoff.* and sla.* events, of lead.* events, of agreement.activated. All are nil for events
	// that have neither; their data is in Body alone.
	Payload   *routingv1.Payload
	Lead      *routingv1.LeadEvent
	Agreement *routingv1.AgreementEvent
	// Body is the JSON that a webhook is sent.
	Body []byte
	// Refs are what earlier deliveries to this destination about the same handoff, or else the same lead, left in their
	// Outcomes. They may be missing although something was made: the answer was lost.
	Refs map[string]string
	// Standing is how the handoff stands by now, nil where the delivery is about none. What is told late may be over.
	Standing *Standing
	// Told is whom this delivery was told to already: what its earlier Outcomes had there. Another process knows nothing of it.
	Told map[string]string
}

// Verdict says what is to become of a delivery.
type Verdict int

// The verdicts.
const (
	// Again: it could not be taken now; it is tried again by the schedule. The zero Outcome is one.
	Again Verdict = iota
	// Done: the receiver has it.
	Done
	// Later: the receiver asked to be left alone (a rate limit, a time of maintenance) for Outcome.After, or for as long as
	// the sender thinks best. It is no attempt, and holds for all deliveries to this destination.
	Later
	// Operator: nothing gets through until somebody acts: credentials that are not accepted, a permission or a field that is missing.
	// All deliveries to this destination wait, with an alarm; one of them tries now and then whether it was mended.
	Operator
	// Never: this delivery cannot be taken, however often it is tried; others can. It is given up, visible, and can be
	// replayed by hand.
	Never
)

// String names the verdict.
func (v Verdict) String() string {
	return [...]string{"again", "done", "later", "operator", "never"}[v]
}

// Outcome is what one attempt came to.
type Outcome struct {
	Verdict Verdict
	// Status is the last HTTP status, 0 where there was none.
	Status int
	// Reason says in our words why not: the vendor's code of an error may be part of it, what else it sent may not, for it
	// can hold personal data. "" where it is Done.
	Reason string
	// Sick says of Again that it speaks of the receiver and not of this delivery: no connection, 5xx.
	Sick bool
	// After is how long to wait at the least, 0 for as long as the sender thinks best.
	After time.Duration
	// Refs are the receiver's own ids of what was made or found. They are kept with the handoff.
	Refs map[string]string
	// For says of Later whom it holds for: everything that is due to the destination, or ForDelivery.
	For Scope
	// Group is what a delivery that is put off is gathered with: see Digester. "" where it goes by itself.
	Group string
	// Told is whom the delivery was told to: a name of the destination's own, to why it cannot be told there ("" where it was). It comes
	// back with the next attempt in Job.Told, but not after a restart.
	Told map[string]string
}

// Destination tells one receiver. It is used by several goroutines, never with two deliveries of one lead at once.
type Destination interface {
	// Deliver makes one attempt. It returns soon after ctx ends; what it then says is not counted as an attempt.
	Deliver(ctx context.Context, job *Job) Outcome
}

// Checker is a Destination whose receiver can say which fields it has. Check is called when the process starts, and when
// an operator asks: every problem is told with what would mend it. The error says that it could not be found out.
type Checker interface {
	Check(ctx context.Context) (problems []string, err error)
}

// Limit is how fast a receiver may be asked: Requests in any stretch of Per. The zero Limit is none.
type Limit struct {
	Requests int
	Per      time.Duration
}

// Type is a kind of receiver: a row of the table in package destinations.
type Type struct {
	// Name as the configuration has it: salesforce.
	Name string
	// Events that it understands, nil for every one; a configuration that names another is refused.
	Events []string
	// Fields are the defaults of the configuration's `fields`: object → the receiver's field → an expression over the
	// delivery (see package celrules in routing). nil where there are none to map.
	Fields map[string]map[string]string
	// Options are the settings of its own that it knows, with their defaults.
	Options map[string]string
	// Schemes that a URL may have, nil for http and https.
	Schemes []string
	// Default are the events that it is told of where a configuration names none, nil for all that it understands.
	Default []string
	// Defaults gives what Default is where that depends on the options, nil where it does not.
	Defaults func(options map[string]string) []string
	// Notifies: it tells people, so that quiet hours and digests can be configured.
	Notifies bool
	// Limit and Concurrency are the defaults of `rate` and `concurrency`; 0 is the service's.
	Limit       Limit
	Concurrency int
	// New checks a configuration and makes a destination of it; it starts nothing and makes no request. Errors name the
	// field below the destination: "auth.client_id: is missing".
	New func(Config, Deps) (Destination, error)
}

// Config is one destination as it is configured, defaults filled in.
type Config struct {
	Name, Type string
	// URL of the receiver, or of the vendor's API where that is not always the same: checked, without user and fragment, no slash at its end.
	URL string
	// Secrets sign what is sent, the newest first.
	Secrets []string
	Auth    Auth
	Options map[string]string
	// Fields by object, the defaults and what the configuration put in their place; never nil.
	Fields map[string]Fields
	Events []string
	Quiet  Quiet
	Digest Digest
}

// Auth is how to be let in. Each type says which of them it needs and refuses the others.
type Auth struct {
	// Token is a fixed API token or key.
	Token string
	// OAuth 2.0. TokenURL is the endpoint that gives tokens, "" for the vendor's.
	ClientID, ClientSecret, RefreshToken, TokenURL, Scope string
	// PrivateKey in PEM signs assertions for User (RFC 7523).
	PrivateKey, User string
	Password         string
	// Database of an installation that has several (Odoo), Tenant of a cloud (Microsoft).
	Database, Tenant string
}

// Deps is what a destination works with.
type Deps struct {
	// Client makes the requests. It follows no redirect, reaches public addresses alone (or those that the configuration
	// allows), and has a time limit for each request.
	Client *http.Client
	Now    func() time.Time
	Log    *slog.Logger
	// Text and HTML give a handoff's brief for people; Subject is its line in lists.
	Text, HTML, Subject func(*routingv1.Payload) string
	// Notify is what those need who tell people.
	Notify Notify
}

// Fields maps a delivery to one object of a receiver: its field → where the value comes from.
type Fields map[string]Expression

// Expression gives a value from what a delivery holds: a string, bool, int64, float64, or []any and map[string]any of them. ok is false
// where it is not known: the field is then left out of the request, and never emptied.
type Expression interface {
	Value(vars Variables) (value any, ok bool)
}

// Variables are what expressions see: handoff, lead, account, owner, score, brief and sla as in the body of a webhook, change (from, to,
// reason, epoch) of a lead's event, and event, its name; each is absent where the delivery has none.
type Variables map[string]any

// Values gives an object's fields. Those whose value is not known are left out.
func (f Fields) Values(vars Variables) map[string]any {
	out := make(map[string]any, len(f))
	for name, e := range f {
		if v, ok := e.Value(vars); ok {
			out[name] = v
		}
	}
	return out
}
