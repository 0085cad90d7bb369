package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// TLSConfig has the files of the certificate, with the chain behind it, and of its key, in PEM. Both or neither.
type TLSConfig struct {
	Cert config.Path `yaml:"cert"`
	Key  config.Path `yaml:"key"`
}

// On reports whether there is a certificate.
func (c TLSConfig) On() bool { return c.Cert != "" && c.Key != "" }

func (c TLSConfig) validate() error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("http.tls: cert and key belong together: set both, or neither")
	}
	return nil
}

// certificate is what the files hold, read again when they change.
type certificate struct {
	files TLSConfig
	log   *slog.Logger
	// looked is when the files were last looked at, in nanoseconds since 1970.
	looked  atomic.Int64
	current atomic.Pointer[tls.Certificate]

	// mu guards what was last read, good or bad: it is not tried twice.
	mu   sync.Mutex
	read [2][]byte
}

// lookEvery is how often, at most, a handshake looks at the files. They are read whole, some KB: what was written twice in a
// moment, or a key that came after its certificate, is seen as well.
const lookEvery = 2 * time.Second

// loadCertificate reads the files for the first time.
func loadCertificate(files TLSConfig, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.looked.Store(time.Now().UnixNano())
	return c, nil
}

func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cert, err := os.ReadFile(c.files.Cert.String())
	if err != nil {
		return fmt.Errorf("http.tls.cert: %w", err)
	}
	key, err := os.ReadFile(c.files.Key.String())
	if err != nil {
		return fmt.Errorf("http.tls.key: %w", err)
	}
	if bytes.Equal(cert, c.read[0]) && bytes.Equal(key, c.read[1]) {
		return nil
	}
	c.read = [2][]byte{cert, key}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("http.tls: %s and %s: %w", c.files.Cert, c.files.Key, err)
	}
	if c.current.Swap(&pair) != nil {
		c.log.Info("the certificate has been read again", "not_after", pair.Leaf.NotAfter)
	}
	return nil
}

// get gives the certificate for a handshake. A new one that cannot be used is told once, and the old one goes on.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, looked := time.Now().UnixNano(), c.looked.Load()
	if now-looked >= int64(lookEvery) && c.looked.CompareAndSwap(looked, now) {
		if err := c.load(); err != nil {
			c.log.Error("the new certificate cannot be used: the old one goes on", "error", err)
		}
	}
	return c.current.Load(), nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.get}
}

// tlsListener accepts connections once they have shaken hands, each in a goroutine of its own, so that nobody waits for a slow
// one. Those that speak HTTP/2 are given as they are, as net/http wants them; the others are watched (see watchedListener),
// which has to see what was encrypted.
type tlsListener struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	failed chan error
	start  sync.Once
	close  sync.Once
	closed chan struct{}
}

func newTLSListener(l net.Listener, config *tls.Config) *tlsListener {
	return &tlsListener{Listener: l, config: config, ready: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{})}
}

// handshakeTime is what a client has for the handshake, as for a header.
const handshakeTime = 5 * time.Second

func (l *tlsListener) accept() {
	for {
		raw, err := l.Listener.Accept()
		if err == nil {
			go l.shake(raw)
			continue
		}
		// The server decides whether it passes (too many open files), and waits before it asks again.
		select {
		case l.failed <- err:
		case <-l.closed:
			return
		}
	}
}

// noTLS is the answer to whoever speaks HTTP without TLS: an address that was entered with http://.
const noTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks TLS: use https://\n"

// plainHTTP reports whether the first bytes of a connection begin a request without TLS.
func plainHTTP(first [5]byte) bool {
	switch string(first[:]) {
	case "POST ", "GET /", "HEAD ", "PUT /", "OPTIO":
		return true
	}
	return false
}

func (l *tlsListener) shake(raw net.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	conn := tls.Server(raw, l.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		var no tls.RecordHeaderError
		if errors.As(err, &no) && no.Conn != nil && plainHTTP(no.RecordHeader) {
			_ = no.Conn.SetWriteDeadline(time.Now().Add(handshakeTime))
			_, _ = io.WriteString(no.Conn, noTLS)
		}
		_ = raw.Close()
		return
	}
	var out net.Conn = conn
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		out = &watchedConn{Conn: conn}
	}
	select {
	case l.ready <- out:
	case <-l.closed:
		_ = raw.Close()
	}
}

// Accept gives the next connection that is ready.
func (l *tlsListener) Accept() (net.Conn, error) {
	l.start.Do(func() { go l.accept() })
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends it; connections that are still shaking hands are closed.
func (l *tlsListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
