package espocrm

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// wrong gives the field that was not accepted, and the check that it did not pass.
func wrong(a *destination.Answer) (field, check string) {
	var f struct {
		Translation struct {
			Data struct {
				Field string `json:"field"`
				Type  string `json:"type"`
			} `json:"data"`
		} `json:"messageTranslation"`
		Field string `json:"field"`
		Type  string `json:"type"`
	}
	a.JSON(&f)
	if f.Field == "" {
		f.Field, f.Type = f.Translation.Data.Field, f.Translation.Data.Type
	}
	return attribute(f.Field), attribute(f.Type)
}

// attribute gives a field's name, "" where it is none: it could be anything.
func attribute(s string) string {
	if regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,99}$`).MatchString(s) {
		return s
	}
	return ""
}

// judge gives the outcome of an answer that is no success.
func (e *espocrm) judge(a *destination.Answer) destination.Outcome {
	o := a.Judge(e.now())
	field, check := wrong(a)
	if field != "" {
		o.Reason += ": field " + field
		if check != "" {
			o.Reason += " (" + check + ")"
		}
	}
	switch {
	case a.Status == http.StatusServiceUnavailable && o.After == 0:
		o.Reason += ": perhaps it is being maintained"
	case a.Status == http.StatusBadRequest && check == "required" && !slices.Contains([]string{"lastName", "emailAddress"}, field):
		// Required there and not mapped here: no delivery gets through.
		if _, mapped := e.cfg.Fields["lead"][field]; !mapped {
			o.Verdict = destination.Operator
		}
	}
	return o
}

// Check asks which fields leads have.
func (e *espocrm) Check(ctx context.Context) ([]string, error) {
	var got map[string]struct {
		Type     string   `json:"type"`
		Options  []string `json:"options"`
		ReadOnly bool     `json:"readOnly"`
	}
	if _, err := e.api.Do(ctx, http.MethodGet, "Metadata?"+url.Values{"key": {"entityDefs.Lead.fields"}}.Encode(), nil, &got); err != nil {
		return nil, fmt.Errorf("read the fields of leads: %w", err)
	}
	there := map[string]crm.Property{}
	for name, f := range got {
		p := crm.Property{ReadOnly: f.ReadOnly}
		if f.Type == "enum" && len(f.Options) > 0 {
			p.Choices = f.Options
		}
		there[name] = p
		if f.Type == "link" || f.Type == "file" || f.Type == "image" {
			there[name+"Id"] = p
		}
	}
	problems := crm.CheckFields(&e.cfg, there, []string{"lead", "lead_on_stage"}, nil)
	if p, ok := there[e.field]; !ok || p.ReadOnly {
		problems = append(problems, "options.handoff_field: leads have no field "+e.field+" that can be written; create it (Entity Manager, Lead, a varchar)")
	}
	return problems, nil
}

var _ destination.Checker = (*espocrm)(nil)
