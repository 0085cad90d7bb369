package salesforce

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// lead fills in what a Lead or a Contact says. A lead that was converted has its opportunity: it says that there is one, unless
// its status is an answer to a handoff.
func lead(r *crm.Record, v strictjson.Value) {
	r.Type, r.Traits, r.Names = "identified", v, personField
	r.Fill = map[string]string{"country": crm.First(v, "MailingCountry"), "phone": crm.First(v, "MobilePhone")}
	r.Email = crm.First(v, "Email")
	r.Stages = []string{crm.First(v, "Status")}
	r.Reason = crm.First(v, "Disqualified_Reason__c", "Disqualification_Reason__c", "Unqualified_Reason__c", "Rejection_Reason__c")
	if id := wide(crm.First(v, "ConvertedOpportunityId")); id != "" && crm.Truth(v.Get("IsConverted")) {
		r.Type, r.DealID = "deal_opened", id
	}
	r.Properties = strictjson.Value{} // all of it stands in the traits
}

// personField gives our name for a field of a Lead or a Contact.
func personField(name string) string {
	switch name {
	case "FirstName":
		return "first_name"
	case "LastName":
		return "last_name"
	case "Title":
		return "title"
	case "Country":
		return "country"
	case "Phone":
		return "phone"
	case "Company":
		return "company"
	case "Email", "Id":
		return fact.Drop
	}
	return name
}

// who gives the person that a Task or an Event is with: a Lead (00Q) or a Contact (003).
func who(v strictjson.Value) string {
	id := crm.First(v, "WhoId")
	if strings.HasPrefix(id, "00Q") || strings.HasPrefix(id, "003") {
		return wide(id)
	}
	return ""
}

// activity is what sales did with a person: a call that was made is one; what else there is keeps its name.
func activity(r *crm.Record, kind string, v strictjson.Value) {
	call := crm.First(v, "TaskSubtype") == "Call" || crm.First(v, "Type") == "Call" || crm.First(v, "CallDisposition") != ""
	switch {
	case kind == "Task" && call && (crm.Truth(v.Get("IsClosed")) || crm.First(v, "Status") == "Completed"):
		r.Type = "call_logged"
		r.More = map[string]string{"outcome": crm.First(v, "CallDisposition")}
	case kind == "Event":
		r.Type = "meeting_booked"
		r.More = map[string]string{"starts_at": crm.First(v, "StartDateTime", "ActivityDateTime")}
	}
}
