//go:build senders

package e2e

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// lossyWire is a line to a Baton that loses answers: what is sent arrives, byte for byte, and of the answers every fifth
// does not; its connection breaks instead.
type lossyWire struct {
	addr string
	// answers and lost count them, lost ones among the answers.
	answers, lost atomic.Int64
	// breaks tells of a lost answer if somebody waits to hear of it.
	breaks chan struct{}
}

// newLossyWire lays one to an address. It is there until the test ends.
func newLossyWire(t *testing.T, to string) *lossyWire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &lossyWire{addr: l.Addr().String(), breaks: make(chan struct{})}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(conn, to)
		}
	}()
	return w
}

// carry serves one connection. Answers are short: what one read gives is one answer.
func (w *lossyWire) carry(conn net.Conn, to string) {
	defer func() { _ = conn.Close() }()
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() {
		_, _ = io.Copy(up, conn)
		_ = up.Close()
	}()
	for answer := make([]byte, 64<<10); ; {
		n, err := up.Read(answer)
		if err != nil {
			return
		}
		if w.answers.Add(1)%5 == 0 {
			w.lost.Add(1)
			select {
			case w.breaks <- struct{}{}:
			default:
			}
			return
		}
		if _, err := conn.Write(answer[:n]); err != nil {
			return
		}
	}
}
