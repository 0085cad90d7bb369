package cli

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
	"github.com/batonhq/baton/services/internal/app"
)

// journalIn makes a journal in a data folder and gives its id.
func journalIn(t *testing.T, dir string) string {
	t.Helper()
	n, err := embedded.StartNATS(embedded.Options{Dir: filepath.Join(dir, app.NATSDir), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Shutdown(); err != nil {
			t.Error(err)
		}
	}()
	nc, err := n.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, err := journal.Open(t.Context(), nc, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return j.ID()
}

func TestBackupAndRestoreOfADataFolder(t *testing.T) {
	root := t.TempDir()
	old, fresh, dir := filepath.Join(root, "old"), filepath.Join(root, "new"), filepath.Join(root, "backup")
	if code, _, errOut := run(t, "", nil, "backup", "--data-dir", old, dir); code != exitFail || !strings.Contains(errOut, "no journal") {
		t.Errorf("nothing there: %d %q", code, errOut)
	}
	id := journalIn(t, old)
	if err := os.WriteFile(app.NATSURLPath(old), []byte("nats://t@127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := run(t, "", nil, "backup", "--data-dir", old, dir); code != exitOK || !strings.Contains(out, "up to sequence 1") {
		t.Fatalf("beside the file of a run that was killed: %d %q %q", code, out, errOut)
	}
	if code, _, errOut := run(t, "", nil, "backup", "--data-dir", old, dir); code != exitFail || !strings.Contains(errOut, "already holds") {
		t.Errorf("over a backup: %d %q", code, errOut)
	}
	if code, out, errOut := run(t, "", nil, "restore", "--data-dir", fresh, dir); code != exitOK || !strings.Contains(out, "restored 1 messages") {
		t.Fatalf("%d %q %q", code, out, errOut)
	}
	if got := journalIn(t, fresh); got != id {
		t.Errorf("journal %s, want %s", got, id)
	}
	if code, _, errOut := run(t, "", nil, "restore", "--data-dir", fresh, dir); code != exitFail || !strings.Contains(errOut, "move the data folder aside") {
		t.Errorf("over a journal: %d %q", code, errOut)
	}
}

func TestRebuildEmptiesWhatItIsAskedTo(t *testing.T) {
	r := enginetest.StartStandIn(t)
	store, err := redisstore.Open(t.Context(), r.URL(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, service := range folding() {
		m := &leadstore.Mutation{}
		m.Set("lead", []byte("x"))
		if err := store.Write(t.Context(), service, []leadstore.PartitionWrite{{Partition: 7, Next: "mark", Mutation: m}}); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"BATON_REDIS_URL=" + r.URL()}
	if code, out, errOut := run(t, "", env, "rebuild", "--service", "routing"); code != exitOK || !strings.Contains(out, "routing: emptied") {
		t.Fatalf("%d %q %q", code, out, errOut)
	}
	for service, want := range map[string]string{"scoring": "mark", "routing": "", "feedback": "mark"} {
		marks, err := store.Watermarks(t.Context(), service, []int{7})
		if err != nil || marks[0] != want {
			t.Errorf("%s: %v %v", service, marks, err)
		}
	}
	if code, _, errOut := run(t, "", nil, "rebuild"); code != exitFail || !strings.Contains(errOut, "restart") {
		t.Errorf("embedded: %d %q", code, errOut)
	}
}

func TestHealthz(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, r.URL.Path)
	}))
	defer s.Close()
	env := []string{"BATON_ADMIN_ADDR=0.0.0.0:" + s.URL[strings.LastIndex(s.URL, ":")+1:]}
	if code, out, errOut := run(t, "", env, "healthz"); code != exitOK || out != "/healthz\n" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	if code, _, errOut := run(t, "", env, "healthz", "--ready"); code != exitFail || !strings.Contains(errOut, "503") {
		t.Errorf("%d %q", code, errOut)
	}
	s.Close()
	if code, _, _ := run(t, "", env, "healthz"); code != exitFail {
		t.Errorf("nobody there: %d", code)
	}
}
