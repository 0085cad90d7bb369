package hubspot

import (
	"context"
	"net/http"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// saveCompany associates the contact with the company that has the account's domain, where there is one. It makes none: HubSpot does so by
// itself where the portal is set to, and that would be a second one.
func (h *hubspot) saveCompany(ctx context.Context, v *crm.Visit) error {
	domain := v.Job.Payload.GetAccount().GetDomain()
	if !h.company || domain == "" || v.Refs["company"] != "" {
		return nil
	}
	var found batch
	if _, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/companies/search", map[string]any{
		"filterGroups": []any{map[string]any{"filters": []any{map[string]string{"propertyName": "domain", "operator": "EQ", "value": domain}}}},
		"properties":   []string{"domain"}, "limit": 1,
	}, &found); err != nil || len(found.Results) == 0 {
		return err
	}
	company := found.Results[0].ID
	if _, err := h.api.Do(ctx, http.MethodPost, "/crm/v4/associations/contacts/companies/batch/associate/default", map[string]any{"inputs": []any{map[string]any{
		"from": map[string]string{"id": v.Refs["contact"]}, "to": map[string]string{"id": company},
	}}}, nil); err != nil {
		return err
	}
	v.Refs["company"] = company
	return nil
}
