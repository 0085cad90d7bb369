package salesforce

import (
	"context"
	"fmt"
	"net/http"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// description is what Salesforce tells of an object: what of it the integration's user may see.
type description struct {
	Fields []described `json:"fields"`
}

type described struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Length     int    `json:"length"`
	Createable bool   `json:"createable"`
	Updateable bool   `json:"updateable"`
	Nillable   bool   `json:"nillable"`
	Defaulted  bool   `json:"defaultedOnCreate"`
	ExternalID bool   `json:"externalId"`
	Unique     bool   `json:"unique"`
	Restricted bool   `json:"restrictedPicklist"`
	Picklist   []struct {
		Value  string `json:"value"`
		Active bool   `json:"active"`
	} `json:"picklistValues"`
}

// describe asks for an object's fields and keeps their lengths.
func (d *Destination) describe(ctx context.Context, object string) (map[string]described, destination.Outcome, bool) {
	a, why, ok := d.ask(ctx, http.MethodGet, "/sobjects/"+object+"/describe", nil)
	if !ok {
		return nil, why, false
	}
	if !a.OK() {
		return nil, judge(a, d.deps.Now()).outcome, false
	}
	var desc description
	if !a.JSON(&desc) || len(desc.Fields) == 0 {
		return nil, crm.Unreadable(a), false
	}
	fields, lengths := map[string]described{}, map[string]int{}
	for _, f := range desc.Fields {
		fields[f.Name] = f
		switch f.Type {
		case "string", "textarea", "phone", "email", "url", "encryptedstring":
			lengths[f.Name] = f.Length
		}
	}
	d.lengths.Set(object, lengths)
	return fields, destination.Outcome{}, true
}

// Check compares the mapping with what Salesforce says of its objects.
func (d *Destination) Check(ctx context.Context) (problems []string, err error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, object := range []string{d.object, taskObject} {
		fields, why, ok := d.describe(ctx, object)
		if !ok {
			if why.Verdict == destination.Operator || why.Status == http.StatusNotFound {
				add("%s cannot be described: %s", object, why.Reason)
				continue
			}
			return problems, fmt.Errorf("describe %s: %s", object, why.Reason)
		}
		there := properties(fields)
		mappings, set := []string{object}, []string{"OwnerId", "WhoId", "Status", "Subject"}
		if object == d.object {
			mappings, set = append(mappings, crm.OnChange, crm.OnBreach), []string{"OwnerId"}
			if len(d.statuses) > 0 {
				set = append(set, d.config.Options["status_field"])
			}
			d.checkKey(fields, add)
		} else if d.taskKey != "" {
			set = append(set, d.taskKey)
		}
		problems = append(problems, crm.CheckFields(&d.config, there, mappings, append([]string{"LastName", "Company"}, set...))...)
		problems = append(problems, crm.CheckSet(object, there, set...)...)
		if object == d.object {
			field := d.config.Options["status_field"]
			problems = append(problems, crm.CheckChoices("status_", d.statuses, field, active(fields[field]))...)
		} else {
			words := map[string]string{"open": d.config.Options["task_open"], "closed": d.config.Options["task_closed"]}
			problems = append(problems, crm.CheckChoices("task_", words, "Status", active(fields["Status"]))...)
		}
	}
	return problems, nil
}

func (d *Destination) checkKey(fields map[string]described, add func(string, ...any)) {
	switch f, ok := fields[d.keyField]; {
	case !ok:
		add("%s has no field %s, or the user may not see it: create a text field of 64 characters with External ID and Unique", d.object, d.keyField)
	case !f.ExternalID:
		add("%s.%s is no external id: tick External ID on the field", d.object, d.keyField)
	case !f.Unique:
		add("%s.%s is not unique: tick Unique on the field, or two records can have one handoff", d.object, d.keyField)
	case !f.Createable || !f.Updateable:
		add("%s.%s cannot be written: give the integration's user edit access to the field", d.object, d.keyField)
	case f.Length < 40:
		add("%s.%s holds %d characters: ids of handoffs need 40", d.object, d.keyField, f.Length)
	}
}

// properties gives the fields as checks have them. A picklist that is not restricted takes any value.
func properties(fields map[string]described) map[string]crm.Property {
	out := make(map[string]crm.Property, len(fields))
	for name, f := range fields {
		p := crm.Property{ReadOnly: !f.Createable && !f.Updateable, Required: f.Createable && !f.Nillable && !f.Defaulted && f.Type != "boolean"}
		if f.Restricted {
			p.Choices = active(f)
		}
		out[name] = p
	}
	return out
}

// active gives the values of a picklist that can be chosen.
func active(f described) (values []string) {
	for _, p := range f.Picklist {
		if p.Active {
			values = append(values, p.Value)
		}
	}
	return values
}
