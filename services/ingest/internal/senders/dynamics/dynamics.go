// Package dynamics receives the webhooks of Dynamics 365 (Dataverse): a step's execution context as JSON, proved by a header or
// a query parameter that the operator chooses.
package dynamics

import (
	"net/http"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const (
	vendor      = "dynamics"
	opportunity = "dynamics-opportunity"
	// headerExceeded says that the record was too large (256 KB) to be sent.
	headerExceeded = "x-ms-dynamics-msg-size-exceeded"
)

// Type is the table's row. Dataverse tries once more after 502, 503 and 504 and never after anything else: what cannot be read
// is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks, Token: true,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Keep:   func(name string) bool { return name == headerExceeded },
		Stages: stages(),
		New:    New,
	}
}

// stages are the messages and the values that Dynamics 365 Sales comes with ("Lead" and "Opportunity table reference"): a
// message as table.Message, a choice as table.column.value.
func stages() map[string]string {
	return map[string]string{
		"opportunity.Win": "deal_won", "opportunity.Lose": "deal_lost",
		"opportunity.statecode.1": "deal_won", "opportunity.statecode.2": "deal_lost",
		"lead.QualifyLead": "sql", "lead.statuscode.2": "contacted", "lead.statecode.1": "sql", "lead.statecode.2": "disqualified",
	}
}

type source struct {
	cfg    sender.Config
	docs   sender.Docs
	mapper crm.Mapper
}

// New makes the sender of a source; its secrets are values of the webhook's header or query parameter.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "the value of the header or the query parameter that the webhook is registered with"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages())}, nil
}

// maxShown is how many headers and query parameters are looked at.
const maxShown = 64

// Verify checks the token: in any of the places where tokens stand, as ?code= (a webhook with WebhookKey), or under whatever name
// the webhook was registered with (HttpHeader, HttpQueryString).
func (s *source) Verify(r *sender.Request) (string, error) {
	err := sender.HasToken(r, s.cfg.Secrets)
	if err == nil {
		return "", nil
	}
	n := 0
	for _, values := range []map[string][]string{r.Query, map[string][]string(r.Header)} {
		for _, list := range values {
			for _, value := range list {
				if n++; n > maxShown {
					return "", err
				}
				if value != "" && sender.HasToken(&sender.Request{Token: value, Header: http.Header{}}, s.cfg.Secrets) == nil {
					return "", nil
				}
			}
		}
	}
	return "", err
}

// Decode reads one execution context.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	spare := s.docs.Get()
	defer s.docs.Put(spare)
	exceeded := d.Header[headerExceeded] != ""
	return s.mapper.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) *crm.Record {
		c := execution{source: s, v: v, received: d.Received}
		return c.read(item, spare, exceeded)
	})
}

const noID = "00000000-0000-0000-0000-000000000000"

// personField gives our name for a column of a lead or a contact.
func personField(name string) string {
	switch name {
	case "firstname":
		return "first_name"
	case "lastname":
		return "last_name"
	case "jobtitle":
		return "title"
	case "address1_country":
		return "country"
	case "telephone1":
		return "phone"
	case "companyname":
		return "company"
	case "emailaddress1", "leadid", "contactid":
		return fact.Drop
	}
	return name
}

// taken reports whether events of an organisation are taken: by its id, in whatever form that is written, or by its name.
func (s *source) taken(organization, name string) bool {
	return s.cfg.Listed(name) || slices.ContainsFunc(s.cfg.Accounts, func(a string) bool { return id(a) != "" && id(a) == id(organization) })
}

// id gives a GUID as it is written most: lower case, no braces.
func id(s string) string {
	if s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "{}")); s == noID {
		return ""
	}
	return s
}
