// Package hubspot receives HubSpot's webhooks: the events that an app subscribes to (contacts, deals, leads, of old and new
// apps), and what workflows post about a contact or a deal.
package hubspot

import (
	"maps"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// vendor is the system of the external ids of HubSpot's contacts; its deals and leads have systems of their own.
const (
	vendor     = "hubspot"
	dealSystem = "hubspot-deal"
	leadSystem = "hubspot-lead"
)

// Type is the table's row. HubSpot repeats what is refused ten times over a day: what is verified but cannot be read is kept
// and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Stages: stages(),
		New:    New,
	}
}

// stages are those of HubSpot's own pipelines: deals (dealstage), lead objects (hs_pipeline_stage), and the contact's
// hs_lead_status and lifecyclestage.
func stages() map[string]string {
	return map[string]string{
		"closedwon": "deal_won", "closedlost": "deal_lost",
		"connected-stage-id": "contacted", "qualified-stage-id": "sql", "unqualified-stage-id": "disqualified",
		"CONNECTED": "contacted", "BAD_TIMING": "recycled", "UNQUALIFIED": "disqualified",
		"salesqualifiedlead": "sql",
	}
}

type source struct {
	cfg    sender.Config
	docs   sender.Docs
	mapper crm.Mapper
	// decoder is made once: that costs more than the signature.
	decoder *strings.Replacer
}

// New makes the sender of a source; its secrets are client secrets of the app.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "the client secret of the HubSpot app"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages()), decoder: newDecoder()}, nil
}

// Decode reads a list of subscription events, or what a workflow posts: one object. The content type is not looked at: it is not
// signed, and v1 and v2 are plain hashes, which can be continued without the secret by whoever has one. What is added so stands
// behind bytes that are no JSON, and the body is not readable as a whole; read line by line it would be.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc, spare := s.docs.Get(), s.docs.Get()
	defer s.docs.Put(doc)
	defer s.docs.Put(spare)
	return sender.Split(d.Body, "", s.cfg.MaxEvents, func(i int, single bool, at strictjson.Span) error {
		item := sender.Item{Index: i, Single: single, Raw: d.Body[at.From:at.To]}
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		switch {
		case err != nil:
			item.Errors = fact.Fault(err)
		case v.Kind() != strictjson.Object:
			item.Errors = fact.Errors{{Reason: "an event must be an object"}}
		case len(v.Raw()) > s.cfg.MaxEvent:
			item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent)
		case v.Get("subscriptionType").Given():
			e := event{source: s, received: d.Received, v: v, spare: spare}
			e.read(&item)
		default:
			w := workflow{source: s, received: d.Received, v: v, spare: spare}
			return w.read(item, yield)
		}
		return yield(item)
	})
}

// contactField gives our name for a property of a contact.
func contactField(name string) string {
	switch name {
	case "firstname":
		return "first_name"
	case "lastname":
		return "last_name"
	case "jobtitle":
		return "title"
	case "country", "phone", "company":
		return name
	case "hs_language":
		return "language"
	case "email", "hs_object_id":
		return fact.Drop
	}
	return name
}

// dropped reports which of an event's members do not stay as its properties: the number of the attempt, which differs from one
// to the next.
func dropped(name string) bool { return name == "attemptNumber" }

func with(more map[string]string, name, value string) map[string]string {
	out := maps.Clone(more)
	if out == nil {
		out = map[string]string{}
	}
	out[name] = value
	return out
}
