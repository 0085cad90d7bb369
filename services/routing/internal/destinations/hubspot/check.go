package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Check asks which properties there are. It also learns the account's time zone, in which the daily limit ends, where none is
// configured and the token may know it.
func (h *hubspot) Check(ctx context.Context) ([]string, error) {
	var problems []string
	for _, object := range []string{"contact", "lead"} {
		if object == "lead" && !h.lead {
			continue
		}
		var got struct {
			Results []struct {
				Name    string `json:"name"`
				Type    string `json:"type"`
				Unique  bool   `json:"hasUniqueValue"`
				Options []struct {
					Value string `json:"value"`
				} `json:"options"`
				Modification struct {
					ReadOnly bool `json:"readOnlyValue"`
				} `json:"modificationMetadata"`
			} `json:"results"`
		}
		if _, err := h.api.Do(ctx, http.MethodGet, "/crm/v3/properties/"+object+"s", nil, &got); err != nil {
			return nil, fmt.Errorf("read the properties of %ss: %w", object, err)
		}
		there, unique := map[string]crm.Property{}, false
		for _, p := range got.Results {
			property := crm.Property{ReadOnly: p.Modification.ReadOnly}
			if p.Type == "enumeration" && len(p.Options) > 0 { // countries and the like have theirs elsewhere
				for _, o := range p.Options {
					property.Choices = append(property.Choices, o.Value)
				}
			}
			there[p.Name] = property
			unique = unique || p.Name == h.property && p.Unique
		}
		problems = append(problems, crm.CheckFields(&h.cfg, there, []string{object, object + "_on_stage"}, nil)...)
		if object == "lead" && !unique {
			problems = append(problems, fmt.Sprintf("options.handoff_property: leads need a single-line text property %s that requires unique values; create it", h.property))
		}
	}
	if h.cfg.Options["time_zone"] == "" {
		var account struct {
			TimeZone string `json:"timeZone"`
		}
		if _, err := h.api.Do(ctx, http.MethodGet, "/account-info/v3/details", nil, &account); err == nil {
			if zone, err := time.LoadLocation(account.TimeZone); err == nil && account.TimeZone != "" {
				h.zone.Store(zone)
			}
		}
	}
	return problems, nil
}
