package core

import (
	"cmp"
	"slices"
	"strings"
)

// Limits of one lead's profile. What lies beyond is the last by name, whatever the order of arrival.
const (
	maxFields     = 256
	maxFieldValue = 4096
	maxIDs        = 100
	maxConsents   = 200
	// maxID is how much of an outside id or name is kept.
	maxID = 256
)

// Prefixes of field names: account attributes, a sender's own traits and attributes (their values encoded by the adapter),
// and ids in other systems.
const (
	AccountPrefix      = "account."
	OtherPrefix        = "other."
	AccountOtherPrefix = "account.other."
	ExternalPrefix     = "external."
)

// Field is the latest value known of one trait or account attribute: by when it was said, then by the event's id.
type Field struct {
	Name, Value string
	At          int64
	By          string
}

func (f *Field) later(at int64, by, value string) bool {
	if f.At != at {
		return f.At < at
	}
	if f.By != by {
		return f.By < by
	}
	return f.Value < value
}

// Profile holds fields by name, in order.
type Profile []Field

// Get gives a field's value; ok is false where it is not known.
func (p Profile) Get(name string) (value string, ok bool) {
	i, found := p.find(name)
	if !found || p[i].Value == "" {
		return "", false
	}
	return p[i].Value, true
}

// Text gives a field's value, "" where it is not known.
func (p Profile) Text(name string) string {
	v, _ := p.Get(name)
	return v
}

// Under gives the fields whose names start with a prefix.
func (p Profile) Under(prefix string) []Field {
	from, _ := p.find(prefix)
	to := from
	for to < len(p) && strings.HasPrefix(p[to].Name, prefix) {
		to++
	}
	return p[from:to]
}

func (p Profile) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p, name, func(f Field, n string) int { return strings.Compare(f.Name, n) })
}

// put notes a value and reports whether the profile changed. A value of "" says that nothing is known any more.
func (p *Profile) put(f Field) bool {
	if len(f.Value) > maxFieldValue || len(f.Name) > maxID {
		return false
	}
	i, found := p.find(f.Name)
	if found {
		if !(*p)[i].later(f.At, f.By, f.Value) {
			return false
		}
		changed := (*p)[i].Value != f.Value
		(*p)[i] = f
		return changed
	}
	if i >= maxFields {
		return false
	}
	*p = slices.Insert(*p, i, f)
	if len(*p) > maxFields {
		*p = (*p)[:maxFields]
	}
	return true
}

// addID puts an id into an ordered set of at most maxIDs.
func addID(set []string, id string) []string {
	if id == "" {
		return set
	}
	id = clip(id, maxID)
	i, found := slices.BinarySearch(set, id)
	if found || i >= maxIDs {
		return set
	}
	if set = slices.Insert(set, i, id); len(set) > maxIDs {
		return set[:maxIDs]
	}
	return set
}

// Consent is the latest word of one identifier about one purpose. A person's several identifiers may say different things:
// the strictest counts, until the one that said it says otherwise.
type Consent struct {
	// Key is the identifier: its kind and itself.
	Key, Purpose, Decision string
	At                     int64
	By                     string
}

// strictness of a decision; what nobody knows is stricter than a plain yes.
func strictness(decision string) int {
	switch decision {
	case "granted":
		return 0
	case "denied", "withdrawn", "revoked", "unsubscribed":
		return 2
	case "objected":
		return 3
	}
	return 1
}

func compareConsent(a, b Consent) int {
	return cmp.Or(strings.Compare(a.Purpose, b.Purpose), strings.Compare(a.Key, b.Key))
}

func (l *Lead) putConsent(c Consent) {
	if len(c.Key) > 2*maxID || len(c.Purpose) > maxID || len(c.Decision) > maxID {
		return
	}
	i, found := slices.BinarySearchFunc(l.Consent, c, compareConsent)
	if found {
		old := &l.Consent[i]
		if cmp.Or(cmp.Compare(old.At, c.At), strings.Compare(old.By, c.By), cmp.Compare(strictness(old.Decision), strictness(c.Decision))) < 0 {
			*old = c
		}
		return
	}
	if l.Consent = slices.Insert(l.Consent, i, c); len(l.Consent) > maxConsents {
		l.dropConsent()
	}
}

// dropConsent forgets the least strict statement, the last one by purpose and identifier: never an objection for a yes.
func (l *Lead) dropConsent() {
	least := len(l.Consent) - 1
	for i := least - 1; i >= 0; i-- {
		if strictness(l.Consent[i].Decision) < strictness(l.Consent[least].Decision) {
			least = i
		}
	}
	l.Consent = slices.Delete(l.Consent, least, least+1)
}

// ConsentFor gives what counts for a purpose, "" where nothing was said.
func (l *Lead) ConsentFor(purpose string) string {
	decision := ""
	for i := range l.Consent {
		c := &l.Consent[i]
		if c.Purpose != purpose {
			continue
		}
		if decision == "" || strictness(c.Decision) > strictness(decision) ||
			strictness(c.Decision) == strictness(decision) && c.Decision < decision {
			decision = c.Decision
		}
	}
	return decision
}

// Purposes gives what counts for each purpose that anything was said of.
func (l *Lead) Purposes() map[string]string {
	out := map[string]string{}
	for i := range l.Consent {
		if p := l.Consent[i].Purpose; out[p] == "" {
			out[p] = l.ConsentFor(p)
		}
	}
	return out
}

// PrimaryEmail gives the address to write to: the lead's own, or else the first of those it absorbed; "" for none.
func (l *Lead) PrimaryEmail() string {
	if l.Email == "" && len(l.Emails) > 0 {
		return l.Emails[0]
	}
	return l.Email
}

// Objected reports whether the person has refused profiling: then nothing is scored and nothing qualifies.
func (l *Lead) Objected() bool {
	return strictness(l.ConsentFor("profiling")) >= 2 && len(l.Consent) > 0
}

// learn notes what an event says of the person and the account, and reports whether anything that rules look at changed.
func (l *Lead) learn(e *Event) bool {
	changed := false
	by := clip(e.ID, maxID)
	for _, v := range e.Known {
		if l.Profile.put(Field{Name: v.Name, Value: v.Value, At: e.At, By: by}) {
			changed = true
		}
	}
	if e.Email != "" {
		if !e.Passed && l.Named {
			changed = changed || l.Email != e.Email
			l.Email = e.Email
		} else if e.Email != l.Email {
			l.Emails = addID(l.Emails, e.Email)
		}
	}
	l.UserIDs = addID(l.UserIDs, e.UserID)
	for _, p := range e.Purposes {
		l.supersede(p.Purpose, e.At)
		for _, key := range e.identifiers() {
			l.putConsent(Consent{Key: key, Purpose: p.Purpose, Decision: p.Decision, At: e.At, By: by})
		}
		changed = true
	}
	return changed
}

// identifiers gives the keys under which a statement of consent counts: all identifiers that stand on it.
func (e *Event) identifiers() []string {
	var keys []string
	for _, k := range [...]struct{ kind, id string }{{"e:", e.Email}, {"u:", e.UserID}, {"a:", e.AnonymousID}} {
		if k.id != "" {
			keys = append(keys, k.kind+k.id)
		}
	}
	for _, v := range e.Known {
		if system, ok := strings.CutPrefix(v.Name, ExternalPrefix); ok {
			keys = append(keys, "x:"+system+":"+v.Value)
		}
	}
	if len(keys) == 0 {
		keys = append(keys, "")
	}
	return keys
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
