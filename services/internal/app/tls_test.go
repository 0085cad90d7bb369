package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/webhook"
)

// writeCertificate makes a certificate for 127.0.0.1 with a serial number, and puts it and its key into a folder.
func writeCertificate(t *testing.T, dir string, serial int64) TLSConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "baton.example"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := TLSConfig{Cert: config.Path(filepath.Join(dir, "cert.pem")), Key: config.Path(filepath.Join(dir, "key.pem"))}
	for path, block := range map[config.Path]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path.String(), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// client trusts whatever certificate there is: the tests look at its number.
func client(t *testing.T, h2 bool) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: h2} //nolint:gosec // see above
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func serialAt(t *testing.T, addr string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its number is looked at
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// Events come in encrypted, over either version of HTTP; plain text and old versions do not.
func TestEventsOverTLS(t *testing.T) {
	c := anyPorts(t.TempDir())
	c.HTTP.TLS = writeCertificate(t, t.TempDir(), 1)
	addrs, _, _ := begin(t, Up, c)
	signer, err := webhook.NewSigner([]string{smokeSecret})
	if err != nil {
		t.Fatal(err)
	}
	for _, h2 := range []bool{true, false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+addrs.HTTP+"/webhooks/app", strings.NewReader(smokeEvent))
		if err != nil {
			t.Fatal(err)
		}
		signer.SetHeaders(req.Header, "msg_1", time.Now(), []byte(smokeEvent))
		resp, err := client(t, h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("h2 %v: %s %d %s", h2, resp.Proto, resp.StatusCode, body)
		}
	}
	resp, err := http.Get("http://" + addrs.HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "https://") {
		t.Errorf("plain text: %d %s", resp.StatusCode, body)
	}
	old, err := tls.Dial("tcp", addrs.HTTP, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}) //nolint:gosec // it must be refused
	if err == nil {
		old.Close()
		t.Error("TLS 1.1 is taken")
	}
}

// A length stated twice is refused also where it comes encrypted.
func TestTLSIsWatched(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := loadCertificate(writeCertificate(t, t.TempDir(), 1), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	encrypted := make(chan bool, 1)
	s := newHTTPServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { encrypted <- r.TLS != nil }), func(string) {})
	s.TLSConfig = cert.config()
	go func() { _ = s.Serve(newTLSListener(l, s.TLSConfig)) }()
	defer s.Close()
	// Somebody who connects and says nothing holds up nobody.
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct{ header, want string }{
		{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "400"}, {"Transfer-Encoding: chunked\r\n", "200"},
	} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // a test
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+c.header+"\r\n5\r\nhello\r\n0\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.want) {
			t.Errorf("%q: %q, want %s", c.header, answer, c.want)
		}
	}
	if !<-encrypted {
		t.Error("the handler does not know that it is encrypted")
	}
}

// The files are read again when they change; connections stay, and a pair that cannot be used changes nothing.
func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	files := writeCertificate(t, dir, 1)
	var log bytes.Buffer
	cert, err := loadCertificate(files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newHTTPServer(named("taken"), func(string) {})
	s.TLSConfig = cert.config()
	go func() { _ = s.Serve(newTLSListener(l, s.TLSConfig)) }()
	defer s.Close()
	addr := l.Addr().String()
	kept, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	later := func() { cert.looked.Store(time.Now().Add(-2 * lookEvery).UnixNano()) }

	writeCertificate(t, dir, 2)
	if got := serialAt(t, addr); got != 1 {
		t.Errorf("certificate %d: the files were looked at too soon", got)
	}
	later()
	if got := serialAt(t, addr); got != 2 {
		t.Errorf("certificate %d, want the new one", got)
	}
	if err := os.WriteFile(files.Cert.String(), []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		later()
		if got := serialAt(t, addr); got != 2 {
			t.Errorf("certificate %d, want the old one", got)
		}
	}
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
	writeCertificate(t, dir, 3)
	later()
	if got := serialAt(t, addr); got != 3 {
		t.Errorf("certificate %d, want the third", got)
	}
	_, _ = io.WriteString(kept, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if answer, _ := io.ReadAll(kept); !bytes.Contains(answer, []byte("taken")) {
		t.Errorf("the connection from before says %q", answer)
	}
}

func TestTLSIsChecked(t *testing.T) {
	dir := t.TempDir()
	good := writeCertificate(t, dir, 1)
	other := writeCertificate(t, t.TempDir(), 2)
	for _, c := range []struct {
		name  string
		files TLSConfig
		want  string
	}{
		{"whole", good, ""}, {"none", TLSConfig{}, ""},
		{"no key", TLSConfig{Cert: good.Cert}, "belong together"}, {"no cert", TLSConfig{Key: good.Key}, "belong together"},
		{"another's key", TLSConfig{Cert: good.Cert, Key: other.Key}, "http.tls: "},
		{"no file", TLSConfig{Cert: "/nowhere.pem", Key: good.Key}, "http.tls.cert: "},
		{"not PEM", TLSConfig{Cert: good.Cert, Key: good.Cert}, "http.tls: "},
	} {
		cfg := anyPorts(dir)
		cfg.HTTP.TLS = c.files
		err := Check(&cfg, Up)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The listener passes on what its own says, so that a moment without file descriptors is not its end.
func TestATLSListenerGoesOn(t *testing.T) {
	inner := &failingListener{fail: make(chan error, 2)}
	l := newTLSListener(inner, &tls.Config{})
	inner.fail <- os.ErrDeadlineExceeded
	inner.fail <- context.DeadlineExceeded
	for _, want := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded} {
		if _, err := l.Accept(); err != want { //nolint:errorlint // it is passed on as it is
			t.Errorf("%v, want %v", err, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("a closed listener gives connections")
	}
}

type failingListener struct {
	net.Listener
	fail chan error
}

func (l *failingListener) Accept() (net.Conn, error) {
	err, ok := <-l.fail
	if !ok {
		err = net.ErrClosed
	}
	return nil, err
}

func (l *failingListener) Close() error {
	close(l.fail)
	return nil
}
