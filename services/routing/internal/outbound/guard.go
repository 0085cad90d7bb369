// Package outbound makes the connections to addresses that a configuration names: nobody who may write a URL, and no name
// server, can lead them into the networks that Baton itself runs in.
package outbound

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// ErrForbidden says that a name leads to an address that is not on the public internet and not allowed.
var ErrForbidden = destination.ErrForbidden

// special are the ranges that are not on the public internet, or lead to some that are not: the IANA registries of special-purpose
// addresses (RFC 6890 and its updates), multicast (RFC 5771, RFC 4291), and the ways to write an IPv4 address as IPv6: compatible,
// mapped and translated (RFC 4291, RFC 2765), NAT64 with the well-known and the local-use prefix (RFC 6052, RFC 8215),
// 6to4 (RFC 3056) and Teredo (RFC 4380, within 2001::/23).
func special() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	)
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Guard says which addresses may be connected to. The zero Guard forbids all.
type Guard struct {
	special []netip.Prefix
	// allowed are networks that may be reached although they are special.
	allowed []netip.Prefix
	all     bool
}

// Policy is what a configuration allows beside the public internet.
type Policy struct {
	// Private allows every address.
	Private bool
	// Loopback allows this machine's own.
	Loopback bool
	// Networks are allowed whatever they are.
	Networks []netip.Prefix
}

// NewGuard gives the guard of a policy.
func NewGuard(p Policy) *Guard {
	g := &Guard{special: special(), all: p.Private, allowed: slices.Clone(p.Networks)}
	if p.Loopback {
		g.allowed = append(g.allowed, prefixes("127.0.0.0/8", "::1/128")...)
	}
	return g
}

// Public reports whether an address is on the public internet. An IPv4 address in IPv6 clothes never is: nobody has to use
// one.
func (g *Guard) Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || len(g.special) == 0 {
		return false
	}
	return !slices.ContainsFunc(g.special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Allows reports whether an address may be connected to: it is public, or the policy names it. A network allows its own
// addresses as they are and no other way of writing them.
func (g *Guard) Allows(a netip.Addr) bool {
	if g.all {
		return a.IsValid()
	}
	return g.Public(a) || a.IsValid() && slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(a) })
}

// control refuses a connection to an address that is not allowed. It is asked after the name was resolved and right before
// the connection is made, so that no second look-up can give another answer.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !g.Allows(ap.Addr()) {
		return ErrForbidden
	}
	return nil
}

// Times of one connection.
const (
	connectWithin = 5 * time.Second
	// RequestWithin bounds one request, its answer included.
	RequestWithin = 15 * time.Second
)

// newDialer gives a dialer that connects to what a policy allows alone.
func newDialer(p Policy) *net.Dialer {
	return &net.Dialer{Timeout: connectWithin, KeepAlive: 30 * time.Second, Control: NewGuard(p).control}
}

// NewTransport gives connections to one receiver, at most `most` kept and twice as many open. No proxy stands between, whatever the
// environment says: it would look up the name itself. Certificates are verified, TLS is 1.2 or newer, the header of an answer
// is at most 64 KiB, and answers are not unpacked: what is read is what was sent.
func NewTransport(p Policy, most int) *http.Transport {
	d := newDialer(p)
	return &http.Transport{
		DialContext: d.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, MaxIdleConns: most, MaxIdleConnsPerHost: most, MaxConnsPerHost: 2 * most,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: connectWithin, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
}

// ParseNetworks reads networks in CIDR notation. Bits beyond the mask, and IPv4 networks in IPv6 notation, are refused: they
// are probably not what was meant.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	var errs []error
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("[%d]: %q is not a network like 10.1.0.0/16", i, s))
		case p != p.Masked():
			errs = append(errs, fmt.Errorf("[%d]: %q has bits beyond its mask: %s is the network", i, s, p.Masked()))
		case p.Addr().Is4In6():
			errs = append(errs, fmt.Errorf("[%d]: %q is an IPv4 network in IPv6 notation: write it as IPv4", i, s))
		default:
			out = append(out, p)
		}
	}
	return out, errors.Join(errs...)
}
