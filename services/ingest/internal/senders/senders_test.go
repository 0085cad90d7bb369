package senders

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func made(t testing.TB, name string) sender.Sender {
	t.Helper()
	for _, row := range Table() {
		if row.Name != name {
			continue
		}
		c := sender.Config{Name: "s", MaxEvent: 64 << 10, MaxEvents: 200}
		if row.Path == sender.Tracking {
			c.WriteKey = "wk"
		} else {
			c.Secrets = []string{"whsec_c2VjcmV0c2VjcmV0"}
		}
		s, err := row.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatalf("no %s in the table", name)
	return nil
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Table() {
		if row.Name == "" || seen[row.Name] || row.New == nil || row.Rules.Reply == nil {
			t.Errorf("%+v", row)
		}
		seen[row.Name] = true
		status, body := row.Rules.Reply(sender.Result{Accepted: 1, RejectedCount: 2, Rejected: []sender.Rejection{{Index: 1, Errors: fact.Errors{{Field: "a\"b", Reason: "c"}}}}, Sequence: 7})
		if status < 200 || status > 299 || row.Rules.ReplyType == "" && !json.Valid(body) {
			t.Errorf("%s: %d %s", row.Name, status, body)
		}
		if _, err := row.New(sender.Config{Name: "s", WriteKey: "wk", Secrets: []string{"whsec_%"}}); err == nil {
			t.Errorf("%s takes any configuration", row.Name)
		}
	}
}

var received = fact.At(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))

const own = `{"id":"1","type":"deal_won","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"a@b.example","external_ids":{"crm":1}},"properties":{"amount":"1e2","currency":"EUR"}}`

func FuzzBaton(f *testing.F) {
	f.Add([]byte(own), "application/json")
	f.Add([]byte("["+own+","+own+",{}]"), "")
	f.Add([]byte(own+"\n\n"+own), "application/x-ndjson; x=y")
	f.Add([]byte("\xef\xbb\xbf[]"), ";;")
	f.Add([]byte("[[[[]]"), "application/x-ndjson")
	s := made(f, "baton")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		sendertest.Check(t, s, &sender.Delivery{ContentType: contentType, Body: body, Received: received})
	})
}

func FuzzStandardWebhooks(f *testing.F) {
	f.Add([]byte(`{"type":"lead.demo_requested","timestamp":"2026-01-01T00:00:00Z","data":`+own+`,"x":[1]}`), "m1")
	f.Add([]byte(`[{"type":"x","data":{}},`+own+`]`), "m.2 *")
	f.Add([]byte(`{"data":null}`), "")
	s := made(f, "standard-webhooks")
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		if !json.Valid([]byte(fmt.Sprintf("%q", id))) {
			return
		}
		id = string([]rune(id)) // header values are text: see Verify
		sendertest.Check(t, s, &sender.Delivery{ID: id, Body: body, Received: received})
	})
}

func FuzzSegment(f *testing.F) {
	for _, call := range []string{"identify", "track", "page", "screen", "group", "alias"} {
		f.Add([]byte(`{"type":"`+call+`","messageId":"1","userId":"u","anonymousId":7,"previousId":"p","event":"Deal Won","name":"N","timestamp":"2026-11-20 10:00:00","sentAt":"2026-11-20T10:00:01Z",
			"traits":{"email":"a@b.example","name":"A B","company":{"name":"C","employees":"12"},"address":{"country":"SE"}},"properties":{"revenue":1.5,"url":"https://x/?utm_medium=e"},"context":{"campaign":{"name":"c"},"traits":{"phone":1}},"odd":{}}`), call)
	}
	f.Add([]byte(`{"batch":[{"type":"page","anonymousId":"a"},{},[],1],"sentAt":"x","writeKey":"wk"}`), "batch")
	f.Add([]byte(`{"batch":[{"type":"alias","userId":"\u0075","previousId":"u"}]}`), "batch")
	s := made(f, "segment")
	api := Tracking()
	f.Fuzz(func(t *testing.T, body []byte, call string) {
		if call = api.Call(call); call == "" {
			call = "track"
		}
		_ = api.WriteKey(body)
		sendertest.Check(t, s, &sender.Delivery{Call: call, Body: body, Received: received})
	})
}

func BenchmarkBaton(b *testing.B) {
	const event = `{"id":"evt-0123456789","type":"asset_downloaded","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"ana@initech.example","anonymous_id":"an-7","external_ids":{"hubspot":"123"}},"traits":{"first_name":"Ana","last_name":"Lind","title":"VP Engineering","country":"SE"},"account":{"name":"Initech","domain":"initech.example","employees":420,"industry":"software"},"properties":{"asset":"pricing-guide","channel":"email","campaign":"q4-launch","url":"https://www.initech.example/pricing?utm=1"}}`
	list := "["
	for i := range 100 {
		if i > 0 {
			list += ","
		}
		list += event
	}
	list += "]"
	s := made(b, "baton")
	for name, body := range map[string]string{"one event of 500 bytes": event, "a hundred": list} {
		b.Run(name, func(b *testing.B) {
			d := &sender.Delivery{Body: []byte(body), Received: received}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Decode(d, func(sender.Item) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
