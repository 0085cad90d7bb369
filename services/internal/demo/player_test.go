package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
)

// receiver stands where Baton's ingest does: it checks that each sender is who it says, and keeps the ids of all events.
type receiver struct {
	t       *testing.T
	secrets secrets
	mu      sync.Mutex
	ids     map[string]int
	hooks   map[string]int
	answer  func(path string) (int, string)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if status, text := r.answer(req.URL.Path); text != "" {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		return
	}
	verify := func(secret string) {
		v, err := webhook.NewVerifier([]string{secret}, webhook.Tolerance)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := v.Verify(req.Header, body, time.Now()); err != nil {
			r.t.Errorf("%s: %v", req.URL.Path, err)
		}
		r.hooks[req.Header.Get(webhook.HeaderID)]++
	}
	type call struct {
		ID      string `json:"id"`
		Message string `json:"messageId"`
	}
	var batch struct {
		Batch []call `json:"batch"`
	}
	var list []call
	var one call
	switch req.URL.Path {
	case "/v1/batch":
		err = json.Unmarshal(body, &batch)
		list = batch.Batch
		if len(list) > siteBatch {
			r.t.Errorf("a batch of %d calls", len(list))
		}
	case "/v1/track":
		err = json.Unmarshal(body, &one)
		list = []call{one}
	case "/webhooks/nurture":
		verify(r.secrets.Nurture)
		err = json.Unmarshal(body, &list)
	case "/webhooks/webinars":
		verify(r.secrets.Webinars)
		list = []call{{ID: req.Header.Get(webhook.HeaderID)}}
	default:
		r.t.Errorf("posted to %s", req.URL.Path)
	}
	if key, _, _ := req.BasicAuth(); strings.HasPrefix(req.URL.Path, "/v1/") && key != writeKey {
		r.t.Errorf("write key %q", key)
	}
	if err != nil {
		r.t.Errorf("%s: %v", req.URL.Path, err)
	}
	for _, c := range list {
		r.ids[c.ID+c.Message]++
	}
	_, _ = io.WriteString(w, `{"success": true, "rejected": []}`)
}

func testPlayer(t *testing.T, answer func(path string) (int, string)) (*player, *receiver) {
	t.Helper()
	r := &receiver{t: t, secrets: newSecrets(), ids: map[string]int{}, hooks: map[string]int{}, answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	p, _, err := newPlayer(newClient(strings.TrimPrefix(server.URL, "http://")), r.secrets)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

func TestPlaysEveryEventOnceAndAgainTheSame(t *testing.T) {
	p, r := testPlayer(t, func(string) (int, string) { return 0, "" })
	w := testWeek(1)
	for n := range days {
		if err := p.play(t.Context(), w.Day(n), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range w.Events {
		if r.ids[e.ID] != 1 {
			t.Fatalf("event %s was posted %d times", e.ID, r.ids[e.ID])
		}
	}
	if len(r.ids) != len(w.Events) || p.posted.Load() != int64(len(w.Events)) {
		t.Errorf("%d ids, %d posted, of %d events", len(r.ids), p.posted.Load(), len(w.Events))
	}
	demos := 0
	for _, e := range w.Events {
		if e.Type == "demo_requested" {
			demos++
		}
	}
	if len(p.asked) != demos || demos == 0 {
		t.Errorf("%d requests timed, of %d", len(p.asked), demos)
	}

	hooks := len(r.hooks)
	asked := map[string]time.Time{}
	for k, v := range p.asked {
		asked[k] = v
	}
	if err := p.play(t.Context(), w.Day(days-1), 0); err != nil {
		t.Fatal(err)
	}
	if len(r.hooks) != hooks || len(r.ids) != len(w.Events) {
		t.Error("the same day, posted again, came under other ids")
	}
	if !reflect.DeepEqual(asked, p.asked) {
		t.Error("the same day, posted again, changed when somebody first asked")
	}
}

func TestComesBackWhenBatonIsBusy(t *testing.T) {
	var refused atomic.Int32
	p, r := testPlayer(t, func(string) (int, string) {
		if refused.Add(1) <= 2 {
			return http.StatusTooManyRequests, `{"title": "later"}`
		}
		return 0, ""
	})
	day := testWeek(1).Day(0)[:20]
	if err := p.play(t.Context(), day, 0); err != nil {
		t.Fatal(err)
	}
	for _, e := range day {
		if r.ids[e.ID] != 1 {
			t.Errorf("event %s was taken %d times", e.ID, r.ids[e.ID])
		}
	}
}

func TestARefusalStopsTheDemo(t *testing.T) {
	for text, status := range map[string]int{
		`{"accepted": 1, "rejected": [{"index": 3, "errors": []}]}`: http.StatusAccepted,
		`{"accepted": 1, "quarantined": 1, "rejected": []}`:         http.StatusAccepted,
		`{"title": "Unauthorized"}`:                                 http.StatusUnauthorized,
		`not JSON`:                                                  http.StatusOK,
	} {
		p, _ := testPlayer(t, func(string) (int, string) { return status, text })
		if err := p.play(t.Context(), testWeek(1).Day(3)[:5], 0); err == nil {
			t.Errorf("%d %s was taken for success", status, text)
		}
	}
}

func TestCRM(t *testing.T) {
	secret := newSecret()
	var told []string
	now := time.Now()
	c, err := newCRM(secret, func() time.Time { return now }, func(r *record) { told = append(told, r.payload.GetHandoffId()) })
	if err != nil {
		t.Fatal(err)
	}
	good, err := webhook.NewSigner([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	bad, err := webhook.NewSigner([]string{newSecret()})
	if err != nil {
		t.Fatal(err)
	}
	hook := func(kind, handoff, email string) string {
		return fmt.Sprintf(`{"type": %q, "timestamp": "2026-11-20T10:00:00Z", "data": {"handoff_id": %q, "lead": {"email": %q}, "of_the_future": 1}}`, kind, handoff, email)
	}
	for _, post := range []struct {
		signer   *webhook.Signer
		id, body string
		want     int
	}{
		{good, "d1", hook("handoff.routed", "ho_1", "a@x.example"), 200},
		{good, "d1", hook("handoff.routed", "ho_1", "a@x.example"), 200},
		{bad, "d2", hook("handoff.routed", "ho_2", "b@x.example"), 401},
		{good, "d3", hook("sla.breached", "ho_1", "a@x.example"), 200},
		{good, "d4", `{"type": "handoff.routed", "data": 3}`, 400},
		{good, "d5", hook("handoff.routed", "ho_5", "e@x.example"), 200},
	} {
		req := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(post.body))
		post.signer.SetHeaders(req.Header, post.id, now, []byte(post.body))
		rec := httptest.NewRecorder()
		c.ServeHTTP(rec, req)
		if rec.Code != post.want {
			t.Errorf("%s: %d, want %d", post.id, rec.Code, post.want)
		}
		now = now.Add(time.Second)
	}
	if records, repeated, refused := c.count(); records != 2 || repeated != 1 || refused != 1 {
		t.Errorf("%d records, %d repeated, %d refused", records, repeated, refused)
	}
	if !reflect.DeepEqual(told, []string{"ho_1", "ho_5"}) {
		t.Errorf("told of %v", told)
	}
	// One asked five seconds before its record came; the other was handed over before it asked.
	asked := map[string]time.Time{"e@x.example": now.Add(-6 * time.Second), "a@x.example": now}
	if got := c.latencies(asked); len(got) != 1 || got[0] != 5*time.Second {
		t.Errorf("latencies %v", got)
	}
}
