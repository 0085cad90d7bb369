package salesforce

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/fakes/salesforcetest"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
)

// Each error that the documentation lists for what we ask, as the whole answer and as that of a part.
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		want   destination.Verdict
		sick   bool
		after  time.Duration
	}{
		{503, "SERVER_UNAVAILABLE", destination.Again, true, 0},
		{500, "UNKNOWN_EXCEPTION", destination.Again, true, 0},
		{400, "UNABLE_TO_LOCK_ROW", destination.Again, false, 0},
		{400, "DUPLICATE_VALUE", destination.Again, false, 0},
		{400, "INVALID_CROSS_REFERENCE_KEY", destination.Again, false, 0},
		{400, "INACTIVE_OWNER_OR_USER", destination.Again, false, 0},
		{403, "REQUEST_LIMIT_EXCEEDED", destination.Later, false, limitPause},
		{400, "INVALID_FIELD", destination.Operator, false, 0},
		{400, "INVALID_FIELD_FOR_INSERT_UPDATE", destination.Operator, false, 0},
		{403, "INSUFFICIENT_ACCESS_OR_READONLY", destination.Operator, false, 0},
		{400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", destination.Operator, false, 0},
		{403, "API_DISABLED_FOR_ORG", destination.Operator, false, 0},
		{400, "STORAGE_LIMIT_EXCEEDED", destination.Operator, false, 0},
		{403, "SOMETHING_NEW", destination.Operator, false, 0},
		{400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", destination.Never, false, 0},
		{400, "INVALID_EMAIL_ADDRESS", destination.Never, false, 0},
		{400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", destination.Never, false, 0},
		{400, "SOMETHING_NEW", destination.Never, false, 0},
		{500, "SOMETHING_NEW", destination.Again, true, 0},
	} {
		body := salesforcetest.Failure(tc.code, "a message about ana@initech.example", "Email")
		for _, whole := range []bool{true, false} {
			r := newRig(t, nil, nil)
			if whole {
				r.server.Faults(func(_ int, req *destinationtest.Request) *destinationtest.Fault {
					if strings.HasSuffix(req.Path, "/composite") {
						return &destinationtest.Fault{Status: tc.status, Body: body}
					}
					return nil
				})
			} else {
				r.Rule = func(_, object string, _ map[string]any) (int, string) {
					if object == "Task" {
						return tc.status, body // the first part is rolled back and says so
					}
					return 0, ""
				}
			}
			o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example"))
			if o.Verdict != tc.want || o.Sick != tc.sick || o.After < tc.after || !strings.Contains(o.Reason, tc.code) || strings.Contains(o.Reason, "initech") || len(r.Counts()) != 0 {
				t.Errorf("%d %s (whole %t): %+v", tc.status, tc.code, whole, o)
			}
		}
	}
}

// Collections spell an error's code in another way than everything else, and a list may come as one object.
func TestBothSpellingsOfACode(t *testing.T) {
	for _, body := range []string{
		`[{"statusCode":"UNABLE_TO_LOCK_ROW","message":"x","fields":[]}]`, `[{"errorCode":"UNABLE_TO_LOCK_ROW"}]`, `{"errorCode":"UNABLE_TO_LOCK_ROW"}`,
		`[{"errorCode":"PROCESSING_HALTED"},{"statusCode":"UNABLE_TO_LOCK_ROW"}]`,
	} {
		j := judge(&destination.Answer{Status: 400, Header: http.Header{}, Body: []byte(body)}, time.Time{})
		if j.code != "UNABLE_TO_LOCK_ROW" || j.outcome.Verdict != destination.Again || j.outcome.Sick {
			t.Errorf("%s: %+v", body, j)
		}
	}
}

func TestSeveralWithOneKey(t *testing.T) {
	r := newRig(t, nil, nil)
	r.Rule = func(string, string, map[string]any) (int, string) {
		return 300, `["/services/data/v66.0/sobjects/Lead/00Q1"]`
	}
	if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Never || !strings.Contains(o.Reason, "unique") {
		t.Errorf("%+v", o)
	}
}

func TestTokenErrors(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		want   destination.Verdict
	}{
		{400, `{"error":"invalid_client","error_description":"invalid client credentials"}`, destination.Operator},
		{400, `{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}`, destination.Operator},
		{400, `{"error":"unsupported_grant_type"}`, destination.Operator},
		{400, `not json`, destination.Operator},
		{200, `{}`, destination.Again},
		{200, `<html>`, destination.Again},
		{503, ``, destination.Again},
		{429, ``, destination.Later},
	} {
		r := newRig(t, nil, nil)
		r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
			return &destinationtest.Fault{Status: tc.status, Body: tc.body}
		})
		if o := r.deliver(t, destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != tc.want || o.Reason == "" {
			t.Errorf("%d %s: %+v", tc.status, tc.body, o)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"compositeResponse":[{"body":[{"errorCode":"PROCESSING_HALTED"}],"httpStatusCode":400,"referenceId":"lead"},{"body":[{"errorCode":"STRING_TOO_LONG","fields":["Title"]}],"httpStatusCode":400,"referenceId":"task"}]}`))
	f.Add(200, []byte(`{"compositeResponse":[{"body":{"id":"00Q000000000000001","success":true},"httpStatusCode":201,"referenceId":"lead"}]}`))
	f.Add(400, []byte(`[{"errorCode":"DUPLICATES_DETECTED","duplicateResut":{"matchResults":[{"matchRecords":[{"record":{"Id":"003000000000000001"}}]}]}}]`))
	f.Add(403, []byte(`[{"statusCode":"REQUEST_LIMIT_EXCEEDED"}]`))
	f.Add(200, []byte(`{"records":[{"Id":"00Q000000000000001","IsConverted":true,"ConvertedContactId":"003000000000000001"}]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := &destination.Answer{Status: status, Header: http.Header{"Sforce-Limit-Info": {string(body)}}, Body: body}
		j := judge(a, time.Time{})
		if !a.OK() && (j.outcome.Verdict == destination.Done || j.outcome.Reason == "") {
			t.Errorf("%+v", j)
		}
		if parts, ok := readComposite(body); ok {
			if p := failing(parts); p != nil && p.Status >= 200 && p.Status < 300 {
				t.Errorf("a part that did not fail: %+v", p)
			}
			for i := range parts {
				if id := parts[i].created(); id != "" && !isID(id) {
					t.Errorf("%q is no id", id)
				}
			}
		}
		if recs, ok := readRecords(a, "Key__c"); ok {
			for _, r := range recs {
				if !isID(r.ID) {
					t.Errorf("%q is no id", r.ID)
				}
			}
		}
		if used, of, ok := usage(string(body)); ok && (used < 0 || of <= 0) {
			t.Errorf("%d of %d", used, of)
		}
	})
}
