package segment

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Forwarded reads calls that Segment's servers pass on, as the SDKs made them: the same facts come of them.
type Forwarded struct{ source source }

// NewForwarded makes the reader of a source.
func NewForwarded(cfg sender.Config) *Forwarded {
	return &Forwarded{source: source{cfg: cfg, settled: true}}
}

// Read gives the fact that a call states. A call without a messageId is known by its bytes: Segment sends it again until it is taken.
func (f *Forwarded) Read(v strictjson.Value, received fact.Received) (fact.Fact, fact.Errors) {
	got, errs := f.source.read(v, received, "", "")
	if errs == nil && strings.HasPrefix(got.Event.Id, madeUp) && v.Get("messageId").Text() == "" {
		got.Event.Id = sender.BodyID(v.Raw())
	}
	return got, errs
}
