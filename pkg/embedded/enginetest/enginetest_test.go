//go:build unix

package enginetest

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// publish appends one message within a second.
func publish(t *testing.T, js jetstream.JetStream) (uint64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ack, err := js.Publish(ctx, "s.1", []byte("x"))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func TestNATSProcess(t *testing.T) {
	n := StartNATS(t)
	nc, err := nats.Connect(n.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if nc.MaxPayload() != 8<<20 {
		t.Fatalf("max_payload is %d", nc.MaxPayload())
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}); err != nil {
		t.Fatal(err)
	}
	if seq, err := publish(t, js); err != nil || seq != 1 {
		t.Fatalf("first message: %d, %v", seq, err)
	}

	n.Stop()
	if _, err := publish(t, js); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a frozen server must not answer: %v", err)
	}
	n.Cont()
	stored := func() uint64 {
		s, err := js.Stream(t.Context(), "S")
		if err != nil {
			t.Fatalf("the thawed server must answer: %v", err)
		}
		return s.CachedInfo().State.LastSeq
	}
	for deadline := time.Now().Add(10 * time.Second); stored() < 2; {
		if time.Now().After(deadline) {
			t.Fatal("the thawed server must store what was sent while it was frozen")
		}
	}

	pid := n.PID()
	n.Kill()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("process %d is still there: %v", pid, err)
	}
	n.Restart()
	if n.PID() == pid {
		t.Fatal("it has not been started again")
	}
	// The same client finds it on the same port, and what was stored is still there.
	deadline := time.Now().Add(10 * time.Second)
	seq, err := publish(t, js)
	for err != nil && time.Now().Before(deadline) {
		seq, err = publish(t, js)
	}
	if err != nil || seq < 3 {
		t.Fatalf("after the restart: sequence %d, %v", seq, err)
	}
}

func TestNATSFromTheEnvironment(t *testing.T) {
	built, err := buildNATS()
	if err != nil {
		t.Fatal(err)
	}
	link := t.TempDir() + "/mine"
	if err := os.Symlink(built, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATON_TEST_NATS_SERVER", link)
	if n := StartNATS(t); n.name != link {
		t.Fatalf("runs %s", n.name)
	}
}
