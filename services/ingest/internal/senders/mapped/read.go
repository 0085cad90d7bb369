package mapped

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/celrules"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// read completes an item by the first rule that takes the event.
func (m *mapping) read(source string, v strictjson.Value, scope *celrules.Scope, received fact.Received, item *sender.Item) {
	for i := range m.rules {
		r := &m.rules[i]
		if r.when != nil && !r.when.Holds(scope) {
			continue
		}
		if r.ignore != "" {
			item.Ignored = r.ignore
			return
		}
		item.ID = identifier(text(r.id, scope))
		item.Fact, item.Errors = m.build(r, source, item.ID, v, scope, received)
		return
	}
	if item.Ignored = m.otherwise; item.Ignored == "" {
		item.Errors = fact.Errors{{Reason: "no entry of the mapping takes the event"}}
	}
}

func (m *mapping) build(r *rule, source, id string, v strictjson.Value, scope *celrules.Scope, received fact.Received) (fact.Fact, fact.Errors) {
	b := fact.NewBuilder(source, received, true, "")
	b.ID("id", id)
	eventType := m.kind(b, r, source, scope)
	if stated := text(r.at, scope); stated != "" {
		at, err := moment(stated)
		if err != nil {
			b.Refuse("occurred_at", err.Error())
		} else {
			b.Occurred("occurred_at", at, at)
		}
	}
	b.Email("email", text(r.email, scope))
	b.UserID("user_id", text(r.userID, scope))
	b.AnonymousID("anonymous_id", text(r.anonymousID, scope))
	for _, f := range r.external {
		b.ExternalID("external_ids."+f.name, f.name, text(f.give, scope))
	}
	decided := false
	for _, f := range r.agree {
		d := decision(f.give.Eval(scope))
		decided = decided || d != ""
		b.Consent(f.name, d)
	}
	if eventType == "consent_changed" && !decided {
		b.Refuse("consent", "says of no purpose that it is granted, denied, withdrawn or objected")
	}
	switch because := text(r.automated, scope); strings.ToLower(because) {
	case "", "false", "0", "no":
	case "true", "1", "yes":
		b.Automated("the sender says so")
	default:
		b.Automated(strings.ToValidUTF8(because[:min(len(because), maxReason)], ""))
	}
	if r.unproven != nil && r.unproven.Holds(scope) {
		b.Unproven()
	}
	for _, f := range r.traits {
		b.GiveTrait(f.name, f.give.Eval(scope).Value())
	}
	for _, f := range r.account {
		b.GiveAccount(f.name, f.give.Eval(scope).Value())
	}
	m.properties(b, r, v, scope)
	return b.Finish("email")
}

// maxReason is the longest reason that a sender may give, in bytes.
const maxReason = 256

// kind sets the type, and the name of a custom event, and gives the type. What sales answers to a handoff is never taken from the
// sender's name alone: an invitation that was accepted is no answer of sales. The map can say so, and type.
func (m *mapping) kind(b *fact.Builder, r *rule, source string, scope *celrules.Scope) string {
	name := text(r.name, scope)
	if r.typeOf == nil {
		b.Type("type", r.eventType)
		if r.eventType == core.Custom {
			b.Name("name", name)
		}
		return r.eventType
	}
	theirs := text(r.typeOf, scope)
	ours, ok := m.names[theirs]
	if !ok {
		ours = core.Snake(theirs)
		if class := core.ClassOf(ours); class == core.Unknown || class == core.Disposition {
			ours = core.Custom
		}
	}
	switch {
	case theirs == "":
		b.Refuse("type_of", "the event does not say what it is")
	case ours == core.Custom:
		b.Type("type_of", ours)
		b.Name("type_of", cmp.Or(name, source+": "+theirs))
	default:
		b.Type("type_of", ours)
	}
	return ours
}

type property struct {
	name  string
	value *structpb.Value
}

// properties says what is mapped; the event itself is kept beside it, and what is mapped counts above what it has under that name.
func (m *mapping) properties(b *fact.Builder, r *rule, v strictjson.Value, scope *celrules.Scope) {
	own := make([]property, 0, len(r.props))
	for _, f := range r.props {
		got := f.give.Eval(scope)
		if value := got.Value(); value != nil {
			own = append(own, property{f.name, value})
			b.Say(f.name, got.Text())
		}
	}
	if !m.all {
		v = strictjson.Value{}
	}
	b.Properties("properties", v)
	for _, p := range own {
		b.StateProperty(p.name, p.value)
	}
}

func text(e *celrules.Expression, scope *celrules.Scope) string {
	if e == nil {
		return ""
	}
	return e.Eval(scope).Text()
}

// maxPlainID is the longest id that stands as it is, in bytes.
const maxPlainID = 200

func identifier(id string) string {
	if len(id) > maxPlainID {
		return sender.ID(id)
	}
	return id
}

// decision gives what was decided: true is granted, false is denied.
func decision(r celrules.Result) string {
	switch {
	case r.IsTrue():
		return "granted"
	case r.IsFalse():
		return "denied"
	}
	switch t := strings.ToLower(r.Text()); t {
	case "granted", "denied", "withdrawn", "objected":
		return t
	}
	return ""
}

// Seconds since 1970 below it, milliseconds from it on: as seconds it is the year 5138, as milliseconds 1973.
const leastMillis = 1e11

// moment reads a time: a text, or a number of seconds or milliseconds since 1970.
func moment(s string) (time.Time, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return core.ParseLooseTime(s)
	}
	if math.IsNaN(n) || math.Abs(n) >= 1e15 {
		return time.Time{}, errors.New("is not a number of seconds or milliseconds since 1970")
	}
	if math.Abs(n) >= leastMillis {
		n /= 1000
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC(), nil
}
