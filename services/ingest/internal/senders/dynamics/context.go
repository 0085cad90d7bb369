package dynamics

import (
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// execution is a RemoteExecutionContext, as "Use WebHooks to create external handlers for server events" shows one.
type execution struct {
	*source
	v        strictjson.Value
	received fact.Received
}

// pair finds the value of a key in a list of {"key", "value"}, as the contract's dictionaries are written.
func pair(list strictjson.Value, name string) strictjson.Value {
	for elements := list.Elements(); ; {
		e, ok := elements.Next()
		if !ok {
			return strictjson.Value{}
		}
		if e.Get("key").Is(name) {
			return e.Get("value")
		}
	}
}

// read completes the item. It gives the record of a person who has taken back the consent to e-mail, else nil.
func (c *execution) read(item *sender.Item, spare *strictjson.Doc, exceeded bool) *crm.Record {
	v := c.v
	if !c.taken(crm.First(v, "OrganizationId"), crm.First(v, "OrganizationName")) {
		item.Ignored = crm.NotOurs
		return nil
	}
	table, message := strings.ToLower(crm.First(v, "PrimaryEntityName")), crm.First(v, "MessageName")
	if table == "" || message == "" {
		item.Errors = fact.Errors{{Field: "PrimaryEntityName", Reason: "an execution context names the table, and the message in MessageName"}}
		return nil
	}
	r := crm.Record{EventField: "OperationId", Event: table + "." + message, System: vendor, ID: id(crm.First(v, "PrimaryEntityId"))}
	item.ID = eventID(v, table, message, r.ID)
	r.EventID = item.ID
	r.At, _ = Date(crm.First(v, "OperationCreatedOn"))
	input := v.Get("InputParameters")
	if exceeded && input.Len() == 0 {
		item.Errors = fact.Errors{{Field: "InputParameters", Reason: "the record has more than 256 KB, and Dynamics left it out: read " +
			strictjson.Printable(table, 64) + " " + strictjson.Printable(r.ID, 64) + " again, and have the step send fewer columns"}}
		return nil
	}
	switch table {
	case "lead", "contact":
	case "opportunity":
		r.Deal, r.System = true, opportunity
	default:
		if c.cfg.Map[r.Event] == "" {
			item.Ignored = "it is about neither a person nor a deal: " + strictjson.Printable(table, 40)
			return nil
		}
	}
	var news, all crm.Object
	c.target(&news, input, table)
	c.target(&all, input, table)
	for _, images := range []string{"PostEntityImages", "PreEntityImages"} {
		for elements := v.Get(images).Elements(); ; {
			image, ok := elements.Next()
			if !ok {
				break
			}
			attributes(&all, image.Get("value").Get("Attributes"))
		}
	}
	return c.finish(item, &r, &news, &all, spare)
}

// eventID is the operation's, which an asynchronous step's second attempt repeats; a synchronous one has none, and is known by
// the request, the moment and what was changed: one request may change a record twice within a millisecond.
func eventID(v strictjson.Value, table, message, record string) string {
	if op := id(crm.First(v, "OperationId")); op != "" {
		return sender.ID(op, message, record)
	}
	return sender.ID(crm.First(v, "CorrelationId"), crm.First(v, "RequestId"), table, message, record, crm.First(v, "OperationCreatedOn"),
		sender.BodyID(v.Get("InputParameters").Raw()))
}

// target adds the columns that the message is about: its Target, what closes an opportunity, or the new state.
func (c *execution) target(to *crm.Object, input strictjson.Value, table string) {
	attributes(to, pair(input, "Target").Get("Attributes"))
	for _, name := range []string{"OpportunityClose", "LeadClose"} {
		attributes(to, pair(input, name).Get("Attributes"))
	}
	for _, of := range [...]struct{ parameter, column string }{{"State", "statecode"}, {"Status", "statuscode"}} {
		if value := pair(input, of.parameter); value.Given() && !to.Has(of.column) {
			add(to, of.column, value)
		}
	}
	if id := pair(input, "LeadId").Get("Id"); table == "lead" && id.Given() && !to.Has("leadid") {
		to.Raw("leadid", id.Raw())
	}
}

// attributes adds a row's columns.
func attributes(to *crm.Object, list strictjson.Value) {
	for elements := list.Elements(); ; {
		e, ok := elements.Next()
		if !ok {
			return
		}
		if name := e.Get("key").Text(); name != "" && !to.Has(name) {
			add(to, name, e.Get("value"))
		}
	}
}

// add adds one column: a choice or an amount (Value), a reference (Id), a moment (/Date(…)/) or a plain value.
func add(to *crm.Object, name string, v strictjson.Value) {
	switch {
	case !v.Given():
	case v.Get("Id").Given() && v.Get("LogicalName").Given():
		to.Text(name, id(v.Get("Id").Text()))
		if kind := crm.First(v, "LogicalName"); kind != "" {
			to.Text(name+"@type", kind)
		}
	case v.Get("Value").Given():
		to.Raw(name, v.Get("Value").Raw())
	case strings.HasPrefix(v.Text(), "/Date("):
		if at, ok := Date(v.Text()); ok {
			to.Text(name, at.Format(time.RFC3339Nano))
			return
		}
		to.Raw(name, v.Raw())
	default:
		to.Raw(name, v.Raw())
	}
}

// Date reads the moments of .NET's data contracts: /Date(1506409448000-0700)/, milliseconds since 1970 in UTC; the offset says
// how the sender would show it, and changes nothing.
func Date(s string) (time.Time, bool) {
	inner, ok := strings.CutPrefix(s, "/Date(")
	if !ok {
		return crm.Time(s)
	}
	if inner, ok = strings.CutSuffix(inner, ")/"); !ok {
		return time.Time{}, false
	}
	if i := strings.LastIndexAny(inner, "+-"); i > 0 {
		inner = inner[:i]
	}
	n, err := strconv.ParseInt(inner, 10, 64)
	if err != nil || n > 1<<53 || n < -1<<53 {
		return time.Time{}, false
	}
	return time.UnixMilli(n).UTC(), true
}

func (c *execution) finish(item *sender.Item, r *crm.Record, news, all *crm.Object, spare *strictjson.Doc) *crm.Record {
	second := c.docs.Get()
	defer c.docs.Put(second)
	fresh, err := news.Value(spare)
	if err != nil {
		item.Errors = fact.Fault(err)
		return nil
	}
	table, message, _ := strings.Cut(r.Event, ".")
	r.Stages = []string{r.Event}
	for _, column := range []string{"statecode", "statuscode"} {
		if value := crm.First(fresh, column); value != "" {
			r.Stages = append(r.Stages, table+"."+column+"."+value)
			if label := pair(pair(c.v.Get("InputParameters"), "Target").Get("FormattedValues"), column).Text(); label != "" {
				r.Stages = append(r.Stages, label)
			}
		}
	}
	stepChanged := fresh.Get("stepname").Given() || fresh.Get("stageid").Given() || fresh.Get("salesstage").Given() || fresh.Get("statuscode").Given()
	worthChanged := fresh.Get("estimatedvalue").Given() || fresh.Get("actualvalue").Given() || fresh.Get("actualrevenue").Given()
	fields, err := all.Value(second)
	if err != nil {
		item.Errors = fact.Fault(err)
		return nil
	}
	r.Handoff = crm.Handoff(fields, false)
	if r.ID == "" {
		r.ID = id(crm.First(fields, table+"id"))
	}
	if r.Deal {
		r.StageName = crm.First(fields, "stepname", "salesstage", "statuscode")
		r.Owner = id(crm.First(fields, "ownerid", "_ownerid_value"))
		r.Amount = crm.First(fields, "actualrevenue", "actualvalue", "estimatedvalue")
		r.Currency = crm.First(fields, "isocurrencycode")
		r.Reason, r.Created = crm.First(fields, "closereason", "subject"), crm.First(fields, "createdon")
		switch {
		case message == "Create":
			r.Type = "deal_opened"
		case message == "Update" && (stepChanged || worthChanged):
			r.Type = "deal_stage_changed"
		}
		if kind := crm.First(fields, "parentcontactid@type"); kind == "contact" {
			r.Person = crm.First(fields, "parentcontactid")
		}
	} else if table == "lead" || table == "contact" {
		r.Email = crm.First(fields, "emailaddress1")
		r.Traits, r.Names = fields, personField
		if message == "Create" || message == "Update" || message == "QualifyLead" || message == "SetState" || message == "SetStateDynamicEntity" {
			r.Type = "identified"
		}
	}
	if message == "Delete" {
		r.Stages = nil
	}
	// What is kept: the columns, and what the context says of the operation; not its parameters and images, which hold the
	// same columns again.
	var kept crm.Object
	kept.Members(c.v, func(name string) bool {
		switch name {
		case "InputParameters", "OutputParameters", "PostEntityImages", "PreEntityImages", "ParentContext", "SharedVariables":
			return true
		}
		return false
	})
	if r.Names == nil {
		kept.Members(fields, nil)
	}
	rest := c.docs.Get()
	defer c.docs.Put(rest)
	if r.Properties, err = kept.Value(rest); err != nil {
		item.Errors = fact.Fault(err)
		return nil
	}
	item.Fact, item.Errors = c.mapper.Fact(c.received, r)
	if !r.Deal && message != "Delete" && (crm.Truth(fresh.Get("donotbulkemail")) || crm.Truth(fresh.Get("donotemail"))) {
		// The columns' documents are given back, and a consent needs none of them.
		only := *r
		only.Properties, only.Traits, only.Names = strictjson.Value{}, strictjson.Value{}, nil
		return &only
	}
	return nil
}
