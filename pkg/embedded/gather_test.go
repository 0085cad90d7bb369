package embedded

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// counted counts what is written, and how often.
type counted struct {
	net.Conn
	writes, bytes atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	c.bytes.Add(int64(len(p)))
	return c.Conn.Write(p)
}

// answers is an engine as the embedded one is: one goroutine reads a line ahead, another answers each with itself.
func answers(c net.Conn) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			lines <- line
		}
	}()
	for line := range lines {
		_, _ = io.WriteString(c, line)
	}
	_ = c.Close()
}

func pipe(t *testing.T) (client net.Conn, server *counted) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), conn.Close() })
	server = &counted{Conn: conn}
	go answers(&gathered{Conn: server})
	return client, server
}

// Every command has its answer, in order, although nobody asks again: those of a pipeline in few writes, one that comes in pieces when
// it is whole.
func TestAnswersAreGathered(t *testing.T) {
	client, server := pipe(t)
	r := bufio.NewReader(client)
	for round := range 50 {
		var all strings.Builder
		const n = 128
		for i := range n {
			fmt.Fprintf(&all, "round %d command %d\n", round, i)
		}
		if _, err := io.WriteString(client, all.String()); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, all.Len())
		if _, err := io.ReadFull(r, got); err != nil || string(got) != all.String() {
			t.Fatalf("round %d: %q, %v", round, got, err)
		}
	}
	// A pipeline of 3 kB is read at once, or nearly so.
	if writes := server.writes.Load(); writes > 50*16 {
		t.Errorf("%d writes for 50 pipelines", writes)
	}
	for _, piece := range []string{"whole\nfirst", " half", "\nand the next\n"} {
		if _, err := io.WriteString(client, piece); err != nil {
			t.Fatal(err)
		}
		for range strings.Count(piece, "\n") {
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Answers that are many go out before they are all there, and those behind the end of what is asked are not lost.
func TestAnswersAreNotHeldForEver(t *testing.T) {
	client, server := pipe(t)
	line := strings.Repeat("x", 1000) + "\n"
	const n = 1000
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := io.WriteString(client, strings.Repeat(line, n)); err != nil {
			t.Error(err)
		}
		if err := client.(*net.TCPConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	})
	got, err := io.ReadAll(client)
	asking.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) || string(got) != strings.Repeat(line, n) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if most := server.bytes.Load() / server.writes.Load(); most > maxGathered+int64(len(line)) {
		t.Errorf("%d bytes a write", most)
	}
}

// The store answers many pipelines and transactions at once, each on connections of its own.
func TestRedisAnswersPipelines(t *testing.T) {
	s, err := StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	opt, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	defer c.Close()
	var asking sync.WaitGroup
	for worker := range 8 {
		asking.Go(func() {
			for round := range 20 {
				key := fmt.Sprint("k", worker)
				cmds, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
					for i := range 100 {
						p.HSet(t.Context(), key, fmt.Sprint("f", i), fmt.Sprint(round, "-", i))
					}
					p.HGet(t.Context(), key, "f99")
					return nil
				})
				if err != nil || cmds[100].(*redis.StringCmd).Val() != fmt.Sprint(round, "-", 99) {
					t.Errorf("worker %d: %v, %v", worker, cmds[len(cmds)-1], err)
					return
				}
			}
		})
	}
	asking.Wait()
}
