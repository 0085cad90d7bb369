package meta

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// change reads one change. A lead's names the lead and nobody: the answers are the Graph API's to tell. Relays that have asked
// put them in as the API gives them (field_data), and these are read.
func (s *source) change(v strictjson.Value, page string, received fact.Received, item *sender.Item) {
	value := v.Get("value")
	switch {
	case v.Kind() != strictjson.Object:
		item.Errors = fact.Errors{{Field: "changes", Reason: "a change must be an object"}}
		return
	case len(v.Raw()) > s.cfg.MaxEvent:
		item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent)
		return
	case !v.Get("field").Is("leadgen"):
		item.Ignored = "it is no lead"
		return
	}
	if own := value.Get("page_id").Text(); own != "" {
		page = own
	}
	if page != "" && !s.cfg.Listed(page) {
		item.Ignored = "it is of a page that the source does not list"
		return
	}
	if s.api != nil && value.Get("field_data").Kind() != strictjson.Array {
		item.Ignored = "its answers are read from the Graph API, and it with them"
		return
	}
	lead, form := value.Get("leadgen_id").Text(), value.Get("form_id").Text()
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	if lead == "" {
		b.Refuse("value.leadgen_id", "is required: by it the lead is known")
	} else {
		item.ID = sender.ID("leadgen", lead)
		b.ID("value.leadgen_id", item.ID)
	}
	eventType := s.cfg.TypeOf("form_submitted", form, "leadgen")
	b.Type("field", eventType)
	if eventType == core.Custom {
		b.Name("field", "meta: leadgen")
	}
	if at, ok := timeOf(value.Get("created_time").Text()); ok {
		b.Occurred("value.created_time", at, at)
	}
	b.ExternalID("value.leadgen_id", "meta", lead)

	fields := fieldsOf(value.Get("field_data"))
	forms.Person(b, fields)
	b.Say("form", form)
	b.Say("campaign", value.Get("campaign_name").Text())
	b.Say("campaign", value.Get("campaign_id").Text())
	b.Say("channel", channel(value))
	b.Properties("", strictjson.Value{})
	if len(fields) > 0 {
		said := make(map[string]*structpb.Value, len(fields))
		for _, f := range fields {
			said[f.Labels[0]] = structpb.NewStringValue(f.Entered)
		}
		b.SetProperty("responses", structpb.NewStructValue(&structpb.Struct{Fields: said}))
	}
	forms.Keep(b, value)
	if page != "" {
		b.SetProperty("page_id", structpb.NewStringValue(page))
	}
	item.Fact, item.Errors = b.Finish("value.leadgen_id")
}

// channel tells a lead of an advertisement from one of a form that stands on the page for nothing.
func channel(value strictjson.Value) string {
	if value.Get("is_organic").Kind() == strictjson.True {
		return "social"
	}
	for _, name := range [...]string{"ad_id", "adgroup_id", "adset_id", "campaign_id", "campaign_name"} {
		if id := value.Get(name).Text(); id != "" && id != "0" {
			return "paid_social"
		}
	}
	return "social"
}

// timeOf reads seconds since 1970, as webhooks have it, or 2026-11-20T10:00:00+0000, as the Graph API has it.
func timeOf(s string) (time.Time, bool) {
	at, err := sender.Seconds(s)
	if err != nil {
		if at, err = core.ParseLooseTime(s); err != nil && len(s) <= 64 {
			at, err = time.Parse("2006-01-02T15:04:05-0700", s)
		}
	}
	return at.UTC(), err == nil && !at.Before(core.Earliest())
}

// fieldsOf reads field_data: [{"name": "email", "values": ["…"]}]; of several values a comma stands between.
func fieldsOf(v strictjson.Value) []forms.Field {
	var out []forms.Field
	for e := v.Elements(); ; {
		f, ok := e.Next()
		if !ok {
			return out
		}
		var texts []string
		for values := f.Get("values").Elements(); ; {
			value, ok := values.Next()
			if !ok {
				break
			}
			if text := value.Text(); text != "" {
				texts = append(texts, text)
			}
		}
		if name := f.Get("name").Text(); name != "" && len(texts) > 0 {
			field := forms.Field{Labels: []string{name}, Entered: strings.Join(texts, ", ")}
			if name == "email" || name == "work_email" {
				field.Kind = forms.Email
			}
			out = append(out, field)
		}
	}
}
