// Package mailing is what the senders of mail and marketing platforms share: how their sources are checked, how their times
// are read, and how an event that is none of ours is told apart from one that says nothing.
package mailing

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/formjson"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// First gives the first text there is: a string's, or the digits of a number.
func First(values ...strictjson.Value) string {
	for _, v := range values {
		if s := strings.TrimSpace(v.Text()); s != "" {
			return s
		}
	}
	return ""
}

// True reports whether a flag is set, however the platform writes it: true, "true", 1, "1".
func True(v strictjson.Value) bool {
	s := v.Text()
	return v.Kind() == strictjson.True || s == "1" || strings.EqualFold(s, "true")
}

// Moment reads a time as platforms write them: seconds since 1970, with a fraction or in milliseconds, as a number or a
// string, RFC 3339, the same without a zone (UTC), or a date as HTTP has it.
func Moment(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	whole, fraction, _ := strings.Cut(s, ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && n >= 0 {
		const millisFrom = 100_000_000_000 // in seconds the year 5138, in milliseconds 1973
		switch {
		case n >= 1000*millisFrom:
			return time.Time{}, false
		case n >= millisFrom:
			return time.UnixMilli(n).UTC(), true
		}
		nanos, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 32)
		return time.Unix(n, int64(nanos)).UTC(), err == nil
	}
	if t, err := core.ParseLooseTime(s); err == nil {
		return t, true
	}
	if len(s) <= 64 {
		if t, err := http.ParseTime(s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// Occurred sets when the event happened to the first of the values that is a believable time. Where there is none it happened
// when it was received: no platform's event is lost for its clock.
func Occurred(b *fact.Builder, field string, values ...strictjson.Value) {
	for _, v := range values {
		if t, ok := Moment(v.Text()); ok && !t.Before(core.Earliest()) {
			b.Occurred(field, t, t)
			return
		}
	}
}

// Keep keeps a value as a property, if there is one.
func Keep(b *fact.Builder, name string, v strictjson.Value) {
	if v.Given() {
		b.SetProperty(name, fact.Value(v))
	}
}

// KeepText keeps a text as a property; "" says nothing.
func KeepText(b *fact.Builder, name, text string) {
	if text != "" {
		b.SetProperty(name, structpb.NewStringValue(text))
	}
}

// KeepMembers keeps an object's members as properties, but for those named.
func KeepMembers(b *fact.Builder, v strictjson.Value, but ...string) {
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		used := false
		for _, name := range but {
			used = used || key.Is(name)
		}
		if !used {
			Keep(b, key.Text(), value)
		}
	}
}

// Kind sets the event's type: the operator's for the platform's name, else ours, else custom under "vendor: name".
func Kind(b *fact.Builder, cfg *sender.Config, vendor, name, ours string) {
	if mapped, ok := cfg.Map[name]; ok {
		ours = mapped
	}
	SetKind(b, vendor, name, ours)
}

// SetKind sets the event's type: ours, or custom under "vendor: name".
func SetKind(b *fact.Builder, vendor, name, ours string) {
	if ours == "" {
		ours = core.Custom
	}
	b.Type("event", ours)
	if ours == core.Custom {
		b.Name("event", vendor+": "+strictjson.Printable(name, 200))
	}
}

// Form reads a body that is one form-encoded event: read completes the item, as with sender.Objects.
func Form(docs *sender.Docs, cfg *sender.Config, d *sender.Delivery, yield func(sender.Item) error, read func(v strictjson.Value, item *sender.Item)) error {
	item := sender.Item{Single: true, Raw: d.Body}
	if item.Errors = sender.TooLarge(len(d.Body), cfg.MaxEvent); item.Errors != nil {
		return yield(item)
	}
	text, err := formjson.Convert(d.Body, sender.Limits())
	if err != nil {
		item.Errors = fact.Errors{{Reason: err.Error()}}
		return yield(item)
	}
	doc := docs.Get()
	defer docs.Put(doc)
	v, err := doc.Parse(text, 0, len(text), sender.Limits())
	if err != nil {
		item.Errors = fact.Fault(err)
		return yield(item)
	}
	read(v, &item)
	return yield(item)
}
