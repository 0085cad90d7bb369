package linkedin

import (
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// system is what LinkedIn's ids of people stand under.
const system = "linkedin"

// lead reads a LEAD_ACTION. It names the response and nobody: who it was LinkedIn's API tells to whoever may ask. Relays that
// have asked put the answers in (formResponse, answers, hiddenFields), and these are read.
func (s *source) lead(v strictjson.Value, received fact.Received, item *sender.Item) {
	response, action, at := v.Get("leadGenFormResponse").Text(), v.Get("leadAction").Text(), v.Get("occurredAt").Text()
	owner := v.Get("owner")
	if s.api != nil && (action == "CREATED" || action == "") && !v.Get("answers").Given() && !v.Get("formResponse").Given() {
		item.Ignored = "its answers are read from LinkedIn's API, and it with them"
		return
	}
	if !s.listed(owner.Get("organization").Text(), owner.Get("sponsoredAccount").Text()) {
		item.Ignored = "it is of an account that the source does not list"
		return
	}
	form := v.Get("leadGenForm").Text()
	if form == "" {
		form = v.Get("versionedLeadGenFormUrn").Text()
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	if response == "" {
		b.Refuse("leadGenFormResponse", "is no text")
	} else {
		item.ID = sender.ID(response, action, at)
		b.ID("leadGenFormResponse", item.ID)
	}
	eventType := core.Custom
	if action == "CREATED" || action == "" {
		eventType = s.cfg.TypeOf("form_submitted", form, "LEAD_ACTION CREATED", "LEAD_ACTION")
	} else {
		eventType = s.cfg.TypeOf(eventType, "LEAD_ACTION "+action)
	}
	b.Type("leadAction", eventType)
	if eventType == core.Custom {
		b.Name("leadAction", "linkedin: LEAD_ACTION "+action)
	}
	occurred(b, "occurredAt", at)
	b.ExternalID("leadGenFormResponse", system, response)

	answers := v.Get("answers")
	if inner := v.Get("formResponse"); inner.Kind() == strictjson.Object {
		answers = inner.Get("answers")
	}
	fields := answersOf(answers)
	hidden := pairs(v.Get("hiddenFields"))
	forms.Person(b, fields)
	b.Say("form", form)
	b.Say("campaign", hidden["utm_campaign"])
	b.Say("channel", hidden["utm_medium"])
	for _, metadata := range [...]strictjson.Value{
		v.Get("leadMetadataInfo").Get("sponsoredLeadMetadataInfo").Get("campaign"), v.Get("leadMetadata").Get("sponsoredLeadMetadata").Get("campaign"),
	} {
		b.Say("campaign", metadata.Get("name").Text())
		b.Say("campaign", metadata.Get("id").Text())
		b.Say("campaign", metadata.Text())
	}
	if v.Get("leadType").Is("SPONSORED") {
		b.Say("channel", "paid_social")
	}
	b.Say("channel", "social")
	if v.Get("testLead").Kind() == strictjson.True {
		b.Automated("LinkedIn marks it as a test")
	}
	b.Properties("", strictjson.Value{})
	if len(fields) > 0 {
		said := make(map[string]*structpb.Value, len(fields))
		for _, f := range fields {
			said[f.Labels[0]] = structpb.NewStringValue(f.Entered)
		}
		b.SetProperty("responses", structpb.NewStructValue(&structpb.Struct{Fields: said}))
	}
	forms.Keep(b, v)
	item.Fact, item.Errors = b.Finish("leadGenFormResponse")
}

func occurred(b *fact.Builder, field, millis string) {
	if at, err := sender.Millis(millis); err == nil {
		b.Occurred(field, at, at)
	}
}

// answersOf reads a list of answers as LinkedIn's API has them, {"questionId", "answerDetails": {"textQuestionAnswer": {"answer"}}},
// and as relays write them, {"name" or "question", "answer" or "value"}; or an object of answers by name.
func answersOf(v strictjson.Value) []forms.Field {
	var out []forms.Field
	add := func(entered string, labels ...string) {
		f := forms.Field{Entered: entered}
		for _, l := range labels {
			if l != "" {
				f.Labels = append(f.Labels, l)
			}
		}
		if entered != "" && len(f.Labels) > 0 {
			out = append(out, f)
		}
	}
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		add(value.Text(), key.Text())
	}
	for e := v.Elements(); ; {
		a, ok := e.Next()
		if !ok {
			return out
		}
		details := a.Get("answerDetails")
		entered := ""
		for _, given := range [...]strictjson.Value{details.Get("textQuestionAnswer").Get("answer"), a.Get("answer"), a.Get("value")} {
			if entered == "" {
				entered = given.Text()
			}
		}
		add(entered, a.Get("predefinedField").Text(), a.Get("name").Text(), a.Get("question").Text(), a.Get("label").Text(), a.Get("questionId").Text())
	}
}

// pairs reads hidden fields: [{"name", "value"}], or an object.
func pairs(v strictjson.Value) map[string]string {
	out := map[string]string{}
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		out[key.Text()] = value.Text()
	}
	for e := v.Elements(); ; {
		pair, ok := e.Next()
		if !ok {
			return out
		}
		if name := pair.Get("name").Text(); name != "" {
			out[name] = pair.Get("value").Text()
		}
	}
}

// social reads one notification of what somebody did with an organisation's post.
func (s *source) social(v strictjson.Value, received fact.Received, item *sender.Item) {
	action := v.Get("action").Text()
	switch {
	case !s.listed(v.Get("organizationalEntity").Text()):
		item.Ignored = "it is of an organisation that the source does not list"
		return
	case action == "ADMIN_COMMENT":
		item.Ignored = "the organisation itself wrote it"
		return
	}
	actor := actorOf(v)
	if actor == "" {
		item.Ignored = "LinkedIn does not say who did it"
		return
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	item.ID = sender.ID("social", v.Get("notificationId").Text(), action)
	if v.Get("notificationId").Text() == "" {
		b.Refuse("notificationId", "is neither text nor a number")
	}
	b.ID("notificationId", item.ID)
	eventType := core.Custom
	switch action {
	case "LIKE", "COMMENT", "SHARE", "SHARE_MENTION", "COMMENT_EDIT", "REACTION":
		eventType = "social_engaged"
	}
	b.Type("action", s.cfg.TypeOf(eventType, action))
	if s.cfg.TypeOf(eventType, action) == core.Custom {
		b.Name("action", "linkedin: "+action)
	}
	occurred(b, "lastModifiedAt", v.Get("lastModifiedAt").Text())
	b.ExternalID("generatedActivity", system, actor)
	b.Say("network", "linkedin")
	b.Say("channel", "social")
	b.Say("asset", v.Get("sourcePost").Text())
	b.Properties("", strictjson.Value{})
	forms.Keep(b, v)
	item.Fact, item.Errors = b.Finish("generatedActivity")
}

// actorOf finds who acted: the owner of what came about, or the person in the name of a reaction,
// urn:li:reaction:(urn:li:person:…,urn:li:activity:…).
func actorOf(v strictjson.Value) string {
	for m := v.Get("decoratedGeneratedActivity").Members(); ; {
		_, made, ok := m.Next()
		if !ok {
			break
		}
		for _, name := range [...]string{"owner", "actor", "author"} {
			if urn := person(made.Get(name).Text()); urn != "" {
				return urn
			}
		}
	}
	if urn := person(v.Get("actor").Text()); urn != "" {
		return urn
	}
	return person(v.Get("generatedActivity").Text())
}

// person cuts a person's URN out of a text.
func person(s string) string {
	for _, kind := range [...]string{"urn:li:person:", "urn:li:member:"} {
		_, rest, ok := strings.Cut(s, kind)
		if !ok {
			continue
		}
		if end := strings.IndexAny(rest, ",() "); end >= 0 {
			rest = rest[:end]
		}
		if rest != "" {
			return kind + rest
		}
	}
	return ""
}
