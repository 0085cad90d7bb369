package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type shownRefusal struct {
	Time        time.Time
	Source      string
	Reason      string
	Detail      string
	Errors      []struct{ Field, Reason string }
	Status      int
	Method      string
	Path        string
	ContentType string `json:"content_type"`
	BodyBytes   int64  `json:"body_bytes"`
	Headers     []string
	Times       int
}

func (b *bench) refusals(t testing.TB, query string) (list []shownRefusal, text string) {
	t.Helper()
	rec := httptest.NewRecorder()
	b.service.RefusalsHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/refusals"+query, nil))
	var got struct{ Refusals []shownRefusal }
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%d %s %v", rec.Code, rec.Body, err)
	}
	return got.Refusals, rec.Body.String()
}

// An operator sees why posts are refused, and nothing of what they say.
func TestRefusalsAreShown(t *testing.T) {
	b := newBench(t)
	r := b.request(t, http.MethodPost, "/webhooks/app?token=hush-1&x", strings.Replace(goodEvent, "initech", "hush-2", 1),
		"X-Hook", "hush-3", "Content-Type", "application/json; hush=4", "Authorization", "Bearer hush-5")
	sign(t, r, "m1", "another body", time.Now(), secret)
	b.do(t, r)
	b.signed(t, "app", "m2", `{"id": "1", "type": "demo_requestd", "lead": {"email": "ana@initech.example"}, "ana@initech.example": 1}`)
	b.signed(t, "app", "m3", `[`+goodEvent+`, {"id": "2", "type": "demo_requested", "lead": {"email": "nobody"}}]`)
	b.do(t, b.request(t, http.MethodPost, "/webhooks/hush.6/hush-7?hush-8", goodEvent))
	b.do(t, b.request(t, http.MethodPost, "/webhooks/ap", goodEvent))

	app, _ := b.refusals(t, "?source=app")
	if len(app) != 3 {
		t.Fatalf("%d refusals of app: %+v", len(app), app)
	}
	rejected, malformed, forged := app[0], app[1], app[2]
	if forged.Reason != "signature" || forged.Status != 401 || forged.Method != "POST" || forged.Path != "/webhooks/app?token=…" ||
		forged.ContentType != "application/json" || forged.BodyBytes != int64(len(goodEvent))-1 || forged.Detail == "" || forged.Source != "app" ||
		!strings.Contains(strings.Join(forged.Headers, " "), "X-Hook") || time.Since(forged.Time) > time.Minute {
		t.Errorf("forged: %+v", forged)
	}
	if malformed.Reason != "malformed" || malformed.Status != 400 || len(malformed.Errors) == 0 || malformed.Errors[0].Reason == "" {
		t.Errorf("malformed: %+v", malformed)
	}
	if rejected.Reason != "rejected" || rejected.Status != 202 || len(rejected.Errors) != 1 || !strings.HasSuffix(rejected.Errors[0].Field, "email") {
		t.Errorf("rejected: %+v", rejected)
	}
	unknown, _ := b.refusals(t, "?source=")
	if len(unknown) != 2 || unknown[0].Path != "/webhooks/ap" || unknown[1].Path != "/webhooks/…/…" || unknown[0].Reason != "unknown_source" {
		t.Errorf("unknown: %+v", unknown)
	}
	all, text := b.refusals(t, "")
	if len(all) != 5 {
		t.Errorf("%d in all", len(all))
	}
	for _, secret := range []string{"hush", "initech", "ana"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows in %s", secret, text)
		}
	}

	req := httptest.NewRequest(http.MethodGet, "/refusals", nil)
	req.Header.Set("Accept", "text/plain")
	rec := httptest.NewRecorder()
	b.service.RefusalsHandler().ServeHTTP(rec, req)
	if lines := strings.Split(rec.Body.String(), "\n"); !strings.Contains(lines[0], "unknown_source") || rec.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("text: %s", rec.Body)
	}
	rec = httptest.NewRecorder()
	b.service.RefusalsHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/refusals?source=nobody", nil))
	if rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "app") {
		t.Errorf("a source that there is not: %d %s", rec.Code, rec.Body)
	}
}

// Whatever strangers send, what is kept of it is bounded, and a flood of one kind does not hide another.
func TestRefusalsAreBounded(t *testing.T) {
	b := newBench(t)
	send := func(r *http.Request) { b.service.Handler().ServeHTTP(&quiet{header: http.Header{}}, r) }
	long := strings.Repeat("x", 3000)
	for i := range 500 {
		r := httptest.NewRequest(http.MethodPost, fmt.Sprintf("/webhooks/s%d/%s?a%d=%s", i, long, i, long), nil)
		for k := range 100 {
			r.Header.Set(fmt.Sprintf("X-%d-%d-%s", i, k, long[:60]), long)
		}
		r.Header.Set("Content-Type", long)
		send(r)
	}
	_, text := b.refusals(t, "?source=")
	list, _ := b.refusals(t, "?source=")
	if len(list) != 50 || len(text) > 1<<20 {
		t.Errorf("%d refusals in %d bytes", len(list), len(text))
	}
	for _, n := range list {
		if len(n.Headers) > 48 || len(n.Path) > 500 || len(n.ContentType) > 400 {
			t.Fatalf("%+v", n)
		}
	}
	send(httptest.NewRequest(http.MethodPost, "/webhooks/app", strings.NewReader(goodEvent)))
	for range 1000 {
		send(httptest.NewRequest(http.MethodPut, "/webhooks/app", nil))
	}
	list, _ = b.refusals(t, "?source=app")
	if len(list) != 2 || list[0].Times != 1000 || list[0].Reason != "method" || list[1].Reason != "signature" {
		t.Errorf("%+v", list)
	}
	// Those of a source that is no more are gone with it.
	if err := b.service.Reload(nil); err != nil {
		t.Fatal(err)
	}
	if list, _ = b.refusals(t, ""); len(list) != 50 {
		t.Errorf("%d are left", len(list))
	}
}

func TestBoundsOfTheRequest(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name, path string
		lines      int
		want       int
	}{
		{"ordinary", "/webhooks/open?a=1", 10, 202},
		{"a long address", "/webhooks/open/" + strings.Repeat("a", 9000), 0, 414},
		{"a long query", "/webhooks/open?a=" + strings.Repeat("a", 5000), 0, 414},
		{"many parameters", "/webhooks/open?" + strings.Repeat("a=1&", 70), 0, 414},
		{"many header lines", "/webhooks/open", 200, 431},
		{"an SDK's call with many header lines", "/v1/track", 200, 431},
	} {
		r := b.request(t, http.MethodPost, c.path, goodEvent)
		for i := range c.lines {
			r.Header.Add("X-Line", fmt.Sprint(i))
		}
		if got := b.do(t, r); got.status != c.want {
			t.Errorf("%s: %d, want %d (%s)", c.name, got.status, c.want, got.body)
		}
	}
}

// The lag is that of a request's newest event; what was seen before, and history, say nothing of it.
func TestLag(t *testing.T) {
	b := newBench(t)
	at := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339Nano) }
	event := func(id, when, more string) string {
		return fmt.Sprintf(`{"id": %q, "type": "demo_requested", "occurred_at": %q, "lead": {"email": "ana@initech.example"}%s}`, id, when, more)
	}
	b.post(t, "["+event("1", at(48*time.Hour), "")+","+event("2", at(10*time.Minute), "")+"]")
	b.post(t, event("2", at(10*time.Minute), ""))
	b.post(t, event("3", at(1000*time.Hour), `, "history": true`))
	if count, sum := b.histogram(t, "baton_ingest_lag_seconds", "open"); count != 1 || sum < 600 || sum > 660 {
		t.Errorf("%d observations, %v s in all; want one of 600 s", count, sum)
	}
}

func (b *bench) histogram(t testing.TB, name, source string) (count uint64, sum float64) {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && m.Label[0].GetValue() == source {
				return m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum()
			}
		}
	}
	t.Fatalf("no %s of %s", name, source)
	return 0, 0
}

// A vendor that was given a path which is nearly right is told what is wrong with it, and the operator sees it.
func TestAWrongPathSaysWhatIsWrong(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ path, detail, source, shown string }{
		{"/hooks/webhooks/app/hush?hush=hush", "a proxy has to take off what stands before it", "", "/…/webhooks/app/…?hush=…"},
		{"/webhook/app", "events go to /webhooks/{source} or /v1/{call}", "", "/…"},
		{"/webhooks/site", "takes no webhooks: its events go to /v1/{call}", "", "/webhooks/site"},
		{"/webhooks/app/hush", "have no token in their address", "app", "/webhooks/app/…"},
		{"/webhooks/ap", "no source of this name", "", "/webhooks/ap"},
	} {
		res := b.do(t, b.request(t, http.MethodPost, c.path, goodEvent))
		if res.status != http.StatusNotFound || !strings.Contains(res.body, c.detail) {
			t.Errorf("%s: %d %s", c.path, res.status, res.body)
		}
		got, _ := b.refusals(t, "?source="+c.source)
		if len(got) == 0 || got[0].Path != c.shown || !strings.Contains(got[0].Detail, c.detail) {
			t.Errorf("%s: %+v", c.path, got)
		}
	}
}
