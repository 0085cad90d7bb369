package edge

import (
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// serveTracking answers a call of an SDK. Its source is found by the write key: in the Authorization header as the user of
// Basic, or else in the body, beside a Bearer or nothing.
func (e *Edge) serveTracking(x *exchange, path string) *refusal {
	call := e.opt.Tracking.Call(path)
	switch {
	case call == "":
		return unread(refuse(http.StatusNotFound, "path", "no such call: identify, track, page, screen, group, alias or batch"))
	case x.r.Method == http.MethodOptions:
		return e.cors.preflight(x.w, x.r)
	case x.r.Method != http.MethodPost:
		return unread(&refusal{status: http.StatusMethodNotAllowed, reason: "method", detail: "events are posted", allow: "POST, OPTIONS"})
	}
	e.cors.allow(x.w.Header(), x.r)
	if user, _, basic := x.r.BasicAuth(); basic {
		if x.source = x.sources.keys[user]; x.source == nil {
			return unread(unknownKey())
		}
	}
	b, no := e.read(x)
	if no != nil {
		return no
	}
	defer b.release()
	if x.source == nil {
		if no := e.sourceOf(x, b); no != nil {
			return no
		}
	}
	return e.deliver(x, call, b)
}

// sourceOf finds the source of a body that came without Basic.
func (e *Edge) sourceOf(x *exchange, b *body) *refusal {
	s := x.sources.keys[e.opt.Tracking.WriteKey(b.data)]
	if s == nil {
		return unknownKey()
	}
	x.source = s
	if int64(len(b.data)) > s.MaxBody {
		return unreadBody(errTooLarge, s.MaxBody)
	}
	return s.tooFast(e.opt.Now())
}

func unknownKey() *refusal {
	return refuse(http.StatusUnauthorized, "write_key", "no source has this write key: send it as the user of Basic authorization, or as writeKey in the body")
}

// Wait says how long a source that has sent more events than it may must wait; 0 when it may send.
func (s *Source) Wait(now time.Time) time.Duration {
	if s.Limit == nil {
		return 0
	}
	tokens := s.Limit.TokensAt(now)
	if tokens > 0 {
		return 0
	}
	return time.Duration((1-tokens)/float64(s.Limit.Limit())*float64(time.Second)) + time.Millisecond
}

func (s *Source) tooFast(now time.Time) *refusal {
	if wait := s.Wait(now); wait > 0 {
		return &refusal{status: http.StatusTooManyRequests, reason: "rate", detail: "this source sends more events a second than it may", retry: wait}
	}
	return nil
}

// charge counts a request's events against the source's rate once they are known. They may go beyond it, by one request
// each: the next ones wait until the debt is paid.
func (s *Source) charge(now time.Time, r sender.Result) {
	if s.Limit == nil {
		return
	}
	for n := r.Accepted + r.Duplicates + r.RejectedCount + r.Quarantined + r.Ignored; n > 0; {
		part := min(n, s.Limit.Burst())
		if part == 0 {
			return
		}
		s.Limit.ReserveN(now, part)
		n -= part
	}
}

// NewLimit makes the rate limit of a source, in events a second; it may save up two seconds' worth. 0 is none.
func NewLimit(perSecond float64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(int(2*perSecond), 1))
}

// local reports whether a request comes from this machine itself, and no proxy passed it on from elsewhere. Nor did a browser: any
// page that is looked at on this machine can have it post here, and then it says of which origin it is.
func local(r *http.Request) bool {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !addr.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, h := range [...]string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via", "Origin"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return true
}
