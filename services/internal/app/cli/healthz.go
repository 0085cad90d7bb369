package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func healthzCommand() command {
	return command{
		name: "healthz", does: "ask the process on this machine whether it lives (for container health checks: exit 0 or 1)",
		example: "baton healthz --ready",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			source := configFlags(env, flags)
			ready := flags.Bool("ready", false, "ask whether every part can do its work")
			return func(ctx context.Context, args []string) error {
				if err := noArguments(args); err != nil {
					return err
				}
				c, err := source.load(env)
				if err != nil {
					return told(env, "the configuration is not right", err)
				}
				path := "/healthz"
				if *ready {
					path = "/readyz"
				}
				return askAdmin(ctx, env, c.Admin.Addr, path)
			}
		},
	}
}

func askAdmin(ctx context.Context, env *Env, addr, path string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("admin.addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return unreachable(req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
