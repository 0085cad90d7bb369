package main

import (
	"encoding/json"
	"time"
)

// object is JSON in the making. Members that say nothing ("" and empty objects) are left out of it.
type object map[string]any

func (o object) MarshalJSON() ([]byte, error) {
	said := map[string]any{}
	for k, v := range o {
		switch v := v.(type) {
		case string:
			if v == "" {
				continue
			}
		case object:
			if len(v) == 0 {
				continue
			}
		}
		said[k] = v
	}
	return json.Marshal(said)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// trackingNames are what the website calls the events that Baton has a type for.
func trackingNames() map[string]string {
	return map[string]string{
		"asset_downloaded": "Asset Downloaded", "form_submitted": "Form Submitted", "demo_requested": "Demo Requested",
		"pricing_requested": "Pricing Requested",
	}
}

// siteCall gives an event as Segment's SDKs state it: a page, an identify or a track. Before somebody signs a form there is
// the device alone.
func siteCall(e *Event) object {
	l := e.Lead
	call := object{"messageId": e.ID, "anonymousId": l.Device, "timestamp": stamp(e.At)}
	switch e.Type {
	case "page_viewed":
		call["type"], call["name"] = "page", e.Title
		call["properties"] = object{"url": e.URL, "title": e.Title, "referrer": e.Referrer, "channel": e.Channel}
		call["context"] = object{"campaign": object{"name": e.Campaign, "medium": e.Channel}, "page": object{"url": e.URL}}
	case "identified":
		call["type"] = "identify"
		call["traits"] = object{
			"email": l.Email, "firstName": l.First, "lastName": l.Last, "title": l.Title,
			"address": object{"country": l.Company.Country}, "company": object{"name": l.Company.Name, "employee_count": l.Company.Employees},
		}
	default:
		call["type"], call["event"] = "track", trackingNames()[e.Type]
		call["properties"] = object{"url": e.URL, "asset": e.Asset, "form": e.About}
		call["context"] = object{"traits": object{"email": l.Email}}
	}
	return call
}

// own gives an event in Baton's own form, as marketing automation and the webinar platform state it.
func own(e *Event) object {
	l := e.Lead
	o := object{
		"id": e.ID, "type": e.Type, "occurred_at": stamp(e.At), "lead": object{"email": l.Email},
		"properties": object{"channel": e.Channel, "campaign": e.Campaign, "asset": e.Asset, "url": e.URL},
	}
	about := o["properties"].(object)
	switch e.Type {
	case "event_registered", "event_attended":
		about["event"], o["name"] = e.About, e.Title
		o["traits"] = object{"first_name": l.First, "last_name": l.Last, "title": l.Title}
		o["account"] = object{"name": l.Company.Name}
	case "identified":
		o["lead"].(object)["external_ids"] = object{"nurture": l.Contact}
		o["traits"] = object{"first_name": l.First, "last_name": l.Last, "title": l.Title, "country": l.Company.Country}
		o["account"] = firm(l.Company)
	case "consent_changed":
		about["purposes"] = object{"email": "granted"}
	default:
		about["email_id"] = e.About
	}
	if e.Automated {
		o["automated"] = true
	}
	return o
}

func firm(c *Company) object {
	return object{"name": c.Name, "domain": c.Domain, "employees": c.Employees, "industry": c.Industry, "country": c.Country}
}

// webinarCall gives an event in the envelope of Standard Webhooks, by the platform's own names.
func webinarCall(e *Event) object {
	data := own(e)
	delete(data, "type")
	delete(data, "occurred_at")
	delete(data, "id") // the webhook-id is its id
	name := map[string]string{"event_registered": "registrant.created", "event_attended": "attendee.joined"}[e.Type]
	return object{"type": name, "timestamp": stamp(e.At), "data": data}
}

// dealEvents gives what a CRM says of a lead's deal: it is opened, and won or lost where the story says so.
func dealEvents(l *Lead, handoff string, at time.Time) []object {
	d := l.Story.Deal
	if d == nil {
		return nil
	}
	say := func(kind string, at time.Time, reason string) object {
		return object{
			"id": d.ID + "-" + kind, "type": kind, "occurred_at": stamp(at), "lead": object{"email": l.Email},
			"properties": object{"handoff_id": handoff, "deal_id": d.ID, "amount": d.Amount, "currency": d.Currency, "reason": reason},
		}
	}
	out := []object{say("deal_opened", at.Add(-time.Second), "")}
	switch {
	case d.Won:
		out = append(out, say("deal_won", at, ""))
	case d.Lost:
		out = append(out, say("deal_lost", at, d.Reason))
	}
	return out
}
