package outbound

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// NewClient gives a client that follows no redirect (the answer is given as it is, and its body is the caller's to judge), begins
// requests within the limit, and gives each, its answer included, the time from when it begins. A request that waits for its
// turn uses none of it.
func NewClient(transport http.RoundTripper, limiter *Limiter, within time.Duration) *http.Client {
	return &http.Client{
		Transport:     &paced{next: transport, limiter: limiter, within: within},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type paced struct {
	next    http.RoundTripper
	limiter *Limiter
	within  time.Duration
}

// RoundTrip makes a request when its turn has come.
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := p.limiter.Wait(r.Context()); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("wait for the limit: %w", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.within)
	res, err := p.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	res.Body = &answer{res.Body, cancel}
	return res, nil
}

// CloseIdleConnections lets the client's method of that name reach the connections.
func (p *paced) CloseIdleConnections() {
	if c, ok := p.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// answer ends a request's time when it has been read.
type answer struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (a *answer) Close() error {
	defer a.cancel()
	return a.ReadCloser.Close()
}
