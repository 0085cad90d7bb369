package salesforce

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// fault is one error as Salesforce tells of it. Collections spell the code statusCode, and the result of a duplicate rule
// comes under two names: duplicateResut is what organisations really send.
type fault struct {
	Code       string   `json:"errorCode"`
	StatusCode string   `json:"statusCode"`
	Fields     []string `json:"fields"`
	Duplicates *matches `json:"duplicateResult"`
	Misspelt   *matches `json:"duplicateResut"`
}

type matches struct {
	Results []struct {
		Records []struct {
			Record struct {
				ID string `json:"Id"`
			} `json:"record"`
		} `json:"matchRecords"`
	} `json:"matchResults"`
}

func (f *fault) code() string {
	if f.Code != "" {
		return f.Code
	}
	return f.StatusCode
}

// matched gives the people whom a duplicate rule found, each once.
func (f *fault) matched() (ids []string) {
	for _, m := range []*matches{f.Duplicates, f.Misspelt} {
		if m == nil {
			continue
		}
		for _, r := range m.Results {
			for _, rec := range r.Records {
				if objectOf(rec.Record.ID) != "" && !slices.Contains(ids, rec.Record.ID) {
					ids = append(ids, rec.Record.ID)
				}
			}
		}
	}
	return ids
}

// judged is what an answer that is no success comes to.
type judged struct {
	outcome destination.Outcome
	code    string
	fields  []string
	matched []string
}

// readFaults reads the errors of a body: a list of them, or one alone.
func readFaults(body []byte) []fault {
	var list []fault
	if json.Unmarshal(body, &list) == nil {
		return list
	}
	var one fault
	if json.Unmarshal(body, &one) == nil && one.code() != "" {
		return []fault{one}
	}
	return nil
}

// judge tells the errors apart. The first that is not the echo of another counts.
func judge(a *destination.Answer, now time.Time) judged {
	j := judged{outcome: a.Judge(now)}
	if a.Status == http.StatusMultipleChoices {
		j.outcome.Verdict, j.outcome.Reason = destination.Never, "several records have the handoff's id: make the external id field unique"
		return j
	}
	for _, f := range readFaults(a.Body) {
		if f.code() == "" || f.code() == halted {
			continue
		}
		j.code, j.fields, j.matched = f.code(), f.Fields, f.matched()
		break
	}
	if j.code == "" {
		if a.OK() { // only those that are no success come here
			j.outcome = crm.Unreadable(a)
		}
		return j
	}
	o := &j.outcome
	o.Sick, o.After = false, 0
	switch j.code {
	case "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG":
		o.Verdict, o.Sick, o.After = destination.Again, true, destination.RetryAfter(a.Header, now)
	case "UNABLE_TO_LOCK_ROW", "DUPLICATE_VALUE", "ENTITY_IS_LOCKED", "OPERATION_TOO_LARGE",
		"INVALID_CROSS_REFERENCE_KEY", "INACTIVE_OWNER_OR_USER", "OP_WITH_INVALID_USER_TYPE_EXCEPTION":
		o.Verdict = destination.Again
	case "REQUEST_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS":
		o.Verdict, o.After = destination.Later, max(destination.RetryAfter(a.Header, now), limitPause)
	case "INVALID_SESSION_ID", "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "INSUFFICIENT_ACCESS",
		"INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "API_DISABLED_FOR_ORG",
		"API_CURRENTLY_DISABLED", "FUNCTIONALITY_NOT_ENABLED", "STORAGE_LIMIT_EXCEEDED", "TRIAL_EXPIRED", "ORG_LOCKED",
		"PASSWORD_LOCKOUT", "INVALID_LOGIN", "LOGIN_DURING_RESTRICTED_TIME", "MUTUAL_AUTHENTICATION_FAILED", "CLIENT_NOT_ACCESSIBLE_FOR_USER":
		o.Verdict = destination.Operator
	default:
		switch {
		case a.Status == http.StatusForbidden, a.Status == http.StatusUnauthorized:
			o.Verdict = destination.Operator
		case a.Status >= 500:
			o.Verdict, o.Sick = destination.Again, true
		default:
			o.Verdict = destination.Never
		}
	}
	o.Reason = ""
	*o = o.Because(j.code)
	if o.Reason == "" {
		o.Reason = "status " + strconv.Itoa(a.Status)
	}
	for i, f := range j.fields {
		if i < 5 && f != "" && len(f) <= 80 && crm.IsName(f, ".") {
			o.Reason += " " + f
		}
	}
	return j
}

// halted is the code of a part that was not done because of another.
const halted = "PROCESSING_HALTED"

// part is the answer to one request of a composite one.
type part struct {
	Body   json.RawMessage   `json:"body"`
	Header map[string]string `json:"httpHeaders"`
	Status int               `json:"httpStatusCode"`
	Ref    string            `json:"referenceId"`
}

// readComposite gives the parts of an answer by their references; false where it is none.
func readComposite(body []byte) ([]part, bool) {
	var all struct {
		Parts []part `json:"compositeResponse"`
	}
	if json.Unmarshal(body, &all) != nil || len(all.Parts) == 0 {
		return nil, false
	}
	return all.Parts, true
}

// failing gives the part that failed for a reason of its own, or else the first that failed; nil where none did.
func failing(parts []part) *part {
	var first *part
	for i := range parts {
		p := &parts[i]
		if p.Status >= 200 && p.Status < 300 {
			continue
		}
		if first == nil {
			first = p
		}
		for _, f := range readFaults(p.Body) {
			if f.code() != "" && f.code() != halted {
				return p
			}
		}
		if p.Status == http.StatusMultipleChoices || p.Status >= 500 {
			return p
		}
	}
	return first
}

// created gives the id that a part made, "" where it made none (a record that was there answers 204).
func (p *part) created() string {
	var body struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(p.Body, &body) != nil || !isID(body.ID) {
		return ""
	}
	return body.ID
}

// usage reads the header Sforce-Limit-Info: "api-usage=18/5000; per-app-api-usage=17/250(appName=sample)". The first counts.
func usage(header string) (used, of int64, ok bool) {
	for _, item := range strings.FieldsFunc(header, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		v, isUsage := strings.CutPrefix(item, "api-usage=")
		if !isUsage {
			continue
		}
		a, b, found := strings.Cut(v, "/")
		u, err1 := strconv.ParseInt(a, 10, 40)
		n, err2 := strconv.ParseInt(b, 10, 40)
		return u, n, found && err1 == nil && err2 == nil && u >= 0 && n > 0
	}
	return 0, 0, false
}
