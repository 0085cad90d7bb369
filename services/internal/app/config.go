package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/telemetry"
	"github.com/batonhq/baton/services/feedback"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/routing"
	"github.com/batonhq/baton/services/scoring"
)

// Config is a whole Baton's configuration: each process reads what concerns it. Every key is also an environment variable
// (see pkg/config); `${ENV}` and `file:PATH` stand for secrets.
type Config struct {
	HTTP  HTTPConfig `yaml:"http"`
	GRPC  AddrConfig `yaml:"grpc"`
	Admin AddrConfig `yaml:"admin"`
	// DataDir is where the embedded engines keep their files.
	DataDir config.Path   `yaml:"data_dir"`
	NATS    EngineConfig  `yaml:"nats"`
	Redis   EngineConfig  `yaml:"redis"`
	Journal JournalConfig `yaml:"journal"`
	// Agreement and Directory are files, each applied at start if it differs from what was last applied from it; "" for none.
	Agreement config.Path `yaml:"agreement"`
	Directory config.Path `yaml:"directory"`
	// Tokens of people and systems. None: callers on this machine need none, others are refused.
	Tokens       []TokenConfig         `yaml:"tokens"`
	Sources      []ingest.Source       `yaml:"sources"`
	Destinations []routing.Destination `yaml:"destinations"`
	// Outbound names networks that destinations may lie in although they are not public.
	Outbound routing.Outbound `yaml:"outbound"`

	// Peers are the gRPC addresses of the services, for the process that serves the JSON API; by default its own.
	Peers PeersConfig `yaml:"peers"`
	// InternalToken is what the services present to each other. A process that runs everything makes its own.
	InternalToken config.Secret         `yaml:"internal_token"`
	Log           telemetry.LogConfig   `yaml:"log"`
	Telemetry     telemetry.TraceConfig `yaml:"telemetry"`

	Ingest   ingest.Config   `yaml:"ingest"`
	Scoring  scoring.Config  `yaml:"scoring"`
	Routing  routing.Config  `yaml:"routing"`
	Feedback feedback.Config `yaml:"feedback"`
}

// HTTPConfig is the port of ingest and of the JSON API.
type HTTPConfig struct {
	Addr string `yaml:"addr"`
	// PublicURL is how others reach it, for links; "" where nobody else does.
	PublicURL string `yaml:"public_url"`
	// CORSOrigins of pages whose browsers may send events; "*" for all.
	CORSOrigins []string `yaml:"cors_origins"`
	// TLS encrypts the port; without it, it is plain.
	TLS TLSConfig `yaml:"tls"`
}

// AddrConfig is a port to listen on, host:port.
type AddrConfig struct {
	Addr string `yaml:"addr"`
}

// EngineConfig says where an engine is; empty: within this process.
type EngineConfig struct {
	URL config.Secret `yaml:"url"`
}

const (
	syncAlways   = "always"
	syncInterval = "interval"
)

// JournalConfig is about the journal's safety.
type JournalConfig struct {
	// Sync of the embedded engine: always, or interval (then a power cut may take the last moments).
	Sync string `yaml:"sync"`
	// Replicas of the stream on a NATS cluster, 1, 3 or 5, when it is made.
	Replicas int `yaml:"replicas"`
}

// TokenConfig lets whoever presents it act in its roles.
type TokenConfig struct {
	Name  string        `yaml:"name"`
	Token config.Secret `yaml:"token"`
	Roles []string      `yaml:"roles"`
	// Rep whom it acts as, by the directory's id; sales tokens need one.
	Rep string `yaml:"rep"`
}

// PeersConfig has the services' gRPC addresses.
type PeersConfig struct {
	Ingest   string `yaml:"ingest"`
	Scoring  string `yaml:"scoring"`
	Routing  string `yaml:"routing"`
	Feedback string `yaml:"feedback"`
}

// DefaultConfig runs everything on this machine, with no sources.
func DefaultConfig() Config {
	return Config{
		HTTP: HTTPConfig{Addr: "127.0.0.1:8080"}, GRPC: AddrConfig{Addr: "127.0.0.1:9090"}, Admin: AddrConfig{Addr: "127.0.0.1:9464"},
		DataDir: "./data", Journal: JournalConfig{Sync: syncAlways, Replicas: 1},
		Log: telemetry.DefaultLogConfig(), Telemetry: telemetry.DefaultTraceConfig(),
		Ingest: ingest.DefaultConfig(), Scoring: scoring.DefaultConfig(), Routing: routing.DefaultConfig(), Feedback: feedback.DefaultConfig(),
	}
}

// LoadConfig reads a configuration: the defaults, the file ("" for none), the environment.
func LoadConfig(path string, environ []string) (Config, error) {
	c := DefaultConfig()
	err := config.Load(path, &c, environ)
	return c, err
}

// Validate checks what concerns a target without reading any file. The error joins everything that is wrong, each with
// the setting and the reason.
func (c *Config) Validate(t Target) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, a := range []struct{ name, addr string }{{"http.addr", c.HTTP.Addr}, {"grpc.addr", c.GRPC.Addr}, {"admin.addr", c.Admin.Addr}} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			bad("%s: %q is not host:port", a.name, a.addr)
		}
	}
	for _, a := range []struct{ name, addr string }{
		{"peers.ingest", c.Peers.Ingest}, {"peers.scoring", c.Peers.Scoring}, {"peers.routing", c.Peers.Routing}, {"peers.feedback", c.Peers.Feedback},
	} {
		if _, _, err := net.SplitHostPort(a.addr); err != nil && a.addr != "" {
			bad("%s: %q is not host:port", a.name, a.addr)
		}
	}
	if u, err := url.Parse(c.HTTP.PublicURL); c.HTTP.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad("http.public_url: it is not an http:// or https:// address")
	}
	if c.Journal.Sync != syncAlways && c.Journal.Sync != syncInterval {
		bad("journal.sync: %q is not always or interval", c.Journal.Sync)
	}
	if r := c.Journal.Replicas; r != 1 && r != 3 && r != 5 {
		bad("journal.replicas: %d is not 1, 3 or 5", r)
	}
	if t != Up {
		const why = "a service alone needs engines that it shares with the others: set it, or run `baton up`, which has its own"
		if c.NATS.URL.IsZero() {
			bad("nats.url: %s", why)
		}
		if c.Redis.URL.IsZero() && t != Ingest {
			bad("redis.url: %s", why)
		}
	}
	if t == Up && c.NATS.URL.IsZero() && c.DataDir == "" {
		bad("data_dir: the embedded journal needs a folder")
	}
	errs = append(errs, c.HTTP.TLS.validate())
	errs = append(errs, c.validateTokens()...)
	errs = append(errs, c.validateExposure(t)...)
	errs = append(errs, c.Log.Validate(), c.Telemetry.Validate())
	errs = append(errs, c.validateServices(t)...)
	return errors.Join(errs...)
}

func (c *Config) validateTokens() []error {
	var errs []error
	names, texts := map[string]bool{}, map[string]bool{}
	for i, t := range c.Tokens {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("tokens[%d]: %s", i, fmt.Sprintf(format, args...)))
		}
		if !identity.Safe(t.Name) {
			bad("name: %q is not 1 to 64 of the characters A–Z a–z 0–9 _ -", t.Name)
		}
		if names[t.Name] {
			bad("name: %q is another token's", t.Name)
		}
		text := t.Token.Reveal()
		switch {
		case text == "":
			bad("token: is needed")
		case strings.ContainsAny(text, " \t\r\n") || strings.ContainsFunc(text, func(r rune) bool { return r < 0x21 || r > 0x7e }):
			bad("token: has characters that a header cannot carry")
		case texts[text] || c.InternalToken.Is(text):
			bad("token: is another's, too")
		}
		names[t.Name], texts[text] = true, true
		if len(t.Roles) == 0 {
			bad("roles: at least one of %s is needed", strings.Join(allRoles(), ", "))
		}
		for _, r := range t.Roles {
			if !slices.Contains(allRoles(), r) {
				bad("roles: %q is not one of %s", r, strings.Join(allRoles(), ", "))
			}
		}
		if slices.Contains(t.Roles, roleSales) && t.Rep == "" {
			bad("rep: a token for sales acts as one rep; name it")
		}
	}
	return errs
}

// validateExposure refuses ports that others reach and nothing guards.
func (c *Config) validateExposure(t Target) []error {
	if len(c.Tokens) > 0 {
		return nil
	}
	var errs []error
	if !grpcx.Loopback(c.GRPC.Addr) && c.InternalToken.IsZero() {
		errs = append(errs, fmt.Errorf("grpc.addr: %s can be reached from other machines, and neither tokens nor internal_token is set: "+
			"set one, or listen on 127.0.0.1", c.GRPC.Addr))
	}
	if t != Up && t != Ingest || grpcx.Loopback(c.HTTP.Addr) {
		return errs
	}
	if open := c.openSources(); len(c.Sources) == 0 || len(open) > 0 {
		why := "no tokens are configured"
		if len(open) > 0 {
			why += " and the sources " + strings.Join(open, ", ") + " have no secret"
		}
		errs = append(errs, fmt.Errorf("http.addr: %s can be reached from other machines, but %s: add tokens (and secrets), or listen on 127.0.0.1",
			c.HTTP.Addr, why))
	}
	return errs
}

// auth gives the rules for callers.
func (c *Config) auth() grpcx.Auth {
	a := grpcx.Auth{Policy: access(), Internal: c.InternalToken.Reveal()}
	for _, t := range c.Tokens {
		a.Tokens = append(a.Tokens, grpcx.Token{Text: t.Token.Reveal(), Principal: grpcx.Principal{Name: t.Name, Roles: t.Roles, Rep: t.Rep}})
	}
	return a
}
