// Package sender is what a kind of sender is to ingest: how it proves who it is, how its payload becomes events, and what
// answer it understands. Adding one means a folder below senders and a row in its table.
package sender

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Config is one source as configured, checked by its type's New.
type Config struct {
	Name     string
	WriteKey string
	// Trusted: the write key is known to the operator's own servers alone.
	Trusted bool
	Secrets []string
	// VerifyToken is what a sender that asks before it sends is to name.
	VerifyToken string
	// Map gives the event type for a sender's own event name.
	Map map[string]string
	// Stages gives the event type for the stages of a CRM's deals and leads, over the type's own Stages.
	Stages map[string]string
	// Accounts of the sender whose events are taken (a CRM's organisation, a platform's portal); none: all.
	Accounts []string
	// Signature, Mapping and Poll are of types that are configured so; nil where not given.
	Signature *Signature
	Mapping   *Mapping
	Poll      *Poll
	// MaxEvent is the largest event, in bytes, and MaxEvents the most of one request.
	MaxEvent  int
	MaxEvents int
	// Rate is how many events a second are taken; 0 is no limit. It is kept by the edge; some senders want to be told.
	Rate float64
}

// Request is what came in, its body whole and decompressed, nothing of it looked at.
type Request struct {
	Method string
	// URL as the sender called it, from https:// to the end of the query: some sign it.
	URL string
	// Token is what stands behind the source's name in the path, "" for nothing; Query what stands behind the question mark.
	Token  string
	Query  url.Values
	Header http.Header
	Body   []byte
	// Local: it came from this machine, and no proxy says otherwise.
	Local bool
	Now   time.Time
}

// Delivery is a verified request. It holds all that Decode may depend on, so that a quarantined one can be decoded again.
type Delivery struct {
	// ID is the sender's id of this delivery, the same on every attempt; "" if it has none.
	ID string
	// Call is what was called, for senders with several: track, batch.
	Call        string
	ContentType string
	// Header has what the type's Keep keeps, by lower-case name. A value is valid UTF-8.
	Header   map[string]string
	Body     []byte
	Received fact.Received
}

// Item is one event of a delivery, or what is wrong with it.
type Item struct {
	// Index counts the delivery's events from 0.
	Index int
	// Single: the delivery is this event, not a list.
	Single bool
	Fact   fact.Fact
	Errors fact.Errors
	// Ignored says why the event is none for Baton although it was understood: it is about no person, or says nothing. It is
	// counted and not kept. "" for all others.
	Ignored string
	// ID is the event's, as far as it is known although it could not be read; for the quarantine.
	ID string
	// Raw is the event as it stands in the body. It is void once the request is answered.
	Raw []byte
}

// Sender speaks with one configured source. It is used by several goroutines.
type Sender interface {
	// Verify decides whether the request comes from the source, before anything is parsed. The error's text is shown to the
	// caller; ErrForbidden marks what no signature would mend.
	Verify(r *Request) (deliveryID string, err error)
	// Decode gives the delivery's events in order. yield's error ends it and is returned. *Unreadable is returned only before
	// the first yield: the body as a whole makes no sense. What is given to yield is the receiver's, apart from Raw.
	Decode(d *Delivery, yield func(Item) error) error
}

// Greeter is a sender that asks before it sends: it has its endpoint prove something, or looks whether anybody is there.
type Greeter interface {
	// Greet answers a GET, a HEAD or an OPTIONS. The error's text is shown to the caller, as Verify's is.
	Greet(r *Request) (Greeting, error)
}

// Greeting is the answer to such a question.
type Greeting struct {
	Status int
	// Header, Content-Type among them.
	Header map[string]string
	Body   []byte
}

// ErrForbidden marks a request that is refused for where it comes from.
var ErrForbidden = errors.New("forbidden")

// Unreadable says why a body as a whole makes no sense.
type Unreadable struct{ Errors fact.Errors }

func (u *Unreadable) Error() string { return u.Errors.Error() }

// Path tells where a type's senders post.
type Path int

// The paths.
const (
	// Webhooks: POST /webhooks/{source}.
	Webhooks Path = iota
	// Tracking: POST /v1/{call}, the source found by its write key.
	Tracking
)

// Refused is what becomes of a verified payload that cannot be read.
type Refused int

const (
	// Answer tells the sender: it wants to know, and does not send the same again for ever.
	Answer Refused = iota
	// Quarantine keeps it, visible and replayable, and acknowledges: the sender would only repeat it, or give up.
	Quarantine
)

// Unavailable is what a sender is told while the journal cannot be written.
type Unavailable int

const (
	// Retry answers 503 with Retry-After: the sender comes again.
	Retry Unavailable = iota
	// Hold keeps trying while the sender waits, and then drops the connection: to this sender any answer means delivered.
	Hold
)

// Rules is how a type's senders want to be answered.
type Rules struct {
	Refused     Refused
	Unavailable Unavailable
	// Reply gives the status and body once everything acceptable is in the journal.
	Reply func(Result) (status int, body []byte)
	// ReplyType is the Content-Type of Reply's body; "" is application/json.
	ReplyType string
}

// Result is what became of a delivery.
type Result struct {
	Accepted, Duplicates, Quarantined, Ignored int
	// Rejected tells of at most MaxRejected events; RejectedCount counts all.
	Rejected      []Rejection
	RejectedCount int
	// Sequence of the last accepted event, 0 if there is none.
	Sequence uint64
}

// MaxRejected bounds how many rejected events one answer tells of.
const MaxRejected = 1000

// Rejection is one event that was refused, and why.
type Rejection struct {
	Index  int         `json:"index"`
	Errors fact.Errors `json:"errors"`
}

// Type is a row of the table.
type Type struct {
	Name  string
	Path  Path
	Rules Rules
	// Token: its senders may carry a secret in the address, /webhooks/{source}/{token}. They can do no better.
	Token bool
	// Keep tells which headers, by lower-case name, Decode looks at; nil is none.
	Keep func(name string) bool
	// Stages are the CRM's own stages and the event types that they mean where the source does not say; nil for senders
	// without any.
	Stages map[string]string
	// Open: the signature is of a platform that passes on what was said with a write key, which is public: it is believed like
	// one, unless the source is trusted.
	Open bool
	// Mapped: what its sources sign and send is configuration. Polled: its sources may be asked for their events.
	Mapped, Polled bool
	// New makes the sender of a source. It refuses a configuration that cannot work, naming the field and the reason.
	New func(Config) (Sender, error)
}

// TrackingAPI is how a request to /v1 is read before its source is known.
type TrackingAPI struct {
	// Call gives the call that the path's last element stands for, "" if it is none.
	Call func(path string) string
	// WriteKey finds the write key in a body, "" if there is none. Nothing of the body has been checked but its size.
	WriteKey func(body []byte) string
}

// CheckMap checks that a map, the setting of a name, leads to event types that there are.
func CheckMap(setting string, m map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if t := m[name]; core.ClassOf(t) == core.Unknown {
			return fmt.Errorf("%s: %q: %q is not a known type; the nearest is %q", setting, name, t, core.Nearest(t))
		}
	}
	return nil
}

// Limits of one event's JSON.
func Limits() strictjson.Limits {
	return strictjson.Limits{Depth: 32, Keys: 10_000, Values: 20_000, Digits: 64}
}

// TooLarge gives the error of an event beyond the limit, nil below it.
func TooLarge(size, limit int) fact.Errors {
	if size <= limit {
		return nil
	}
	return fact.Errors{{Reason: "the event has " + strconv.Itoa(size) + " bytes, at most " + strconv.Itoa(limit) + " are taken"}}
}
