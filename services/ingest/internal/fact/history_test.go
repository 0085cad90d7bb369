package fact

import (
	"testing"
)

// An event of history may have happened at any time that was, and says when.
func TestFormOfHistory(t *testing.T) {
	for _, tc := range []struct{ name, at, want string }{
		{"long ago", "1998-03-01T08:00:00Z", "1998-03-01T08:00:00Z"},
		{"the first moment there is", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"},
		{"this century", "2017-06-14T00:00:00Z", "2017-06-14T00:00:00Z"},
	} {
		got := mustRead(t, `{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": "a"}, "history": true, "occurred_at": "`+tc.at+`"}`)
		same(t, got.Event, `{"id": "1", "source": "app", "type": "demo_requested", "occurredAt": "`+tc.want+`", "receivedAt": "2026-11-20T12:00:00Z",
			"history": true, "identity": {"anonymousId": "a"}, "demoRequested": {}}`)
	}
	if got := mustRead(t, `{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": "a"}, "history": false}`); got.Event.History {
		t.Error("false is true")
	}
	for _, tc := range []struct{ rest, field string }{
		{`"history": "true", "occurred_at": "2017-06-14T00:00:00Z"`, "history"},
		{`"history": 1, "occurred_at": "2017-06-14T00:00:00Z"`, "history"},
		{`"history": true`, "occurred_at"},
		{`"history": true, "occurred_at": "1969-12-31T23:59:59Z"`, "occurred_at"},
		{`"history": true, "occurred_at": "2026-11-21T12:00:01Z"`, "occurred_at"},
		{`"history": false, "occurred_at": "1998-03-01T08:00:00Z"`, "occurred_at"},
	} {
		_, errs := read(t, Form{}, `{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": "a"}, `+tc.rest+`}`)
		if len(errs) != 1 || errs[0].Field != tc.field {
			t.Errorf("%s: %v, want one of %s", tc.rest, errs, tc.field)
		}
	}
}
