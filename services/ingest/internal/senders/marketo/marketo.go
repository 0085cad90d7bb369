// Package marketo receives what Adobe Marketo Engage knows of people's doings: by its webhooks, whose body is a template that a
// user writes (ours is in SENDERS.md), and by asking for the activities of its log (REST API, Lead Database, Activities).
package marketo

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. Webhooks cannot be signed: they carry a token. Whether one is sent again is up to the campaign that
// calls it, so that what cannot be read is kept.
func Type() sender.Type {
	return sender.Type{
		Name: "marketo", Path: sender.Webhooks, Token: true, Polled: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Stages: map[string]string{
			"Registered": "event_registered", "Attended": "event_attended", "Attended On-demand": "event_attended", "Visited Booth": "event_attended",
			"Filled-out Form": "form_submitted", "Downloaded": "asset_downloaded", "Unsubscribed": "email_unsubscribed",
		},
		New: New,
	}
}

type source struct {
	cfg    sender.Config
	stages map[string]string // by lower-case name
	docs   sender.Docs
	api    *api // nil: not asked
}

// New makes the sender of a source. It needs a secret, for webhooks, or a poll.
func New(cfg sender.Config) (sender.Sender, error) {
	var errs []error
	if cfg.WriteKey != "" {
		errs = append(errs, errors.New("write_key: sources of this type have none"))
	}
	if cfg.Poll == nil && len(cfg.Secrets) == 0 || slices.Contains(cfg.Secrets, "") {
		errs = append(errs, errors.New("secrets: at least one is required, the token that the webhook carries, or a poll"))
	}
	if err := sender.CheckMap("map", cfg.Map); err != nil {
		errs = append(errs, err)
	}
	s := &source{cfg: cfg, stages: map[string]string{}}
	s.cfg.MaxEvents = max(s.cfg.MaxEvents, maxPage) // what a request may have is no measure of what is asked for
	for _, stages := range []map[string]string{Type().Stages, cfg.Stages} {
		for _, name := range slices.Sorted(maps.Keys(stages)) {
			s.stages[strings.ToLower(name)] = stages[name]
		}
	}
	if cfg.Poll != nil {
		var pollErrs []error
		s.api, pollErrs = newAPI(cfg.Poll)
		errs = append(errs, pollErrs...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Verify checks the token.
func (s *source) Verify(r *sender.Request) (string, error) {
	return "", sender.HasToken(r, s.cfg.Secrets)
}

// Decode reads one template, a list of them, or the page that Fetch has put together.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) {
		b := fact.NewBuilder(s.cfg.Name, d.Received, true, "")
		if v.Get("activity").Kind() == strictjson.Object {
			s.activity(b, v.Get("activity"), v.Get("lead"), item)
			return
		}
		s.template(b, v, item)
	})
}

// Names of activity types by their numbers, as Get Activity Types lists them, of those that Baton has a meaning for or that
// come up most.
func name(id string) string {
	switch id {
	case "1":
		return "Visit Webpage"
	case "2":
		return "Fill Out Form"
	case "3":
		return "Click Link"
	case "6":
		return "Send Email"
	case "7":
		return "Email Delivered"
	case "8":
		return "Email Bounced"
	case "9":
		return "Unsubscribe Email"
	case "10":
		return "Open Email"
	case "11":
		return "Click Email"
	case "12":
		return "New Lead"
	case "13":
		return "Change Data Value"
	case "22":
		return "Change Score"
	case "24":
		return "Add to List"
	case "25":
		return "Remove from List"
	case "27":
		return "Email Bounced Soft"
	case "32":
		return "Merge Leads"
	case "46":
		return "Interesting Moment"
	case "104":
		return "Change Status in Progression"
	}
	return ""
}

// kind gives our type for an activity's, by its number or its name as the source's map has it, or by its name. status is the
// new one of a progression.
func (s *source) kind(id, named, status string) string {
	for _, theirs := range []string{id, named} {
		if t, ok := s.cfg.Map[theirs]; ok && theirs != "" {
			return t
		}
	}
	switch named {
	case "Visit Webpage":
		return "page_viewed"
	case "Fill Out Form":
		return "form_submitted"
	case "Send Email":
		return "email_sent"
	case "Email Delivered":
		return "email_delivered"
	case "Email Bounced", "Email Bounced Soft":
		return "email_bounced"
	case "Unsubscribe Email":
		return "email_unsubscribed"
	case "Open Email":
		return "email_opened"
	case "Click Email":
		return "email_clicked"
	case "New Lead", "Change Data Value":
		return "identified"
	case "Change Status in Progression":
		if t, ok := s.stages[strings.ToLower(status)]; ok {
			return t
		}
	}
	return "custom"
}

// moment reads the times that Marketo writes: RFC 3339, and with a zone of four digits.
func moment(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil && len(text) <= 40 {
			return at.UTC(), nil
		}
	}
	return time.Time{}, errors.New("is not a time such as 2026-11-20T10:00:00Z")
}

// digits gives what an id is, a number or a text.
func digits(v strictjson.Value) string { return strings.TrimSpace(v.Text()) }

// truth reads what Marketo writes for true.
func truth(text string) bool {
	ok, err := strconv.ParseBool(strings.ToLower(text))
	return err == nil && ok
}
