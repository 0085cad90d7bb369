package grpcx

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// TestBodiesNameTheField: whatever member of a body is of the wrong kind, the answer names it, and says what belongs there.
func TestBodiesNameTheField(t *testing.T) {
	text := "must be text, in quotes"
	for body, want := range map[string]FieldError{
		`{"type": 3}`:         {"type", text},
		`{"lead": {}}`:        {"lead", "must be text, in quotes"},
		`{"handoff_id": [1]}`: {"handoff_id", text},
		`{"deal_id": true}`:   {"deal_id", text},
		`{"stage": 1.5}`:      {"stage", text},
		`{"reason": 0}`:       {"reason", text},
		`{"role": []}`:        {"role", text},
		`{"owner": false}`:    {"owner", text},
		`{"request_id": 7}`:   {"request_id", text},
		`{"amount": "12"}`:    {"amount", "is of another kind than belongs here: an object, a list, or a time in quotes"},
		`{"amount": 12}`:      {"amount", "is of another kind than belongs here: an object, a list, or a time in quotes"},
		`{"amount": []}`:      {"amount", "is of another kind than belongs here: an object, a list, or a time in quotes"},
		`{"type": "won", "amount": {"amount": 12}}`:                                    {"amount.amount", text},
		"{\"type\": \"won\",\n \"amount\": {\"amount\": \"1\",\n  \"currency\": 978}}": {"amount.currency", text},
		`{"occurred_at": "yesterday"}`:                                                 {"occurred_at", "is not a time such as 2026-01-31T12:00:00Z (RFC 3339; in an address, + is written %2B)"},
		`{"occurred_at": 12}`:                                                          {"occurred_at", "is of another kind than belongs here: an object, a list, or a time in quotes"},
		`{"amuont": {}}`:                                                               {"amuont", "is not known"},
		`{"amount": {"value": 1}}`:                                                     {"value", "is not known"},
		`{"type": `:                                                                    {"body", "ends too early"},
		`[]`:                                                                           {"body", "is of another kind than belongs here: an object, a list, or a time in quotes"},
	} {
		b := bodies{&runtime.JSONPb{}}
		err := b.NewDecoder(strings.NewReader(body)).Decode(&feedbackv1.RecordDealRequest{})
		if err == nil {
			t.Errorf("%s is taken", body)
			continue
		}
		if got, ok := decodeError(err.Error()); !ok || got != want {
			t.Errorf("%s: %+v, want %+v (%v)", body, got, want, err)
		}
	}
}

// FuzzFieldAt: no body and no place in it breaks it.
func FuzzFieldAt(f *testing.F) {
	for _, s := range []string{`{"a": [1, {"b": 2}]}`, "{\n}", `[]`, `1`, `{"a": {"b": "c"}}`} {
		f.Add(s, "(line 1:9)")
		f.Add(s, "(line 2:1)")
	}
	f.Fuzz(func(t *testing.T, body, msg string) {
		if !json.Valid([]byte(body)) {
			return
		}
		_ = fieldAt([]byte(body), msg)
	})
}
