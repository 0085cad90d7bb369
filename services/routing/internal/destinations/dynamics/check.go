package dynamics

import (
	"context"
	"fmt"
	"net/url"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// measure asks for the lengths of a table's texts.
func (d *Destination) measure(ctx context.Context, table string) (destination.Outcome, bool) {
	lengths := map[string]int{}
	for _, kind := range []string{"StringAttributeMetadata", "MemoAttributeMetadata"} {
		rows, why, ok := d.rows(ctx, "/EntityDefinitions(LogicalName='"+table+"')/Attributes/Microsoft.Dynamics.CRM."+kind, url.Values{"$select": {"LogicalName,MaxLength"}})
		if !ok {
			return why, false
		}
		for _, r := range rows {
			name, _ := r["LogicalName"].(string)
			n, _ := r["MaxLength"].(float64)
			lengths[name] = int(min(max(n, 0), 1<<30))
		}
	}
	d.lengths.Set(table, lengths)
	return destination.Outcome{}, true
}

// Check compares the mapping with the metadata of the tables.
func (d *Destination) Check(ctx context.Context) (problems []string, err error) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, table := range []string{leadTable, taskTable} {
		rows, why, ok := d.rows(ctx, "/EntityDefinitions(LogicalName='"+table+"')/Attributes", url.Values{"$select": {"LogicalName,IsValidForCreate,IsValidForUpdate"}})
		if !ok && why.Verdict == destination.Operator {
			add("the table %s cannot be described: %s", table, why.Reason)
			continue
		}
		if !ok {
			return problems, fmt.Errorf("describe %s: %s", table, why.Reason)
		}
		if why, ok := d.measure(ctx, table); !ok {
			return problems, fmt.Errorf("describe %s: %s", table, why.Reason)
		}
		columns := map[string]crm.Property{}
		for _, r := range rows {
			name, _ := r["LogicalName"].(string)
			columns[name] = crm.Property{ReadOnly: r["IsValidForCreate"] != true && r["IsValidForUpdate"] != true}
		}
		mappings := []string{table}
		if table == leadTable {
			mappings = append(mappings, crm.OnChange, crm.OnBreach)
			if _, ok := columns[d.keyField]; !ok {
				add("lead has no column %s: create a text column of 100 characters, and an alternate key on it", d.keyField)
			} else if err := d.checkKey(ctx, add); err != nil {
				return problems, err
			}
		}
		problems = append(problems, crm.CheckFields(&d.config, columns, mappings, nil)...)
	}
	return problems, nil
}

// checkKey tells whether the column of the handoff's id is an alternate key, and alone in it.
func (d *Destination) checkKey(ctx context.Context, add func(string, ...any)) error {
	rows, why, ok := d.rows(ctx, "/EntityDefinitions(LogicalName='lead')/Keys", url.Values{"$select": {"LogicalName,KeyAttributes,EntityKeyIndexStatus"}})
	if !ok {
		return fmt.Errorf("describe the keys of lead: %s", why.Reason)
	}
	for _, r := range rows {
		columns, _ := r["KeyAttributes"].([]any)
		if len(columns) != 1 || columns[0] != d.keyField {
			continue
		}
		if status, _ := r["EntityKeyIndexStatus"].(string); status != "Active" {
			add("the alternate key on lead.%s is not active: look at its status in Power Apps", d.keyField)
		}
		return nil
	}
	add("lead.%s has no alternate key of its own: create one in Power Apps (Tables, Lead, Keys)", d.keyField)
	return nil
}
