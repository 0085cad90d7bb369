package pipedrive

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// waitBurst is how long the limit on bursts holds where no header says so: it counts stretches of two seconds. waitBanned is how
// long Cloudflare keeps out who went on regardless.
const (
	waitBurst  = 2 * time.Second
	waitBanned = 10 * time.Minute
)

// judge gives the outcome of an answer that is no success.
func (p *pipedrive) judge(a *destination.Answer) destination.Outcome {
	o := a.Judge(p.now())
	var f struct {
		Error string `json:"error"`
		Code  any    `json:"code"`
	}
	readable := a.JSON(&f)
	code, _ := f.Code.(string)
	says := strings.ToLower(f.Error)
	switch a.Status {
	case http.StatusTooManyRequests:
		o.After = max(o.After, p.limited(a, says))
	case http.StatusForbidden:
		switch {
		case !readable && (bytes.Contains(a.Body, []byte("1015")) || bytes.Contains(bytes.ToLower(a.Body), []byte("rate limit"))):
			// Whoever goes on after 429 is kept out by Cloudflare with a page of its own.
			o.Verdict, o.After = destination.Later, max(o.After, waitBanned)
			o.Reason += ": kept out for too many requests"
		case strings.HasPrefix(code, "feature_capping"):
			o.Reason += ": the account's plan allows no more records"
		}
	case http.StatusPaymentRequired:
		o.Verdict = destination.Operator
		o.Reason += ": the account is not open"
	case http.StatusNotFound, http.StatusGone:
		o.Verdict = destination.Never
	case http.StatusBadRequest:
		// A field that is not there: Pipedrive names it by its key.
		if p.field != "" && strings.Contains(says, p.field) {
			o.Verdict = destination.Operator
			o.Reason += ": the field of options.handoff_field is not accepted"
		}
	}
	if named := p.named(says); a.Status == http.StatusBadRequest && o.Verdict != destination.Operator && named != "" {
		o.Reason += ": it does not take " + named
	}
	return o.Because(code)
}

// named gives the fields of ours that a refusal names, "" for none. Its words are not repeated: they may quote what was sent.
func (p *pipedrive) named(says string) string {
	sent := []string{"name", "emails", "phones", "title", "person_id", "organization_id", "owner_id", "subject", "due_date", "due_time", "content"}
	for _, fields := range p.cfg.Fields {
		sent = append(sent, slices.Collect(maps.Keys(fields))...)
	}
	words := strings.FieldsFunc(says, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	slices.Sort(sent)
	return strings.Join(slices.DeleteFunc(slices.Compact(sent), func(field string) bool { return !slices.Contains(words, strings.ToLower(field)) }), ", ")
}

// limited gives how long a limit holds. The daily budget of tokens starts anew at midnight UTC.
func (p *pipedrive) limited(a *destination.Answer, says string) time.Duration {
	if a.Header.Get("x-daily-ratelimit-token-remaining") == "0" || a.Header.Get("x-daily-requests-left") == "0" || strings.Contains(says, "daily") {
		now := p.now().UTC()
		return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC).Sub(now)
	}
	if seconds, err := strconv.ParseFloat(a.Header.Get("x-ratelimit-reset"), 64); err == nil && seconds > 0 && seconds <= 86400 {
		return time.Duration(seconds * float64(time.Second))
	}
	return waitBurst
}

// Check asks which fields there are. Leads have the fields of deals.
func (p *pipedrive) Check(ctx context.Context) ([]string, error) {
	var problems []string
	for object, path := range map[string]string{"lead": "/api/v1/dealFields", "person": "/api/v1/personFields"} {
		there := map[string]crm.Property{}
		for start := 0; ; {
			var got answer[[]struct {
				Key string `json:"key"`
			}]
			q := url.Values{"start": {strconv.Itoa(start)}, "limit": {"500"}}
			if _, err := p.api.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &got); err != nil {
				return nil, fmt.Errorf("read the fields of %ss: %w", object, err)
			}
			for _, f := range got.Data {
				there[f.Key] = crm.Property{}
			}
			if next := got.More.Pagination; !next.More || next.Next <= start {
				break
			}
			start = got.More.Pagination.Next
		}
		if _, ok := there[p.field]; object == "lead" && !ok {
			problems = append(problems, "options.handoff_field: leads and deals have no such field; create a text field and give its key")
		}
		// What the API has under other names than the list of fields, or takes besides.
		for _, name := range map[string][]string{
			"lead":   {"title", "is_archived", "label_ids", "expected_close_date", "value", "visible_to", "was_seen", "channel", "channel_id"},
			"person": {"name", "emails", "phones", "visible_to", "label_ids", "marketing_status", "im", "postal_address", "birthday", "job_title", "notes"},
		}[object] {
			there[name] = crm.Property{}
		}
		problems = append(problems, crm.CheckFields(&p.cfg, there, []string{object, object + "_on_stage"}, nil)...)
	}
	slices.Sort(problems)
	return problems, nil
}
