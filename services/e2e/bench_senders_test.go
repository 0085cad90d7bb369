package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// senderLoad is one kind of sender in BenchmarkSenders: one more is one more row.
type senderLoad struct {
	// source is its line in the configuration.
	name, source string
	// request makes the nth request of a round, of one event, as the sender signs it; name is the round's.
	request func(name string, n int) (path string, header http.Header, body []byte)
	// answer is the status of success.
	answer int
	// gate is the least share of what the source of our own form takes in the same round.
	gate float64
}

const hooksSecret = "whsec_YmVuY2gtc2VjcmV0LW9mLXN0YW5kYXJkLXdlYmhvb2tz"

func senderLoads(b *testing.B) []senderLoad {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	return []senderLoad{
		{
			name: "Segment, single events", source: "{ name: bench-segment, type: segment, write_key: wk_bench }", answer: 200, gate: 0.85,
			request: func(name string, n int) (string, http.Header, []byte) {
				body := fmt.Sprintf(`{"userId":"u%d-%s","event":"Docs Read","messageId":"%s-%d","properties":{"url":"https://www.example/docs","filler":%q}}`,
					n%1000, name, name, n, filler)
				key := "Basic " + base64.StdEncoding.EncodeToString([]byte("wk_bench:"))
				return "/v1/track", http.Header{"Content-Type": {"application/json"}, "Authorization": {key}}, []byte(body)
			},
		},
		{
			name: "Standard Webhooks, signed", source: "{ name: bench-hooks, type: standard-webhooks, secrets: [" + hooksSecret + "] }", answer: 202, gate: 0.85,
			request: func(name string, n int) (string, http.Header, []byte) {
				body := fmt.Appendf(nil, `{"type":"page_viewed","timestamp":%q,"data":{"lead":{"email":"p%d@%s.example"},"properties":{"url":"https://www.example/docs","filler":%q}}}`,
					time.Now().UTC().Format(time.RFC3339), n%1000, name, filler)
				return "/webhooks/bench-hooks", sign(hooksSecret, fmt.Sprintf("msg_%s_%d", name, n), time.Now(), body), body
			},
		},
		{
			name: "HubSpot, v3", source: "{ name: bench-hubspot, type: hubspot, secrets: [hubspot-secret] }", answer: 200, gate: 0.85,
			request: func(name string, n int) (string, http.Header, []byte) {
				now := time.Now().UnixMilli()
				body := fmt.Appendf(nil, `[{"eventId":%d,"subscriptionId":92894,"portalId":5799819,"appId":186886,"occurredAt":%d,"subscriptionType":"contact.propertyChange",`+
					`"attemptNumber":0,"objectId":%d,"propertyName":"jobtitle","propertyValue":"%s-%d","changeSource":"CRM_UI","filler":%q}]`, n, now, 1000+n%1000, name, n, filler)
				mac := hmac.New(sha256.New, []byte("hubspot-secret"))
				_, _ = fmt.Fprintf(mac, "POSThttp://baton.example/webhooks/bench-hubspot%s%d", body, now)
				return "/webhooks/bench-hubspot", http.Header{
					"Content-Type": {"application/json"}, "X-HubSpot-Request-Timestamp": {strconv.FormatInt(now, 10)},
					"X-HubSpot-Signature-v3": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
				}, body
			},
		},
		{
			// A signature of ECDSA costs many times an HMAC to verify.
			name: "SendGrid, ECDSA", source: "{ name: bench-sendgrid, type: sendgrid, secrets: [\"" + base64.StdEncoding.EncodeToString(public) + "\"] }", answer: 200, gate: 0,
			request: func(name string, n int) (string, http.Header, []byte) {
				now := time.Now().Unix()
				body := fmt.Appendf(nil, `[{"email":"p%d@%s.example","timestamp":%d,"event":"click","sg_event_id":"%s-%d","sg_message_id":"m%d","url":"https://www.example/docs","filler":%q}]`,
					n%1000, name, now, name, n, n, filler)
				sum := sha256.Sum256(append(strconv.AppendInt(nil, now, 10), body...))
				signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
				if err != nil {
					b.Fatal(err)
				}
				return "/webhooks/bench-sendgrid", http.Header{
					"Content-Type": {"application/json"}, "X-Twilio-Email-Event-Webhook-Timestamp": {strconv.FormatInt(now, 10)},
					"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(signature)},
				}, body
			},
		},
	}
}

// filler brings a body to about 500 bytes.
const filler = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

// BenchmarkSenders measures what ingest takes of each kind of sender, as it verifies them, beside what it takes of our own
// signed form in the same round.
func BenchmarkSenders(b *testing.B) {
	sources := "[ { name: app, type: baton, secrets: [" + appSecret + "] }"
	loads := senderLoads(b)
	for _, s := range loads {
		sources += ", " + s.source
	}
	c := Start(b, Setup{Split: true, Env: []string{"BATON_SOURCES=" + sources + " ]"}})
	for _, s := range []string{"scoring", "routing", "feedback"} {
		c.Kill(s) // theirs is not what is measured
	}
	const inFlight, requests = 64, 6000
	t := &table{b: b}
	for i, s := range loads {
		t.add(fmt.Sprintf("%s, %d in flight, beside our own form", s.name, inFlight), "events/s", rounds(func(k int) round {
			name := fmt.Sprintf("s%d-%d", i, k)
			out := make([][]byte, requests)
			for n := range out {
				out[n] = rawRequest(s.request(name, n))
			}
			return round{
				raw: blast(b, c.addr(), inFlight, signedRequests(b, "own-"+name, requests, 1, 500, 1000), 202),
				got: blast(b, c.addr(), inFlight, out, s.answer),
			}
		}), s.gate)
	}
	t.print()
}

func rawRequest(path string, header http.Header, body []byte) []byte {
	r := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: baton.example\r\nContent-Length: %d\r\n", path, len(body))
	for name, values := range header {
		r = append(r, name+": "+values[0]+"\r\n"...)
	}
	return append(append(r, "\r\n"...), body...)
}
