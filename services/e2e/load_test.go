package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// roleVar makes the test binary be something else than the tests: a process of its own for what speed is compared with.
const roleVar = "BATON_E2E_ROLE"

// play plays a role, and never returns from it.
func play(role string) {
	if role == "echo" {
		server := &http.Server{Addr: os.Getenv("BATON_E2E_ADDR"), ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		})}
		fmt.Fprintln(os.Stderr, server.ListenAndServe())
	}
	os.Exit(1)
}

// startEcho runs a bare net/http server that sends back what it gets, in a process of its own.
func startEcho(b *testing.B) (addr string) {
	b.Helper()
	addr = freeAddr(b)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(cleanEnv(), roleVar+"=echo", "BATON_E2E_ADDR="+addr)
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(b, "the echo server listens", func() error {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	return addr
}

// wire is one keep-alive connection of a client that costs as little as can be: requests are bytes made beforehand.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(b *testing.B, addr string) *wire {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &wire{conn, bufio.NewReaderSize(conn, 4096)}
}

// do sends a request and reads its answer, of which it gives the status.
func (w *wire) do(request []byte) (status int, err error) {
	if _, err := w.conn.Write(request); err != nil {
		return 0, err
	}
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("it says %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := 0
	for {
		line, err = w.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, ok := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if !ok {
			break
		}
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		}
	}
	_, err = w.in.Discard(length)
	return status, err
}

// blast sends requests over a number of connections, each as soon as the one before it is answered, and gives how many
// were answered a second. Any status but want is an error.
func blast(b *testing.B, addr string, conns int, requests [][]byte, want int) float64 {
	b.Helper()
	wires := make([]*wire, conns)
	for i := range wires {
		wires[i] = dial(b, addr)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for _, w := range wires {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return
				}
				status, err := w.do(requests[i])
				if err != nil || status != want {
					b.Errorf("answered %d, %v", status, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(len(requests)) / time.Since(start).Seconds()
}

// signedRequests makes requests to the source app of some events each; every body is padded to a size per event.
func signedRequests(b *testing.B, name string, requests, events, size, leads int) [][]byte {
	b.Helper()
	out := make([][]byte, requests)
	for i := range out {
		var list []json.RawMessage
		for k := range events {
			n := i*events + k
			e := visit(fmt.Sprintf("%s-%d", name, n), fmt.Sprintf("p%d@%s.example", n%leads, name), "https://www.example/docs/page")
			text := marshal(b, e)
			e.Properties["filler"] = string(bytes.Repeat([]byte("x"), max(size-len(text)-len(`,"filler":""`), 0)))
			list = append(list, marshal(b, e))
		}
		body := []byte(list[0])
		if events > 1 {
			body = marshal(b, list)
		}
		var r bytes.Buffer
		fmt.Fprintf(&r, "POST /webhooks/app HTTP/1.1\r\nHost: baton.example\r\nContent-Length: %d\r\n", len(body))
		_ = sign(appSecret, fmt.Sprintf("msg_%s_%d", name, i), time.Now(), body).Write(&r)
		r.WriteString("\r\n")
		r.Write(body)
		out[i] = r.Bytes()
	}
	return out
}

func marshal(b *testing.B, v any) []byte {
	b.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// table is what a benchmark prints: a figure beside the raw limit of this machine in the same run, and the least ratio.
type table struct {
	b    *testing.B
	rows []row
}

type row struct {
	name, unit string
	round
	gate float64
}

// round is one measurement and its raw limit, taken one right after the other: what else the machine does hits both.
type round struct{ got, raw float64 }

// add notes the best ratio of a few rounds; a gate of 0 only shows it.
func (t *table) add(name, unit string, rounds []round, gate float64) {
	best := slices.MaxFunc(rounds, func(a, b round) int { return cmp.Compare(a.got/a.raw, b.got/b.raw) })
	t.rows = append(t.rows, row{name, unit, best, gate})
}

// fsync gives what it costs this disk, now, to keep 500 bytes: the median of a hundred.
func fsync(b *testing.B) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "fsync"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var took []time.Duration
	for range 100 {
		start := time.Now()
		if _, err := f.Write(make([]byte, 500)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	return quantile(took, 0.5)
}

// print prints the table, and fails where a ratio is below its gate.
func (t *table) print() {
	t.b.Logf("a write of 500 bytes and its fsync take %v on this disk", fsync(t.b))
	for _, r := range t.rows {
		ratio, least := r.got/r.raw, "no gate"
		if r.gate > 0 {
			least = fmt.Sprintf("at least %.2f", r.gate)
		}
		t.b.Logf("%-52s %10.0f %s   raw %10.0f   ratio %.2f (%s)", r.name, r.got, r.unit, r.raw, ratio, least)
		if ratio < r.gate {
			t.b.Errorf("%s: %.2f of the raw limit, at least %.2f is wanted", r.name, ratio, r.gate)
		}
	}
}
