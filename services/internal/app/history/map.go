package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known wherever the command runs
	"unicode/utf8"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// Formats of a file.
const (
	CSV    = "csv"
	NDJSON = "ndjson"
)

const (
	// maxEntries is how many events one row may give.
	maxEntries = 50
	// maxMembers is how many traits, properties and the like an event of a map may have.
	maxMembers = 200
)

// Map says how rows become events. It is used by one goroutine at a time.
type Map struct {
	// Source is the name of the source that the events are sent as.
	Source string
	// Format is CSV, NDJSON, or "" for what the file's name says.
	Format string
	// Hash tells one map from another, as far as what comes out of them is concerned.
	Hash string

	delimiter rune
	header    bool
	id        template
	hasID     bool
	zone      *time.Location
	entries   []entry
	// used are the columns that the map names, each with the first place that does.
	used []use
}

type use struct {
	column, path string
	line         int
}

func (m *Map) uses(at strictyaml.Node, column string) {
	if !slices.ContainsFunc(m.used, func(u use) bool { return u.column == column }) {
		m.used = append(m.used, use{column, at.Path, at.Line})
	}
}

// entry is one event that a row may give.
type entry struct {
	// key ends the ids of its events; path is its place in the map.
	key, path                              string
	eventType, name                        field
	when                                   []condition
	at                                     moment
	lead, external, traits, account, props []field
}

// Parse reads a map. The error is Errors: all that is wrong with it, with line and field.
func Parse(text []byte) (*Map, error) {
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: MaxMap, Depth: maxDepth})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m := &Map{Hash: hex.EncodeToString(sum[:]), zone: time.UTC, delimiter: ',', header: true}
	m.read(doc.Root())
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Map) read(root strictyaml.Node) {
	f := root.Fields("source", "format", "csv", "id", "zone", "events")
	if m.Source = textOf(f["source"]); m.Source == "" {
		f["source"].Fail("is required: the source of type baton that the events are sent as")
	}
	switch m.Format = textOf(f["format"]); m.Format {
	case "", CSV, NDJSON:
	default:
		f["format"].Fail("must be csv or ndjson")
	}
	if c := f["csv"]; c.Exists() {
		if m.Format == NDJSON {
			c.Fail("belongs to the format csv")
		}
		cf := c.Fields("delimiter", "header")
		if d := cf["delimiter"]; d.Exists() {
			m.delimiter = readDelimiter(d)
		}
		m.header = boolOf(cf["header"], true)
	}
	if z := f["zone"]; z.Exists() {
		zone, err := time.LoadLocation(textOf(z))
		if err != nil || textOf(z) == "Local" {
			z.Fail("is not a time zone such as Europe/Stockholm")
		} else {
			m.zone = zone
		}
	}
	if id := f["id"]; id.Exists() {
		m.id, m.hasID = m.template(id), true
		if m.id.constant {
			id.Fail("names no column: every row would have the same")
		}
	}
	list := f["events"].List()
	switch {
	case len(list) == 0:
		f["events"].Fail("is required: what each row gives")
	case len(list) > maxEntries:
		f["events"].Fail("has %d entries, at most %d are allowed", len(list), maxEntries)
		return
	}
	keys := map[string]int{}
	for _, n := range list {
		e := m.entry(n)
		if keys[e.key]++; keys[e.key] > 1 {
			e.key = fmt.Sprintf("%s-%d", e.key, keys[e.key])
		}
		m.entries = append(m.entries, e)
	}
}

func readDelimiter(n strictyaml.Node) rune {
	s := textOf(n)
	if s == `\t` || s == "tab" {
		return '\t'
	}
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r) {
		n.Fail("must be one character, such as \";\" or \"\\t\"")
		return ','
	}
	return r
}

func (m *Map) entry(n strictyaml.Node) entry {
	f := n.Fields("type", "name", "when", "occurred_at", "lead", "traits", "account", "properties")
	e := entry{path: n.Path, key: "event"}
	if t := f["type"]; !t.Exists() {
		t.Fail("is required")
	} else {
		e.eventType = m.field(t, "type", asText)
		e.key = checkTypes(t, e.eventType)
	}
	if f["name"].Exists() {
		e.name = m.field(f["name"], "name", asText)
	} else if e.key == "custom" {
		f["name"].Fail("is required for a custom event")
	}
	e.when = m.conditions(f["when"])
	if at := f["occurred_at"]; !at.Exists() {
		at.Fail("is required: when it happened")
	} else {
		e.at = m.moment(at)
	}
	lead := f["lead"].Fields("email", "user_id", "anonymous_id", "external_ids")
	for _, name := range []string{"email", "user_id", "anonymous_id"} {
		if lead[name].Exists() {
			e.lead = append(e.lead, m.field(lead[name], name, asText))
		}
	}
	e.external = m.fieldsOf(lead["external_ids"], func(string) kind { return asText })
	if len(e.lead)+len(e.external) == 0 && n.Faults() == 0 {
		f["lead"].Fail("is required: who did it, by email, user_id, anonymous_id or external_ids")
	}
	e.traits = m.fieldsOf(f["traits"], traitKind)
	e.account = m.fieldsOf(f["account"], accountKind)
	e.props = m.fieldsOf(f["properties"], func(string) kind { return asIs })
	return e
}

// What the form wants as text is given as text, whatever it is in the file.
func traitKind(name string) kind {
	switch name {
	case "first_name", "last_name", "title", "country", "phone", "company", "language":
		return asText
	}
	return asIs
}

func accountKind(name string) kind {
	switch name {
	case "name", "domain", "industry", "country":
		return asText
	}
	return asIs
}

func (m *Map) fieldsOf(n strictyaml.Node, kindOf func(string) kind) []field {
	members := n.Members()
	if len(members) > maxMembers {
		n.Fail("has %d members, at most %d are allowed", len(members), maxMembers)
		return nil
	}
	out := make([]field, len(members))
	for i, c := range members {
		out[i] = m.field(c.Node, c.Key, kindOf(c.Key))
	}
	return out
}

func (m *Map) conditions(n strictyaml.Node) (out []condition) {
	for _, c := range n.Members() {
		m.uses(c.Node, c.Key)
		w := condition{column: c.Key}
		switch word, kind := c.Scalar(); {
		case word == "absent":
			w.absent = true
		case word == "present":
		case kind != strictyaml.List:
			c.Fail("must be a list of values, present, or absent")
		default:
			for _, v := range c.List() {
				w.values = append(w.values, strings.TrimSpace(textOf(v)))
			}
			if len(w.values) == 0 {
				c.Fail("must be a list of values, present, or absent")
			}
		}
		out = append(out, w)
	}
	return out
}

// Event is one event in Baton's own form.
type Event struct {
	ID, Type string
	JSON     json.RawMessage
	// Who has a hash of each identifier that names the lead: events of one lead share one, but for those of whom only other
	// events tell that they are one.
	Who []uint64
}

// Events gives the events of a row, none where no entry's conditions hold. They depend on the map and the row alone. The error is
// an Error with the field of the map: then the row gives nothing.
func (m *Map) Events(r *Row) ([]Event, error) {
	id := ""
	var out []Event
	for i := range m.entries {
		e := &m.entries[i]
		wanted, err := e.wanted(r)
		if err != nil || !wanted {
			if err != nil {
				return nil, err
			}
			continue
		}
		if id == "" {
			if id, err = m.rowID(r); err != nil {
				return nil, err
			}
		}
		event, err := m.event(e, r, id)
		if err != nil {
			return nil, err
		}
		if event != nil {
			out = append(out, *event)
		}
	}
	return out, nil
}

func (e *entry) wanted(r *Row) (bool, error) {
	for i := range e.when {
		holds, err := e.when[i].holds(r)
		if err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

// rowID gives what makes a row unique: what the map says, or else its content.
func (m *Map) rowID(r *Row) (string, error) {
	if !m.hasID {
		sum := sha256.Sum256(r.Raw)
		return hex.EncodeToString(sum[:16]), nil
	}
	id, ok, err := m.id.text(r)
	if err != nil {
		return "", Error{Field: "id", Reason: err.Error()}
	}
	if !ok {
		return "", Error{Field: "id", Reason: "is empty in this row"}
	}
	return id, nil
}

// event gives an entry's event, nil where the row's type is none that the map translates.
func (m *Map) event(e *entry, r *Row, id string) (*Event, error) {
	eventType, err := e.eventType.text(r)
	if err != nil {
		return nil, e.wrong("type", err)
	}
	if eventType == "" {
		return nil, nil
	}
	at, err := e.at.of(r)
	if err != nil {
		return nil, e.wrong("occurred_at", err)
	}
	id += "/" + e.key
	form := map[string]any{"id": id, "type": eventType, "occurred_at": at.UTC().Format(time.RFC3339Nano), "history": true}
	if name, err := e.name.text(r); err != nil {
		return nil, e.wrong("name", err)
	} else if name != "" {
		form["name"] = name
	}
	lead := map[string]any{}
	for _, part := range []struct {
		name   string
		fields []field
		into   map[string]any
	}{{"lead", e.lead, lead}, {"lead.external_ids", e.external, nil}, {"traits", e.traits, nil}, {"account", e.account, nil}, {"properties", e.props, nil}} {
		into := part.into
		if into == nil {
			into = map[string]any{}
		}
		for i := range part.fields {
			v, err := part.fields[i].of(r)
			if err != nil {
				return nil, e.wrong(part.name+"."+part.fields[i].name, err)
			}
			if v != nil {
				into[part.fields[i].name] = v
			}
		}
		switch {
		case len(into) == 0:
		case part.name == "lead.external_ids":
			lead["external_ids"] = into
		default:
			form[part.name] = into
		}
	}
	if len(lead) == 0 {
		return nil, e.wrong("lead", fmt.Errorf("says of nobody: all of it is empty in this row"))
	}
	form["lead"] = lead
	text, err := json.Marshal(form)
	if err != nil {
		return nil, e.wrong("", err)
	}
	return &Event{ID: id, Type: eventType, JSON: text, Who: who(nil, "", lead)}, nil
}

// who appends a hash of each identifier of a lead.
func who(out []uint64, kind string, ids map[string]any) []uint64 {
	for name, v := range ids {
		if inner, ok := v.(map[string]any); ok {
			out = who(out, name, inner)
			continue
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%s\x00%s\x00%v", kind, name, v)
		out = append(out, h.Sum64())
	}
	return out
}

func (e *entry) wrong(field string, err error) error {
	return Error{Field: strings.TrimSuffix(e.path+"."+field, "."), Reason: err.Error()}
}
