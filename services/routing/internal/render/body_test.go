package render

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// A body is valid, has no spaces but those of its texts, and says what the message says.
func TestEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`a "quoted\\" \\`, "two  spaces, {\"a\": 1}", "<b> & \u2028\n\t\x00"}))
		want := &routingv1.LeadEvent{
			Lead: &routingv1.PayloadLead{Id: text.Draw(t, "id"), Title: text.Draw(t, "title")}, From: text.Draw(t, "from"), Epoch: rapid.Int32().Draw(t, "epoch"),
			Consent: map[string]string{text.Draw(t, "key"): text.Draw(t, "value"), "b": "c d"},
		}
		event, at := text.Draw(t, "event"), time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 5).UTC()
		body, err := encode(event, at, want)
		if err != nil {
			t.Fatal(err)
		}
		var short bytes.Buffer
		if err := json.Compact(&short, body); err != nil || !bytes.Equal(short.Bytes(), body) {
			t.Fatalf("%v: %s is not compact: %s", err, body, short.Bytes())
		}
		var got struct {
			Type      string
			Timestamp time.Time
			Data      json.RawMessage
		}
		if err := json.Unmarshal(body, &got); err != nil || got.Type != event || !got.Timestamp.Equal(at) {
			t.Fatalf("%v: %+v of %s", err, got, body)
		}
		back := new(routingv1.LeadEvent)
		if err := protojson.Unmarshal(got.Data, back); err != nil || !proto.Equal(back, want) {
			t.Fatalf("%v: %v, want %v", err, back, want)
		}
		if !bytes.Contains(body, []byte(`"handoff_id":""`)) {
			t.Fatalf("a field that is empty is left out of %s", body)
		}
	})
}
