package zoho

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// result is what became of one record, and also how Zoho tells of an error of the whole request.
type result struct {
	Code    string          `json:"code"`
	Status  string          `json:"status"`
	Details json.RawMessage `json:"details"`
}

// details are what a result says besides; an empty object often, a list sometimes.
type details struct {
	ID        string `json:"id"`
	Field     string `json:"api_name"`
	Maximum   int    `json:"maximum_length"`
	Duplicate struct {
		ID string `json:"id"`
	} `json:"duplicate_record"`
	Errors []result `json:"errors"`
}

// judged is what an answer comes to. id is that of the record that was written, or in whose way this one is.
type judged struct {
	outcome destination.Outcome
	code    string
	id      string
	field   string
	maximum int
}

// readResult reads the result of the one record that was sent, or that of the request; false where there is none.
func readResult(body []byte) (r result, det details, ok bool) {
	var all struct {
		Data []result `json:"data"`
		result
	}
	if json.Unmarshal(body, &all) != nil {
		return r, det, false
	}
	switch {
	case len(all.Data) == 1:
		r = all.Data[0]
	case len(all.Data) == 0 && all.Code != "":
		r = all.result
	default:
		return r, det, false
	}
	read := func() {
		det = details{}
		if json.Unmarshal(r.Details, &det) != nil {
			det = details{}
		}
	}
	read()
	if r.Code == "MULTIPLE_OR_MULTI_ERRORS" && len(det.Errors) > 0 {
		r = det.Errors[0]
		read()
	}
	return r, det, r.Code != ""
}

// judge tells what became of a record, or of a request, by the code in the body: the status is 200 for most errors, too.
func judge(a *destination.Answer, now time.Time) judged {
	j := judged{outcome: a.Judge(now)}
	r, det, ok := readResult(a.Body)
	if !ok {
		if a.OK() {
			j.outcome = crm.Unreadable(a)
		}
		return j
	}
	j.code, j.field, j.maximum, j.id = r.Code, det.Field, det.Maximum, det.ID
	if j.id == "" {
		j.id = det.Duplicate.ID
	}
	if !isID(j.id) {
		j.id = ""
	}
	o := &j.outcome
	after := destination.RetryAfter(a.Header, now)
	o.Sick, o.After, o.Reason = false, 0, ""
	if a.OK() && r.Code == "SUCCESS" {
		o.Verdict = destination.Done
		return j
	}
	switch r.Code {
	case "TOO_MANY_REQUESTS":
		o.Verdict, o.After = destination.Later, max(after, 10*time.Second)
	case "LIMIT_EXCEEDED", "API_LIMIT_EXCEEDED", "CREDITS_EXCEEDED":
		// The credits of the last 24 hours.
		o.Verdict, o.After = destination.Later, max(after, 15*time.Minute)
	case "INVALID_TOKEN", "AUTHENTICATION_FAILURE", "AUTHORIZATION_FAILED", "OAUTH_SCOPE_MISMATCH", "NO_PERMISSION", "INVALID_MODULE",
		"MODULE_NOT_SUPPORTED", "INVALID_URL_PATTERN", "FEATURE_NOT_SUPPORTED", "FEATURE_PERMISSION", "LICENSE_LIMIT_EXCEEDED", "CRM_PLUS_ACCOUNT_EXPIRED":
		o.Verdict = destination.Operator
	case "INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "UNABLE_TO_PROCESS", "SERVICE_UNAVAILABLE":
		o.Verdict, o.Sick, o.After = destination.Again, true, after
	case "RECORD_LOCKED", "ALREADY_SCHEDULED":
		o.Verdict = destination.Again
	default:
		switch {
		case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
			o.Verdict = destination.Operator
		case a.Status == http.StatusTooManyRequests:
			o.Verdict, o.After = destination.Later, after
		case a.Status >= 500:
			o.Verdict, o.Sick, o.After = destination.Again, true, after
		default:
			o.Verdict = destination.Never
		}
	}
	if *o = o.Because(r.Code); o.Reason == "" {
		o.Reason = "status " + strconv.Itoa(a.Status)
	}
	if j.field != "" && len(j.field) <= 80 && crm.IsName(j.field, "") {
		o.Reason += " " + j.field
	}
	return j
}

// refused says that the token is not accepted; a scope that it lacks, a fresh one lacks as well.
func refused(a *destination.Answer) bool {
	if a.Status != http.StatusUnauthorized {
		return false
	}
	r, _, _ := readResult(a.Body)
	return r.Code != "OAUTH_SCOPE_MISMATCH" && r.Code != "NO_PERMISSION"
}

// readPage reads a page of a list of that name.
func readPage(body []byte, name string) (rows []map[string]any, more, ok bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil || json.Unmarshal(all[name], &rows) != nil || rows == nil {
		return nil, false, false
	}
	var info struct {
		More bool `json:"more_records"`
	}
	if len(all["info"]) > 0 && json.Unmarshal(all["info"], &info) != nil {
		return nil, false, false
	}
	return rows, info.More, true
}
