package fact

import (
	"cmp"
	"net/url"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Properties sets what else is said of the event, as sent, and what follows from it: how the engagement came about, and
// the payload of its type, which must have been set.
func (b *Builder) Properties(field string, v strictjson.Value) {
	if b.object(field, v) {
		b.slab.event.Properties = Struct(v)
	}
	b.came(b.word(v, "channel"), b.word(v, "campaign"), b.word(v, "asset"), b.word(v, "url"), b.word(v, "referrer"))
	b.payload(field, v)
}

// PageTitle sets the title of a page view that has none.
func (b *Builder) PageTitle(title string) {
	if p := b.slab.event.GetPageViewed(); p != nil && p.Title == "" {
		p.Title = strings.TrimSpace(title)
	}
}

// SetProperty adds a property that the sender stated elsewhere, unless there is one of that name.
func (b *Builder) SetProperty(name string, value *structpb.Value) {
	ev := &b.slab.event
	if ev.Properties == nil {
		ev.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{}}
	}
	if _, there := ev.Properties.Fields[name]; !there {
		ev.Properties.Fields[name] = value
	}
}

// StateProperty sets a property, in the place of one of that name.
func (b *Builder) StateProperty(name string, value *structpb.Value) {
	b.SetProperty(name, value)
	b.slab.event.Properties.Fields[name] = value
}

// Touch sets how an engagement came about, as far as it is not set yet. Campaign parameters in the URL (utm_campaign,
// utm_medium) count where nothing is said otherwise.
func (b *Builder) Touch(channel, campaign, asset, link, referrer strictjson.Value) {
	b.came(text(channel), text(campaign), text(asset), text(link), text(referrer))
}

func (b *Builder) came(channel, campaign, asset, link, referrer string) {
	t := &b.slab.touch
	say := func(p *string, s string) {
		if *p == "" {
			*p = s
		}
	}
	say(&t.Channel, channel)
	say(&t.Campaign, campaign)
	say(&t.Asset, asset)
	say(&t.Url, link)
	say(&t.Referrer, referrer)
	if (t.Channel == "" || t.Campaign == "") && strings.Contains(t.Url, "utm_") {
		if _, query, ok := strings.Cut(t.Url, "?"); ok {
			query, _, _ = strings.Cut(query, "#")
			values, _ := url.ParseQuery(query) // what can be read of it
			if t.Channel == "" {
				t.Channel = utm(values, "utm_medium")
			}
			if t.Campaign == "" {
				t.Campaign = utm(values, "utm_campaign")
			}
		}
	}
	if t.Channel != "" || t.Campaign != "" || t.Asset != "" || t.Url != "" || t.Referrer != "" {
		b.slab.event.Touch = t
	}
}

// utm gives a parameter of an URL; what its percent-encoding makes of it need not be text.
func utm(values url.Values, name string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSpace(values.Get(name)), "\ufffd"), "\x00", "")
}

// payload sets the payload message of the event's type from the properties that it has fields for.
func (b *Builder) payload(field string, v strictjson.Value) {
	ev := &b.slab.event
	say := func(name string) string { return b.word(v, name) }
	switch ev.Type {
	case "page_viewed":
		ev.Payload = &journalv1.Event_PageViewed{PageViewed: &journalv1.PageViewed{Title: say("title")}}
	case "asset_downloaded":
		ev.Payload = &journalv1.Event_AssetDownloaded{AssetDownloaded: &journalv1.AssetDownloaded{}}
	case "email_sent":
		ev.Payload = &journalv1.Event_EmailSent{EmailSent: &journalv1.EmailSent{EmailId: say("email_id")}}
	case "email_delivered":
		ev.Payload = &journalv1.Event_EmailDelivered{EmailDelivered: &journalv1.EmailDelivered{EmailId: say("email_id")}}
	case "email_opened":
		ev.Payload = &journalv1.Event_EmailOpened{EmailOpened: &journalv1.EmailOpened{EmailId: say("email_id")}}
	case "email_clicked":
		ev.Payload = &journalv1.Event_EmailClicked{EmailClicked: &journalv1.EmailClicked{EmailId: say("email_id")}}
	case "email_bounced":
		ev.Payload = &journalv1.Event_EmailBounced{EmailBounced: &journalv1.EmailBounced{Reason: say("reason")}}
	case "email_unsubscribed":
		ev.Payload = &journalv1.Event_EmailUnsubscribed{EmailUnsubscribed: &journalv1.EmailUnsubscribed{List: say("list")}}
	case "form_submitted":
		ev.Payload = &journalv1.Event_FormSubmitted{FormSubmitted: &journalv1.FormSubmitted{Form: say("form")}}
	case "event_registered":
		ev.Payload = &journalv1.Event_EventRegistered{EventRegistered: &journalv1.EventRegistered{Event: say("event")}}
	case "event_attended":
		ev.Payload = &journalv1.Event_EventAttended{EventAttended: &journalv1.EventAttended{Event: say("event")}}
	case "demo_requested":
		ev.Payload = &journalv1.Event_DemoRequested{DemoRequested: &journalv1.DemoRequested{}}
	case "pricing_requested":
		ev.Payload = &journalv1.Event_PricingRequested{PricingRequested: &journalv1.PricingRequested{}}
	case "trial_started":
		ev.Payload = &journalv1.Event_TrialStarted{TrialStarted: &journalv1.TrialStarted{Plan: say("plan")}}
	case "product_used":
		ev.Payload = &journalv1.Event_ProductUsed{ProductUsed: &journalv1.ProductUsed{Feature: say("feature")}}
	case "meeting_booked":
		m := &journalv1.MeetingBooked{}
		if at, err := core.ParseLooseTime(say("starts_at")); err == nil && at.Year() >= 1 {
			m.StartsAt = timestamppb.New(at)
		}
		ev.Payload = &journalv1.Event_MeetingBooked{MeetingBooked: m}
	case "meeting_canceled":
		ev.Payload = &journalv1.Event_MeetingCanceled{MeetingCanceled: &journalv1.MeetingCanceled{Reason: say("reason")}}
	case "ad_clicked":
		ev.Payload = &journalv1.Event_AdClicked{AdClicked: &journalv1.AdClicked{ClickId: say("click_id")}}
	case "social_engaged":
		ev.Payload = &journalv1.Event_SocialEngaged{SocialEngaged: &journalv1.SocialEngaged{Network: say("network")}}
	case "chat_started":
		ev.Payload = &journalv1.Event_ChatStarted{ChatStarted: &journalv1.ChatStarted{}}
	case "call_logged":
		ev.Payload = &journalv1.Event_CallLogged{CallLogged: &journalv1.CallLogged{Outcome: say("outcome")}}
	case "identified":
		ev.Payload = &journalv1.Event_Identified{Identified: &journalv1.Identified{}}
	case "consent_changed":
		ev.Payload = &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: b.purposes(field, v)}}
	case core.Custom:
		ev.Payload = &journalv1.Event_Custom{Custom: &journalv1.Custom{}}
	default:
		b.salesPayload(field, v)
	}
}

func (b *Builder) salesPayload(field string, v strictjson.Value) {
	ev := &b.slab.event
	switch core.ClassOf(ev.Type) {
	case core.Disposition:
		b.handoff(field, v)
		d := b.disposition(field, v)
		switch ev.Type {
		case "accepted":
			ev.Payload = &journalv1.Event_Accepted{Accepted: d}
		case "rejected":
			ev.Payload = &journalv1.Event_Rejected{Rejected: d}
		case "contacted":
			ev.Payload = &journalv1.Event_Contacted{Contacted: d}
		case "recycled":
			ev.Payload = &journalv1.Event_Recycled{Recycled: d}
		case "disqualified":
			ev.Payload = &journalv1.Event_Disqualified{Disqualified: d}
		case "sql":
			ev.Payload = &journalv1.Event_Sql{Sql: d}
		}
	case core.Deal:
		b.handoff(field, v)
		d := b.deal(field, v)
		switch ev.Type {
		case "deal_opened":
			ev.Payload = &journalv1.Event_DealOpened{DealOpened: d}
		case "deal_stage_changed":
			ev.Payload = &journalv1.Event_DealStageChanged{DealStageChanged: d}
		case "deal_won":
			ev.Payload = &journalv1.Event_DealWon{DealWon: d}
		case "deal_lost":
			ev.Payload = &journalv1.Event_DealLost{DealLost: d}
		case "deal_reopened":
			ev.Payload = &journalv1.Event_DealReopened{DealReopened: d}
		case "churned":
			ev.Payload = &journalv1.Event_Churned{Churned: d}
		case "renewed":
			ev.Payload = &journalv1.Event_Renewed{Renewed: d}
		}
	}
}

// handoff notes the lead of the handoff that the event is about.
func (b *Builder) handoff(field string, v strictjson.Value) {
	id := b.word(v, "handoff_id")
	if id == "" {
		return
	}
	lead, _, ok := identity.LeadOfHandoff(id)
	switch {
	case ok:
		b.lead = lead
	case !b.loose:
		b.Refuse(field+".handoff_id", "is not a handoff's id, which starts with ho_")
	}
}

func (b *Builder) disposition(field string, v strictjson.Value) *journalv1.Disposition {
	d := &journalv1.Disposition{Reason: b.word(v, "reason"), Note: cmp.Or(b.saidWord("note"), v.Get("note").Text()), Rep: b.word(v, "rep")}
	if b.lead != "" {
		d.HandoffId = b.word(v, "handoff_id")
	}
	if d.Reason == "" && core.ReasonRequired(b.slab.event.Type) {
		b.Refuse(field+".reason", "is required: one of the agreement's reasons")
	}
	return d
}

func (b *Builder) deal(field string, v strictjson.Value) *journalv1.Deal {
	d := &journalv1.Deal{DealId: b.word(v, "deal_id"), Stage: b.word(v, "stage"), Reason: b.word(v, "reason"), Owner: b.owner(field, v)}
	amount, currency, at := b.amount(field, v)
	if amount != "" {
		number, err := core.Amount(amount)
		switch {
		case err == nil:
			d.Amount = &journalv1.Money{Amount: number}
		case !b.loose:
			b.Refuse(at, err.Error())
		}
	}
	if currency != "" {
		code, err := core.Currency(currency)
		switch {
		case err == nil && d.Amount != nil:
			d.Amount.Currency = code
		case err != nil && !b.loose:
			b.Refuse(field+".currency", err.Error())
		}
	}
	d.Role = b.word(v, "role")
	d.CreatedAt = b.created(field, v)
	return d
}

// maxOwner is the longest name of a deal's owner: that of an address.
const maxOwner = 254

// owner gives whose a deal is: a rep's id, an address, or SYSTEM:ID of a CRM's user.
func (b *Builder) owner(field string, v strictjson.Value) string {
	owner := strings.TrimSpace(b.word(v, "owner"))
	if len(owner) > maxOwner {
		if !b.loose {
			b.Refuse(field+".owner", "is too long: a rep's id, an e-mail address, or SYSTEM:ID of a CRM's user")
		}
		return ""
	}
	return owner
}

// amount finds a deal's amount and currency, and where the amount stands.
func (b *Builder) amount(field string, v strictjson.Value) (number, currency, at string) {
	number, currency, at = b.word(v, "amount"), b.word(v, "currency"), field+".amount"
	amount := v.Get("amount")
	for _, name := range [...]string{"revenue", "total", "value"} { // what trackers call it
		if b.loose && number == "" && !amount.Given() {
			amount = v.Get(name)
		}
	}
	switch {
	case number != "":
	case amount.Kind() == strictjson.Object: // {"amount": "12000.50", "currency": "EUR"}
		at += ".amount"
		if inner := text(amount.Get("currency")); inner != "" {
			currency = inner
		}
		number = given(amount.Get("amount"))
	default:
		number = given(amount)
	}
	if currency == "" {
		currency = given(v.Get("currency"))
	}
	return number, currency, at
}

// given gives a value's text, and something that is no number nor code for what is neither a string nor a number.
func given(v strictjson.Value) string {
	if s := text(v); s != "" || !v.Given() || v.Kind() == strictjson.String {
		return s
	}
	return "?"
}

// purposes reads a consent: {"purposes": {"email": "granted"}}, {"purpose": "email", "decision": "granted"}, or the
// purposes themselves as properties. true is granted, false is denied.
func (b *Builder) purposes(field string, v strictjson.Value) map[string]string {
	out := map[string]string{}
	say := func(name string, decision strictjson.Value) {
		name = strings.ToLower(strings.TrimSpace(name))
		switch d := strings.ToLower(text(decision)); {
		case name == "":
		case decision.Kind() == strictjson.True:
			out[name] = "granted"
		case decision.Kind() == strictjson.False:
			out[name] = "denied"
		case decision.Kind() == strictjson.String && d != "":
			out[name] = d
		}
	}
	for _, w := range b.said {
		if purpose, ok := strings.CutPrefix(w.name, consentWord); ok {
			out[purpose] = w.text
		}
	}
	switch nested, purpose := v.Get("purposes"), v.Get("purpose"); {
	case len(out) > 0:
	case nested.Kind() == strictjson.Object:
		each(nested, say)
	case purpose.Kind() == strictjson.String:
		say(purpose.Text(), v.Get("decision"))
	default:
		each(v, func(name string, decision strictjson.Value) {
			switch strings.ToLower(text(decision)) {
			case "granted", "denied", "withdrawn", "objected":
				say(name, decision)
			case "":
				say(name, decision) // true or false
			}
		})
	}
	if len(out) == 0 {
		b.Refuse(field+".purposes", `is required: purposes and what was decided, such as {"email": "granted", "profiling": "objected"}`)
	}
	return out
}

func each(v strictjson.Value, f func(name string, value strictjson.Value)) {
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		f(key.Text(), value)
	}
}
