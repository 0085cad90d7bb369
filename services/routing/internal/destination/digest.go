package destination

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/services/routing/internal/core"
)

// Scope says whom an outcome holds for.
type Scope string

// ForDelivery lets Later hold for the delivery alone: it is put off until Outcome.After has passed. Deliveries of the same lead go past it
// meanwhile, so that what is urgent is not kept by what is not. It is no attempt, and is not written down: after a restart the
// destination is asked again.
const ForDelivery Scope = "delivery"

// Digester is a Destination that tells several deliveries in one message.
type Digester interface {
	Destination
	// DeliverAll makes one attempt with deliveries that were put off in the same group and whose moment has come: one at the
	// least, MaxGathered at the most. It gives an outcome for each, in their order.
	DeliverAll(ctx context.Context, group string, jobs []*Job) []Outcome
}

// MaxGathered is how many deliveries one message tells of at the most.
const MaxGathered = 50

// Tester is a Destination that can send a sample.
type Tester interface {
	// Test sends a message that says that it is none to somebody whom the destination could tell in earnest: a rep's id, an address of the
	// configuration, or "" where there is no choice. An outcome that is Never may name what is wrong with to.
	Test(ctx context.Context, to string) Outcome
}

// Standing is how a handoff stands when a delivery about it is rendered.
type Standing struct {
	// Stage by now, and the rep whose it is, "" where nobody has it.
	Stage, Rep string
	// Assignment is the one that the event is about, counted from 0, Current the one in force; -1 for none.
	Assignment, Current int
	// Elapsed: the clock that runs passes nights and weekends, too.
	Elapsed bool
}

// Quiet is when nobody is to be told: the zero Quiet never.
type Quiet struct {
	// Outside is "working" for outside of a rep's working time, or "".
	Outside string
}

// Digest gathers what is due to somebody into one message, at the end of every stretch of Every, or once a day At, as 08:30
// on the recipient's clock. The zero Digest gathers nothing.
type Digest struct {
	Every time.Duration
	At    string
}

// Notify is what a destination needs that tells people.
type Notify struct {
	// Directory gives the one in force, at most a second old and none of before a moment; its error says that it cannot be read now.
	Directory func(ctx context.Context, since time.Time) (*core.Directory, error)
	// Link gives the address at which a rep answers a handoff in one of its assignments, "" where none can be made: there is no public
	// address.
	Link func(handoff, rep string, assignment int, action links.Action, expires time.Time) string
	// PublicURL is where people reach the JSON API, "" where they do not.
	PublicURL string
	// Dial makes a connection that is no HTTP, to the same addresses as Client.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS verifies servers; nil with the machine's authorities.
	TLS *tls.Config
}
