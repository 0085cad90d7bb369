package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	g := NewGuard(Policy{})
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "1.1.1.1": true, "100.63.255.255": true, "172.32.0.1": true,
		"127.0.0.1": false, "127.1.2.3": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false, "0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false,
		"224.0.0.1": false, "240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "203.0.113.9": false, "192.88.99.1": false,
		"::1": false, "::": false, "::ffff:127.0.0.1": false, "::ffff:8.8.8.8": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2001:0:1::": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd12::1": false, "ff02::1": false, "2001:db8::1": false, "100::1": false, "fec0::1": false, "5f00::1": false,
	} {
		if got := g.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s public: %v", address, got)
		}
	}
	if g.Public(netip.Addr{}) || (&Guard{}).Allows(netip.MustParseAddr("1.1.1.1")) {
		t.Error("no address, or no guard, allows something")
	}
}

func TestAllowedNetworks(t *testing.T) {
	office, err := ParseNetworks([]string{"10.1.0.0/16", "fd00:1::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		policy Policy
		yes    []string
		no     []string
	}{
		{"networks", Policy{Networks: office}, []string{"10.1.2.3", "fd00:1::5", "1.1.1.1"}, []string{"10.2.0.1", "127.0.0.1", "::ffff:10.1.2.3", "fd00:2::5", "64:ff9b::a01:203"}},
		{"loopback", Policy{Loopback: true}, []string{"127.0.0.1", "127.9.9.9", "::1", "1.1.1.1"}, []string{"10.1.2.3", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0", "::"}},
		{"private", Policy{Private: true}, []string{"127.0.0.1", "10.1.2.3", "fe80::1"}, nil},
	} {
		g := NewGuard(tc.policy)
		for _, a := range tc.yes {
			if !g.Allows(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s is refused", tc.name, a)
			}
		}
		for _, a := range tc.no {
			if g.Allows(netip.MustParseAddr(a)) {
				t.Errorf("%s: %s is allowed", tc.name, a)
			}
		}
	}
	for _, bad := range []string{"10.1.0.0", "10.1.2.3/16", "::ffff:10.1.0.0/112", "x", "", "10.0.0.0/33"} {
		if _, err := ParseNetworks([]string{"10.1.0.0/16", bad}); err == nil || !strings.HasPrefix(err.Error(), "[1]: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The guard looks at what is dialled, however the host was written: in decimal, in octal, as a name.
func TestTheGuardLooksAtTheAddressThatIsDialled(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
		"[::]", "localhost.",
	} {
		for _, policy := range []Policy{{}, {Networks: prefixes("10.0.0.0/8")}, {Private: true}} {
			c := NewClient(NewTransport(policy, 4), nil, RequestWithin)
			res, err := c.Get("http://" + host + ":" + port + "/")
			if err == nil {
				_ = res.Body.Close()
			}
			var dns *net.DNSError
			var addr *net.AddrError
			odd := errors.As(err, &dns) || errors.As(err, &addr) // not an address to Go's resolver: it leads nowhere
			switch {
			case !policy.Private && !odd && !errors.Is(err, ErrForbidden):
				t.Errorf("%s: %v", host, err)
			case policy.Private && errors.Is(err, ErrForbidden):
				t.Errorf("%s, allowed: %v", host, err)
			case policy.Private && host == "127.0.0.1" && err != nil:
				t.Errorf("a proxy stands between: %v", err)
			}
			c.CloseIdleConnections()
		}
	}
}

// Every notation of an address that is not public is refused, or leads nowhere: as a number, in other bases, in IPv6 clothes, by the ways
// over from IPv4, with a user before it, with a dot after it, in characters that are folded to digits. Nothing here is reachable, so a guard
// that lets one through shows by another error than its own.
func TestOddNotations(t *testing.T) {
	client := NewClient(NewTransport(Policy{}, 4), nil, 2*time.Second)
	defer client.CloseIdleConnections()
	for _, host := range []string{
		"2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "0", "0.0.0.0", "127.0.0.1.", "10.1", "3232235521", "2852039166",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
		"[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[fe80::1%25lo]", "[::1%25lo]",
		"[fd00:ec2::254]", "[fec0::1]", "127.0.0.1%00.us.example", "127。0。0。1", "１２７.０.０.１", "①②⑦.0.0.1", "ⓛocalhost", "localhost", "localhost.", "LOCALHOST",
	} {
		for _, user := range []string{"", "93.184.216.34@", "us.example:pw@"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+user+host+":1/hook", strings.NewReader("{}"))
			if err != nil {
				continue // no address at all
			}
			res, err := client.Do(req)
			if err == nil {
				_ = res.Body.Close()
			}
			var dns *net.DNSError
			var addr *net.AddrError
			if !errors.Is(err, ErrForbidden) && !errors.As(err, &dns) && !errors.As(err, &addr) && (err == nil || !strings.Contains(err.Error(), "idna")) {
				t.Errorf("%s%s: %v", user, host, err)
			}
			if err != nil && strings.Contains(err.Error(), "pw@") {
				t.Errorf("%s%s: the error has the password: %v", user, host, err)
			}
		}
	}
}

// A resolver that answers with a public address and a private one reaches the public one at the most; one that turns round between two
// look-ups is judged by each anew.
func TestAResolverWithTwoAnswers(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	names := newNames(t)
	dial := func(addresses ...string) error {
		names.answer(addresses...)
		d := newDialer(Policy{})
		d.Resolver = names.resolver()
		d.Timeout = time.Second
		conn, err := d.DialContext(t.Context(), "tcp4", net.JoinHostPort("crm.example", port))
		if err == nil {
			_ = conn.Close()
			t.Errorf("%v: connected to %v", addresses, conn.RemoteAddr())
		}
		return err
	}
	if err := dial("127.0.0.1"); !errors.Is(err, ErrForbidden) {
		t.Errorf("a private answer: %v", err)
	}
	for _, both := range [][]string{{"127.0.0.1", "203.0.113.1"}, {"203.0.113.1", "127.0.0.1"}, {"169.254.169.254", "10.0.0.1"}} {
		if err := dial(both...); !errors.Is(err, ErrForbidden) {
			t.Errorf("%v: %v", both, err)
		}
	}
	if names.asked() == 0 {
		t.Error("the resolver was never asked")
	}
}

// A name that leads to a public address when it is looked at, and to a private one when it is dialled, is refused: there is
// one look-up, and what it gave is what is judged.
func TestRebinding(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	tr := NewTransport(Policy{}, 4)
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { // as a resolver that turns round
		return dial(ctx, network, strings.TrimPrefix(srv.URL, "http://"))
	}
	res, err := NewClient(tr, nil, RequestWithin).Get("http://93.184.216.34/")
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, ErrForbidden) {
		t.Errorf("%v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	followed := false
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed = followed || r.URL.Path == "/elsewhere"
		http.Redirect(w, r, srv.URL+"/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	res, err := NewClient(NewTransport(Policy{Loopback: true}, 4), nil, RequestWithin).Post(srv.URL, "text/plain", strings.NewReader("x"))
	if err != nil || res.StatusCode != http.StatusTemporaryRedirect || followed {
		t.Fatalf("%v, %v, followed %v", res, err, followed)
	}
	_ = res.Body.Close()
}

func TestTLSIsVerified(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	tr := NewTransport(Policy{Loopback: true}, 4)
	if tr.TLSClientConfig.MinVersion != tls.VersionTLS12 || tr.TLSClientConfig.InsecureSkipVerify || tr.Proxy != nil {
		t.Errorf("%+v", tr.TLSClientConfig)
	}
	res, err := NewClient(tr, nil, RequestWithin).Get(srv.URL)
	if err == nil {
		_ = res.Body.Close()
	}
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

// FuzzPublic compares with the standard library's words for what is not public, and with the ways to hide an IPv4 address in
// an IPv6 one.
func FuzzPublic(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "10.0.0.1", "::1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "::ffff:10.0.0.1", "1.1.1.1", "fe80::1"} {
		a := netip.MustParseAddr(seed)
		f.Add(a.AsSlice())
	}
	g := NewGuard(Policy{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		bad := a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6()
		if raw := a.As16(); a.Is6() {
			zero := func(from, to int) bool {
				for _, v := range raw[from:to] {
					if v != 0 {
						return false
					}
				}
				return true
			}
			bad = bad || zero(0, 12) || raw[0] == 0x20 && raw[1] == 0x02 || raw[0] == 0x20 && raw[1] == 0x01 && raw[2] == 0 && raw[3] == 0 ||
				raw[0] == 0 && raw[1] == 0x64 && raw[2] == 0xff && raw[3] == 0x9b && (zero(4, 12) || raw[4] == 0 && raw[5] == 1)
		} else {
			raw := a.As4()
			bad = bad || raw[0] == 0 || raw[0] >= 224 || raw[0] == 100 && raw[1]&0xc0 == 64
		}
		if bad && g.Public(a) {
			t.Errorf("%s is taken for public", a)
		}
		if g.Public(a) != g.Allows(a) {
			t.Errorf("%s: without a policy public is all that is allowed", a)
		}
		if hidden := netip.AddrFrom16(a.As16()); a.Is4() && g.Public(hidden) {
			t.Errorf("%s, mapped, is taken for public", hidden)
		}
	})
}
