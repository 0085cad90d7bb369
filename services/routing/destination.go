package routing

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/routing/internal/celrules"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations"
	"github.com/batonhq/baton/services/routing/internal/destinations/webhook"
	"github.com/batonhq/baton/services/routing/internal/outbound"
	"github.com/batonhq/baton/services/routing/internal/render/document"
)

// TypeWebhook is the type of a destination that is told by signed webhooks (Standard Webhooks).
const TypeWebhook = webhook.Name

// Destination is somebody who is told what happens.
type Destination struct {
	// Name is part of the journal: [A-Za-z0-9_-], at most 64 characters. What is due to a name waits for it.
	Name string `yaml:"name"`
	// Type is one of DestinationTypes().
	Type string `yaml:"type"`
	// URL of the receiver; types whose vendor has one address for everybody need none.
	URL string `yaml:"url"`
	// Secrets sign, the newest first; each gives a signature, so that one can be replaced without a gap.
	Secrets []config.Secret `yaml:"secrets"`
	// Auth is how to be let in; each type says what it needs of it.
	Auth Auth `yaml:"auth"`
	// Events that it is told of. A webhook needs at least one; other types are told of all that they understand where none is named.
	Events []string `yaml:"events"`
	// Options are the type's own.
	Options map[string]string `yaml:"options"`
	// Fields fill the receiver's: object → field → an expression over the delivery. They come in the place of the type's defaults, field by
	// field; "" leaves a default out.
	Fields map[string]map[string]string `yaml:"fields"`
	// Rate is how fast it may be asked, by each routing process; the type's default where it is not given.
	Rate Rate `yaml:"rate"`
	// Concurrency is how many deliveries may be in flight, 0 for the type's default or else routing.concurrency.
	Concurrency int `yaml:"concurrency"`
	// BacklogAlarm is how long a delivery may be due before an operator is told, 0 for 15 minutes.
	BacklogAlarm time.Duration `yaml:"backlog_alarm"`
	// Quiet and Digest are for types that tell people.
	Quiet  Quiet  `yaml:"quiet"`
	Digest Digest `yaml:"digest"`
	// AllowPrivate lets its address lie in a loopback, private or otherwise special range; AllowNetworks lets it lie in networks
	// that outbound.allow names.
	AllowPrivate  bool     `yaml:"allow_private"`
	AllowNetworks []string `yaml:"allow_networks"`
}

// Auth is how a destination lets us in.
type Auth struct {
	Token        config.Secret `yaml:"token"`
	ClientID     string        `yaml:"client_id"`
	ClientSecret config.Secret `yaml:"client_secret"`
	RefreshToken config.Secret `yaml:"refresh_token"`
	TokenURL     string        `yaml:"token_url"`
	Scope        string        `yaml:"scope"`
	PrivateKey   config.Secret `yaml:"private_key"`
	User         string        `yaml:"user"`
	Password     config.Secret `yaml:"password"`
	Database     string        `yaml:"database"`
	Tenant       string        `yaml:"tenant"`
}

// Quiet is when nobody is told what can wait: {outside: working} for outside of a rep's working time.
type Quiet struct {
	Outside string `yaml:"outside"`
}

// Digest gathers what can wait into one message for each recipient: {every: 1h}, or {at: "08:30"} on the recipient's clock.
type Digest struct {
	Every time.Duration `yaml:"every"`
	At    string        `yaml:"at"`
}

// Rate is a number of requests in any stretch of a time.
type Rate struct {
	Requests int           `yaml:"requests"`
	Per      time.Duration `yaml:"per"`
}

// Outbound is what connections to destinations may reach beside the public internet.
type Outbound struct {
	// Allow names networks: {office: [10.1.0.0/16]}. Destinations name them in allow_networks.
	Allow map[string][]string `yaml:"allow"`
}

// defaultBacklogAlarm is how long a delivery may be due before an operator is told.
const defaultBacklogAlarm = 15 * time.Minute

// Bounds of a rate: what a limiter remembers of each request is 24 bytes.
const (
	maxRate = 100_000
	maxPer  = 24 * time.Hour
)

// DestinationTypes lists what the type of a destination can be.
func DestinationTypes() []string {
	var names []string
	for _, t := range destinations.Types() {
		names = append(names, t.Name)
	}
	return names
}

// plan is a destination's configuration, checked and with everything filled in.
type plan struct {
	Destination
	kind   destination.Type
	events []string
	limit  destination.Limit
	most   int
	alarm  time.Duration
	policy outbound.Policy
	config destination.Config
}

// planner checks destinations. Compiling expressions is the dear part: one compiler serves all.
type planner struct {
	cfg      *Config
	types    map[string]destination.Type
	compiler *celrules.FieldCompiler
	networks map[string][]netip.Prefix
}

func newPlanner(cfg *Config) (*planner, error) {
	compiler, err := celrules.NewFieldCompiler()
	if err != nil {
		return nil, err
	}
	p := &planner{cfg: cfg, types: map[string]destination.Type{}, compiler: compiler, networks: map[string][]netip.Prefix{}}
	for _, t := range destinations.Types() {
		if t.Events == nil {
			t.Events = Events()
		}
		p.types[t.Name] = t
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Outbound.Allow)) {
		if !identity.Safe(name) {
			errs = append(errs, fmt.Errorf("outbound.allow: %q is not 1 to 64 of the characters A–Z a–z 0–9 _ -", name))
		}
		list, err := outbound.ParseNetworks(cfg.Outbound.Allow[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("outbound.allow.%s%w", name, err))
		}
		p.networks[name] = list
	}
	return p, errors.Join(errs...)
}

// plan checks a destination, its type's own settings included, without a network. The errors name the fields below the
// destination.
func (p *planner) plan(d Destination) (*plan, []error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if !identity.Safe(d.Name) {
		bad("name", "%q is not 1 to 64 of the characters A–Z a–z 0–9 _ -", d.Name)
	}
	kind, ok := p.types[d.Type]
	if !ok {
		bad("type", "%q is not one of %s", d.Type, strings.Join(DestinationTypes(), ", "))
		return nil, errs
	}
	out := &plan{Destination: d, kind: kind, events: d.Events}
	if d.URL != "" || d.Type == TypeWebhook {
		out.planURL(bad)
	}
	if !kind.Notifies && (d.Quiet != Quiet{} || d.Digest != Digest{}) {
		bad("quiet", "and digest are for types that tell people")
	}
	out.planEvents(bad)
	out.planLimits(p, bad)
	fields, fieldErrs := p.fields(kind, d.Fields)
	errs = append(errs, fieldErrs...)
	out.config = destination.Config{
		Name: d.Name, Type: d.Type, URL: d.URL, Auth: d.Auth.reveal(), Options: maps.Clone(kind.Options), Fields: fields, Events: out.events,
		Quiet: destination.Quiet(d.Quiet), Digest: destination.Digest(d.Digest),
	}
	if d.Type != TypeWebhook { // where a hook is, a slash may mean something
		out.config.URL = strings.TrimRight(d.URL, "/")
	}
	for _, s := range d.Secrets {
		out.config.Secrets = append(out.config.Secrets, s.Reveal())
	}
	if out.config.Options == nil {
		out.config.Options = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		if _, known := kind.Options[name]; !known {
			bad("options."+name, "is not a setting of %s: %s", d.Type, listed(slices.Sorted(maps.Keys(kind.Options))))
		}
		out.config.Options[name] = d.Options[name]
	}
	if len(errs) == 0 {
		if _, err := out.make(nil, time.Now, slog.New(slog.DiscardHandler), destination.Notify{}); err != nil {
			errs = append(errs, err)
		}
	}
	return out, errs
}

func (p *plan) planURL(bad func(field, format string, args ...any)) {
	schemes, example := p.kind.Schemes, "https://crm.example/hook"
	if schemes == nil {
		schemes = []string{"http", "https"}
	} else {
		example = schemes[0] + "://mail.us.example"
	}
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		bad("url", "must be like %s", example)
	case u.User != nil:
		bad("url", "must not carry a user or password")
	case u.Fragment != "":
		bad("url", "must not have a fragment")
	}
}

func (p *plan) planEvents(bad func(field, format string, args ...any)) {
	if len(p.Events) == 0 {
		if p.Type == TypeWebhook {
			bad("events", "at least one of %s is needed", strings.Join(p.kind.Events, ", "))
		}
		p.events = slices.Clone(p.kind.Events)
		wanted := p.kind.Default
		if p.kind.Defaults != nil {
			wanted = p.kind.Defaults(p.Options)
		}
		if wanted != nil {
			p.events = slices.DeleteFunc(p.events, func(e string) bool { return !slices.Contains(wanted, e) })
		}
	}
	for i, e := range p.Events {
		if !slices.Contains(p.kind.Events, e) {
			bad(fmt.Sprintf("events[%d]", i), "%q is not one of %s", e, strings.Join(p.kind.Events, ", "))
		}
		if slices.Contains(p.Events[:i], e) {
			bad(fmt.Sprintf("events[%d]", i), "%q is given twice", e)
		}
	}
}

func (p *plan) planLimits(by *planner, bad func(field, format string, args ...any)) {
	d := &p.Destination
	p.limit = p.kind.Limit
	switch r := d.Rate; {
	case r == Rate{}:
	case r.Requests < 1 || r.Requests > maxRate:
		bad("rate.requests", "%d is not between 1 and %d", r.Requests, maxRate)
	case r.Per < time.Millisecond || r.Per > maxPer:
		bad("rate.per", "%s is not between 1ms and 24h", r.Per)
	default:
		p.limit = destination.Limit{Requests: r.Requests, Per: r.Per}
	}
	p.most = by.cfg.Concurrency
	if p.kind.Concurrency > 0 {
		p.most = p.kind.Concurrency
	}
	switch {
	case d.Concurrency < 0 || d.Concurrency > 1000:
		bad("concurrency", "%d is not between 1 and 1000", d.Concurrency)
	case d.Concurrency > 0:
		p.most = d.Concurrency
	}
	p.alarm = defaultBacklogAlarm
	switch {
	case d.BacklogAlarm < 0 || d.BacklogAlarm > 0 && d.BacklogAlarm < time.Second:
		bad("backlog_alarm", "%s is not a second or more", d.BacklogAlarm)
	case d.BacklogAlarm > 0:
		p.alarm = d.BacklogAlarm
	}
	p.policy = outbound.Policy{Private: d.AllowPrivate, Loopback: by.cfg.AllowLoopback}
	for i, name := range d.AllowNetworks {
		list, ok := by.networks[name]
		if !ok {
			bad(fmt.Sprintf("allow_networks[%d]", i), "%q is not one of outbound.allow: %s", name, listed(slices.Sorted(maps.Keys(by.networks))))
		}
		p.policy.Networks = append(p.policy.Networks, list...)
	}
}

// fields puts what is configured in the place of a type's defaults and compiles the expressions.
func (p *planner) fields(kind destination.Type, own map[string]map[string]string) (map[string]destination.Fields, []error) {
	out := map[string]destination.Fields{}
	var errs []error
	for _, object := range slices.Sorted(maps.Keys(own)) {
		if _, ok := kind.Fields[object]; !ok {
			errs = append(errs, fmt.Errorf("fields.%s: is not an object of %s: %s", object, kind.Name, listed(slices.Sorted(maps.Keys(kind.Fields)))))
		}
	}
	for _, object := range slices.Sorted(maps.Keys(kind.Fields)) {
		sources := maps.Clone(kind.Fields[object])
		if sources == nil {
			sources = map[string]string{}
		}
		maps.Copy(sources, own[object])
		out[object] = destination.Fields{}
		for _, field := range slices.Sorted(maps.Keys(sources)) {
			if sources[field] == "" {
				continue
			}
			e, err := p.compiler.Compile(sources[field])
			if err != nil {
				errs = append(errs, fmt.Errorf("fields.%s.%s: %w", object, field, err))
				continue
			}
			out[object][field] = e
		}
	}
	return out, errs
}

// make gives the destination that a plan describes. Without a client it can only be checked: requests fail.
func (p *plan) make(client *http.Client, now func() time.Time, log *slog.Logger, notify destination.Notify) (destination.Destination, error) {
	if client == nil {
		client = &http.Client{Transport: nowhere{}}
	}
	deps := destination.Deps{Client: client, Now: now, Log: log, Notify: notify}
	deps.Text, deps.HTML, deps.Subject = document.Text, document.HTML, document.Subject
	return p.kind.New(p.config, deps)
}

// nowhere makes no connection.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("a configuration that is checked makes no requests")
}

// reveal gives what a type's New is given.
func (a Auth) reveal() destination.Auth {
	return destination.Auth{
		Token: a.Token.Reveal(), ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(), RefreshToken: a.RefreshToken.Reveal(), TokenURL: a.TokenURL,
		Scope: a.Scope, PrivateKey: a.PrivateKey.Reveal(), User: a.User, Password: a.Password.Reveal(), Database: a.Database, Tenant: a.Tenant,
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	return strings.Join(names, ", ")
}
