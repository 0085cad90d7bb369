package mapped

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/celrules"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// mapping is a source's, compiled.
type mapping struct {
	rules     []rule
	names     map[string]string // the source's map
	all       bool              // the whole event is kept
	otherwise string            // why what no rule takes is ignored; "": it is not
}

// rule makes a fact. Of its expressions, nil is not given.
type rule struct {
	ignore, eventType                       string
	when, typeOf, name, id, at, automated   *celrules.Expression
	unproven                                *celrules.Expression
	email, userID, anonymousID              *celrules.Expression
	external, traits, account, props, agree []field
}

// field is an expression with the name of what it gives.
type field struct {
	name string
	give *celrules.Expression
}

// Bounds of a mapping, far beyond any.
const (
	maxRules  = 200
	maxFields = 200
	maxNames  = 20
)

// reader compiles expressions and collects what is wrong with them.
type reader struct {
	compiler *celrules.Compiler
	at       string
	errs     []error
}

func (r *reader) bad(setting, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s%s: %w", r.at, setting, fmt.Errorf(format, args...)))
}

func (r *reader) one(setting, expression string, want celrules.Want) *celrules.Expression {
	if expression == "" {
		return nil
	}
	e, err := r.compiler.Compile(expression, want)
	if err != nil {
		r.bad(setting, "%w", err)
		return nil
	}
	return e
}

func (r *reader) many(setting string, expressions map[string]string, want celrules.Want) (out []field) {
	if len(expressions) > maxFields {
		r.bad(setting, "has more than %d fields", maxFields)
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(expressions)) {
		at := setting + "." + name
		if name == "" || expressions[name] == "" {
			r.bad(at, "is empty")
			continue
		}
		if e := r.one(at, expressions[name], want); e != nil {
			out = append(out, field{name, e})
		}
	}
	return out
}

// compile reads the source's mapping.
func (s *source) compile() []error {
	m := s.cfg.Mapping
	if m == nil || len(m.Facts) == 0 {
		return []error{errors.New("mapping.facts: is required: what becomes of an event")}
	}
	compiler, err := celrules.NewCompiler()
	if err != nil {
		return []error{fmt.Errorf("mapping: %w", err)}
	}
	r := &reader{compiler: compiler, at: "mapping."}
	s.mapping.names = s.cfg.Map
	s.settings(r, m)
	if len(m.Facts) > maxRules {
		r.bad("facts", "has more than %d entries", maxRules)
		return r.errs
	}
	for i := range m.Facts {
		r.at = fmt.Sprintf("mapping.facts[%d].", i)
		s.mapping.rules = append(s.mapping.rules, r.rule(&m.Facts[i]))
		if m.Facts[i].When == "" && i < len(m.Facts)-1 {
			r.bad("when", "is required for all but the last: what stands behind would never be reached")
		}
	}
	return r.errs
}

func (s *source) settings(r *reader, m *sender.Mapping) {
	if len(m.Headers) > maxNames {
		r.bad("headers", "has more than %d names", maxNames)
	}
	for i, name := range m.Headers {
		at := fmt.Sprintf("headers[%d]", i)
		switch lower := strings.ToLower(name); {
		case !headerName(name):
			r.bad(at, "%q is not the name of a header", name)
		case slices.Contains([]string{"authorization", "cookie", "proxy-authorization", "x-baton-token"}, lower),
			s.cfg.Signature != nil && strings.EqualFold(name, s.cfg.Signature.Header):
			r.bad(at, "%q proves who sends, and is not kept", name)
		default:
			s.keep = append(s.keep, lower)
		}
	}
	switch m.Keep {
	case "", "all":
		s.mapping.all = true
	case "mapped":
	default:
		r.bad("keep", "%q is neither all nor mapped", m.Keep)
	}
	switch m.Otherwise {
	case "", "quarantine":
	case "ignore":
		s.mapping.otherwise = "no entry of the mapping takes it"
	default:
		r.bad("otherwise", "%q is neither quarantine nor ignore", m.Otherwise)
	}
	if m.Events == "" {
		return
	}
	e := r.one("events", m.Events, celrules.Anything)
	if e == nil {
		return
	}
	path := e.Path()
	if len(path) < 2 || path[0] != "body" || slices.Contains(path, "") {
		r.bad("events", "must be a path of names such as body.data.events")
		return
	}
	s.events, s.path = e, path[1:]
}

// rule reads one entry.
func (r *reader) rule(c *sender.MappedFact) rule {
	out := rule{ignore: strings.TrimSpace(c.Ignore), eventType: c.Type, when: r.one("when", c.When, celrules.Truth)}
	if out.ignore != "" {
		if c.Type != "" || c.TypeOf != "" || c.ID != "" {
			r.bad("ignore", "what is ignored becomes nothing: leave type, type_of and id out")
		}
		return out
	}
	out.typeOf = r.one("type_of", c.TypeOf, celrules.Text)
	out.name, out.id = r.one("name", c.Name, celrules.Text), r.one("id", c.ID, celrules.Text)
	out.at, out.automated = r.one("occurred_at", c.OccurredAt, celrules.Text), r.one("automated", c.Automated, celrules.Text)
	out.unproven = r.one("unproven", c.Unproven, celrules.Truth)
	out.email = r.one("email", c.Email, celrules.Text)
	out.userID, out.anonymousID = r.one("user_id", c.UserID, celrules.Text), r.one("anonymous_id", c.AnonymousID, celrules.Text)
	out.external = r.many("external_ids", c.ExternalIDs, celrules.Text)
	out.traits, out.account = r.many("traits", c.Traits, celrules.Anything), r.many("account", c.Account, celrules.Anything)
	out.props, out.agree = r.many("properties", c.Properties, celrules.Anything), r.many("consent", c.Consent, celrules.Text)
	r.check(c, &out)
	return out
}

func (r *reader) check(c *sender.MappedFact, out *rule) {
	switch {
	case c.Type == "" && c.TypeOf == "":
		r.bad("type", "is required: one of our types, or type_of with an expression that gives the sender's own name")
	case c.Type != "" && c.TypeOf != "":
		r.bad("type_of", "is given beside type: one of them")
	case c.Type != "" && core.ClassOf(c.Type) == core.Unknown:
		r.bad("type", "%q is not a known type; the nearest is %q", c.Type, core.Nearest(c.Type))
	case c.Type == core.Custom && c.Name == "":
		r.bad("name", "is required for a custom event; a fixed one is a text in quotes: '\"Watched\"'")
	case c.Type == "consent_changed" && len(c.Consent) == 0:
		r.bad("consent", `is required for consent_changed: {email: 'event.opt_in'}`)
	}
	if c.Type != "" && c.Type != "consent_changed" && len(c.Consent) > 0 {
		r.bad("consent", "would be said nowhere: consent_changed alone takes it")
	}
	if c.ID == "" {
		r.bad("id", "is required: by it a repeated event is recognised")
	} else if out.id != nil && !out.id.Looks() {
		r.bad("id", "looks at nothing of the event: all events would be one")
	}
	if c.Email == "" && c.UserID == "" && c.AnonymousID == "" && len(c.ExternalIDs) == 0 && c.Properties["handoff_id"] == "" {
		r.bad("email", "is required, or user_id, anonymous_id or external_ids: whom the event is about")
	}
	if len(c.ExternalIDs) > fact.MaxExternalIDs {
		r.bad("external_ids", "names more than %d systems", fact.MaxExternalIDs)
	}
}
