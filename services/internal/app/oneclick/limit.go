package oneclick

import (
	"net"
	"sync"

	"golang.org/x/time/rate"
)

const (
	// perSecond and burst are what one address may ask for: a proxy in front of everybody fits in, a guesser learns nothing.
	perSecond = 20
	burst     = 200
	// maxAddresses is how many are told apart; beyond that all are forgotten, which costs a burst.
	maxAddresses = 4096
)

// limiter counts requests by the address that they come from.
type limiter struct {
	mu   sync.Mutex
	from map[string]*rate.Limiter
}

func (l *limiter) allow(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from == nil || len(l.from) >= maxAddresses {
		l.from = map[string]*rate.Limiter{}
	}
	r := l.from[host]
	if r == nil {
		r = rate.NewLimiter(perSecond, burst)
		l.from[host] = r
	}
	return r.Allow()
}
