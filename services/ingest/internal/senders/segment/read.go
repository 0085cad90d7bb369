package segment

import (
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// message is one call with its members looked up.
type message struct {
	kind, id, user, anonymous, timestamp, sent strictjson.Value

	context, properties, traits, event, name, category, group, previous strictjson.Value
}

// look finds a call's members and shows the ones that are not Segment's to other.
func look(v strictjson.Value, other func(key, value strictjson.Value)) message {
	var m message
	var original strictjson.Value
	for members := v.Members(); ; {
		key, value, ok := members.Next()
		if !ok {
			break
		}
		if !value.Given() {
			continue
		}
		switch key.Text() {
		case "type":
			m.kind = value
		case "messageId":
			m.id = value
		case "userId":
			m.user = value
		case "anonymousId":
			m.anonymous = value
		case "timestamp":
			m.timestamp = value
		case "originalTimestamp":
			original = value
		case "sentAt":
			m.sent = value
		case "context":
			m.context = value
		case "properties":
			m.properties = value
		case "traits":
			m.traits = value
		case "event":
			m.event = value
		case "name":
			m.name = value
		case "category":
			m.category = value
		case "groupId":
			m.group = value
		case "previousId":
			m.previous = value
		case "writeKey", "integrations", "_metadata", "receivedAt", "channel", "version", "rudderId":
			// The SDK's and its server's own affairs.
		default:
			other(key, value)
		}
	}
	if m.timestamp.Kind() == strictjson.Invalid {
		m.timestamp = original // RudderStack's name for it
	}
	return m
}

// read turns a call into an event. call is its kind where the path says it; sent is the batch's sentAt.
func (s *source) read(v strictjson.Value, received fact.Received, call, sent string) (fact.Fact, fact.Errors) {
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	var others []func()
	m := look(v, func(key, value strictjson.Value) {
		others = append(others, func() { b.SetProperty(key.Text(), fact.Value(value)) })
	})
	if call == "" {
		call = strings.ToLower(strings.TrimSpace(m.kind.Text()))
	}
	if id := m.id.Text(); id != "" {
		b.ID("messageId", id)
	} else {
		b.ID("messageId", eventID(v, m.timestamp.Kind() == strictjson.String))
	}
	if s.settled {
		m.sent, sent = strictjson.Value{}, ""
	}
	clock(b, m, sent, received)
	who(b, m)

	switch call {
	case "identify":
		b.Type("type", "identified")
		traits(b, m.traits)
		traits(b, m.context.Get("traits"))
		b.Properties("properties", m.properties)
	case "track":
		s.track(b, m)
	case "page", "screen":
		b.Type("type", "page_viewed")
		b.Properties("properties", m.properties)
		b.PageTitle(m.name.Text())
		keep(b, "name", m.name)
		keep(b, "category", m.category)
		touch(b, m)
	case "group":
		b.Type("type", "identified")
		b.Account("traits", m.traits, accountField)
		b.Company("", m.traits.Get("address").Get("country").Text())
		b.Properties("properties", m.properties)
		keep(b, "groupId", m.group)
	case "alias":
		return alias(b, m)
	case "":
		b.Refuse("type", "is required: identify, track, page, screen, group or alias")
	default:
		b.Refuse("type", `"`+strictjson.Printable(call, 64)+`" is none of identify, track, page, screen, group and alias`)
	}
	keep(b, "context", m.context)
	odd(b, "properties", m.properties)
	odd(b, "traits", m.traits)
	for _, set := range others {
		set()
	}
	return b.Finish("userId")
}

func keep(b *fact.Builder, name string, v strictjson.Value) {
	if v.Given() {
		b.SetProperty(name, fact.Value(v))
	}
}

// odd keeps what stands where an object belongs.
func odd(b *fact.Builder, name string, v strictjson.Value) {
	if v.Kind() != strictjson.Object {
		keep(b, name, v)
	}
}

// clock sets when it happened, by our clock.
func clock(b *fact.Builder, m message, sent string, received fact.Received) {
	if !m.timestamp.Given() {
		return
	}
	stated, err := core.ParseLooseTime(m.timestamp.Text())
	if err != nil {
		b.Refuse("timestamp", err.Error())
		return
	}
	corrected := stated
	if own := m.sent.Text(); own != "" {
		sent = own
	}
	if at, err := core.ParseLooseTime(sent); err == nil {
		corrected = core.Corrected(stated, at, received.Time)
	}
	b.Occurred("timestamp", stated, corrected)
}

// who sets whom the call is about. A trait is trusted to be the person's own address, a property is not: people invite
// others, and forms ask for a colleague's.
func who(b *fact.Builder, m message) {
	b.UserID("userId", m.user.Text())
	b.AnonymousID("anonymousId", m.anonymous.Text())
	b.Email("traits.email", email(m))
}

func email(m message) string {
	for _, v := range []strictjson.Value{personal(m).Get("email"), m.context.Get("traits").Get("email"), m.user} {
		if _, ok := identity.NormalizeEmail(v.Text()); ok {
			return v.Text()
		}
	}
	return ""
}

// personal gives the call's traits, unless they are a group's.
func personal(m message) strictjson.Value {
	if m.group.Given() {
		return strictjson.Value{}
	}
	return m.traits
}

func (s *source) track(b *fact.Builder, m message) {
	name := strings.TrimSpace(m.event.Text())
	if name == "" {
		b.Refuse("event", "is required")
		return
	}
	b.Type("event", s.eventType(name))
	b.Name("event", name)
	b.Properties("properties", m.properties)
	touch(b, m)
}

// eventType gives our type for a track's name. What sales answers to a handoff is never taken from a name alone: Accepted
// may be said of anything. The map can say so.
func (s *source) eventType(name string) string {
	if t, ok := s.cfg.Map[name]; ok {
		return t
	}
	t := core.Snake(name)
	switch core.ClassOf(t) {
	case core.Unknown, core.Disposition:
		return core.Custom
	}
	return t
}

// touch adds what the SDK noted of the page and its campaign.
func touch(b *fact.Builder, m message) {
	campaign, page := m.context.Get("campaign"), m.context.Get("page")
	b.Touch(campaign.Get("medium"), campaign.Get("name"), strictjson.Value{}, page.Get("url"), page.Get("referrer"))
}

// alias says that the person who was known by previousId is now known by userId.
func alias(b *fact.Builder, m message) (fact.Fact, fact.Errors) {
	b.Alias()
	switch previous := m.previous.Text(); previous {
	case "":
		b.Refuse("previousId", "is required: the id that the person was known by")
	case m.user.Text():
		b.Refuse("previousId", "is the userId itself")
	default:
		b.Previous("previousId", previous)
	}
	if m.user.Text() == "" {
		b.Refuse("userId", "is required: the id that the person is known by from now on")
	}
	return b.Finish("userId")
}

// traits sets what is said of the person, and of its company.
func traits(b *fact.Builder, v strictjson.Value) {
	b.Traits("traits", v, func(key strictjson.Value) string {
		if b.HasEmail() && key.Is("email") {
			return fact.Drop // it is in the identity
		}
		return traitField(key)
	})
	b.Trait("country", v.Get("address").Get("country").Text())
	if first, last, ok := strings.Cut(strings.TrimSpace(v.Get("name").Text()), " "); ok && !strings.Contains(first, ",") {
		b.Trait("first_name", first)
		b.Trait("last_name", last)
	}
	switch company := v.Get("company"); company.Kind() {
	case strictjson.Object:
		b.Account("traits.company", company, accountField)
		b.Trait("company", company.Get("name").Text())
	case strictjson.String:
		b.Company(company.Text(), "")
	}
}

func traitField(key strictjson.Value) string {
	switch name := key.Text(); name {
	case "firstName", "firstname", "first_name":
		return "first_name"
	case "lastName", "lastname", "last_name":
		return "last_name"
	case "title", "jobTitle", "job_title", "position":
		return "title"
	case "country", "phone", "company", "language":
		return name
	}
	return ""
}

func accountField(key strictjson.Value) string {
	switch name := key.Text(); name {
	case "name", "domain", "employees", "industry", "country":
		return name
	case "website", "url":
		return "domain"
	case "employee_count", "employeeCount", "numberOfEmployees":
		return "employees"
	}
	return ""
}
