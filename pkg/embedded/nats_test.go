package embedded

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func start(t *testing.T, opt Options) *NATS {
	t.Helper()
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	n, err := StartNATS(opt)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func stream(t *testing.T, n *NATS) (jetstream.JetStream, func()) {
	t.Helper()
	nc, err := n.Conn()
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js, nc.Close
}

func TestNATSKeepsWhatItAcknowledged(t *testing.T) {
	for _, sync := range []bool{true, false} {
		dir := filepath.Join(t.TempDir(), "made", "here")
		n := start(t, Options{Dir: dir, SyncAlways: sync})
		js, closeConn := stream(t, n)
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
			t.Fatal(err)
		}
		big := bytes.Repeat([]byte{7}, DefaultMaxPayload-1024)
		if _, err := js.Publish(t.Context(), "s.1", big); err != nil {
			t.Fatal(err)
		}
		closeConn()
		if err := n.Shutdown(); err != nil {
			t.Fatal(err)
		}

		n = start(t, Options{Dir: dir, SyncAlways: sync})
		js, closeConn = stream(t, n)
		s, err := js.Stream(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetMsg(t.Context(), 1)
		if err != nil || !bytes.Equal(m.Data, big) {
			t.Fatalf("sync %v: after a restart: %d bytes, %v", sync, len(m.Data), err)
		}
		closeConn()
		if err := n.Shutdown(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNATSHasItsDirectoryAlone(t *testing.T) {
	dir := t.TempDir()
	n := start(t, Options{Dir: dir})
	_, err := StartNATS(Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), filepath.Join(dir, "lock")) {
		t.Fatalf("want ErrInUse naming the file, have %v", err)
	}
	if err := n.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if err := start(t, Options{Dir: dir}).Shutdown(); err != nil {
		t.Fatalf("after the first has stopped: %v", err)
	}
}

func TestNATSListens(t *testing.T) {
	n := start(t, Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Token: "secret"})
	t.Cleanup(func() { _ = n.Shutdown() })
	if _, err := nats.Connect(n.URL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Fatalf("without the token: %v", err)
	}
	nc, err := nats.Connect(n.URL(), nats.Token("secret"))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	_, closeConn := stream(t, n)
	closeConn()

	taken := strings.TrimPrefix(n.URL(), "nats://")
	dir := t.TempDir()
	if _, err := StartNATS(Options{Dir: dir, Listen: taken, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), taken) {
		t.Fatalf("want an error that names the address in use, have %v", err)
	}
	if err := start(t, Options{Dir: dir}).Shutdown(); err != nil {
		t.Fatalf("a failed start must give the directory back: %v", err)
	}
}

func TestNATSRefusesSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		opt  Options
		want string
	}{
		"no directory":      {Options{}, "data directory"},
		"open without auth": {Options{Dir: t.TempDir(), Listen: "0.0.0.0:0"}, "token"},
		"all interfaces":    {Options{Dir: t.TempDir(), Listen: ":0"}, "token"},
		"no port":           {Options{Dir: t.TempDir(), Listen: "127.0.0.1"}, "port"},
		"bad port":          {Options{Dir: t.TempDir(), Listen: "127.0.0.1:x"}, "port"},
		"not a directory":   {Options{Dir: "/dev/null/x"}, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.opt.Log = slog.New(slog.DiscardHandler)
			if _, err := StartNATS(tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("want an error about %q, have %v", tc.want, err)
			}
		})
	}
}

func TestNATSStoreIsLimited(t *testing.T) {
	var log bytes.Buffer
	n := start(t, Options{Dir: t.TempDir(), MaxStore: 1 << 20, Log: slog.New(slog.NewTextHandler(&log, nil))})
	js, closeConn := stream(t, n)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var refused error
	for refused == nil && ctx.Err() == nil {
		_, refused = js.Publish(ctx, "s.1", make([]byte, 100<<10))
	}
	var api *jetstream.APIError
	if !errors.As(refused, &api) {
		t.Fatalf("a full store must refuse, have %v", refused)
	}
	closeConn()
	if err := n.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if log.Len() == 0 || strings.Contains(log.String(), "level=INFO") {
		t.Fatalf("the log must hold warnings and errors alone: %s", log.String())
	}
}
