package crm

import (
	"encoding/json"

	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Object makes one flat JSON object of fields that a CRM has in another shape (pairs, XML, values within values), so that all
// of them are read the same way. The first of two fields of one name counts.
type Object struct {
	buf  []byte
	seen map[string]struct{}
}

// Raw adds a field whose value is JSON already.
func (o *Object) Raw(name string, value []byte) {
	if _, twice := o.seen[name]; twice || len(value) == 0 {
		return
	}
	if o.seen == nil {
		o.seen = map[string]struct{}{}
	}
	o.seen[name] = struct{}{}
	if len(o.buf) == 0 {
		o.buf = append(o.buf, '{')
	} else {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, quoted(name)...)
	o.buf = append(o.buf, ':')
	o.buf = append(o.buf, value...)
}

// Text adds a field that is a string.
func (o *Object) Text(name, value string) { o.Raw(name, quoted(value)) }

// Has reports whether there is a field of that name.
func (o *Object) Has(name string) bool {
	_, there := o.seen[name]
	return there
}

// Members adds the members of an object but for those that skip names.
func (o *Object) Members(v strictjson.Value, skip func(name string) bool) {
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		if name := key.Text(); skip == nil || !skip(name) {
			o.Raw(name, value.Raw())
		}
	}
}

// Value reads the object with doc, whose other values become void.
func (o *Object) Value(doc *strictjson.Doc) (strictjson.Value, error) {
	text := []byte("{}")
	if len(o.buf) > 0 {
		text = append(o.buf, '}')
	}
	return doc.Parse(text, 0, len(text), sender.Limits())
}

func quoted(s string) []byte {
	out, err := json.Marshal(s)
	if err != nil { // a string cannot fail
		return []byte(`""`)
	}
	return out
}
