package ingest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/edge"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders"
)

// Config of the ingest service.
type Config struct {
	// Sources and CORSOrigins stand at the top of the configuration (sources, http.cors_origins); whoever composes the
	// program puts them here.
	Sources     []Source `yaml:"-"`
	CORSOrigins []string `yaml:"-"`
	// PublicURL is how others reach the program (http.public_url), "" where it is not set: some senders sign the address that
	// they post to.
	PublicURL string `yaml:"-"`

	// MaxBody of one request in bytes, decompressed, where its source does not say. 4 MB are what RudderStack sends.
	MaxBody int64 `yaml:"max_body"`
	// MaxEvent is the largest single event in bytes.
	MaxEvent int `yaml:"max_event"`
	// MaxEvents of one request.
	MaxEvents int `yaml:"max_events"`
	// InFlight is how many bytes the bodies of all requests under way may hold together; beyond it senders are told to come
	// again (429).
	InFlight int64 `yaml:"in_flight"`
	// Mailboxes are addresses that many people read; see Mailboxes.
	Mailboxes Mailboxes `yaml:"mailboxes"`
	// Hold is how long senders that take any answer for a success are kept waiting while the journal does not answer.
	Hold time.Duration `yaml:"hold"`
	// Drain is how long requests under way may take to end when the service stops.
	Drain time.Duration `yaml:"drain"`
}

// Source is one sender, as the configuration has it.
type Source struct {
	// Name is part of its path, /webhooks/{name}, and of every event that it sends: [a-z0-9-], at most 40 characters.
	Name string `yaml:"name"`
	// Type is one of SourceTypes.
	Type string `yaml:"type"`
	// WriteKey is what tracking SDKs are set up with.
	WriteKey config.Secret `yaml:"write_key"`
	// Secrets that sign webhooks; any of them verifies, so that one can be replaced without a gap.
	Secrets []config.Secret `yaml:"secrets"`
	// VerifyToken is what a sender that asks before it sends is to name (Meta's hub.verify_token).
	VerifyToken config.Secret `yaml:"verify_token"`
	// Trusted says that the write key is known to one's own servers alone, and so that whoever shows it is believed: user ids
	// are shared with all other sources, two people that it names as one become one, and a track may be called as a deal is.
	Trusted bool `yaml:"trusted"`
	// Map gives the event type for the sender's own event names: {"Signed Up": trial_started}.
	Map map[string]string `yaml:"map"`
	// Stages gives the event type for stages of a CRM's deals and leads, over the type's own: {closedwon: deal_won}.
	Stages map[string]string `yaml:"stages"`
	// Accounts of the sender whose events are taken (a CRM's organisation, a platform's portal), by its id; none: all.
	Accounts []string `yaml:"accounts"`
	// Signature and Mapping are of sources of type json: how requests are signed, and what becomes of what they hold.
	Signature *sender.Signature `yaml:"signature"`
	Mapping   *sender.Mapping   `yaml:"mapping"`
	// Poll is how a platform is asked for its events.
	Poll *sender.Poll `yaml:"poll"`
	// Rate is how many events a second it may send; 0 is no limit.
	Rate float64 `yaml:"rate"`
	// MaxBody of one of its requests in bytes, decompressed; 0 is the service's.
	MaxBody int64 `yaml:"max_body"`
}

// DefaultConfig gives the defaults: no sources, 4 MB a request, 512 KB an event, 64 MB at once.
func DefaultConfig() Config {
	return Config{
		MaxBody: 4 << 20, MaxEvent: 512 << 10, MaxEvents: 50_000, InFlight: 64 << 20,
		Hold: 20 * time.Second, Drain: 10 * time.Second, Mailboxes: Mailboxes{Names: mailboxNames()},
	}
}

// SourceTypes lists what a source's type can be.
func SourceTypes() []string {
	var names []string
	for _, t := range senders.Table() {
		names = append(names, t.Name)
	}
	return names
}

// maxBody is what any limit of a body may be set to: a quarantined body must fit into one message of the journal, 8 MB.
const maxBody = 7 << 20

// Validate gives everything that is wrong, each with the field's name and the reason, never with a secret.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.MaxBody < 1<<10 || c.MaxBody > maxBody {
		bad("ingest.max_body: %d is not between 1024 and %d bytes", c.MaxBody, maxBody)
	}
	if c.MaxEvent < 1<<10 || c.MaxEvent > 1<<20 {
		bad("ingest.max_event: %d is not between 1024 and 1048576 bytes", c.MaxEvent)
	}
	if c.MaxEvents < 1 || c.MaxEvents > 1_000_000 {
		bad("ingest.max_events: %d is not between 1 and 1000000", c.MaxEvents)
	}
	if c.InFlight < 2*c.MaxBody {
		bad("ingest.in_flight: %d is less than two requests of max_body", c.InFlight)
	}
	if c.Hold < 0 || c.Hold > time.Minute {
		bad("ingest.hold: %v is not between 0s and 1m", c.Hold)
	}
	if c.Drain < 0 || c.Drain > time.Minute {
		bad("ingest.drain: %v is not between 0s and 1m", c.Drain)
	}
	errs = append(errs, c.Mailboxes.validate()...)
	for i, o := range c.CORSOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || o != u.Scheme+"://"+u.Host) {
			bad("http.cors_origins[%d]: %q is not an origin such as https://www.example.com, nor *", i, o)
		}
	}
	_, sourceErrs := c.build()
	return errors.Join(append(errs, sourceErrs...)...)
}

// build makes the sources, and says what is wrong with them.
func (c Config) build() (built []*edge.Source, errs []error) {
	names, keys := map[string]int{}, map[string]int{}
	for i, s := range c.Sources {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("sources[%d].%w", i, fmt.Errorf(format, args...)))
		}
		if !validName(s.Name) {
			bad("name: %q is not 1 to 40 of a-z, 0-9 and -", s.Name)
		} else if first, twice := names[s.Name]; twice {
			bad("name: %q is the name of sources[%d] too", s.Name, first)
		} else {
			names[s.Name] = i
		}
		if key := s.WriteKey.Reveal(); key != "" {
			if first, twice := keys[key]; twice {
				bad("write_key: is that of sources[%d] too", first)
			}
			keys[key] = i
		}
		if s.Rate < 0 || math.IsNaN(s.Rate) || s.Rate > 1e6 {
			bad("rate: %v is not between 0 and 1000000 events a second", s.Rate)
		}
		limit := c.MaxBody
		if s.MaxBody != 0 {
			if limit = s.MaxBody; limit < 1<<10 || limit > maxBody {
				bad("max_body: %d is not between 1024 and %d bytes", limit, maxBody)
			}
		}
		t, ok := typeOf(s.Type)
		if !ok {
			bad("type: %q is none of %s", s.Type, strings.Join(SourceTypes(), ", "))
			continue
		}
		secrets := make([]string, len(s.Secrets))
		for k, secret := range s.Secrets {
			if secrets[k] = secret.Reveal(); secrets[k] == "" {
				bad("secrets[%d]: is empty, and anybody can sign with an empty secret", k)
			}
		}
		config := sender.Config{
			Name: s.Name, WriteKey: s.WriteKey.Reveal(), Trusted: s.Trusted, Secrets: secrets, VerifyToken: s.VerifyToken.Reveal(), Map: s.Map, Stages: s.Stages,
			Accounts: s.Accounts, MaxEvent: c.MaxEvent, MaxEvents: c.MaxEvents, Rate: s.Rate,
			Signature: s.Signature, Mapping: s.Mapping, Poll: s.Poll,
		}
		if s.Trusted && t.Path != sender.Tracking && !t.Open {
			bad("trusted: sources of type %s prove who they are, and are trusted as they stand", s.Type)
		}
		errs = append(errs, s.foreign(i, t)...)
		if len(s.Stages) > 0 && t.Stages == nil {
			bad("stages: sources of type %s have none", s.Type)
		}
		made, err := t.New(config)
		if err != nil {
			errs = append(errs, s.faults(i, err)...)
			continue
		}
		if err := sender.CheckMap("stages", s.Stages); err != nil { // where the type has not done so itself
			errs = append(errs, s.faults(i, err)...)
			continue
		}
		source := &edge.Source{Config: config, Type: t, Sender: made, MaxBody: limit, Limit: edge.NewLimit(s.Rate)}
		if s.Poll != nil {
			source.News = make(chan struct{}, 1)
		}
		built = append(built, source)
	}
	return built, errs
}

func typeOf(name string) (sender.Type, bool) {
	for _, t := range senders.Table() {
		if t.Name == name {
			return t, true
		}
	}
	return sender.Type{}, false
}

func validName(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
