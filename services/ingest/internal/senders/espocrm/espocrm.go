// Package espocrm receives EspoCRM's webhooks: signed lists of records that were created, changed or removed.
package espocrm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const (
	vendor          = "espocrm"
	opportunity     = "espocrm-opportunity"
	headerSignature = "Signature"
)

// Type is the table's row. EspoCRM tries four times in all, and not again after most refusals: what is verified but cannot be
// read is kept and acknowledged. 410, which would make it forget the webhook, is never answered.
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Stages: stages(),
		New:    New,
	}
}

// stages are those that EspoCRM comes with: a lead's status and an opportunity's stage.
func stages() map[string]string {
	return map[string]string{
		"In Process": "contacted", "Converted": "sql", "Recycled": "recycled", "Dead": "disqualified",
		"Closed Won": "deal_won", "Closed Lost": "deal_lost",
	}
}

type source struct {
	cfg    sender.Config
	keys   []key
	docs   sender.Docs
	mapper crm.Mapper
}

// key is a webhook's secret, and its id where that is configured.
type key struct{ webhook, secret string }

// New makes the sender of a source; its secrets are webhookId:secretKey, or a secret key alone. Each of EspoCRM's webhooks has a
// key of its own, so one source may have several.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "webhookId:secretKey of each webhook, or the secretKey alone"); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages())}
	for _, secret := range cfg.Secrets {
		k := key{secret: secret}
		if webhook, rest, ok := strings.Cut(secret, ":"); ok {
			k = key{webhook: webhook, secret: rest}
		}
		if k.secret == "" {
			return nil, errors.New("secrets: webhookId: without a secretKey behind it verifies nothing")
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// maxWebhookID is the longest id of a webhook that is looked at; EspoCRM's have 17 or 24 characters.
const maxWebhookID = 64

// Verify checks base64(webhookId + ":" + hex(HMAC-SHA-256(secretKey, body))), EspoCRM's Signature header. What the webhook is of
// is told by its address alone (?event=Lead.update): it becomes a part of the delivery's id, from which Decode takes it.
func (s *source) Verify(r *sender.Request) (string, error) {
	header := r.Header.Get(headerSignature)
	if header == "" {
		return "", sender.ErrUnsigned
	}
	shown, err := base64.StdEncoding.Strict().DecodeString(header)
	if err != nil || len(shown) > maxWebhookID+1+2*sha256.Size {
		return "", sender.ErrForged
	}
	webhook, signature, _ := strings.Cut(string(shown), ":")
	found := false
	for _, k := range s.keys {
		signed := sender.SignedBy([]string{k.secret}, []byte(signature), func(secret string) []byte {
			return hex.AppendEncode(nil, sender.MAC(sha256.New, secret, r.Body))
		})
		found = found || signed && (k.webhook == "" || k.webhook == webhook)
	}
	if !found {
		return "", sender.ErrForged
	}
	event := r.Query.Get("event")
	if !plain(event) {
		event = ""
	}
	return event + ":" + sender.BodyID(r.Body), nil
}

// plain reports whether an event's name is one that EspoCRM has: letters, digits and dots.
func plain(event string) bool {
	for i := range len(event) {
		if c := event[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' {
			return false
		}
	}
	return len(event) <= 100
}

// Decode reads a list of records; each has its fields, or those that have changed.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	event, _, _ := strings.Cut(d.ID, ":")
	if !strings.Contains(event, ".") {
		event = ""
	}
	return s.mapper.Objects(&s.docs, &s.cfg, d, func(item sender.Item) error {
		if item.ID == "" { // it could not be read; with its event in the id it can be when it is decoded again
			item.ID = sender.ID(event, sender.BodyID(item.Raw))
		}
		return yield(item)
	}, func(v strictjson.Value, item *sender.Item) *crm.Record {
		return s.read(v, event, d.Received, item)
	})
}

// kindOf gives the table that a record is of where the address does not say, from fields that only one table has.
func kindOf(v strictjson.Value) string {
	has := func(names ...string) bool {
		for _, name := range names {
			if v.Get(name).Given() {
				return true
			}
		}
		return false
	}
	switch {
	case has("stage", "probability", "amount", "closeDate"):
		return "Opportunity"
	case has("emailAddress", "firstName", "lastName", "phoneNumber", "accountName", "salutationName", "emailAddressIsOptedOut"):
		return "Person"
	}
	return ""
}

// read completes the item. It gives the record of a person who has taken back the consent to e-mail, else nil.
func (s *source) read(v strictjson.Value, event string, received fact.Received, item *sender.Item) *crm.Record {
	// Records have no id of the event: the record's fields as they were sent are it. What the address says of them is no part of
	// it, since that is not signed: under another name a recorded request would be other events.
	item.ID = sender.ID(event, sender.BodyID(v.Raw()))
	table, action, _ := strings.Cut(event, ".")
	if table == "" {
		if table, action = kindOf(v), "update"; table == "" {
			item.Errors = fact.Errors{{Field: "event", Reason: "what this record is cannot be told: put ?event= and the webhook's event behind its URL (?event=Lead.update)"}}
			return nil
		}
	}
	r := crm.Record{EventID: sender.BodyID(v.Raw()), EventField: "id", Event: table + "." + action, System: vendor, ID: crm.First(v, "id"), Handoff: crm.Handoff(v, false), Properties: v}
	r.At, _ = crm.Time(crm.First(v, "modifiedAt", "createdAt"))
	optedOut := false
	switch table {
	case "Lead", "Contact", "Person":
		if action == "delete" {
			break
		}
		r.Type, r.Stages, r.Reason = "identified", []string{crm.First(v, "status")}, crm.First(v, "reason", "cReason", "rejectReason", "cRejectReason")
		r.Email, r.Traits, r.Names, r.Properties = crm.First(v, "emailAddress"), v, personField, strictjson.Value{}
		optedOut = crm.Truth(v.Get("emailAddressIsOptedOut"))
	case "Opportunity":
		r.Deal, r.System, r.Person = true, opportunity, crm.First(v, "contactId")
		r.StageName, r.Amount, r.Currency = crm.First(v, "stage"), crm.First(v, "amount"), crm.First(v, "amountCurrency")
		r.Owner, r.Created = crm.First(v, "assignedUserId"), crm.First(v, "createdAt")
		switch {
		case action == "delete":
		case action == "create":
			r.Type, r.Stages = "deal_opened", []string{r.StageName}
		case r.StageName != "" || r.Amount != "":
			r.Type, r.Stages = "deal_stage_changed", []string{r.StageName}
		}
	case "Call", "Meeting":
		if r.Person, r.Belongs = parent(v), true; r.Person == "" && r.Handoff == "" {
			item.Ignored = "the " + table + " names nobody"
			return nil
		}
		switch {
		case table == "Call" && crm.First(v, "status") == "Held":
			r.Type = "call_logged"
		case table == "Meeting" && action == "create":
			r.Type, r.More = "meeting_booked", map[string]string{"starts_at": crm.First(v, "dateStart")}
		}
	default:
		item.Ignored = "it is about neither a person nor a deal: " + strictjson.Printable(table, 40)
		return nil
	}
	item.Fact, item.Errors = s.mapper.Fact(received, &r)
	if !optedOut {
		return nil
	}
	return &r
}

// parent gives the lead or contact that a record belongs to.
func parent(v strictjson.Value) string {
	if t := crm.First(v, "parentType"); t == "Lead" || t == "Contact" {
		return crm.First(v, "parentId")
	}
	return ""
}

func personField(name string) string {
	switch name {
	case "firstName":
		return "first_name"
	case "lastName":
		return "last_name"
	case "title":
		return "title"
	case "addressCountry":
		return "country"
	case "phoneNumber":
		return "phone"
	case "accountName":
		return "company"
	case "emailAddress", "id":
		return fact.Drop
	}
	return name
}
