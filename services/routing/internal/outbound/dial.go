package outbound

import (
	"context"
	"fmt"
	"net"
)

// NewDialer gives connections that are no HTTP to the addresses that a policy allows, each begun within the limit.
func NewDialer(p Policy, limiter *Limiter) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := newDialer(p)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if err := limiter.Wait(ctx); err != nil {
			return nil, fmt.Errorf("wait for the limit: %w", err)
		}
		return d.DialContext(ctx, network, address)
	}
}
