package sender

import (
	"crypto/subtle"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/core"
)

// TypeOf gives the event type that the map has for the first of the sender's own names that it knows, else the type given.
func (c *Config) TypeOf(otherwise string, names ...string) string {
	for _, name := range names {
		if t, ok := c.Map[name]; ok && name != "" {
			return t
		}
	}
	return otherwise
}

// TypeNamed gives our type for an event's name: as the map has it, or by the name itself: Demo Requested, demo.requested and
// lead.demo_requested are all demo_requested. A name that is none of ours is given back as it is.
func (c *Config) TypeNamed(name string) string {
	if t, ok := c.Map[name]; ok {
		return t
	}
	if t := core.Snake(name); core.ClassOf(t) != core.Unknown {
		return t
	}
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		if t := core.Snake(name[i+1:]); core.ClassOf(t) != core.Unknown {
			return t
		}
	}
	return name
}

// Listed reports whether an account of the sender is one whose events are taken.
func (c *Config) Listed(account string) bool {
	for _, a := range c.Accounts {
		if a == account {
			return true
		}
	}
	return len(c.Accounts) == 0
}

// Equal compares what was shown with what is secret, in a time that tells nothing of how much of it was right.
func Equal(shown, secret string) bool {
	return subtle.ConstantTimeCompare(digest(shown), digest(secret)) == 1
}
