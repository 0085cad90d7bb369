//go:build unix

// Package enginetest runs real engines, redis-server and nats-server, as processes of their own, for tests that must kill,
// freeze and restart them. Everything listens on loopback and lives in the test's temporary directory. A missing engine
// fails the test: to skip would hide that nothing was tested.
package enginetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startTimeout is how long an engine may take to answer.
const startTimeout = 20 * time.Second

// Process is an engine that runs as a child of the test. Its methods are for the test's own goroutine.
type Process struct {
	t     testing.TB
	name  string
	args  []string
	log   string
	addr  string
	ready func(addr string) error

	cmd  *exec.Cmd     // nil before the first start
	done chan struct{} // closed while nothing runs
}

// launch starts a process that is to answer on a loopback address, waits until it does, and ends it with the test.
func launch(t testing.TB, addr string, ready func(addr string) error, name string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, name: name, args: args, addr: addr, ready: ready, done: make(chan struct{})}
	p.log = filepath.Join(t.TempDir(), filepath.Base(name)+".log")
	close(p.done)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", p.name, p.tail())
		}
	})
	p.start()
	return p
}

// Addr gives the engine's host:port; it stays the same over restarts.
func (p *Process) Addr() string { return p.addr }

// PID gives the process' id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once (SIGKILL), frozen or not, and waits until it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop freezes the process (SIGSTOP): its connections stay open and nothing answers. It returns when that is so: a signal
// takes its time, thread by thread.
func (p *Process) Stop() {
	p.signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(startTimeout); !frozen(p.PID()); {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s does not freeze", p.name)
		}
	}
}

// Cont lets a frozen process go on (SIGCONT).
func (p *Process) Cont() { p.signal(syscall.SIGCONT) }

// Restart kills the process if it still runs and starts it again, on the same address and directory. It returns when the
// process answers.
func (p *Process) Restart() {
	p.t.Helper()
	p.Kill()
	p.start()
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %v to %s: %v", s, p.name, err)
	}
}

func (p *Process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatalf("log of %s: %v", p.name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.name, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // killed, as a rule
	}()
	if err := p.await(); err != nil {
		p.t.Fatalf("%s does not answer on %s: %v\n%s", p.name, p.addr, err, p.tail())
	}
}

// await asks until the engine is ready, has ended, or took too long.
func (p *Process) await() error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(startTimeout)
	err := errors.New("not asked yet")
	for {
		select {
		case <-p.done:
			return errors.New("it has ended")
		case <-late:
			return fmt.Errorf("after %v: %w", startTimeout, err)
		case <-tick.C:
			if err = p.ready(p.addr); err == nil {
				return nil
			}
		}
	}
}

func (p *Process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// FreePort gives a TCP port on loopback that nothing listens on. It lies below the ports that systems give to outgoing
// connections: a client that keeps dialling a dead server's port could otherwise be given that very port, connect to
// itself, and keep the server from coming back.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}

// ask sends a line to a server and gives the start of what it says.
func ask(addr, line string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(line)); err != nil {
		return "", err
	}
	var answer [256]byte
	n, err := c.Read(answer[:])
	return string(answer[:n]), err
}
