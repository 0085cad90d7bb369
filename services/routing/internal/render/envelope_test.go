package render

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Whatever texts a message has: the body is JSON that says the same, in one form, whether or not the encoder put spaces in.
func TestEnvelope(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 5, time.FixedZone("", 3600))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", " ", `"`, `\`, `\"`, ` " : , `, "<b>&", "é \u2028", "a\nb\tc", "{ }"})
		in := &routingv1.Payload{
			HandoffId: text.Draw(t, "id"), Stage: rapid.String().Draw(t, "stage"), Because: rapid.SliceOf(text).Draw(t, "because"),
			Lead: &routingv1.PayloadLead{ExternalIds: rapid.MapOf(text, text).Draw(t, "ids")},
		}
		body, err := (&messages{}).envelope("handoff.routed", at, in)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		if err := json.Compact(&packed, body); err != nil || packed.String() != string(body) {
			t.Fatalf("%s is not compact JSON: %v", body, err)
		}
		var out struct {
			Type, Timestamp string
			Data            struct {
				HandoffID string `json:"handoff_id"`
				Stage     string
				Because   []string
				Lead      struct {
					ExternalIDs map[string]string `json:"external_ids"`
				}
			}
		}
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
		got := &routingv1.Payload{
			HandoffId: out.Data.HandoffID, Stage: out.Data.Stage, Because: out.Data.Because, Lead: &routingv1.PayloadLead{ExternalIds: out.Data.Lead.ExternalIDs},
		}
		if out.Type != "handoff.routed" || out.Timestamp != "2026-11-20T09:00:00.000000005Z" || !proto.Equal(in, got) {
			t.Fatalf("%v became %s", in, body)
		}
	})
}

// Spaces go between tokens alone, wherever strings begin and end.
func FuzzPack(f *testing.F) {
	f.Add(`{"a b": [ 1, "c \\" , "\\\\" , " " ], "d" : null}`)
	f.Add(`"a`)
	f.Add(`"\\`)
	f.Fuzz(func(t *testing.T, s string) {
		got := pack(nil, []byte(s))
		if !json.Valid([]byte(s)) || bytes.ContainsAny([]byte(s), "\n\r\t") {
			return // only that it ends
		}
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(s)); err != nil || want.String() != string(got) {
			t.Fatalf("%q became %q, want %q, %v", s, got, want.String(), err)
		}
	})
}
