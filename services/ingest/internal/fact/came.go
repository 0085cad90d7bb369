package fact

import (
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Agents tells programs from people by their user agent.
type Agents interface {
	Automated(userAgent string, now time.Time) bool
}

// Knowing gives the receipt for builders that know programs by their user agent.
func (r Received) Knowing(a Agents) Received {
	r.agents = a
	return r
}

// Agent marks the event automated where the user agent is a program's; "" says nothing. Finish calls it with what the
// properties name as user agent, so it is for senders that have it elsewhere.
func (b *Builder) Agent(userAgent string) {
	if a := b.received.agents; a != nil && userAgent != "" && visits(b.slab.event.Type) && a.Automated(userAgent, b.received.Time) {
		b.Automated("its user agent is a program's: " + strictjson.Printable(userAgent, 80))
	}
}

// visits reports whether it is telling when a program does it. Programs use a product for their people, mailbox providers
// unsubscribe for them, and what is booked, called or mailed is not done by whoever posts it.
func visits(eventType string) bool {
	switch eventType {
	case "page_viewed", "asset_downloaded", "email_opened", "email_clicked", "form_submitted", "event_registered", "demo_requested",
		"pricing_requested", "ad_clicked", "social_engaged", "chat_started", core.Custom:
		return true
	}
	return false
}

// honeypot is the property by which a sender says that a link was clicked that people do not see.
const honeypot = "honeypot"

// complete adds what follows from all that was said of an event.
func (b *Builder) complete() {
	ev := &b.slab.event
	if core.ClassOf(ev.Type) != core.Engagement {
		return
	}
	fields := ev.Properties.GetFields()
	if b.loose && b.received.agents != nil && !ev.Automated {
		b.Agent(agentIn(fields))
	}
	if ev.Type == "email_clicked" && fields[honeypot].GetBoolValue() {
		b.Automated("a link that people do not see was clicked")
	}
	b.tagged()
	if t := ev.Touch; t != nil && t.Channel == "" && (ev.Type == "page_viewed" || ev.Type == "form_submitted") {
		t.Channel = core.ChannelOf(t.Url, t.Referrer, sourceIn(ev.Properties.GetFields()))
	}
}

// agentIn finds a user agent among properties, under the names that senders have for it.
func agentIn(fields map[string]*structpb.Value) string {
	for _, name := range [...]string{"user_agent", "userAgent", "useragent", "user-agent"} {
		if s := fields[name].GetStringValue(); s != "" {
			return s
		}
	}
	return fields["context"].GetStructValue().GetFields()["userAgent"].GetStringValue()
}

// sourceIn finds utm_source: a property, or as the SDKs of Segment note it.
func sourceIn(fields map[string]*structpb.Value) string {
	if s := fields["utm_source"].GetStringValue(); s != "" {
		return s
	}
	return fields["context"].GetStructValue().GetFields()["campaign"].GetStructValue().GetFields()["source"].GetStringValue()
}

// tagged keeps what the address says of the campaign as properties (utm_source, utm_content, utm_term, click_id and
// click_id_name), and takes the channel from the click id where nobody says it.
func (b *Builder) tagged() {
	ev := &b.slab.event
	_, query, ok := strings.Cut(ev.Touch.GetUrl(), "?")
	if !ok {
		return
	}
	query, _, _ = strings.Cut(query, "#")
	if !core.Tagged(query) {
		return
	}
	values, _ := url.ParseQuery(query) // what can be read of it
	for _, name := range [...]string{"utm_source", "utm_content", "utm_term"} {
		if s := utm(values, name); s != "" {
			b.SetProperty(name, structpb.NewStringValue(s))
		}
	}
	click, ok := core.ClickIDOf(values)
	if !ok {
		return
	}
	id := utm(values, click.Name)
	if _, stated := ev.Properties.GetFields()["click_id"]; !stated {
		b.SetProperty("click_id", structpb.NewStringValue(id))
		b.SetProperty("click_id_name", structpb.NewStringValue(click.Name))
	}
	if p, ok := ev.Payload.(*journalv1.Event_AdClicked); ok && p.AdClicked.ClickId == "" {
		p.AdClicked.ClickId = id
	}
	if ev.Touch.Channel == "" {
		ev.Touch.Channel = click.Channel
	}
}
