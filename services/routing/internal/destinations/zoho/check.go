package zoho

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crmplan"
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
		fields := map[string]map[string]any{}
		for _, r := range rows {
			if name, ok := r["api_name"].(string); ok {
				fields[name] = r
			}
		}
		mapped := slices.Collect(maps.Keys(d.config.Fields[module]))
		if module == leads {
			for _, m := range []string{crmplan.OnChange, crmplan.OnBreach} {
				mapped = append(mapped, slices.Collect(maps.Keys(d.config.Fields[m]))...)
			}
			mapped = append(mapped, d.check...)
			if len(d.statuses) > 0 {
				mapped = append(mapped, d.config.Options["status_field"])
			}
			if f, ok := fields[d.keyField]; ok && d.keyField != "" {
				if unique, _ := f["unique"].(map[string]any); len(unique) == 0 {
					add("Leads.%s is not unique: tick \"Do not allow duplicate values\" on the field", d.keyField)
				}
			}
			checkPicklist(fields[d.config.Options["status_field"]], d.config.Options["status_field"], d.statuses, add)
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(mapped))) {
			switch f, ok := fields[name]; {
			case !ok:
				add("%s has no field %s: create it, or take it out of fields.%s (names are the API names)", module, name, module)
			case f["read_only"] == true || f["field_read_only"] == true:
				add("%s.%s cannot be written: take it out of fields.%s", module, name, module)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if fields[name]["system_mandatory"] == true && !slices.Contains(mapped, name) && !slices.Contains([]string{"Owner", "Last_Name", "Company", "Subject"}, name) {
				add("%s.%s must have a value there: map it in fields.%s", module, name, module)
			}
		}
	}
	return problems, nil
}

func (d *Destination) fields(ctx context.Context, module string) ([]map[string]any, destination.Outcome, bool) {
	return d.pages(ctx, "/settings/fields", url.Values{"module": {module}}, "fields")
}

// checkPicklist tells values of options that are not among those of a field.
func checkPicklist(f map[string]any, name string, values map[string]string, add func(string, ...any)) {
	list, _ := f["pick_list_values"].([]any)
	if len(list) == 0 {
		return
	}
	for _, stage := range slices.Sorted(maps.Keys(values)) {
		found := false
		for _, item := range list {
			v, _ := item.(map[string]any)
			found = found || v["actual_value"] == values[stage] || v["display_value"] == values[stage]
		}
		if !found {
			add("options.status_%s: %s has no value %q", stage, name, values[stage])
		}
	}
}
