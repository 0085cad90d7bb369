// Package crm is what the senders of CRMs share: how a record of theirs, a person or a deal, becomes a fact, and what their
// stages mean. It knows no CRM; each of those has a package of its own.
package crm

import (
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Check refuses a configuration that cannot work: no secret, a write key, maps that lead nowhere. secrets says what a secret
// is to this CRM.
func Check(cfg *sender.Config, secrets string) error {
	if err := cfg.NeedSecrets(secrets); err != nil {
		return err
	}
	return sender.CheckMap("stages", cfg.Stages)
}

// NotOurs is why an event of another account is ignored.
const NotOurs = "it is of an account that the source's accounts do not name"

// Mapper turns the records of one source into facts.
type Mapper struct {
	// Source is its name, Vendor the CRM's: the system of its people's external ids, and the start of custom names.
	Source, Vendor string
	// Map is the operator's, by the vendor's event names.
	Map    map[string]string
	Stages Stages
}

// NewMapper makes the mapper of a source; defaults are its type's stages.
func NewMapper(vendor string, cfg *sender.Config, defaults map[string]string) Mapper {
	return Mapper{Source: cfg.Name, Vendor: vendor, Map: cfg.Map, Stages: NewStages(defaults, cfg.Stages)}
}

// Record is one event about one record of a CRM.
type Record struct {
	// EventID is the event's id, EventField where it stands; Event is what the vendor calls it, for the operator's map.
	EventID, EventField, Event string
	At                         time.Time
	// Deal: the record is a deal, else a person or, with Belongs, what belongs to one, a task: its own id names nobody.
	Deal, Belongs bool
	// System and ID are the record's own. Person is the id of the person that it belongs to, where that is another record.
	System, ID, Person string
	// Also are ids that other systems know the same person by.
	Also  map[string]string
	Email string
	// Handoff is the handoff's id that the record carries, "" for none.
	Handoff string
	// Type of the event where neither the operator nor a stage says; "" is custom.
	Type string
	// Stages are what stages say, the most telling first. StageName is what a deal fact is told as its stage.
	Stages    []string
	StageName string
	// DealID is the deal's where the record is none.
	DealID           string
	Amount, Currency string
	// Owner is a deal's owner: the CRM's id of the user, or an address.
	Owner  string
	Reason string
	// Created is when a deal was made, as the CRM writes moments (see Time).
	Created string
	// Traits are a person's fields, Names our names for them (fact.Drop for what is used up).
	Traits strictjson.Value
	Names  func(field string) string
	// Fill has fields of the person that stand elsewhere, and count where Traits have none.
	Fill map[string]string
	// More has what else our vocabulary has a name for.
	More map[string]string
	// Properties is what is kept of the event as it was sent.
	Properties strictjson.Value
}

// typeOf gives the event's type: the operator's for this kind of event, or what a stage means, or the record's own. What sales
// answers to a handoff is an answer only if the record names that handoff: otherwise it is not said.
func (m *Mapper) typeOf(r *Record) (eventType, stage string) {
	says := func(t string) bool { return core.ClassOf(t) != core.Disposition || r.Handoff != "" }
	if t := m.Map[r.Event]; t != "" && says(t) {
		return t, ""
	}
	for _, s := range r.Stages {
		if t, ok := m.Stages.Of(s); ok && says(t) {
			return t, s
		}
	}
	if r.Type != "" {
		return r.Type, ""
	}
	return core.Custom, ""
}

// Fact gives the event of a record, or what is wrong with it.
func (m *Mapper) Fact(received fact.Received, r *Record) (fact.Fact, fact.Errors) {
	b := fact.NewBuilder(m.Source, received, true, "")
	b.ID(r.EventField, r.EventID)
	eventType, stage := m.typeOf(r)
	b.Type("type", eventType)
	if eventType == core.Custom {
		b.Name("type", m.Vendor+": "+strictjson.Printable(r.Event, 200))
	}
	if !r.At.IsZero() {
		b.Occurred("time", r.At, r.At)
	}
	// A deal or a task that has its person is that person's, and its own id names nobody: one that passes from one person to
	// another must not make one of the two. Nor must a handoff's id that stays with the deal when its person changes: then the
	// deal is the handoff's, and says nothing of the person.
	switch {
	case r.Belongs && r.Handoff != "":
	case r.Person == "" || r.Deal && r.Handoff != "":
		b.ExternalID("id", r.System, r.ID)
	case r.Handoff == "":
		b.ExternalID("person", m.Vendor, r.Person)
	}
	for _, system := range sortedKeys(r.Also) {
		b.ExternalID("id", system, r.Also[system])
	}
	b.Email("email", r.Email)
	if r.Handoff != "" {
		b.Handoff(r.Handoff)
	}
	m.say(b, r, eventType, stage)
	if r.Names != nil {
		b.Traits("fields", r.Traits, func(key strictjson.Value) string { return r.Names(key.Text()) })
		place(b, r.Traits)
	}
	for _, name := range sortedKeys(r.Fill) {
		b.Trait(name, r.Fill[name])
	}
	b.Properties("properties", r.Properties)
	return b.Finish("id")
}

// say states what the payloads of deals and answers have fields for.
func (m *Mapper) say(b *fact.Builder, r *Record, eventType, stage string) {
	for _, name := range sortedKeys(r.More) {
		b.Say(name, r.More[name])
	}
	switch core.ClassOf(eventType) {
	case core.Deal:
		b.Say("deal_id", r.DealID)
		b.Say("deal_id", r.ID)
		b.Say("stage", r.StageName)
		b.Say("owner", m.owner(r.Owner))
		b.Say("amount", r.Amount)
		b.Say("currency", r.Currency)
		b.Say("reason", r.Reason)
		if at, ok := Time(r.Created); ok {
			b.Say("created_at", at.Format(time.RFC3339Nano))
		}
	case core.Disposition:
		// Where the CRM has no reason of its own, the stage is one: routing tells whether the agreement knows it.
		reason := r.Reason
		if reason == "" && core.ReasonRequired(eventType) {
			reason = stage
		}
		b.Say("reason", Reason(reason))
	}
}

// owner tells whose a user's id is.
func (m *Mapper) owner(id string) string {
	if id = strings.TrimSpace(id); id == "" || strings.Contains(id, "@") {
		return id
	}
	return m.Vendor + ":" + id
}

// Consent gives the event in which a person takes back the consent to a purpose, for a record that says so beside what its
// own event says.
func (m *Mapper) Consent(received fact.Received, r *Record, purpose string) (fact.Fact, fact.Errors) {
	only := *r
	only.EventID, only.Event = sender.ID(r.EventID, "consent"), ""
	only.Type, only.Stages, only.Names, only.Fill = "consent_changed", nil, nil, nil
	only.More = map[string]string{"consent:" + purpose: "withdrawn"}
	return m.Fact(received, &only)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
