package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/batonhq/baton/pkg/grpcx"
)

// listen opens a port. Errors name the setting, and what to do about it.
func listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	env := "BATON_" + map[string]string{"http.addr": "HTTP_ADDR", "grpc.addr": "GRPC_ADDR", "admin.addr": "ADMIN_ADDR"}[setting]
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens on %s: stop it, or set %s (%s)", setting, addr, setting, env)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s: choose a port from 1024 on with %s (%s)", setting, addr, setting, env)
	}
	return nil, fmt.Errorf("%s: %w", setting, err)
}

// reachable gives the address at which this machine reaches a listener that may listen everywhere.
func reachable(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// newHTTPServer gives a server with limits: a client has 5 s for the header and 9 s for the whole request, so that one that
// trickles bytes is gone within 10. A request that states its length in two ways (Content-Length and Transfer-Encoding,
// which net/http would silently settle) is refused: a proxy in front may read it differently.
func newHTTPServer(h http.Handler, errorLog func(string)) *http.Server {
	return &http.Server{
		Handler:           boundRequests(oneLength(h)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 9 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second,
		MaxHeaderBytes: 32 << 10,
		ErrorLog:       lineLog(errorLog),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(context.WithValue(ctx, connKey{}, c), countKey{}, new(atomic.Int64))
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			if w, ok := c.(*watchedConn); ok && s == http.StateIdle {
				w.next()
			}
		},
	}
}

type connKey struct{}

type countKey struct{}

// maxRequests of one connection: then it is closed in order, so that what it has gathered is let go and clients spread anew over
// the servers that there are now.
const maxRequests = 10_000

func boundRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, ok := r.Context().Value(countKey{}).(*atomic.Int64); ok && n.Add(1) >= maxRequests {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// watchedListener watches the headers of the requests on its connections.
type watchedListener struct{ net.Listener }

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: c}, nil
}

// watchedConn keeps the header of the request being read as it came. The server reads a request's header before it calls
// the handler, and becomes idle between requests.
type watchedConn struct {
	net.Conn
	mu     sync.Mutex
	header []byte
	whole  bool
}

const maxWatched = 40 << 10 // more than the server takes

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	if !c.whole && n > 0 {
		from := max(len(c.header)-3, 0)
		c.header = append(c.header, p[:n]...)
		if i := bytes.Index(c.header[from:], []byte("\r\n\r\n")); i >= 0 {
			c.header, c.whole = c.header[:from+i+2], true
		} else if len(c.header) > maxWatched {
			c.whole = true
		}
	}
	c.mu.Unlock()
	return n, err
}

// CloseWrite lets the server say that its answer is over before it stops listening to what still comes.
func (c *watchedConn) CloseWrite() error {
	if t, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return nil
}

// told gives a request what net/http gives those on connections that it sees to be encrypted.
func (c *watchedConn) told(r *http.Request) {
	if t, ok := c.Conn.(*tls.Conn); ok && r.TLS == nil {
		state := t.ConnectionState()
		r.TLS = &state
	}
}

func (c *watchedConn) next() {
	c.mu.Lock()
	c.header, c.whole = c.header[:0], false
	c.mu.Unlock()
}

// lengthStated reports whether the request's header has a Content-Length. A header that was not seen whole (its start came
// along with the request before) counts as if it had: nobody who sends in earnest does that with a chunked body.
func (c *watchedConn) lengthStated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.whole || len(c.header) > maxWatched {
		return true
	}
	for line := range bytes.Lines(c.header) {
		name, _, ok := bytes.Cut(line, []byte{':'})
		if ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("content-length")) {
			return true
		}
	}
	return false
}

func oneLength(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*watchedConn)
		if ok {
			c.told(r)
		}
		if ok && slices.Contains(r.TransferEncoding, "chunked") && c.lengthStated() {
			w.Header().Set("Connection", "close")
			grpcx.WriteProblem(w, http.StatusBadRequest, "the request has both Content-Length and Transfer-Encoding")
			return
		}
		next.ServeHTTP(w, r)
	})
}
