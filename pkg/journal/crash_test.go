package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// The crash test runs its processes from its own binary: the role says which one.
const roleVar = "BATON_CRASH_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role); err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		os.Exit(1)
	}
}

func play(role string) error {
	switch role {
	case "nats":
		_, err := embedded.StartNATS(embedded.Options{Dir: os.Getenv("BATON_CRASH_DIR"), SyncAlways: true, Listen: os.Getenv("BATON_CRASH_NATS"),
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		if err != nil {
			return err
		}
		select {}
	case "worker":
		nc, err := nats.Connect("nats://"+os.Getenv("BATON_CRASH_NATS"), journal.ConnectOptions("worker")...)
		if err != nil {
			return err
		}
		store, err := redisstore.Open(context.Background(), os.Getenv("BATON_CRASH_REDIS"), nil)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		for {
			j, err := journal.Open(context.Background(), nc, journal.Options{Log: log})
			if errors.Is(err, journal.ErrUnavailable) {
				continue
			}
			if err != nil {
				return err
			}
			logic := crashLogic()
			logic.Stall = stall
			return journal.NewWorker(j, store, logic, journal.WorkerOptions{
				Log: log, Own: journaltest.AllPartitions(), Batch: 100, CacheEntities: 50, CacheBytes: crashBytes(), CatchUp: 30, QuietBehind: 300,
			}).Run(context.Background())
		}
	}
	return fmt.Errorf("unknown role")
}

// stall is a pause between reading and committing, as the scheduler or a collector makes it: another owner may have
// decided meanwhile.
func stall() {
	if rand.IntN(80) == 0 {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	}
}

// crashEvents is how many there are.
func crashEvents() int { return envInt("BATON_CRASH_EVENTS", 5_000) }

// crashBytes is what a worker may hold: with few events a third of the leads at once, so that it takes a batch in pieces and
// forgets between them. The leads remember every event; of many events, all of them must fit.
func crashBytes() int { return crashEvents() * crashEvents() / 3_000 }

// perEvent is how long a worker takes for an event at the most, its stalls included. Where faults come so often that no
// session outlives its replay, all the work is left for the end.
const perEvent = 4 * time.Millisecond

// perFault is how many events there are to a fault.
const perFault = 200

func crashLogic() *journaltest.Tally { return &journaltest.Tally{Delay: 700 * time.Millisecond} }

// child is a process of the crash test.
type child struct {
	t   *testing.T
	env []string
	log io.Writer
	cmd *exec.Cmd
}

func (c *child) start() {
	c.t.Helper()
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), c.env...)
	c.cmd.Stderr = c.log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// dump has the process write where all of its goroutines are, and end.
func (c *child) dump() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		_ = c.cmd.Wait()
	}
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// TestCrash runs two workers, an appender and a journal while they are killed, frozen and their store is emptied at
// random, and compares what is left with a slow reference over the same log. BATON_CRASH_EVENTS and BATON_CRASH_SEED make
// it longer and other.
func TestCrash(t *testing.T) {
	events, seed := crashEvents(), envInt("BATON_CRASH_SEED", 1)
	dir := t.TempDir()
	logs, err := os.Create(filepath.Join(dir, "children.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = logs.Close()
		if t.Failed() {
			b, _ := os.ReadFile(logs.Name())
			t.Logf("last of the processes' log:\n%s", b[max(0, len(b)-50_000):])
		}
	}()
	addr := freeAddr(t)
	redisServer := enginetest.StartStandIn(t)
	opt, err := redis.ParseURL(redisServer.URL())
	if err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(opt)
	defer func() { _ = admin.Close() }()

	env := func(more ...string) []string {
		return append([]string{"BATON_CRASH_NATS=" + addr, "BATON_CRASH_REDIS=" + redisServer.URL(), "BATON_CRASH_DIR=" + filepath.Join(dir, "nats")}, more...)
	}
	server := &child{t: t, log: logs, env: env(roleVar + "=nats")}
	server.start()
	defer func() { server.kill() }()
	workers := make([]*child, 2)
	for i := range workers {
		workers[i] = &child{t: t, log: logs, env: env(roleVar + "=worker")} // both claim everything, always
		workers[i].start()
		defer func() {
			if t.Failed() {
				workers[i].dump()
			}
			workers[i].kill()
		}()
	}

	nc, err := nats.Connect("nats://"+addr, journal.ConnectOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	store, err := redisstore.Open(t.Context(), redisServer.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	journaltest.Eventually(t, "the journal answers", func() error {
		_, err := journal.Open(t.Context(), nc, journal.Options{})
		return err
	})
	f := journaltest.NewFixture(t, nc, store)

	next, done := make(chan int), make(chan struct{})
	go func() {
		defer close(done)
		appendAll(t, f, next)
	}()
	faults := map[string]int{}
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	for i := range events {
		select {
		case next <- i:
		case <-t.Context().Done():
			t.FailNow()
		}
		if i%perFault > 0 {
			continue
		}
		time.Sleep(time.Duration(150+rnd.IntN(500)) * time.Millisecond) // what a fault meets, nothing waits for it
		w := workers[rnd.IntN(2)]
		switch k := rnd.IntN(10); {
		case k < 4:
			faults["kill worker"]++
			w.kill()
			w.start()
		case k < 6:
			faults["kill journal"]++
			server.kill()
			server.start()
		case k < 8:
			faults["empty store"]++
			if err := admin.FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		default:
			faults["freeze worker"]++
			_ = w.cmd.Process.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(rnd.IntN(800)) * time.Millisecond) // how long it is gone, nothing waits for it
			_ = w.cmd.Process.Signal(syscall.SIGCONT)
		}
	}
	close(next)
	<-done
	workers[1].kill() // in the end one must be enough
	f.Patience = time.Duration(events) * perEvent
	r := f.Agree(crashLogic())
	seen := map[string]bool{}
	for _, ev := range f.Log() {
		if ev.Type == "custom" {
			seen[ev.Body.Id] = true
		}
	}
	if len(seen) != events {
		t.Fatalf("%d different events in the log, %d were acknowledged", len(seen), events)
	}
	if r.Facts < events/20 {
		t.Fatalf("only %d facts: the test does not test", r.Facts)
	}
	t.Logf("seed %d: %d events, %d duplicates, %d facts; faults %v", seed, events, r.Duplicates, r.Facts, faults)
}

// appendAll appends events as senders do: each again until it is acknowledged.
func appendAll(t *testing.T, f *journaltest.Fixture, events <-chan int) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range events {
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					_, err := f.J.Append(ctx, journaltest.Custom(f.Lead(i%97), strconv.Itoa(i)))
					cancel()
					if err == nil {
						break
					}
					if t.Context().Err() != nil {
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func envInt(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

// unsafeBinary builds these tests without fencing and without the identity of facts.
func unsafeBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "unsafe.test")
	if out, err := exec.Command("go", "test", "-tags", "baton_unsafe", "-c", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// TestNegativeControl shows that the tests can fail: without fencing and the identity of facts, a stalled owner doubles
// what another has decided. (TestCrashNegativeControl shows the same of the crash test, at length.)
func TestNegativeControl(t *testing.T) {
	out, err := exec.Command(unsafeBinary(t), "-test.run", "^TestConformanceEmbedded$/stalled").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("stands in the log twice")) {
		t.Fatalf("without fencing nothing is doubled: the test tests nothing (%v)\n%s", err, out)
	}
}
