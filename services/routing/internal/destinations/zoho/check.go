package zoho

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Check compares the mapping with the fields of the modules. Zoho ignores fields that it does not know, without a word.
func (d *Destination) Check(ctx context.Context) (problems []string, err error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	modules := []string{leads}
	if d.brief.module == tasks {
		modules = append(modules, tasks) // notes have no fields of one's own
	}
	for _, module := range modules {
		rows, why, ok := d.fields(ctx, module)
		if !ok && why.Verdict == destination.Operator {
			add("the fields of %s cannot be seen: %s (the token needs the scope ZohoCRM.settings.fields.READ)", module, why.Reason)
			continue
		}
		if !ok {
			return problems, fmt.Errorf("describe %s: %s", module, why.Reason)
		}
		fields, there := map[string]map[string]any{}, map[string]crm.Property{}
		for _, r := range rows {
			if name, ok := r["api_name"].(string); ok {
				fields[name] = r
				there[name] = crm.Property{ReadOnly: r["read_only"] == true || r["field_read_only"] == true, Required: r["system_mandatory"] == true}
			}
		}
		mappings := []string{module}
		if module == leads {
			mappings = append(mappings, crm.OnChange, crm.OnBreach)
			set := slices.Clone(d.check)
			if len(d.statuses) > 0 {
				set = append(set, d.config.Options["status_field"])
			}
			problems = append(problems, crm.CheckSet(module, there, set...)...)
			if f, ok := fields[d.keyField]; ok && d.keyField != "" {
				if unique, _ := f["unique"].(map[string]any); len(unique) == 0 {
					add("Leads.%s is not unique: tick \"Do not allow duplicate values\" on the field", d.keyField)
				}
			}
			field := d.config.Options["status_field"]
			problems = append(problems, crm.CheckChoices("status_", d.statuses, field, choices(fields[field]))...)
		}
		problems = append(problems, crm.CheckFields(&d.config, there, mappings, append([]string{"Owner", "Last_Name", "Company", "Subject"}, d.check...))...)
	}
	return problems, nil
}

func (d *Destination) fields(ctx context.Context, module string) ([]map[string]any, destination.Outcome, bool) {
	return d.pages(ctx, "/settings/fields", url.Values{"module": {module}}, "fields")
}

// choices gives the values of a pick list by both of their names; a value may be sent as either.
func choices(f map[string]any) (values []string) {
	list, _ := f["pick_list_values"].([]any)
	for _, item := range list {
		v, _ := item.(map[string]any)
		for _, name := range []string{"actual_value", "display_value"} {
			if s, ok := v[name].(string); ok {
				values = append(values, s)
			}
		}
	}
	return values
}
