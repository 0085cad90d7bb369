package history

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/batonhq/baton/pkg/strictyaml"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Types lists the types of events that history can hold: what comes from outside, but for answers to handoffs, which there were
// none of.
func Types() []string {
	const first, lastEngagement, firstDeal, last = 20, 49, 56, 62
	var out []string
	fields := (&journalv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("payload").Fields()
	for i := range fields.Len() {
		if n := fields.Get(i).Number(); inside(n, first, lastEngagement) || inside(n, firstDeal, last) {
			out = append(out, string(fields.Get(i).Name()))
		}
	}
	return out
}

func inside(n, first, last protoreflect.FieldNumber) bool { return n >= first && n <= last }

// checkTypes checks the types that a field can give, and gives the one where there is only one.
func checkTypes(n strictyaml.Node, f field) (key string) {
	literal, constant := f.from.literal()
	possible := []string{literal}
	if !constant {
		if possible = nil; f.values == nil && f.missing == nil {
			return "event" // as the file says; what is no type is refused when it is sent
		}
		for _, t := range f.values {
			possible = append(possible, t)
		}
	}
	types := Types()
	slices.Sort(possible)
	for _, t := range possible {
		if !slices.Contains(types, t) {
			n.Fail("%q is not a type of event that history can hold; there are %s", t, strings.Join(types, ", "))
		}
	}
	if constant {
		return literal
	}
	return "event"
}
