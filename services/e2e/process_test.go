package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// process is one baton process. Its methods are for one goroutine at a time.
type process struct {
	t    testing.TB
	name string
	args []string
	env  []string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed while nothing runs
	err  error         // what Wait gave, once done
}

func newProcess(t testing.TB, name, dir string, env []string, args ...string) *process {
	p := &process{t: t, name: name, args: args, env: env, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	close(p.done)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", p.name, p.tail(30))
		}
	})
	return p
}

// start starts it and does not wait for anything.
func (p *process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatalf("log of %s: %v", p.name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(binary, p.args...)
	cmd.Env = append(cleanEnv(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		p.err = cmd.Wait()
		close(done)
	}()
}

// cleanEnv is the environment without the settings of whoever runs the tests.
func cleanEnv() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !bytes.HasPrefix([]byte(kv), []byte("BATON_")) {
			out = append(out, kv)
		}
	}
	return out
}

// Kill ends it at once (SIGKILL), frozen or not, and waits until it is gone.
func (p *process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop freezes it: its connections stay open and nothing answers.
func (p *process) Stop() { p.signal(syscall.SIGSTOP) }

// Cont lets it go on.
func (p *process) Cont() { p.signal(syscall.SIGCONT) }

// Terminate asks it to stop (SIGTERM) and gives how it ended; it has 25 seconds.
func (p *process) Terminate() error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return p.err
	case <-time.After(25 * time.Second):
		return fmt.Errorf("%s does not stop", p.name)
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(s syscall.Signal) {
	if p.cmd == nil {
		return
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %v to %s: %v", s, p.name, err)
	}
}

// rss gives its resident memory in bytes.
func (p *process) rss() int64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatalf("memory of %s: %v", p.name, err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		p.t.Fatalf("memory of %s: %v", p.name, err)
	}
	return resident * int64(os.Getpagesize())
}

// cpu gives the processor time that it has used so far, in user and system mode, to the hundredth of a second; 0 where that cannot be
// read.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// Behind the name, which ends with the last parenthesis, utime and stime are the 12th and 13th field, in ticks of 10 ms; see
	// proc_pid_stat(5).
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var user, system int64
	if _, err := fmt.Sscan(string(fields[11])+" "+string(fields[12]), &user, &system); err != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (p *process) tail(lines int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// logged gives what it has written so far, from a place in bytes on.
func (p *process) logged(from int) []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return nil // it has not written anything yet
	}
	return text[min(from, len(text)):]
}
