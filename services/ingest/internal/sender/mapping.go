package sender

import (
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// Signature is how requests of a source are signed, where that is configuration.
type Signature struct {
	// Header has the signature.
	Header string `yaml:"header"`
	// Field is its name where the header is a list (t=1763632800,v1=…); "" where the header is the signature.
	Field string `yaml:"field"`
	// Algorithm is hmac-sha256 (the default), hmac-sha512 or hmac-sha1.
	Algorithm string `yaml:"algorithm"`
	// Encoding is hex (the default), base64 or base64url.
	Encoding string `yaml:"encoding"`
	// Prefix stands before the signature: "sha256=".
	Prefix string `yaml:"prefix"`
	// Content is what is signed: {body} (the default) with {timestamp}, {url}, {method} and {header:NAME} around it.
	Content string `yaml:"content"`
	// Timestamp is the time that is signed; nil where none is.
	Timestamp *SignedTime `yaml:"timestamp"`
}

// SignedTime is where a signed time stands, and how old it may be.
type SignedTime struct {
	Header string `yaml:"header"`
	// Field is its name in the header where that is a list.
	Field string `yaml:"field"`
	// Unit is s (the default), ms or rfc3339.
	Unit string `yaml:"unit"`
	// Tolerance is how far it may lie from our time; 0 is 5 minutes.
	Tolerance time.Duration `yaml:"tolerance"`
}

// Mapping says what becomes of a source's JSON, by expressions (CEL) over event, body and header.
type Mapping struct {
	// Events is where the events stand: a path such as body.events, to a list or to one object. "": the body is one event, a
	// list of them, or NDJSON, and body is the same as event.
	Events string `yaml:"events"`
	// Headers are the names of the request's headers that expressions may look at.
	Headers []string `yaml:"headers"`
	// Keep is what of the event is kept in its properties: all (the default) or mapped, what Properties names.
	Keep string `yaml:"keep"`
	// Facts are tried in their order; the first whose When holds makes the fact.
	Facts []MappedFact `yaml:"facts"`
	// Otherwise is what becomes of an event that none takes: quarantine (the default) or ignore.
	Otherwise string `yaml:"otherwise"`
}

// MappedFact makes a fact of an event. All but Type and Ignore are expressions; one that meets something absent says nothing.
type MappedFact struct {
	// When must hold; "" always does.
	When string `yaml:"when"`
	// Ignore says why such events are none for Baton. Nothing else is given then.
	Ignore string `yaml:"ignore"`
	// Type is one of our types. TypeOf gives the sender's own name instead: one of the source's map, one of our types, or the
	// name of a custom event.
	Type   string `yaml:"type"`
	TypeOf string `yaml:"type_of"`
	// Name of a custom event.
	Name string `yaml:"name"`
	// ID gives the event's id, the same whenever the sender repeats it. It is required.
	ID string `yaml:"id"`
	// OccurredAt gives RFC 3339, a timestamp, or seconds or milliseconds since 1970; absent is the time of receipt.
	OccurredAt string `yaml:"occurred_at"`
	// Email and the others say whom the event is about: one of them must.
	Email       string            `yaml:"email"`
	UserID      string            `yaml:"user_id"`
	AnonymousID string            `yaml:"anonymous_id"`
	ExternalIDs map[string]string `yaml:"external_ids"`
	// Traits, Account and Properties are by our names; others are kept under theirs.
	Traits     map[string]string `yaml:"traits"`
	Account    map[string]string `yaml:"account"`
	Properties map[string]string `yaml:"properties"`
	// Consent gives the decision on each purpose: true, false, granted, denied, withdrawn or objected.
	Consent map[string]string `yaml:"consent"`
	// Automated gives true, or the reason, for what a bot or a scanner did.
	Automated string `yaml:"automated"`
	// Unproven gives true where a stranger may have entered the ids, as in a form: they join no people that are known already.
	Unproven string `yaml:"unproven"`
}

// Poll is how a source is asked for its events.
type Poll struct {
	// URL of the platform's API.
	URL string `yaml:"url"`
	// ClientID and ClientSecret are of the API user.
	ClientID     string        `yaml:"client_id"`
	ClientSecret config.Secret `yaml:"client_secret"`
	// Token is an access token, RefreshToken what a new one is got for: which of them, the type says.
	Token        config.Secret `yaml:"token"`
	RefreshToken config.Secret `yaml:"refresh_token"`
	// Version of the platform's API; "" is the one that Baton was made for.
	Version string `yaml:"version"`
	// Forms and Kinds choose what is asked for: the ids of forms, and the platform's kinds of leads.
	Forms []string `yaml:"forms"`
	Kinds []string `yaml:"kinds"`
	// Every is how long to wait once there is nothing more; 0 is a minute.
	Every time.Duration `yaml:"every"`
	// Activities are the types asked for, by the platform's numbers; none: those that Baton has a meaning for.
	Activities []int `yaml:"activities"`
	// Since is where to begin, RFC 3339, the first time; "" is then.
	Since string `yaml:"since"`
}
