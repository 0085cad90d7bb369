// Package twenty receives the webhooks of Twenty, the open-source CRM: signed, each sent once.
package twenty

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const (
	vendor          = "twenty"
	opportunity     = "twenty-opportunity"
	headerSignature = "X-Twenty-Webhook-Signature"
	headerTimestamp = "X-Twenty-Webhook-Timestamp"
)

// Type is the table's row. Twenty sends every event once, whatever it is answered: what cannot be read is kept, and while the
// journal does not answer the request is held as long as Twenty waits (5 s).
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Hold, Reply: sender.OK},
		Stages: stages(),
		New:    New,
	}
}

// stages are those of opportunities that Twenty comes with; its last one is CUSTOMER.
func stages() map[string]string {
	return map[string]string{"CUSTOMER": "deal_won", "WON": "deal_won", "LOST": "deal_lost"}
}

type source struct {
	cfg    sender.Config
	docs   sender.Docs
	mapper crm.Mapper
}

// New makes the sender of a source; its secrets are those of the webhooks.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "the secret of the webhook"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages())}, nil
}

// Verify checks hex(HMAC-SHA-256(secret, timestamp + ":" + body)), as call-webhook.job.ts of Twenty makes it; the timestamp is
// in milliseconds.
func (s *source) Verify(r *sender.Request) (string, error) {
	signature, stamp := r.Header.Get(headerSignature), r.Header.Get(headerTimestamp)
	if signature == "" || stamp == "" {
		return "", sender.ErrUnsigned
	}
	at, err := sender.Millis(stamp)
	if err != nil {
		return "", err
	}
	if at.Before(time.Unix(1e8, 0)) { // no milliseconds since 1973: seconds
		if at, err = sender.Seconds(stamp); err != nil {
			return "", err
		}
	}
	signed := sender.SignedBy(s.cfg.Secrets, []byte(strings.ToLower(signature)), func(secret string) []byte {
		return hex.AppendEncode(nil, sender.MAC(sha256.New, secret, []byte(stamp), []byte(":"), r.Body))
	})
	if !signed {
		return "", sender.ErrForged
	}
	return "", sender.Fresh(at, r.Now, sender.Tolerance)
}

// Decode reads one event, in the shape that Twenty sends (eventName, record) or the one that it documents (event, data).
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	spare := s.docs.Get()
	defer s.docs.Put(spare)
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, spare, d.Received, item) })
}

func (s *source) read(v strictjson.Value, spare *strictjson.Doc, received fact.Received, item *sender.Item) {
	if !s.cfg.Listed(crm.First(v, "workspaceId")) {
		item.Ignored = crm.NotOurs
		return
	}
	record := v.Get("record")
	if !record.Given() {
		record = v.Get("data")
	}
	name := crm.First(v, "eventName", "event")
	object, action, _ := strings.Cut(name, ".")
	if object == "" || record.Kind() != strictjson.Object {
		item.Errors = fact.Errors{{Field: "eventName", Reason: "an event names what happened (person.updated) and holds the record"}}
		return
	}
	r := crm.Record{
		EventField: "record.id", Event: name, System: vendor, ID: crm.First(record, "id"), Handoff: crm.Handoff(record, false), Properties: v,
	}
	stamp := crm.First(v, "eventDate", "timestamp")
	if item.ID = sender.BodyID(v.Raw()); stamp != "" && r.ID != "" {
		// Two changes may have one moment. What was sent of the record tells them apart; which of the webhooks sent it does not count.
		item.ID = sender.ID(name, r.ID, stamp, sender.BodyID(slices.Concat(record.Raw(), v.Get("updatedFields").Raw())))
	}
	r.EventID = item.ID
	r.At, _ = crm.Time(stamp)
	switch object {
	case "person":
		s.person(&r, record, action)
		var kept crm.Object
		kept.Members(v, func(name string) bool { return name == "record" || name == "data" })
		var err error
		if r.Properties, err = kept.Value(spare); err != nil {
			item.Errors = fact.Fault(err)
			return
		}
	case "opportunity":
		s.opportunity(&r, record, v.Get("updatedFields"), action)
	default:
		r.Person, r.Belongs = crm.First(record, "personId", "pointOfContactId"), true
		if r.Person == "" && r.Handoff == "" {
			item.Ignored = "it belongs to no person: " + strictjson.Printable(object, 40)
			return
		}
	}
	item.Fact, item.Errors = s.mapper.Fact(received, &r)
}

func (s *source) person(r *crm.Record, record strictjson.Value, action string) {
	name, emails, phones := record.Get("name"), record.Get("emails"), record.Get("phones")
	if r.Email = crm.First(emails, "primaryEmail"); r.Email == "" {
		r.Email = crm.First(record, "email")
	}
	r.Traits, r.Names = record, personField
	phone := crm.First(phones, "primaryPhoneNumber")
	if code := crm.First(phones, "primaryPhoneCallingCode"); phone != "" && !strings.HasPrefix(phone, "+") {
		phone = code + phone
	}
	r.Fill = map[string]string{
		"first_name": crm.First(name, "firstName"), "last_name": crm.First(name, "lastName"), "phone": phone, "company": crm.First(record.Get("company"), "name"),
	}
	if action == "created" || action == "updated" || action == "upserted" || action == "restored" {
		r.Type = "identified"
	}
}

func personField(name string) string {
	switch name {
	case "firstName":
		return "first_name"
	case "lastName":
		return "last_name"
	case "jobTitle":
		return "title"
	case "phone", "country":
		return name
	case "id", "email":
		return fact.Drop
	}
	return name
}

func (s *source) opportunity(r *crm.Record, record, updated strictjson.Value, action string) {
	r.Deal, r.System, r.Person = true, opportunity, crm.First(record, "pointOfContactId")
	r.StageName, r.Owner = crm.First(record, "stage"), crm.First(record, "ownerId")
	r.Created = crm.First(record, "createdAt")
	amount := record.Get("amount")
	r.Amount, r.Currency = crm.Micros(crm.First(amount, "amountMicros")), crm.First(amount, "currencyCode")
	switch action {
	case "created":
		r.Type, r.Stages = "deal_opened", []string{r.StageName}
	case "updated", "upserted", "restored":
		if listed(updated, "stage") {
			r.Type, r.Stages = "deal_stage_changed", []string{r.StageName}
		} else if listed(updated, "amount") || listed(updated, "pointOfContact") || listed(updated, "pointOfContactId") {
			r.Type = "deal_stage_changed"
		}
	}
}

// listed reports whether a list of changed fields has one; where there is no list, all may have.
func listed(updated strictjson.Value, field string) bool {
	if updated.Len() == 0 {
		return true
	}
	for elements := updated.Elements(); ; {
		e, ok := elements.Next()
		if !ok {
			return false
		}
		if e.Is(field) {
			return true
		}
	}
}
