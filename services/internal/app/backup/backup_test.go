package backup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/services/internal/app/backup"
)

func engine(t *testing.T, dir string) (*nats.Conn, func()) {
	t.Helper()
	n, err := embedded.StartNATS(embedded.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := n.Conn()
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			nc.Close()
			if err := n.Shutdown(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return nc, stop
}

func messages(t *testing.T, nc *nats.Conn) []string {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "J")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	info := s.CachedInfo().State
	for seq := info.FirstSeq; seq <= info.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s %s %s %x", m.Sequence, m.Time, m.Subject, m.Header, m.Data))
	}
	return out
}

func TestEveryMessageComesBackAtItsSequenceAndTime(t *testing.T) {
	root := t.TempDir()
	nc, stop := engine(t, filepath.Join(root, "a"))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "J", Subjects: []string{"j.>"}, AllowRollup: true, AllowAtomicPublish: true, AllowMsgSchedules: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 700<<10)
	for i := range 300 {
		m := &nats.Msg{Subject: fmt.Sprintf("j.%d", i%7), Data: fmt.Appendf(nil, "message %d", i), Header: nats.Header{"N": {fmt.Sprint(i)}}}
		if i%100 == 0 {
			m.Data = big // more than one chunk
		}
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, gone := range []uint64{1, 17, 300} {
		if err := s.SecureDeleteMsg(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	before := messages(t, nc)
	dir := filepath.Join(root, "backup")
	var told int64
	meta, err := backup.Take(t.Context(), nc, "J", dir, func(n int64) { told = n })
	if err != nil {
		t.Fatal(err)
	}
	if meta.Messages != 297 || meta.LastSeq != 300 || told != meta.Bytes {
		t.Errorf("%+v, told %d", meta, told)
	}
	if _, err := backup.Take(t.Context(), nc, "J", dir, nil); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("over another backup: %v", err)
	}
	if _, err := backup.Restore(t.Context(), nc, dir, nil); !errors.Is(err, backup.ErrExists) {
		t.Errorf("over a journal: %v", err)
	}
	if got := messages(t, nc); !reflect.DeepEqual(got, before) {
		t.Error("the refused restore changed the journal")
	}
	stop()

	fresh, _ := engine(t, filepath.Join(root, "b"))
	if _, err := backup.Restore(t.Context(), fresh, dir, nil); err != nil {
		t.Fatal(err)
	}
	if got := messages(t, fresh); !reflect.DeepEqual(got, before) {
		t.Errorf("%d messages, want %d, equal in all", len(got), len(before))
	}
	js, err = jetstream.New(fresh)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "j.1", []byte("next"))
	if err != nil || ack.Sequence != 301 {
		t.Errorf("%v %v: the log goes on at 301", ack, err)
	}
	if c := must(js.Stream(t.Context(), "J")).CachedInfo().Config; !c.AllowAtomicPublish || !c.AllowMsgSchedules || !c.AllowRollup {
		t.Errorf("config %+v", c)
	}
}

func TestAServerThatSyncsEveryMessageTakesABackup(t *testing.T) {
	root := t.TempDir()
	nc, _ := engine(t, filepath.Join(root, "a"))
	js := must(jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000)))
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "J", Subjects: []string{"j.>"}}))
	const n = 500
	for range n {
		must(js.PublishAsync("j.1", make([]byte, 100)))
	}
	<-js.PublishAsyncComplete()
	dir := filepath.Join(root, "backup")
	if meta, err := backup.Take(t.Context(), nc, "J", dir, nil); err != nil || meta.Messages != n {
		t.Fatalf("%+v %v", meta, err)
	}
	safe := must(embedded.StartNATS(embedded.Options{Dir: filepath.Join(root, "b"), SyncAlways: true, Log: slog.New(slog.DiscardHandler)}))
	defer func() { _ = safe.Shutdown() }()
	to := must(safe.Conn())
	defer to.Close()
	if _, err := backup.Restore(t.Context(), to, dir, nil); err != nil {
		t.Fatal(err)
	}
}

func TestARestoreThatIsStoppedLeavesNothing(t *testing.T) {
	root := t.TempDir()
	nc, _ := engine(t, filepath.Join(root, "a"))
	js := must(jetstream.New(nc))
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "J", Subjects: []string{"j.>"}}))
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		body := make([]byte, 1000)
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		must(js.Publish(t.Context(), "j.1", body))
	}
	dir := filepath.Join(root, "backup")
	if _, err := backup.Take(t.Context(), nc, "J", dir, nil); err != nil {
		t.Fatal(err)
	}
	fresh, _ := engine(t, filepath.Join(root, "b"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := backup.Restore(ctx, fresh, dir, func(sent int64) {
		if sent > 64<<10 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, backup.ErrPartial) {
		t.Fatalf("%v", err)
	}
	if _, err := must(jetstream.New(fresh)).Stream(t.Context(), "J"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatalf("a part is left behind: %v", err)
	}
	if _, err := backup.Restore(t.Context(), fresh, dir, nil); err != nil {
		t.Fatalf("and once more: %v", err)
	}
	if got := len(messages(t, fresh)); got != 200 {
		t.Errorf("%d messages", got)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestADamagedBackupIsRefused(t *testing.T) {
	root := t.TempDir()
	nc, _ := engine(t, filepath.Join(root, "a"))
	js := must(jetstream.New(nc))
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "J", Subjects: []string{"j.>"}}))
	must(js.Publish(t.Context(), "j.1", []byte("x")))
	dir := filepath.Join(root, "backup")
	if _, err := backup.Take(t.Context(), nc, "J", dir, nil); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "journal.snapshot")
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(data, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), nc, dir, nil); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("a flipped bit: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "backup.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), nc, dir, nil); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("unfinished: %v", err)
	}
	if _, err := backup.Take(t.Context(), nc, "NONE", filepath.Join(root, "none"), nil); err == nil {
		t.Error("a stream that is not there was backed up")
	}
}
