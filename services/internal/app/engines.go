package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/memstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// natsURLFile is where a process with embedded engines says how other commands reach its NATS: the address with the token.
const natsURLFile = "nats.url"

// NATSDir is the embedded NATS server's folder in the data directory.
const NATSDir = "nats"

// NATSURLPath gives the file that names the embedded NATS of a running Baton.
func NATSURLPath(dataDir string) string { return filepath.Join(dataDir, natsURLFile) }

// startNATS starts the embedded server. It listens on a free loopback port for commands such as backup, and leaves its
// address with a token of this run in data_dir/nats.url, readable by the owner alone.
func startNATS(c *Config, log *slog.Logger, up *stack) (*nats.Conn, error) {
	dir := c.DataDir.String()
	token := rand.Text()
	n, err := embedded.StartNATS(embedded.Options{
		Dir: filepath.Join(dir, NATSDir), SyncAlways: c.Journal.Sync == syncAlways, Listen: "127.0.0.1:0", Token: token, Log: log,
	})
	if err != nil {
		if errors.Is(err, embedded.ErrInUse) {
			return nil, fmt.Errorf("data_dir %s is in use by another Baton: stop that one, or choose another data_dir: %w", dir, err)
		}
		return nil, err
	}
	path := NATSURLPath(dir)
	up.push("embedded NATS", func(context.Context) error {
		err := os.Remove(path)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, n.Shutdown())
	})
	u, err := url.Parse(n.URL())
	if err != nil {
		return nil, fmt.Errorf("address of the embedded NATS: %w", err)
	}
	u.User = url.User(token)
	if err := writePrivate(path, u.String()+"\n"); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	nc, err := n.Conn(natsOptions(log)...)
	if err != nil {
		return nil, err
	}
	up.push("NATS connection", closeConn(nc))
	return nc, nil
}

// writePrivate puts a file in place that only its owner may read; what was there (of a run that was killed) goes.
func writePrivate(path, text string) error {
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// natsOptions of every connection: it comes back after any break, and while it is broken a write fails at once instead of
// being kept for later, when nobody waits for it any more. A server that hangs is noticed within 10 s.
func natsOptions(log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("baton"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.Timeout(3 * time.Second), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to NATS broke", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("the connection to NATS is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("NATS reports an error", "subject", subject, "error", err)
		}),
	}
}

func closeConn(nc *nats.Conn) func(context.Context) error {
	return func(ctx context.Context) error {
		if !nc.IsConnected() {
			nc.Close()
			return nil
		}
		err := nc.FlushWithContext(ctx)
		nc.Close()
		if err != nil {
			return fmt.Errorf("send the last messages: %w", err)
		}
		return nil
	}
}

// connectNATS connects to a server that may not be up yet.
func connectNATS(ctx context.Context, c *Config, log *slog.Logger, up *stack) (*nats.Conn, error) {
	var nc *nats.Conn
	err := await(ctx, log, "NATS", func() error {
		var err error
		nc, err = nats.Connect(c.NATS.URL.Reveal(), natsOptions(log)...)
		switch {
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrSecureConnWanted):
			return final{fmt.Errorf("nats.url: %w", err)}
		case err != nil:
			return withoutURL(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	up.push("NATS connection", closeConn(nc))
	return nc, nil
}

// openStore opens the lead store: a Redis, or this process' memory.
func openStore(ctx context.Context, c *Config, log *slog.Logger, up *stack) (leadstore.Store, error) {
	rawURL := c.Redis.URL.Reveal()
	if rawURL == "" {
		store := memstore.New()
		up.push("embedded lead store", func(context.Context) error { return store.Close() })
		return store, nil
	}
	var store *redisstore.Store
	err := await(ctx, log, "Redis", func() error {
		var err error
		store, err = redisstore.Open(ctx, rawURL, log)
		if err != nil && !errors.Is(err, leadstore.ErrUnavailable) {
			return final{fmt.Errorf("redis.url: %w", err)}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	up.push("lead store", func(context.Context) error { return store.Close() })
	return store, nil
}

// final is an error that waiting does not mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// await tries until it works, ctx ends or the error is final: engines and services may be started in any order.
func await(ctx context.Context, log *slog.Logger, what string, try func() error) error {
	wait := 100 * time.Millisecond
	for {
		err := try()
		var f final
		if err == nil || errors.As(err, &f) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
		log.Warn("not there yet, trying again", "what", what, "error", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("wait for %s: %w (last: %w)", what, ctx.Err(), err)
		}
		wait = min(2*wait, 3*time.Second)
	}
}

// withoutURL drops what a URL error quotes: the address may carry a password.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("nats.url cannot be read: %w", u.Err)
	}
	return err
}
