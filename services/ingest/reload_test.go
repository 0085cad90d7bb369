package ingest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/config"
	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
)

const newSecret = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"

// Other sources are in force at once, over HTTP and over gRPC; those that are wrong change nothing.
func TestReload(t *testing.T) {
	b := newBench(t)
	next := testConfig().Sources
	next[2].Secrets = []config.Secret{config.NewSecret(newSecret)} // app
	next = append(next[1:], Source{Name: "late", Type: "baton"})   // site is gone
	if err := b.service.Reload(next); err != nil {
		t.Fatal(err)
	}
	if r := b.signed(t, "app", "m1", goodEvent); r.status != http.StatusUnauthorized {
		t.Errorf("the old secret: %d", r.status)
	}
	if r := b.signed(t, "app", "m1", goodEvent, newSecret); r.status != http.StatusAccepted {
		t.Errorf("the new secret: %d %s", r.status, r.body)
	}
	if r := b.track(t, "track", `{"userId": "u", "event": "x", "messageId": "1"}`); r.status != http.StatusUnauthorized {
		t.Errorf("a source that is gone: %d", r.status)
	}
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/late", goodEvent)); r.status != http.StatusAccepted {
		t.Errorf("a source that is new: %d %s", r.status, r.body)
	}
	ev, err := structpb.NewStruct(map[string]any{"id": "g", "type": "demo_requested", "lead": map[string]any{"email": "ana@initech.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.rpc.Append(t.Context(), &ingestv1.AppendRequest{Source: "late", Events: []*structpb.Struct{ev}}); err != nil {
		t.Errorf("over gRPC: %v", err)
	}
	if _, err := b.service.rpc.Append(t.Context(), &ingestv1.AppendRequest{Source: "site", Events: []*structpb.Struct{ev}}); err == nil {
		t.Error("over gRPC a source is there that is gone")
	}

	wrong := append([]Source{{Name: "one", Type: "baton"}, {Name: "one", Type: "baton"}}, Source{Name: "two", Type: "nothing"})
	err = b.service.Reload(wrong)
	if err == nil || !strings.Contains(err.Error(), "sources[1].name") || !strings.Contains(err.Error(), "sources[2].type") {
		t.Errorf("%v", err)
	}
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/one", goodEvent)); r.status != http.StatusNotFound {
		t.Errorf("a source of a configuration that was refused: %d", r.status)
	}
	if r := b.signed(t, "app", "m2", goodEvent, newSecret); r.status != http.StatusAccepted {
		t.Errorf("after what was refused: %d", r.status)
	}
}

// What a source has saved up of its rate is not given anew by a reload that says nothing of it.
func TestAReloadKeepsTheRate(t *testing.T) {
	b := newBench(t)
	post := func() int { return b.do(t, b.request(t, http.MethodPost, "/webhooks/slow", manyEvents(20))).status }
	if got := post(); got != http.StatusAccepted {
		t.Fatal(got)
	}
	next := testConfig().Sources
	next[5].MaxBody = 2 << 20 // the source differs, its rate does not
	if err := b.service.Reload(next); err != nil {
		t.Fatal(err)
	}
	if got := post(); got != http.StatusTooManyRequests {
		t.Errorf("%d, want 429", got)
	}
	next = testConfig().Sources
	next[5].Rate = 1000
	if err := b.service.Reload(next); err != nil {
		t.Fatal(err)
	}
	if got := post(); got != http.StatusAccepted {
		t.Errorf("%d with another rate", got)
	}
}

func manyEvents(n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = strings.Replace(goodEvent, "evt-1", "evt-"+string(rune('a'+i)), 1)
	}
	return "[" + strings.Join(lines, ",") + "]"
}

// A request whose body is still coming in when the sources change ends with the source that it began with.
func TestARequestUnderWayEndsWithItsSource(t *testing.T) {
	b := newBench(t)
	body, in := io.Pipe()
	r := b.request(t, http.MethodPost, "/webhooks/app", "")
	r.Body, r.ContentLength = body, int64(len(goodEvent))
	r.Header.Set("Expect", "100-continue") // the body is asked for once the source has been found
	b.server.Client().Transport.(*http.Transport).ExpectContinueTimeout = 10 * time.Second
	sign(t, r, "m1", goodEvent, time.Now(), secret)
	done := make(chan reply, 1)
	go func() { done <- b.do(t, r) }()
	if _, err := io.WriteString(in, goodEvent[:10]); err != nil { // it is read: the handler has begun
		t.Fatal(err)
	}
	if err := b.service.Reload(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, goodEvent[10:]); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if got := <-done; got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := b.signed(t, "app", "m2", goodEvent); got.status != http.StatusNotFound {
		t.Errorf("after it: %d", got.status)
	}
}

// A secret that stands in a file is read again when the file changes; a file that is gone or empty leaves the old one in force.
func TestSecretsInFilesRotate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.secret")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(secret + "\n")
	var c struct {
		Sources []Source `yaml:"sources"`
	}
	err := config.Parse([]byte("sources: [{name: app, type: baton, secrets: ['file:app.secret', '"+oldSecret+"']}]"), &c, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		full := DefaultConfig()
		full.Sources = c.Sources
		s, err := New(full, Deps{Journal: &fakejournal.Journal{}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		verified := func(with string) bool {
			r, _ := http.NewRequest(http.MethodPost, "http://x/webhooks/app", strings.NewReader(goodEvent))
			sign(t, r, "m1", goodEvent, time.Now(), with)
			w := &quiet{header: http.Header{}}
			s.Handler().ServeHTTP(w, r)
			return w.status == http.StatusAccepted
		}
		for _, step := range []struct {
			name, text string
			good, bad  string
		}{
			{"at first", secret, secret, newSecret},
			{"changed", newSecret, newSecret, secret},
			{"empty", "\n", newSecret, secret},
			{"not a secret", "whsec_!!", newSecret, secret},
			{"changed back", secret, secret, newSecret},
		} {
			write(step.text)
			time.Sleep(rereadEvery + time.Second) // the bubble's time
			synctest.Wait()
			if !verified(step.good) || verified(step.bad) || !verified(oldSecret) {
				t.Errorf("%s: right %v, wrong %v, the other one of the list %v", step.name, verified(step.good), verified(step.bad), verified(oldSecret))
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// quiet takes an answer.
type quiet struct {
	header http.Header
	status int
}

func (q *quiet) Header() http.Header         { return q.header }
func (q *quiet) WriteHeader(status int)      { q.status = status }
func (q *quiet) Write(p []byte) (int, error) { return len(p), nil }

// A token of Mailgun's that has come with one body is spent, whatever else of its source is new: the body is not signed.
func TestAReloadKeepsSpentTokens(t *testing.T) {
	b := newBench(t)
	with := func(keys ...string) []Source {
		s := Source{Name: "mg", Type: "mailgun"}
		for _, key := range keys {
			s.Secrets = append(s.Secrets, config.NewSecret(key))
		}
		return append(testConfig().Sources, s)
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	m := hmac.New(sha256.New, []byte("key-1"))
	m.Write([]byte(stamp + "t0ken"))
	post := func(email string) int {
		return b.do(t, b.request(t, http.MethodPost, "/webhooks/mg", `{"signature":{"timestamp":"`+stamp+`","token":"t0ken","signature":"`+hex.EncodeToString(m.Sum(nil))+
			`"},"event-data":{"id":"e-`+email+`","event":"opened","recipient":"`+email+`"}}`)).status
	}
	if err := b.service.Reload(with("key-1")); err != nil {
		t.Fatal(err)
	}
	if got := post("ana@initech.example"); got != http.StatusOK {
		t.Fatal(got)
	}
	for _, keys := range [][]string{{"key-1"}, {"key-2", "key-1"}} {
		if err := b.service.Reload(with(keys...)); err != nil {
			t.Fatal(err)
		}
		if got := post("bo@initech.example"); got != http.StatusUnauthorized {
			t.Errorf("with %d keys another body under a spent token: %d", len(keys), got)
		}
		if got := post("ana@initech.example"); got != http.StatusOK {
			t.Errorf("with %d keys the same body once more: %d", len(keys), got)
		}
	}
}
