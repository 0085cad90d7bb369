// Package grpcx is how Baton's services speak to each other and to the outside: gRPC servers and clients with one set of
// habits, and the JSON gateway over them.
package grpcx

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Principal is who makes a call.
type Principal struct {
	// Name of the token; "local" for a caller on this machine where no tokens are configured, "baton" for a service.
	Name string
	// Roles it has. RoleInternal is any role's equal.
	Roles []string
	// Rep whom it acts as; "" for none. Where it is set, the caller answers for nobody else.
	Rep string
}

// RoleInternal is the role of Baton's own services and of callers that may do everything.
const RoleInternal = "internal"

// Has reports whether the principal has one of the roles.
func (p Principal) Has(roles ...string) bool {
	return slices.ContainsFunc(p.Roles, func(r string) bool { return r == RoleInternal || slices.Contains(roles, r) })
}

const localName = "local"

type principalKey struct{}

// WithPrincipal gives a context in which PrincipalFrom finds p.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom gives the caller of a call. A server made by NewServer has one in every call; ok is false elsewhere.
func PrincipalFrom(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Token lets whoever presents it act as Principal.
type Token struct {
	Text string
	Principal
}

// Rule says who may call one method.
type Rule struct {
	// Roles of which a caller needs one.
	Roles []string
	// Public: anybody may, without a token.
	Public bool
	// Retry: a call may be repeated without harm, so that clients do when the server is away.
	Retry bool
}

// Policy has the rule of every method, by its full name (/package.Service/Method). A method that is not in it is refused.
type Policy map[string]Rule

// Auth decides who calls, and whether they may. The zero value of everything but Policy admits callers on this machine alone.
type Auth struct {
	Policy Policy
	// Tokens of people and systems. None: callers on this machine need none and may do everything, others may nothing.
	Tokens []Token
	// Internal is the token that Baton's services present to each other; "" for none.
	Internal string
}

// Open reports whether callers on this machine need no token.
func (a Auth) Open() bool { return len(a.Tokens) == 0 }

// check gives a context with the caller of a call, or the status that refuses it. What it says helps a caller who lacks
// a right and tells nothing to one who guesses.
func (a Auth) check(ctx context.Context, method string) (context.Context, error) {
	rule, known := a.Policy[method]
	if known && rule.Public {
		return ctx, nil
	}
	p, err := a.caller(ctx)
	if err != nil {
		return nil, err
	}
	if !known || !p.Has(rule.Roles...) {
		return nil, status.Errorf(codes.PermissionDenied, "token %q may not do this: it needs one of the roles %s", p.Name, strings.Join(rule.Roles, ", "))
	}
	return WithPrincipal(ctx, p), nil
}

func (a Auth) caller(ctx context.Context) (Principal, error) {
	text, stated := bearer(ctx)
	switch {
	case stated:
		return a.Identify(text)
	case a.Open() && local(ctx):
		return Principal{Name: localName, Roles: []string{RoleInternal}}, nil
	case a.Open():
		return Principal{}, status.Error(codes.Unauthenticated, "no tokens are configured: only callers on the same machine are served")
	}
	return Principal{}, status.Error(codes.Unauthenticated, "a token is needed: Authorization: Bearer …")
}

// Identify gives whose token it is. Every token is compared, each in a time that does not depend on its text.
func (a Auth) Identify(text string) (Principal, error) {
	var found Principal
	have := sha256.Sum256([]byte(text))
	match := func(token string, p Principal) {
		want := sha256.Sum256([]byte(token))
		if token != "" && subtle.ConstantTimeCompare(have[:], want[:]) == 1 {
			found = p
		}
	}
	for _, t := range a.Tokens {
		match(t.Text, t.Principal)
	}
	internal := Principal{Name: "baton", Roles: []string{RoleInternal}}
	if a.Open() { // then it is the gateway's, for callers on its machine
		internal.Name = localName
	}
	match(a.Internal, internal)
	if found.Name == "" {
		return Principal{}, status.Error(codes.Unauthenticated, "the token is not known")
	}
	return found, nil
}

// bearer gives the call's token. A header that holds none, or several, counts as a token that nobody has.
func bearer(ctx context.Context) (token string, stated bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}

func local(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	return ok && p.Addr != nil && Loopback(p.Addr.String())
}

// Loopback reports whether an address (host:port, or a host) is this machine's own and reached by nobody else. Names
// other than localhost are not looked up and are not; nor is the empty host, which listens everywhere.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = strings.Trim(addr, "[]")
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (a Auth) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := a.check(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (a Auth) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := a.check(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return next(srv, &streamWith{ServerStream: ss, ctx: ctx})
}

// streamWith is a stream in another context.
type streamWith struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamWith) Context() context.Context { return s.ctx }
