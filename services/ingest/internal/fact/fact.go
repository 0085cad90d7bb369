// Package fact turns what senders say into events of the journal: checked, normalised, and with everything that was said
// kept. It knows the vocabulary and our own event form; other forms are built with a Builder by their senders.
package fact

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const (
	// MaxID is the longest id of an event or identifier of a person, in characters.
	MaxID = 256
	// MaxExternalIDs is how many systems may name one person.
	MaxExternalIDs = 16
	// maxName is the longest name of a custom event or of a system, in characters.
	maxName = 256
	// maxErrors is how many things wrong with one event are told.
	maxErrors = 16
)

// TypeLinked is the type of the fact that two identifiers name one person. An alias is one.
const TypeLinked = "linked"

// Fact is one event that a sender stated, complete but for its address.
type Fact struct {
	// Event has everything but Entity. Its strings are copies: nothing of the request is kept.
	Event *journalv1.Event
	// Lead is the lead of the handoff that the event is about; "" where it is about none.
	Lead string
	// Previous is, for an alias, the id that the person had before: a user id or an anonymous id, the sender does not say.
	Previous string
	// Unproven: the ids that stand on it come from a stranger's hand (a form that anybody fills in), whoever signed it.
	Unproven bool
}

// FieldError says what is wrong with one field of an event, in words for whoever sends it. It never holds a value that
// could be personal.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Errors is what is wrong with one event, at most 16 entries.
type Errors []FieldError

// Error joins the errors.
func (e Errors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Reason
		if f.Field != "" {
			parts[i] = f.Field + ": " + f.Reason
		}
	}
	return strings.Join(parts, "; ")
}

// Fault gives the error of a text that is not acceptable JSON.
func Fault(err error) Errors {
	var f *strictjson.Fault
	if errors.As(err, &f) {
		whole := *f
		whole.Path = ""
		return Errors{{Field: f.Path, Reason: whole.Error()}}
	}
	return Errors{{Reason: err.Error()}}
}

// Received is the moment of a request's receipt, shared by its events.
type Received struct {
	Time  time.Time
	stamp *timestamppb.Timestamp
	// agents knows programs, nil for nobody.
	agents Agents
}

// At gives the receipt at a moment.
func At(t time.Time) Received { return Received{Time: t, stamp: timestamppb.New(t)} }

// slab holds the parts of one event in one piece of memory: they are made and let go together.
type slab struct {
	event    journalv1.Event
	identity journalv1.Identity
	traits   journalv1.Traits
	account  journalv1.Account
	touch    journalv1.Touch
	occurred timestamppb.Timestamp
	texts    [12]string
	used     int
}

func (s *slab) text(v string) *string {
	if s.used == len(s.texts) {
		return &v
	}
	p := &s.texts[s.used]
	s.used++
	*p = v
	return p
}

// Builder puts one event together. Its methods note what is wrong instead of failing, so that a sender is told all of it at
// once. A strict builder refuses what it cannot read; a loose one, for trackers that throw refused events away, leaves
// it where it was sent (properties, other) and goes on.
type Builder struct {
	loose    bool
	at       string
	received Received
	slab     *slab
	errs     Errors
	lead     string
	previous string
	unproven bool
	// said are properties that the sender has other names or places for.
	said []word
}

type word struct{ name, text string }

// NewBuilder starts an event of a source. Names of fields in errors start with at.
func NewBuilder(source string, received Received, loose bool, at string) *Builder {
	b := &Builder{loose: loose, at: at, received: received, slab: &slab{}}
	b.slab.event.Source = source
	b.slab.event.ReceivedAt = received.stamp
	return b
}

// Refuse notes what is wrong with a field: the first thing that is.
func (b *Builder) Refuse(field, reason string) {
	field = b.at + field
	if len(b.errs) == maxErrors || slices.ContainsFunc(b.errs, func(e FieldError) bool { return e.Field == field }) {
		return
	}
	b.errs = append(b.errs, FieldError{Field: field, Reason: reason})
}

// ID sets the event's id, by which a repeat is recognised.
func (b *Builder) ID(field, id string) {
	switch {
	case id == "":
		b.Refuse(field, "is required: by it a repeated event is recognised")
	case utf8.RuneCountInString(id) > MaxID:
		b.Refuse(field, "has more than 256 characters")
	default:
		b.slab.event.Id = id
	}
}

// Type sets the event's type, one of the vocabulary.
func (b *Builder) Type(field, eventType string) {
	switch {
	case eventType == "":
		b.Refuse(field, "is required")
	case core.ClassOf(eventType) == core.Unknown:
		b.Refuse(field, `"`+strictjson.Printable(eventType, 64)+`" is not a known type; the nearest is "`+core.Nearest(eventType)+
			`", and "custom" with a name takes anything else`)
	default:
		b.slab.event.Type = eventType
	}
}

// Name sets what a custom event is called.
func (b *Builder) Name(field, name string) {
	if utf8.RuneCountInString(name) > maxName {
		b.Refuse(field, "has more than 256 characters")
		return
	}
	b.slab.event.Name = name
}

// Occurred sets when it happened. stated is what the sender said, corrected the same by our clock. What cannot be is put at
// the receipt by a loose builder, and refused by a strict one. What was stated otherwise than it is taken is kept.
func (b *Builder) Occurred(field string, stated, corrected time.Time) {
	occurred := core.Occurred
	if b.slab.event.History {
		occurred = core.OccurredInHistory
	}
	at, err := occurred(corrected, b.received.Time)
	if b.loose && err != nil {
		at, err = b.received.Time, nil
	}
	if err != nil {
		b.Refuse(field, err.Error())
		return
	}
	b.occurred(at)
	if !at.Equal(stated) && stated.Year() <= 9999 && stated.Year() >= 1 {
		b.slab.event.StatedAt = timestamppb.New(stated)
	}
}

func (b *Builder) occurred(at time.Time) {
	b.slab.occurred.Seconds, b.slab.occurred.Nanos = at.Unix(), int32(at.Nanosecond())
	b.slab.event.OccurredAt = &b.slab.occurred
}

// identified gives the event's identity, to be filled.
func (b *Builder) identified() *journalv1.Identity {
	b.slab.event.Identity = &b.slab.identity
	return &b.slab.identity
}

// Email sets the address; "" says nothing.
func (b *Builder) Email(field, email string) {
	if email == "" {
		return
	}
	normal, ok := identity.NormalizeEmail(email)
	if !ok {
		if !b.loose {
			b.Refuse(field, "is not an e-mail address")
		}
		return
	}
	b.identified().Email = normal
}

// HasEmail reports whether an address has been set.
func (b *Builder) HasEmail() bool { return b.slab.identity.Email != "" }

// UserID sets the id that the sender's own system knows the person by; "" says nothing.
func (b *Builder) UserID(field, id string) {
	if b.names(field, id) {
		b.identified().UserId = id
	}
}

// AnonymousID sets the id of the person's device; "" says nothing.
func (b *Builder) AnonymousID(field, id string) {
	if b.names(field, id) {
		b.identified().AnonymousId = id
	}
}

// ExternalID adds the id that another system knows the person by; "" says nothing.
func (b *Builder) ExternalID(field, system, id string) {
	if !b.names(field, id) {
		return
	}
	system = strings.ToLower(strings.TrimSpace(system))
	ids := b.identified()
	switch _, twice := ids.ExternalIds[system]; {
	case system == "":
		b.Refuse(field, "the system has no name")
	case utf8.RuneCountInString(system) > maxName:
		b.Refuse(field, "the system's name has more than 256 characters")
	case twice:
		b.Refuse(field, "the system is named twice: upper and lower case mean the same")
	case len(ids.ExternalIds) == MaxExternalIDs:
		b.Refuse(field, "more than 16 systems")
	default:
		if ids.ExternalIds == nil {
			ids.ExternalIds = make(map[string]string, 1)
		}
		ids.ExternalIds[system] = id
	}
}

// Say states one of our properties (form, campaign, deal_id, amount, …) for a sender that has another name or place for it,
// before Properties is called. What is said so counts above what the properties hold under that name; "" says nothing.
func (b *Builder) Say(name, text string) {
	if text = strings.TrimSpace(text); text != "" {
		b.said = append(b.said, word{name, text})
	}
}

// word gives one of our properties: as said, or as it stands in v.
func (b *Builder) word(v strictjson.Value, name string) string {
	if s := b.saidWord(name); s != "" {
		return s
	}
	return text(v.Get(name))
}

func (b *Builder) saidWord(name string) string {
	for _, w := range b.said {
		if w.name == name {
			return w.text
		}
	}
	return ""
}

// Consent states a decision (granted, denied, withdrawn, objected) on a purpose, for an event of type consent_changed. It
// must be called before Properties.
func (b *Builder) Consent(purpose, decision string) {
	b.Say(consentWord+strings.ToLower(purpose), decision)
}

const consentWord = "consent:"

// Unproven says that the ids come from a stranger's hand, such as the hidden fields of a form, which stand in its address:
// they do not join people that are known already.
func (b *Builder) Unproven() { b.unproven = true }

// Automated marks what a scanner or a bot did, and why it is taken for that.
func (b *Builder) Automated(because string) {
	b.slab.event.Automated = true
	if b.slab.event.AutomatedBecause == "" {
		b.slab.event.AutomatedBecause = because
	}
}

// Alias makes the event say no more than that two ids are one person's.
func (b *Builder) Alias() { b.slab.event.Type = TypeLinked }

// Previous sets the id that an alias replaces.
func (b *Builder) Previous(field, id string) {
	if b.names(field, id) {
		b.previous = id
	}
}

// names reports whether an identifier can name somebody.
func (b *Builder) names(field, id string) bool {
	switch {
	case id == "":
	case utf8.RuneCountInString(id) > MaxID:
		b.Refuse(field, "has more than 256 characters")
	case core.Placeholder(id):
		if !b.loose {
			b.Refuse(field, "is what programs send when they have no id; leave it out")
		}
	default:
		return true
	}
	return false
}

// Finish gives the event, or what is wrong with it. lead is the name of the field that says who it is about.
func (b *Builder) Finish(lead string) (Fact, Errors) {
	ev := &b.slab.event
	if ev.OccurredAt == nil {
		b.occurred(b.received.Time)
	}
	b.complete()
	if ev.Type == TypeLinked && b.previous == "" {
		b.Refuse("previousId", "names nobody")
	}
	if ev.Type == core.Custom && ev.Name == "" {
		b.Refuse("name", "is required for a custom event")
	}
	if ev.Identity == nil && b.lead == "" && len(b.errs) == 0 {
		b.Refuse(lead, "says of nobody: at least one of e-mail, user id, anonymous id and external ids is required")
	}
	if len(b.errs) > 0 {
		return Fact{}, b.errs
	}
	return Fact{Event: ev, Lead: b.lead, Previous: b.previous, Unproven: b.unproven}, nil
}

// Stamp gives the moment as the journal has it. It is shared and must not be changed.
func (r Received) Stamp() *timestamppb.Timestamp { return r.stamp }
