package crm

import (
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// First gives the text of the first of an object's members that has one, without the white space around it.
func First(v strictjson.Value, names ...string) string {
	for _, name := range names {
		if s := strings.TrimSpace(v.Get(name).Text()); s != "" {
			return s
		}
	}
	return ""
}

// IsHandoffField reports whether a field's name says that it holds a handoff's id, as CRMs spell fields of one's own:
// baton_handoff_id, HandoffId__c, new_handoffid, cHandoffId.
func IsHandoffField(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), "__c")
	return strings.HasSuffix(strings.ReplaceAll(name, "_", ""), "handoffid")
}

// IsHandoff reports whether a text is a handoff's id.
func IsHandoff(id string) bool {
	_, _, ok := identity.LeadOfHandoff(id)
	return ok
}

// Handoff finds the handoff's id in a record's fields; "" if there is none. anyName is for CRMs whose fields have keys for
// names: then the value alone tells.
func Handoff(fields strictjson.Value, anyName bool) string {
	for m := fields.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return ""
		}
		if inner := value.Get("value"); inner.Given() {
			value = inner
		}
		id := strings.TrimSpace(value.Text())
		if strings.HasPrefix(id, "ho_") && (anyName || IsHandoffField(key.Text())) && IsHandoff(id) {
			return id
		}
	}
}

// Truth reports whether a value says yes: true, "true", "1", 1, "Yes".
func Truth(v strictjson.Value) bool {
	switch strings.ToLower(strings.TrimSpace(v.Text())) {
	case "true", "1", "yes":
		return true
	}
	return v.Kind() == strictjson.True
}

// Time reads a moment as CRMs write them: RFC 3339, with or without a zone (then UTC), or seconds or milliseconds since 1970.
// ok is false for what is none.
func Time(s string) (at time.Time, ok bool) { return core.AnyTime(s) }

// Reason spells a reason of a CRM as agreements do: "No Budget" and NO_BUDGET are no-budget.
func Reason(s string) string { return strings.ReplaceAll(core.Snake(s), "_", "-") }

// Micros gives an amount that is counted in millionths as a decimal number, exactly; "" for what is none.
func Micros(s string) string {
	s, err := core.Amount(s + "e-6")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
