// Package salesforce receives Salesforce's outbound messages: SOAP, unsigned, repeated for a day until they are acknowledged.
package salesforce

import (
	"net/http"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
)

const (
	vendor      = "salesforce"
	opportunity = "salesforce-opportunity"
)

// Type is the table's row. Nothing but the acknowledgement stops the retries, so whatever could not be read is kept and
// acknowledged, too.
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks, Token: true,
		Rules: sender.Rules{
			Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: acknowledged, ReplyType: "text/xml; charset=utf-8",
		},
		Stages: stages(),
		New:    New,
	}
}

// stages are those that Salesforce comes with: a lead's Status and an opportunity's StageName.
func stages() map[string]string {
	return map[string]string{
		"Working - Contacted": "contacted", "Qualified": "sql", "Closed - Converted": "sql",
		"Unqualified": "disqualified", "Closed - Not Converted": "disqualified",
		"Closed Won": "deal_won", "Closed Lost": "deal_lost",
	}
}

// acknowledged is the one answer that Salesforce takes for a success.
func acknowledged(sender.Result) (int, []byte) {
	return http.StatusOK, []byte(`<?xml version="1.0" encoding="UTF-8"?>` +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` +
		`<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>` +
		`</soapenv:Body></soapenv:Envelope>`)
}

type source struct {
	cfg    sender.Config
	docs   sender.Docs
	mapper crm.Mapper
}

// New makes the sender of a source; its secrets are tokens that stand in the address of the endpoint.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "a token that the endpoint URL ends with, /webhooks/{source}/{token}: Salesforce signs nothing"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages())}, nil
}

// Verify checks the token.
func (s *source) Verify(r *sender.Request) (string, error) {
	return "", sender.HasToken(r, s.cfg.Secrets)
}

// Decode gives the message's notifications. The whole of it is read before the first is given. What cannot be read is given
// without the session that Salesforce puts into every message.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	m, err := parse(d.Body)
	if err != nil {
		return yield(sender.Item{Single: true, Errors: fact.Errors{{Reason: "the message cannot be read: " + err.Error()}}, Raw: withoutSession(d.Body)})
	}
	taken := len(s.cfg.Accounts) == 0 || slices.ContainsFunc(s.cfg.Accounts, func(a string) bool { return same(a, m.organization) })
	for i := range m.notifications {
		n := &m.notifications[i]
		item := sender.Item{Index: i, Single: true, ID: n.id}
		if !taken {
			item.Ignored = crm.NotOurs
			if err := yield(item); err != nil {
				return err
			}
			continue
		}
		if err := s.read(n, d.Received, item, func(item sender.Item) error {
			if item.Errors != nil {
				item.Raw = m.alone(d.Body, n)
			}
			return yield(item)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) read(n *notification, received fact.Received, item sender.Item, yield func(sender.Item) error) error {
	var flat crm.Object
	size := 0
	for _, f := range n.fields {
		size += len(f.name) + len(f.text)
		if f.null {
			flat.Raw(f.name, []byte("null"))
		} else {
			flat.Text(f.name, f.text)
		}
	}
	if item.Errors = sender.TooLarge(size, s.cfg.MaxEvent); item.Errors != nil {
		return yield(item)
	}
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	v, err := flat.Value(doc)
	if err != nil {
		item.Errors = fact.Fault(err)
		return yield(item)
	}
	r := crm.Record{
		EventID: n.id, EventField: "Notification.Id", Event: n.kind, System: vendor, ID: wide(crm.First(v, "Id")),
		Handoff: crm.Handoff(v, false), Properties: v, Currency: crm.First(v, "CurrencyIsoCode"),
	}
	r.At, _ = crm.Time(crm.First(v, "SystemModstamp", "LastModifiedDate", "CreatedDate"))
	if crm.Truth(v.Get("IsDeleted")) {
		r.Event += ".deleted"
	}
	person := false
	switch {
	case n.kind == "Opportunity":
		r.Deal, r.System, r.Person = true, opportunity, wide(crm.First(v, "ContactId"))
		r.StageName, r.Amount = crm.First(v, "StageName"), crm.First(v, "Amount")
		r.Type, r.Stages, r.Owner = "deal_stage_changed", []string{r.StageName}, wide(crm.First(v, "OwnerId"))
		if r.Created = crm.First(v, "CreatedDate"); r.Created != "" && r.Created == crm.First(v, "LastModifiedDate") {
			r.Type = "deal_opened"
		}
		r.Reason = crm.First(v, "Loss_Reason__c", "LossReason__c", "Lost_Reason__c", "Closed_Lost_Reason__c")
	case n.kind == "Task" || n.kind == "Event":
		if r.Person, r.Belongs = who(v), true; r.Person == "" && r.Handoff == "" {
			item.Ignored = "the " + n.kind + " is with nobody"
			return yield(item)
		}
		activity(&r, n.kind, v)
	case n.kind == "Lead" || n.kind == "Contact" || v.Get("Email").Given() || v.Get("LastName").Given():
		person = true
		lead(&r, v)
	default:
		item.Ignored = "it is a record of a kind that is neither a person nor a deal"
		if s.cfg.Map[r.Event] == "" {
			return yield(item)
		}
		item.Ignored = ""
	}
	if strings.HasSuffix(r.Event, ".deleted") {
		r.Type, r.Stages = "", nil
	}
	item.Fact, item.Errors = s.mapper.Fact(received, &r)
	if err := yield(item); err != nil || item.Errors != nil {
		return err
	}
	if person && crm.Truth(v.Get("HasOptedOutOfEmail")) {
		item.ID = sender.ID(r.EventID, "consent")
		item.Fact, item.Errors = s.mapper.Consent(received, &r, "email")
		return yield(item)
	}
	return nil
}
