package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// newest is how many of a contact's notes and tasks are looked through for a mark, the newest first; 100 are read at a time.
const (
	newest   = 1000
	readMany = 100
)

// Note writes a note on the contact, where HubSpot shows it with the contact's leads, too.
func (h *hubspot) Note(ctx context.Context, v *crm.Visit, id string, n crm.Note) (string, error) {
	props := map[string]string{"hs_note_body": n.HTML, "hs_timestamp": v.Job.DueAt.UTC().Format(time.RFC3339)}
	if v.Owner != "" {
		props["hubspot_owner_id"] = v.Owner
	}
	if id == "" {
		var err error
		if id, err = h.marked(ctx, v.Refs["contact"], "notes", "hs_note_body", n.Mark); err != nil {
			return "", err
		}
	}
	if id == "" {
		return h.make(ctx, "notes", v.Refs["contact"], noteToContact, props)
	}
	if n.Final {
		return id, nil
	}
	delete(props, "hs_timestamp")
	_, err := h.api.Do(ctx, http.MethodPatch, "/crm/v3/objects/notes/"+url.PathEscape(id), map[string]any{"properties": props}, nil, http.StatusNotFound)
	return id, err
}

// Task writes a task on the contact.
func (h *hubspot) Task(ctx context.Context, v *crm.Visit, id string, t crm.Task) (string, error) {
	if id == "" {
		var err error
		if id, err = h.marked(ctx, v.Refs["contact"], "tasks", "hs_task_body", t.Mark); err != nil {
			return "", err
		}
	}
	props := map[string]string{}
	switch {
	case t.Mode == crm.End && id == "", t.Mode == crm.Open && id != "":
		return id, nil
	case t.Mode == crm.End:
		props["hs_task_status"] = "COMPLETED"
	default:
		props["hs_timestamp"], props["hs_task_status"] = t.Due.UTC().Format(time.RFC3339), "NOT_STARTED"
		if v.Owner != "" {
			props["hubspot_owner_id"] = v.Owner
		}
	}
	if id == "" {
		props["hs_task_subject"], props["hs_task_body"], props["hs_task_type"], props["hs_task_priority"] = t.Title, t.HTML, "TODO", "HIGH"
		return h.make(ctx, "tasks", v.Refs["contact"], taskToContact, props)
	}
	_, err := h.api.Do(ctx, http.MethodPatch, "/crm/v3/objects/tasks/"+url.PathEscape(id), map[string]any{"properties": props}, nil, http.StatusNotFound)
	return id, err
}

func (h *hubspot) make(ctx context.Context, object, contact string, kind int, props map[string]string) (string, error) {
	var made record
	answer, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/"+object, map[string]any{
		"associations": associate(contact, kind), "properties": props,
	}, &made)
	if err == nil && made.ID == "" {
		err = crm.Strange(answer)
	}
	return made.ID, err
}

// marked gives the id of the note or task of a contact whose text has a mark, "" where none has. Associations are read from the
// records themselves, so what was made a moment ago is among them.
func (h *hubspot) marked(ctx context.Context, contact, object, property, mark string) (string, error) {
	var ids []uint64
	for after, pages := "", 0; pages < 20; pages++ {
		var page struct {
			Results []struct {
				ID string `json:"id"`
			} `json:"results"`
			Paging struct {
				Next struct {
					After string `json:"after"`
				} `json:"next"`
			} `json:"paging"`
		}
		q := url.Values{"limit": {"500"}}
		if after != "" {
			q.Set("after", after)
		}
		if _, err := h.api.Do(ctx, http.MethodGet, "/crm/v3/objects/contacts/"+url.PathEscape(contact)+"/associations/"+object+"?"+q.Encode(), nil, &page); err != nil {
			return "", err
		}
		for _, r := range page.Results {
			if id, err := strconv.ParseUint(r.ID, 10, 64); err == nil {
				ids = append(ids, id)
			}
		}
		if after = page.Paging.Next.After; after == "" {
			break
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	for some := range slices.Chunk(ids[:min(len(ids), newest)], readMany) {
		inputs := make([]any, 0, len(some))
		for _, id := range some {
			inputs = append(inputs, map[string]string{"id": strconv.FormatUint(id, 10)})
		}
		var got batch
		if _, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/"+object+"/batch/read", map[string]any{"properties": []string{property}, "inputs": inputs}, &got); err != nil {
			return "", err
		}
		for _, r := range got.Results {
			if body, ok := r.Properties[property].(string); ok && strings.Contains(body, mark) {
				return r.ID, nil
			}
		}
	}
	return "", nil
}

var _ destination.Checker = (*hubspot)(nil)
