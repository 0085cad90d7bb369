package pipedrive

import (
	"context"
	"net/http"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

func (p *pipedrive) saveOrganization(ctx context.Context, v *crm.Visit) (string, error) {
	name := v.Job.Payload.GetAccount().GetName()
	if name == "" {
		name = v.Job.Payload.GetAccount().GetDomain()
	}
	if p.organization == "none" || name == "" || v.Refs["organization"] != "" {
		return v.Refs["organization"], nil
	}
	p.making.Lock()
	defer p.making.Unlock()
	found, err := p.search(ctx, "organizations", "name", name)
	if err != nil {
		return "", err
	}
	if found == "" && p.organization == "create" {
		if found, err = p.makeOrganization(ctx, name, v.Owner); err != nil {
			return "", err
		}
	}
	if found != "" {
		v.Refs["organization"] = found
	}
	return found, nil
}

func (p *pipedrive) makeOrganization(ctx context.Context, name, owner string) (string, error) {
	var newest answer[[]struct {
		ID   id     `json:"id"`
		Name string `json:"name"`
	}]
	if _, err := p.api.Do(ctx, http.MethodGet, "/api/v2/organizations?limit=100&sort_by=add_time&sort_direction=desc", nil, &newest); err != nil {
		return "", err
	}
	for _, o := range newest.Data {
		if strings.EqualFold(o.Name, name) {
			return string(o.ID), nil
		}
	}
	body := map[string]any{"name": name}
	if owner != "" {
		body["owner_id"] = number(owner)
	}
	return p.make(ctx, "/api/v2/organizations", body)
}
