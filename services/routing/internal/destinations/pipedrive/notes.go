package pipedrive

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Note writes a note on the lead; the brief is pinned.
func (p *pipedrive) Note(ctx context.Context, v *crm.Visit, known string, n crm.Note) (string, error) {
	if v.Refs["lead"] == "" {
		return "", nil
	}
	for start := 0; known == ""; {
		var got answer[[]struct {
			ID      id     `json:"id"`
			Content string `json:"content"`
		}]
		q := url.Values{"lead_id": {v.Refs["lead"]}, "limit": {"100"}, "start": {strconv.Itoa(start)}}
		if _, err := p.api.Do(ctx, http.MethodGet, "/api/v1/notes?"+q.Encode(), nil, &got); err != nil {
			return "", err
		}
		for _, one := range got.Data {
			if strings.Contains(one.Content, n.Mark) {
				known = string(one.ID)
			}
		}
		if next := got.More.Pagination; !next.More || next.Next <= start {
			break
		}
		start = got.More.Pagination.Next
	}
	if known == "" {
		body := map[string]any{"content": n.HTML, "lead_id": v.Refs["lead"]}
		if !n.Final {
			body["pinned_to_lead_flag"] = 1
		}
		return p.make(ctx, "/api/v1/notes", body)
	}
	if n.Final {
		return known, nil
	}
	_, err := p.api.Do(ctx, http.MethodPut, "/api/v1/notes/"+url.PathEscape(known), map[string]any{"content": n.HTML}, nil, http.StatusNotFound, http.StatusGone)
	return known, err
}

// Task writes an activity of the type task on the lead.
func (p *pipedrive) Task(ctx context.Context, v *crm.Visit, known string, t crm.Task) (string, error) {
	if v.Refs["lead"] == "" {
		return "", nil
	}
	for cursor := ""; known == ""; {
		var got answer[[]struct {
			ID   id     `json:"id"`
			Note string `json:"note"`
		}]
		q := url.Values{"lead_id": {v.Refs["lead"]}, "limit": {"100"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		if _, err := p.api.Do(ctx, http.MethodGet, "/api/v2/activities?"+q.Encode(), nil, &got); err != nil {
			return "", err
		}
		for _, one := range got.Data {
			if strings.Contains(one.Note, t.Mark) {
				known = string(one.ID)
			}
		}
		if got.More.Cursor == "" || got.More.Cursor == cursor {
			break
		}
		cursor = got.More.Cursor
	}
	body := map[string]any{}
	switch {
	case t.Mode == crm.End && known == "", t.Mode == crm.Open && known != "":
		return known, nil
	case t.Mode == crm.End:
		body["done"] = true
	default:
		due := t.Due.UTC()
		body["due_date"], body["due_time"], body["done"] = due.Format("2006-01-02"), due.Format("15:04"), false
		if v.Owner != "" {
			body["owner_id"] = number(v.Owner)
		}
	}
	if known == "" {
		body["subject"], body["type"], body["note"], body["lead_id"] = t.Title, "task", t.HTML, v.Refs["lead"]
		return p.make(ctx, "/api/v2/activities", body)
	}
	_, err := p.api.Do(ctx, http.MethodPatch, "/api/v2/activities/"+url.PathEscape(known), body, nil, http.StatusNotFound, http.StatusGone)
	return known, err
}

var _ destination.Checker = (*pipedrive)(nil)
