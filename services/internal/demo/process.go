package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// process is a running Baton: the real binary, as a child.
type process struct {
	binary, config, data string
	ports                ports
	log                  *os.File
	cmd                  *exec.Cmd
	// exited is closed once it has ended; err then says how.
	exited chan struct{}
	err    error
}

// ports that Baton listens on, host:port.
type ports struct{ HTTP, GRPC, Admin string }

// freePorts finds n free ports on this machine, host:port. Somebody may take one before Baton does; then Baton says so.
func freePorts(ctx context.Context, n int) ([]string, error) {
	out := make([]string, n)
	for i := range out {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all at the end, so that no port is found twice
		out[i] = l.Addr().String()
	}
	return out, nil
}

// start runs the binary and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(p.data, "baton.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open Baton's log: %w", err)
	}
	p.log = log
	p.cmd = exec.Command(p.binary, "up", "--config", p.config, "--data-dir", filepath.Join(p.data, "journal"))
	p.cmd.Env = environment(os.Environ())
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = childAttr()
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w (make build makes it)", p.binary, err)
	}
	exited := make(chan struct{})
	p.exited = exited
	go func() {
		p.err = p.cmd.Wait()
		close(exited)
	}()
	if err := p.awaitReady(ctx); err != nil {
		p.kill()
		return err
	}
	return nil
}

// environment is ours without the settings of another Baton.
func environment(environ []string) []string {
	var out []string
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "BATON_") {
			out = append(out, kv)
		}
	}
	return out
}

const startWithin = 30 * time.Second

func (p *process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	why := "it does not answer"
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ports.Admin+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			why = string(bytes.TrimSpace(body))
		}
		select {
		case <-p.exited:
			return fmt.Errorf("Baton ended while it started\n%s", p.tail())
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("Baton is not ready after %v: %s\n%s", startWithin, why, p.tail())
			}
			return ctx.Err()
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// tail gives the end of Baton's log, for whoever has to find out what went wrong.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-15):], "\n  ")
}

// kill ends it as a power cut would: nothing is finished, nothing is said.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
	p.log.Close()
}

const stopWithin = 20 * time.Second

// stop asks it to end and waits until it has.
func (p *process) stop() error {
	defer p.log.Close()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop Baton: %w", err)
	}
	select {
	case <-p.exited:
	case <-time.After(stopWithin + 5*time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("Baton did not stop within %v", stopWithin)
	}
	if p.err != nil {
		return fmt.Errorf("Baton did not stop cleanly: %w\n%s", p.err, p.tail())
	}
	return nil
}
