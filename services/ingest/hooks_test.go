package ingest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Segment signs with
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
)

// withHooks adds sources whose senders ask before they send, or carry a token.
func withHooks(c *Config) {
	key := []config.Secret{config.NewSecret("k")}
	c.Sources = append(c.Sources,
		Source{Name: "events", Type: "cloudevents", Secrets: key, Rate: 100},
		Source{Name: "li", Type: "linkedin", Secrets: key},
		Source{Name: "ads", Type: "meta", Secrets: key, VerifyToken: config.NewSecret("verify me")},
		Source{Name: "seg", Type: "segment-webhook", Secrets: key, VerifyToken: config.NewSecret("path")},
	)
}

func TestSendersThatAskFirst(t *testing.T) {
	b := newBench(t, withHooks)
	r := b.do(t, b.request(t, http.MethodOptions, "/webhooks/events", "", "WebHook-Request-Origin", "broker.initech.example", "WebHook-Request-Rate", "60"))
	if r.status != 200 || r.header.Get("WebHook-Allowed-Origin") != "broker.initech.example" || r.header.Get("WebHook-Allowed-Rate") != "6000" {
		t.Errorf("%+v", r)
	}
	r = b.do(t, b.request(t, http.MethodGet, "/webhooks/li?challengeCode=0f8fad5b-d9cb", ""))
	if r.status != 200 || r.header.Get("Content-Type") != "application/json" || !strings.Contains(r.body, `"challengeCode":"0f8fad5b-d9cb"`) || !strings.Contains(r.body, `"challengeResponse":"`) {
		t.Errorf("%+v", r)
	}
	r = b.do(t, b.request(t, http.MethodGet, "/webhooks/ads?hub.mode=subscribe&hub.verify_token=verify%20me&hub.challenge=115", ""))
	if r.status != 200 || r.body != "115" {
		t.Errorf("%+v", r)
	}
	if r = b.do(t, b.request(t, http.MethodGet, "/webhooks/ads?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=115", "")); r.status != 403 || strings.Contains(r.body, "115") {
		t.Errorf("%+v", r)
	}
}

// TestBinaryCloudEvent: its attributes come as headers, its body in chunks, and it is one fact however often it comes.
func TestBinaryCloudEvent(t *testing.T) {
	b := newBench(t, withHooks)
	send := func(kind, media string, body string) reply {
		r := b.request(t, http.MethodPost, "/webhooks/events", "", "Authorization", "Bearer k", "Content-Type", media, "ce-id", "1", "ce-source", "/s", "ce-type", kind, "ce-specversion", "1.0", "ce-subject", "J%C3%B6rg 7")
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(strings.NewReader(body)), -1, []string{"chunked"}
		return b.do(t, r)
	}
	accepted, _, _, _, _ := send("demo.requested", "application/json", `{"email":"ana@initech.example"}`).result(t)
	if accepted != 1 {
		t.Error("not accepted")
	}
	if _, duplicates, _, _, _ := send("demo.requested", "application/json", `{"email":"ana@initech.example"}`).result(t); duplicates != 1 {
		t.Error("a repeat is not recognised")
	}
	if _, _, _, quarantined, _ := send("demo.requested", "text/plain", "hello").result(t); quarantined != 1 {
		t.Error("data that is no JSON is not kept")
	}
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/events", "{}", "ce-id", "1")); r.status != 401 {
		t.Errorf("without a token: %+v", r)
	}
}

func TestSegmentsBatchOverHTTP(t *testing.T) {
	b := newBench(t, withHooks)
	first := `{"type":"page","messageId":"m-1","userId":"u-1"}`
	m := hmac.New(sha1.New, []byte("k"))
	m.Write([]byte(first))
	body, signature := "["+first+`,{"type":"page","messageId":"m-2","userId":"u-2"}]`, hex.EncodeToString(m.Sum(nil))
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/seg", body, "X-Signature", signature)); r.status != 401 || !strings.Contains(r.body, "first event alone") {
		t.Errorf("%+v", r)
	}
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/seg/k", body, "X-Signature", signature)); r.status != 401 {
		t.Errorf("%+v", r)
	}
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/seg/path", body, "X-Signature", signature)); r.status != 200 || !strings.Contains(r.body, `"accepted":2`) {
		t.Errorf("%+v", r)
	}
}
