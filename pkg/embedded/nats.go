package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// DefaultMaxPayload is the greatest message, in bytes: an event of 4 MB with room for what is made of it.
const DefaultMaxPayload = 8 << 20

// syncInterval is how often files are flushed where SyncAlways is off. It bounds what a power cut takes.
const syncInterval = time.Second

// Options of an embedded NATS server.
type Options struct {
	// Dir is the data directory. It is made if it is not there; one process at a time may use it.
	Dir string
	// SyncAlways flushes to disk before anything is acknowledged. Without it a power cut, not a crash of this process,
	// may take the last second or more of what was acknowledged.
	SyncAlways bool
	// MaxPayload is the greatest message in bytes; 0 is DefaultMaxPayload.
	MaxPayload int32
	// MaxStore is the most that the journal may occupy, in bytes. 0 leaves a quarter of the disk's free space free.
	MaxStore int64
	// Listen is host:port for clients of other processes (port 0: any free one); empty is none. Beyond loopback it takes
	// a Token.
	Listen string
	// Token is what clients of other processes must present.
	Token string
	// Log gets the server's warnings and errors; what is less is dropped. nil drops all.
	Log *slog.Logger
}

// NATS is a NATS server with JetStream in this process.
type NATS struct {
	server *server.Server
	token  string
	lock   *os.File
}

// StartNATS starts a server and returns once it takes connections, its journal recovered (after a crash, the longer the
// larger the journal). ErrInUse where another process works on the directory.
func StartNATS(opt Options) (*NATS, error) {
	config, err := opt.server()
	if err != nil {
		return nil, fmt.Errorf("start the embedded NATS: %w", err)
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start the embedded NATS: make its data directory: %w", err)
	}
	held, err := lock(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("start the embedded NATS: %w", err)
	}
	s, err := server.NewServer(config)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the embedded NATS: %w", err), held.Close())
	}
	n := &NATS{server: s, token: opt.Token, lock: held}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	bridge := &bridge{log: opt.Log}
	if bridge.log == nil {
		bridge.log = slog.New(slog.DiscardHandler)
	}
	s.SetLoggerV2(bridge, false, false, false)
	s.Start() // returns when it is up, or has told the logger why it cannot be
	if fatal := bridge.fatal.Load(); fatal != nil || !s.ReadyForConnections(time.Second) {
		err := errors.New("start the embedded NATS: it does not take connections")
		if fatal != nil {
			err = fmt.Errorf("start the embedded NATS: %s", *fatal)
		}
		return nil, errors.Join(err, n.Shutdown())
	}
	return n, nil
}

func (opt Options) server() (*server.Options, error) {
	if opt.Dir == "" {
		return nil, errors.New("no data directory is set")
	}
	o := &server.Options{
		ServerName: "baton",
		DontListen: opt.Listen == "",
		NoSigs:     true,
		MaxPayload: opt.MaxPayload,

		JetStream:         true,
		StoreDir:          opt.Dir,
		JetStreamMaxStore: opt.MaxStore,
		SyncAlways:        opt.SyncAlways,
		SyncInterval:      syncInterval,
		Authorization:     opt.Token,
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = DefaultMaxPayload
	}
	if o.DontListen {
		return o, nil
	}
	host, port, err := net.SplitHostPort(opt.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	if o.Port, err = strconv.Atoi(port); err != nil || o.Port < 0 || o.Port > 65535 {
		return nil, fmt.Errorf("listen address: port %q is not a number from 0 to 65535", port)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.Host = host
	if opt.Token == "" && !loopback(host) {
		return nil, fmt.Errorf("listen address: %q can be reached from other machines, which takes a token", host)
	}
	return o, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Conn connects to the server without a network. The connection works like any other and comes back after a break.
func (n *NATS) Conn(opts ...nats.Option) (*nats.Conn, error) {
	opts = append([]nats.Option{nats.InProcessServer(n.server), nats.Token(n.token)}, opts...)
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS: %w", err)
	}
	return nc, nil
}

// URL gives the address for clients of other processes, without the token; empty where the server does not listen.
func (n *NATS) URL() string {
	addr := n.server.Addr()
	if addr == nil {
		return ""
	}
	return "nats://" + addr.String()
}

// Shutdown stops the server, waits until everything is on disk and gives the data directory free. Connections end; to let
// them finish first is the caller's part.
func (n *NATS) Shutdown() error {
	n.server.Shutdown()
	n.server.WaitForShutdown()
	if err := n.lock.Close(); err != nil {
		return fmt.Errorf("free the data directory: %w", err)
	}
	return nil
}

// bridge passes the server's log on. Notices, one for each start and stop of something, are left out.
type bridge struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
}

func (b *bridge) Noticef(string, ...any) {}
func (b *bridge) Debugf(string, ...any)  {}
func (b *bridge) Tracef(string, ...any)  {}

func (b *bridge) Warnf(format string, v ...any)  { b.tell(slog.LevelWarn, format, v) }
func (b *bridge) Errorf(format string, v ...any) { b.tell(slog.LevelError, format, v) }

// Fatalf must not end the process, as the server's own logger does: StartNATS gives the reason back.
func (b *bridge) Fatalf(format string, v ...any) {
	reason := fmt.Sprintf(format, v...)
	b.fatal.CompareAndSwap(nil, &reason)
}

func (b *bridge) tell(level slog.Level, format string, v []any) {
	b.log.Log(context.Background(), level, fmt.Sprintf(format, v...), "component", "nats-server")
}
