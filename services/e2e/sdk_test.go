package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// raw writes bytes to the port and reads one answer.
func (c *Cluster) raw(request []byte) reply {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.addr())
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	go func() { _, _ = conn.Write(request) }() // the answer may come before all of it is taken
	r, err := readReply(conn)
	if err != nil {
		c.t.Fatalf("no answer to %.80q: %v", request, err)
	}
	return r
}

func readReply(conn net.Conn) (reply, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, body}, err
}

func basic(writeKey string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"))
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// segmentBatch is what Segment's SDK for Node sends, for a person of our own. The SDK's clock is an hour slow.
func segmentBatch(t *testing.T, user, mail string) []byte {
	t.Helper()
	slow := time.Now().Add(-time.Hour).UTC()
	stamp := func(ago time.Duration) string { return slow.Add(-ago).Format("2006-01-02T15:04:05.000Z") }
	library := map[string]any{"library": map[string]any{"name": "@segment/analytics-node", "version": "3.1.0"}, "ip": "192.0.2.7"}
	call := func(n int, ago time.Duration, members map[string]any) map[string]any {
		members["messageId"] = fmt.Sprintf("node-next-%s-%d", user, n)
		members["timestamp"] = stamp(ago)
		members["userId"] = user
		members["context"] = library
		members["integrations"] = map[string]any{}
		members["_metadata"] = map[string]any{"nodeVersion": "v20.20.2", "jsRuntime": "node"}
		return members
	}
	body, err := json.Marshal(map[string]any{
		"batch": []any{
			call(1, 5*time.Minute, map[string]any{"type": "identify", "traits": map[string]any{
				"email": mail, "name": "Milton Waddams", "title": "Director of Collation", "company": map[string]any{"name": "Initrode", "employee_count": 300}}}),
			call(2, 4*time.Minute, map[string]any{"type": "page", "name": "Pricing", "properties": map[string]any{"url": "https://www.example/pricing?a=1&b=2", "title": "Prices – naïve “quotes” 日本"}}),
			call(3, 3*time.Minute, map[string]any{"type": "group", "groupId": "initrode", "traits": map[string]any{"name": "Initrode", "industry": "Staplers", "employees": 300}}),
			call(4, 2*time.Minute, map[string]any{"type": "track", "event": "Stapler Moved", "properties": map[string]any{"floor": 4}}),
			call(5, time.Minute, map[string]any{"type": "track", "event": "Demo Requested", "properties": map[string]any{"plan": "Enterprise"}}),
			call(6, 0, map[string]any{"type": "alias", "previousId": "device-of-" + user}),
		},
		"writeKey": siteKey, "sentAt": stamp(0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func request(path string, header string, body []byte) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: baton.example\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s", path, header, len(body), body)
}

// TestSegmentSDK posts what Segment's SDK does, twice.
func TestSegmentSDK(t *testing.T) {
	c := Start(t, Setup{})
	body := segmentBatch(t, "u-milton", "milton@initrode.example")
	message := request("/v1/batch", "Content-Type: application/json\r\nUser-Agent: analytics-node-next/latest\r\nAuthorization: "+basic(siteKey)+"\r\n", body)
	for range 2 {
		if r := c.raw(message); r.Status != 200 || !bytes.Contains(r.Body, []byte(`"success":true`)) {
			t.Fatalf("answered %s", r)
		}
	}
	lead := c.AwaitLead("milton@initrode.example", "the demo counts", func(l Lead) bool { return l.HandoffID != "" })
	// Fit: a director (40) of 300 people (40). Engagement: the page (1 and 8) and the demo (30), each once.
	if lead.Score.Fit != 80 || lead.Score.Engagement != 39 || lead.FirstName != "Milton" {
		t.Errorf("the lead is %+v", lead)
	}
	for _, k := range get[Score](c, "leads/"+lead.ID+"/score").Contributions {
		if age := time.Since(k.At); k.Side == "engagement" && (age > 7*time.Minute || age < 30*time.Second) {
			t.Errorf("%s was %v ago: the sender's slow clock was not corrected", k.Rule, age)
		}
	}
	r := c.Reconciled()
	if r.Leads != 1 {
		t.Errorf("%d leads: user, device and address are one: %+v", r.Leads, r)
	}
}

// TestRudderStackSDK posts gzipped JSON that calls itself a form, as RudderStack's SDK does.
func TestRudderStackSDK(t *testing.T) {
	c := Start(t, Setup{})
	body := bytes.ReplaceAll(segmentBatch(t, "u-bill", "bill@initrode.example"), []byte(`"timestamp"`), []byte(`"originalTimestamp"`))
	message := request("/v1/batch", "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\nAuthorization: "+basic(siteKey)+"\r\n", zipped(t, body))
	for range 2 {
		if r := c.raw(message); r.Status != 200 {
			t.Fatalf("answered %s", r)
		}
	}
	lead := c.AwaitLead("bill@initrode.example", "the demo counts", func(l Lead) bool { return l.HandoffID != "" })
	if lead.Score.Engagement != 39 {
		t.Errorf("the lead is %+v", lead)
	}
	c.Reconciled()
}

// TestTrackingCalls makes each call by itself, authorised in each way that there is.
func TestTrackingCalls(t *testing.T) {
	c := Start(t, Setup{})
	const who = "joanna@chotchkies.example"
	call := func(name, header string, body map[string]any, status int) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if r := c.raw(request("/v1/"+name, header, text)); r.Status != status {
			t.Errorf("%s: %s, want %d", name, r, status)
		} else if status >= 400 {
			c.checkProblem(r, status)
		}
	}
	key := "Authorization: " + basic(siteKey) + "\r\n"
	call("identify", key, map[string]any{"messageId": "m1", "anonymousId": "d-j", "userId": "joanna", "traits": map[string]any{"email": who, "title": "Head of Flair"}}, 200)
	call("page", "Content-Type: text/plain\r\n", map[string]any{"messageId": "m2", "writeKey": siteKey, "anonymousId": "d-j", "properties": map[string]any{"url": "https://www.example/pricing"}}, 200)
	call("screen", "Authorization: Bearer anything\r\n", map[string]any{"messageId": "m3", "writeKey": siteKey, "userId": "joanna", "name": "Home"}, 200)
	call("track", key, map[string]any{"messageId": "m4", "userId": "joanna", "event": "Event Attended"}, 200)
	call("group", key, map[string]any{"messageId": "m5", "userId": "joanna", "groupId": "g", "traits": map[string]any{"name": "Chotchkie's", "employees": 250}}, 200)
	call("alias", key, map[string]any{"messageId": "m6", "userId": "joanna", "previousId": "jo-before"}, 200)
	call("track", key, map[string]any{"messageId": "m7", "userId": "jo-before", "event": "asset_downloaded", "properties": map[string]any{"asset": "handbook"}}, 200)

	call("track", key, map[string]any{"messageId": "m8", "userId": "joanna"}, 400)                                          // of what?
	call("track", key, map[string]any{"messageId": "m9", "event": "Event Attended"}, 400)                                   // by whom?
	call("track", "", map[string]any{"messageId": "m10", "userId": "joanna", "event": "Event Attended"}, 401)               // whose site?
	call("track", "Authorization: "+basic("wk_other")+"\r\n", map[string]any{"userId": "joanna", "event": "E"}, 401)        // a stranger's
	call("dance", key, map[string]any{"messageId": "m11", "userId": "joanna"}, 404)                                         // no such call
	call("track", key, map[string]any{"messageId": "m12", "userId": "joanna", "event": "E", "timestamp": "yesterday"}, 400) // when?

	// page 1 and 8, screen 1, webinar 15, download close to 10: the old id's download counts for the new one.
	lead := c.AwaitLead(who, "all of it is one lead's", func(l Lead) bool { return l.Score.Engagement > 34.9 })
	if lead.Score.Fit != 80 || lead.Score.Engagement > 35 {
		t.Errorf("the lead is %+v", lead)
	}
	if r := c.Reconciled(); r.Leads != 1 {
		t.Errorf("%+v", r)
	}
}
