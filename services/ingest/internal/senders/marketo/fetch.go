package marketo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// margin is how far behind now the log is taken to be complete: activities are written to it with a delay.
const margin = 5 * time.Minute

// Polls tells how long to wait between rounds; 0: the source is not asked.
func (s *source) Polls() time.Duration {
	if s.api == nil {
		return 0
	}
	return s.api.every
}

// Fetch gives the next page of the activity log, each activity with its lead. The first page, and the first after Marketo has
// refused a paging token, has no events: it is the token for the moment to go on from.
func (s *source) Fetch(ctx context.Context, client *http.Client, now time.Time, from sender.Cursor) (sender.Page, error) {
	a := s.api
	if from.Token == "" || a.isRefused(from.Token) {
		return a.begin(ctx, client, now, from.At)
	}
	out, err := a.call(ctx, client, now, "activities.json", url.Values{"nextPageToken": {from.Token}, "activityTypeIds": {a.types}})
	if err != nil {
		a.note(from.Token, err)
		return sender.Page{}, err
	}
	page := sender.Page{Next: sender.Cursor{Token: out.Next, At: from.At}, More: out.More}
	if page.Next.Token == "" {
		page.Next.Token = from.Token
	}
	if !out.More && now.Add(-margin).After(page.Next.At) {
		page.Next.At = now.Add(-margin)
	}
	if len(out.Result) == 0 {
		return page, nil
	}
	leads, err := a.leads(ctx, client, now, out.Result)
	if err != nil {
		return sender.Page{}, err
	}
	page.Body = put(out.Result, leads)
	return page, nil
}

// begin asks for the paging token of a moment: that one, else the configured one, else now.
func (a *api) begin(ctx context.Context, client *http.Client, now, at time.Time) (sender.Page, error) {
	if at.IsZero() {
		at = a.since
	}
	if at.IsZero() {
		at = now
	}
	out, err := a.call(ctx, client, now, "activities/pagingtoken.json", url.Values{"sinceDatetime": {at.UTC().Format(time.RFC3339)}})
	if err != nil {
		return sender.Page{}, err
	}
	if out.Next == "" {
		return sender.Page{}, later("answer", 0, "no paging token is given")
	}
	return sender.Page{Next: sender.Cursor{Token: out.Next, At: at}, More: true}, nil
}

// note remembers a paging token that Marketo does not take: an error of the 1000s is about what was asked for. It is asked for
// anew after a wait, so that another mistake does not turn into a storm.
func (a *api) note(token string, err error) {
	var l *sender.Later
	if !errors.As(err, &l) || len(l.Code) != 4 || l.Code[0] != '1' {
		return
	}
	l.Wait = time.Minute
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = token
}

func (a *api) isRefused(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused == token
}

// leadFields are what is asked for of a person, by the names of the REST API.
const leadFields = "id,email,firstName,lastName,title,phone,country,company,website,industry,numberOfEmployees,leadSource"

// maxPage is how many activities a page has at most.
const maxPage = 300

// maxLeads is how many ids one request may name.
const maxLeads = 300

// leads finds those that activities are of, by id. One that has been deleted or merged away is not found.
func (a *api) leads(ctx context.Context, client *http.Client, now time.Time, activities []json.RawMessage) (map[string]json.RawMessage, error) {
	var ids []string
	for _, raw := range activities {
		if id := leadOf(raw); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := map[string]json.RawMessage{}
	for some := range slices.Chunk(ids, maxLeads) {
		query := url.Values{"filterType": {"id"}, "filterValues": {strings.Join(some, ",")}, "fields": {leadFields}, "batchSize": {strconv.Itoa(maxLeads)}}
		out, err := a.call(ctx, client, now, "leads.json", query)
		if err != nil {
			return nil, err
		}
		for _, raw := range out.Result {
			var lead struct {
				ID json.Number `json:"id"`
			}
			if json.Unmarshal(raw, &lead) == nil {
				found[lead.ID.String()] = raw
			}
		}
	}
	return found, nil
}

// leadOf gives the lead that an activity names, "" where it names none: Decode says what is wrong with it.
func leadOf(raw json.RawMessage) string {
	var activity struct {
		Lead json.Number `json:"leadId"`
	}
	if json.Unmarshal(raw, &activity) != nil || strings.Trim(activity.Lead.String(), "0123456789") != "" {
		return ""
	}
	return activity.Lead.String()
}

// put gives the body that Decode is given: [{"activity": {…}, "lead": {…}}, …].
func put(activities []json.RawMessage, leads map[string]json.RawMessage) []byte {
	out := []byte{'['}
	for i, raw := range activities {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, `{"activity":`...), raw...)
		if lead, ok := leads[leadOf(raw)]; ok {
			out = append(append(out, `,"lead":`...), lead...)
		}
		out = append(out, '}')
	}
	return append(out, ']')
}
