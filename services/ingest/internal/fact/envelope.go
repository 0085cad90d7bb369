package fact

import (
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// KeepRest keeps what else stands in the envelope that an event came in, the members of v but for those named, as properties,
// unless there is one of that name.
func KeepRest(ev *journalv1.Event, v strictjson.Value, but ...string) {
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		if slices.ContainsFunc(but, key.Is) {
			continue
		}
		KeepProperty(ev, key.Text(), Value(value))
	}
}

// KeepProperty adds a property to an event, unless there is one of that name.
func KeepProperty(ev *journalv1.Event, name string, value *structpb.Value) {
	if ev.Properties == nil {
		ev.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{}}
	}
	if _, there := ev.Properties.Fields[name]; !there {
		ev.Properties.Fields[name] = value
	}
}
