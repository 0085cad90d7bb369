package salesforce

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crmplan"
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
		return nil, unreadable(a), false
	}
	fields, lengths := map[string]described{}, map[string]int{}
	for _, f := range desc.Fields {
		fields[f.Name] = f
		switch f.Type {
		case "string", "textarea", "phone", "email", "url", "encryptedstring":
			lengths[f.Name] = f.Length
		}
	}
	d.mu.Lock()
	d.lengths[object] = lengths
	d.mu.Unlock()
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
		mapped := slices.Sorted(maps.Keys(d.config.Fields[object]))
		if object == d.object {
			for _, m := range []string{crmplan.OnChange, crmplan.OnBreach} {
				mapped = append(mapped, slices.Sorted(maps.Keys(d.config.Fields[m]))...)
			}
			mapped = append(mapped, "OwnerId")
			if len(d.statuses) > 0 {
				mapped = append(mapped, d.config.Options["status_field"])
			}
			d.checkKey(fields, add)
		} else {
			mapped = append(mapped, "OwnerId", "WhoId", "Status", "Subject")
			if d.taskKey != "" {
				mapped = append(mapped, d.taskKey)
			}
		}
		checkFields(object, fields, mapped, add)
		if object == d.object {
			d.checkPicklist(fields[d.config.Options["status_field"]], d.statuses, "status_", add)
		} else {
			d.checkPicklist(fields["Status"], map[string]string{"open": d.config.Options["task_open"], "closed": d.config.Options["task_closed"]}, "task_", add)
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

func checkFields(object string, fields map[string]described, mapped []string, add func(string, ...any)) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(mapped))) {
		switch f, ok := fields[name]; {
		case !ok:
			add("%s has no field %s, or the user may not see it: create it, or take it out of fields.%s", object, name, object)
		case !f.Createable && !f.Updateable:
			add("%s.%s cannot be written: give the integration's user edit access, or take it out of fields.%s", object, name, object)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := fields[name]
		if f.Createable && !f.Nillable && !f.Defaulted && f.Type != "boolean" && name != "LastName" && name != "Company" && !slices.Contains(mapped, name) {
			add("%s.%s must have a value there: map it in fields.%s", object, name, object)
		}
	}
}

// checkPicklist tells values of options that are not among those of a field.
func (d *Destination) checkPicklist(f described, values map[string]string, option string, add func(string, ...any)) {
	if len(f.Picklist) == 0 {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		found := values[key] == ""
		for _, p := range f.Picklist {
			found = found || p.Active && p.Value == values[key]
		}
		if !found {
			add("options.%s%s: %s has no active value %q", option, key, f.Name, values[key])
		}
	}
}
