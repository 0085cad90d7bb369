package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// event gives the text of an event of somebody's with more members.
func eventText(id, more string) string {
	return fmt.Sprintf(`{"id":%q,"type":"page_viewed","lead":{"email":"bad@input.example"}%s}`, id, more)
}

// TestBadInput: whatever comes, the answer is a problem that names field and reason, soon, and nothing has happened.
func TestBadInput(t *testing.T) {
	c := Start(t, Setup{})
	before := c.process("ingest").rss()
	var bomb bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	_, _ = zip.Write(bytes.Repeat([]byte(" "), 512<<20))
	_ = zip.Close()
	keys := new(strings.Builder)
	for i := range 200_000 {
		fmt.Fprintf(keys, `,"k%d":1`, i)
	}
	soon, old := time.Now().Add(48*time.Hour).UTC().Format(time.RFC3339), "1969-07-20T20:17:40Z"
	for _, tc := range []struct {
		name   string
		body   string
		header http.Header
		path   string
		status int
		field  string // that the problem names; "" for any
	}{
		{name: "not JSON", body: `hello`, status: 400},
		{name: "nothing", body: ``, status: 400},
		{name: "half", body: eventText("b1", "")[:30], status: 400},
		{name: "trailing data", body: eventText("b2", "") + `{}`, status: 400},
		{name: "two million levels", body: `{"id":"b3","type":"page_viewed","lead":{"email":"a@b.example"},"properties":` + strings.Repeat("[", 2_000_000) + strings.Repeat("]", 2_000_000) + `}`, status: 400},
		{name: "two million levels cut", body: strings.Repeat(`{"a":`, 700_000), status: 400},
		{name: "200,000 keys", body: eventText("b4", `,"properties":{"a":1`+keys.String()+`}`), status: 400},
		{name: "a number of 100,000 digits", body: eventText("b5", `,"properties":{"n":`+strings.Repeat("9", 100_000)+`}`), status: 400},
		{name: "1e400", body: eventText("b6", `,"properties":{"n":1e400}`), status: 400},
		{name: "invalid UTF-8", body: eventText("b7", ",\"properties\":{\"s\":\"\xff\xfe\"}"), status: 400},
		{name: "a lone surrogate", body: eventText("b8", `,"properties":{"s":"\ud800"}`), status: 400},
		{name: "NUL", body: eventText("b9", `,"properties":{"s":"\u0000"}`), status: 400},
		{name: "duplicate keys", body: eventText("b10", `,"type":"demo_requested"`), status: 400, field: "type"},
		{name: "no id", body: `{"type":"page_viewed","lead":{"email":"bad@input.example"}}`, status: 400, field: "id"},
		{name: "nobody", body: `{"id":"b11","type":"page_viewed"}`, status: 400, field: "lead"},
		{name: "unknown type", body: strings.Replace(eventText("b12", ""), "page_viewed", "asset_download", 1), status: 400, field: "type"},
		{name: "unknown member", body: eventText("b13", `,"propertys":{}`), status: 400, field: "propertys"},
		{name: "the future", body: eventText("b14", `,"occurred_at":"`+soon+`"`), status: 400, field: "occurred_at"},
		{name: "ancient", body: eventText("b15", `,"occurred_at":"`+old+`"`), status: 400, field: "occurred_at"},
		{name: "no address", body: strings.Replace(eventText("b16", ""), "bad@input.example", "nobody", 1), status: 400, field: "lead.email"},
		{name: "gzip bomb", body: bomb.String(), header: http.Header{"Content-Encoding": {"gzip"}}, status: 413},
		{name: "no gzip", body: "gzip?", header: http.Header{"Content-Encoding": {"gzip"}}, status: 400},
		{name: "an encoding nobody knows", body: eventText("b17", ""), header: http.Header{"Content-Encoding": {"br"}}, status: 415},
		{name: "64 MB", body: eventText("b18", `,"properties":{"s":"`+strings.Repeat("x", 64<<20)+`"}`), status: 413},
		{name: "an event of 3 MB", body: eventText("b19", `,"properties":{"s":"`+strings.Repeat("x", 3<<20)+`"}`), status: 400},
		{name: "unknown source", path: "/webhooks/nobody", body: eventText("b20", ""), status: 404},
		{name: "a source's odd name", path: "/webhooks/a%2e%2e%3e*", body: eventText("b21", ""), status: 404},
		{name: "no signature", header: http.Header{"Webhook-Signature": {}}, body: `not even JSON`, status: 401},
		{name: "wrong signature", header: http.Header{"Webhook-Signature": {"v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}, body: `not even JSON`, status: 401},
		{name: "another message's signature", header: http.Header{"Webhook-Id": {"msg_other"}}, body: eventText("b22", ""), status: 401},
		{name: "stale", header: sign(appSecret, "msg_stale", time.Now().Add(-6*time.Minute), []byte(eventText("b23", ""))), body: eventText("b23", ""), status: 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := sign(appSecret, "msg_bad", time.Now(), []byte(tc.body))
			for k, v := range tc.header {
				header[k] = v
			}
			if tc.path == "" {
				tc.path = "/webhooks/app"
			}
			start := time.Now()
			r := c.raw(httpRequest(tc.path, header, tc.body))
			took := time.Since(start)
			if r.Status != tc.status {
				t.Fatalf("%.300s, want %d", r, tc.status)
			}
			p := c.checkProblem(r, tc.status)
			if len(r.Body) > 4096 {
				t.Errorf("the answer has %d bytes", len(r.Body))
			}
			if tc.field != "" && !slices.ContainsFunc(p.Errors, func(e FieldError) bool { return e.Field == tc.field && e.Reason != "" }) {
				t.Errorf("the problem does not name %s: %s", tc.field, r.Body)
			}
			if took > time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	// In a list only the bad ones are refused.
	taken, err := c.TrySend(t.Context(), visit("mix-1", "good@input.example", "https://www.example/"), Event{ID: "mix-2", Type: "nonsense", Lead: email("good@input.example")},
		visit("mix-3", "good@input.example", "https://www.example/"))
	if err != nil || taken.Accepted != 2 || len(taken.Rejected) != 1 || taken.Rejected[0].Index != 1 || taken.Rejected[0].Errors[0].Field != "type" {
		t.Errorf("%+v, %v", taken, err)
	}
	if r := c.Reconciled(); r.Leads != 1 || r.Acknowledged != 2 {
		t.Errorf("something of the bad input is left: %+v", r)
	}
	if grown := c.process("ingest").rss() - before; grown > 200<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

func httpRequest(path string, header http.Header, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: baton.example\r\nConnection: close\r\nContent-Length: %d\r\n", path, len(body))
	_ = header.Write(&b)
	b.WriteString("\r\n")
	b.WriteString(body)
	return b.Bytes()
}

// TestTwoLengths: a request that states its length in two ways is refused, however the two are written.
func TestTwoLengths(t *testing.T) {
	c := Start(t, Setup{})
	body := eventText("cl-1", "")
	header := sign(appSecret, "msg_cl", time.Now(), []byte(body))
	for name, lengths := range map[string]string{
		"CL and TE":   fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", len(body)),
		"TE and CL":   fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", len(body)),
		"two CL":      fmt.Sprintf("Content-Length: %d\r\nContent-Length: 5\r\n", len(body)),
		"a signed CL": fmt.Sprintf("Content-Length: +%d\r\n", len(body)),
		"odd TE":      "Transfer-Encoding: chunked, identity\r\n",
		"hidden TE":   fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding : chunked\r\n", len(body)),
	} {
		var b bytes.Buffer
		b.WriteString("POST /webhooks/app HTTP/1.1\r\nHost: baton.example\r\n" + lengths)
		_ = header.Write(&b)
		fmt.Fprintf(&b, "\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		if r := c.raw(b.Bytes()); r.Status != 400 && r.Status != 501 {
			t.Errorf("%s: %s", name, r)
		}
	}
	if r := c.Reconciled(); r.Acknowledged != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSlowLoris: connections that trickle bytes are closed within 10 seconds, and good requests keep their pace meanwhile.
func TestSlowLoris(t *testing.T) {
	c := Start(t, Setup{})
	const n = 300
	var wg sync.WaitGroup
	begin := time.Now()
	lasted := make([]time.Duration, n)
	for i := range n {
		conn, err := net.Dial("tcp", c.addr())
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer func() { _ = conn.Close() }()
			text := "POST /webhooks/app HTTP/1.1\r\nHost: baton.example\r\nX-Slow: "
			if i%2 == 0 {
				text += "1\r\nContent-Length: 1000\r\n\r\n"
			}
			_, _ = conn.Write([]byte(text))
			stop := make(chan struct{})
			go func() { // until the other side has enough
				tick := time.NewTicker(500 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						if _, err := conn.Write([]byte("x")); err != nil {
							return
						}
					case <-stop:
						return
					}
				}
			}()
			_ = conn.SetReadDeadline(begin.Add(20 * time.Second))
			var b [4096]byte
			for {
				if _, err := conn.Read(b[:]); err != nil {
					break
				}
			}
			close(stop)
			lasted[i] = time.Since(begin)
		})
	}
	var took []time.Duration
	for i := 0; time.Since(begin) < 6*time.Second; i++ {
		start := time.Now()
		c.Send(visit(fmt.Sprint("loris-", i), "good@loris.example", "https://www.example/"))
		took = append(took, time.Since(start))
	}
	wg.Wait()
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 > 250*time.Millisecond {
		t.Errorf("good requests took %v (p99 of %d)", p99, len(took))
	}
	if longest := slices.Max(lasted); longest > 10500*time.Millisecond {
		t.Errorf("the last slow connection was closed after %v", longest)
	}
	c.Reconciled()
}
