package sender

import (
	"bytes"
	"errors"
	"mime"
	"strconv"
	"strings"
	"sync"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Docs lends parsers, so that one grown for a large event serves the next.
type Docs struct{ pool sync.Pool }

// Get lends a parser.
func (p *Docs) Get() *strictjson.Doc {
	if d, ok := p.pool.Get().(*strictjson.Doc); ok {
		return d
	}
	return strictjson.NewDoc()
}

// Put takes a parser back. One that a huge event has made large is let go.
func (p *Docs) Put(d *strictjson.Doc) {
	d.Forget()
	if d.Size() <= 1<<20 {
		p.pool.Put(d)
	}
}

// Split finds the events of a body that is one object, an array, or NDJSON by its content type, and gives each one's place
// to yield. A body of which this cannot be told for every part is *Unreadable, before the first yield. What is one object or
// an array as it stands is that, whatever its content type says: that is not signed, and to change it would make other events
// of the same body.
func Split(body []byte, contentType string, maxEvents int, yield func(index int, single bool, at strictjson.Span) error) error {
	start := 0
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) { // a byte order mark says nothing and harms nobody
		start = 3
	}
	rest := bytes.TrimLeft(body[start:], " \t\r\n")
	if len(rest) == 0 {
		return unreadable("the body is empty")
	}
	i := 0
	each := func(at strictjson.Span) error {
		i++
		return yield(i-1, false, at)
	}
	switch {
	case rest[0] != '[' && ndjson(contentType) && !whole(body, start):
		if n := bytes.Count(rest, []byte{'\n'}) + 1; n > maxEvents {
			return tooMany(maxEvents)
		}
		return strictjson.EachLine(body, func(at strictjson.Span) error {
			at.From = max(at.From, start)
			return each(at)
		})
	case rest[0] == '[':
		if err := Countable(body, start, len(body), maxEvents); err != nil {
			return err
		}
		return strictjson.EachElement(body, start, len(body), each)
	default:
		return yield(0, true, strictjson.Span{From: start, To: len(body)})
	}
}

// whole reports whether a body is one object with nothing behind it.
func whole(body []byte, start int) bool {
	return strictjson.EachMember(body, start, len(body), func(strictjson.Span, strictjson.Span) error { return nil }) == nil
}

// Countable checks that body[from:to] is an array that can be told apart into at most maxEvents elements.
func Countable(body []byte, from, to, maxEvents int) error {
	n, many := 0, errors.New("many")
	err := strictjson.EachElement(body, from, to, func(strictjson.Span) error {
		if n++; n > maxEvents {
			return many
		}
		return nil
	})
	switch {
	case errors.Is(err, many):
		return tooMany(maxEvents)
	case err != nil:
		return &Unreadable{Errors: fact.Fault(err)}
	}
	return nil
}

func unreadable(reason string) error {
	return &Unreadable{Errors: fact.Errors{{Reason: reason}}}
}

func tooMany(limit int) error {
	return unreadable("more than " + strconv.Itoa(limit) + " events in one request")
}

func ndjson(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return false
	}
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t, _, _ = strings.Cut(contentType, ";")
	}
	switch strings.ToLower(strings.TrimSpace(t)) {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines":
		return true
	}
	return false
}

// Objects reads a body that is one JSON object or a list of them: read completes each item, which has its place and its bytes
// already, from the event's value. An element that is no acceptable JSON, or no object, or too large, is an item with errors.
func Objects(docs *Docs, cfg *Config, d *Delivery, yield func(Item) error, read func(v strictjson.Value, item *Item)) error {
	doc := docs.Get()
	defer docs.Put(doc)
	return Split(d.Body, d.ContentType, cfg.MaxEvents, func(i int, single bool, at strictjson.Span) error {
		item := Item{Index: i, Single: single, Raw: d.Body[at.From:at.To]}
		v, err := doc.Parse(d.Body, at.From, at.To, Limits())
		switch {
		case err != nil:
			item.Errors = fact.Fault(err)
		case v.Kind() != strictjson.Object:
			item.Errors = fact.Errors{{Reason: "an event must be an object"}}
		case len(v.Raw()) > cfg.MaxEvent:
			item.Errors = TooLarge(len(v.Raw()), cfg.MaxEvent)
		default:
			read(v, &item)
		}
		return yield(item)
	})
}
