// Package destinationtest is the suite that every kind of destination must pass, and what its fakes are made of. A fake speaks its
// vendor's documented wire format; the suite puts faults of the network and of the vendor between it and the destination.
package destinationtest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Request is one that a fake got, or would have got.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
}

// Fault is what becomes of a request instead of, or after, being served.
type Fault struct {
	// Status, Header and Body are answered; Status 0 breaks the connection off.
	Status int
	Header map[string]string
	Body   string
	// After lets the vendor do what was asked first: its own answer is lost.
	After bool
	// Hang keeps the request without an answer until its sender gives up.
	Hang bool
}

// Server puts faults in front of a vendor's fake.
type Server struct {
	*httptest.Server
	vendor http.Handler

	mu       sync.Mutex
	requests []Request
	fault    func(n int, r *Request) *Fault
}

// NewServer starts a server on loopback; it ends with the test.
func NewServer(t testing.TB, vendor http.Handler) *Server {
	t.Helper()
	s := &Server{vendor: vendor}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Client gives one as destinations are given it: no redirects, a limit for each request.
func (s *Server) Client() *http.Client {
	return &http.Client{
		Transport:     s.Server.Client().Transport,
		Timeout:       2 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Faults sets what becomes of requests from now on, counted from 0; nil, or a nil answer, serves them.
func (s *Server) Faults(f func(n int, r *Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.requests = f, nil
}

// Requests gives those that came since Faults was last called.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP records a request and serves it, or does as its fault says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	req := Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, req)
	var f *Fault
	if s.fault != nil {
		f = s.fault(n, &req)
	}
	s.mu.Unlock()
	if f == nil {
		s.vendor.ServeHTTP(w, r)
		return
	}
	if f.After {
		s.vendor.ServeHTTP(httptest.NewRecorder(), r)
	}
	switch {
	case f.Hang:
		<-r.Context().Done()
	case f.Status == 0:
		panic(http.ErrAbortHandler) // breaks the connection off without an answer
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}
