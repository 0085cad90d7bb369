package fact

import (
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Struct gives an object as sent. A number becomes the nearest float64, as everywhere in JSON; an integer that a float64
// cannot hold exactly (an id of 20 digits) becomes its digits as a string, so that nothing is lost.
func Struct(v strictjson.Value) *structpb.Struct {
	if v.Kind() != strictjson.Object {
		return nil
	}
	var few [12]member
	members := few[:0]
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return structOf(members)
		}
		members = append(members, member{key, value})
	}
}

type member struct{ key, value strictjson.Value }

// structOf makes an object of members in few pieces of memory, whatever their number.
func structOf(members []member) *structpb.Struct {
	out := make(map[string]*structpb.Value, len(members))
	values := make([]structpb.Value, len(members))
	var texts []structpb.Value_StringValue
	for i, m := range members {
		if m.value.Kind() == strictjson.String {
			if texts == nil {
				texts = make([]structpb.Value_StringValue, len(members))
			}
			texts[i].StringValue = m.value.Text()
			values[i].Kind = &texts[i]
		} else {
			fill(&values[i], m.value)
		}
		out[m.key.Text()] = &values[i]
	}
	return &structpb.Struct{Fields: out}
}

// Value gives any value as Struct gives an object's members.
func Value(v strictjson.Value) *structpb.Value {
	out := &structpb.Value{}
	fill(out, v)
	return out
}

func fill(out *structpb.Value, v strictjson.Value) {
	switch v.Kind() {
	case strictjson.Object:
		out.Kind = &structpb.Value_StructValue{StructValue: Struct(v)}
	case strictjson.Array:
		n := v.Len()
		list := &structpb.ListValue{Values: make([]*structpb.Value, 0, n)}
		values := make([]structpb.Value, n)
		elements := v.Elements()
		for i := range n {
			e, _ := elements.Next()
			fill(&values[i], e)
			list.Values = append(list.Values, &values[i])
		}
		out.Kind = &structpb.Value_ListValue{ListValue: list}
	case strictjson.String:
		out.Kind = &structpb.Value_StringValue{StringValue: v.Text()}
	case strictjson.Number:
		f := v.Float()
		if text, ok := beyondFloat(v.Raw(), f); ok {
			out.Kind = &structpb.Value_StringValue{StringValue: text}
			return
		}
		out.Kind = &structpb.Value_NumberValue{NumberValue: f}
	case strictjson.True, strictjson.False:
		out.Kind = &structpb.Value_BoolValue{BoolValue: v.Kind() == strictjson.True}
	default:
		out.Kind = &structpb.Value_NullValue{}
	}
}

// beyondFloat gives the digits of an integer that f does not equal.
func beyondFloat(raw []byte, f float64) (string, bool) {
	if len(raw) <= 15 {
		return "", false
	}
	for i, c := range raw {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return "", false
		}
	}
	text := string(raw)
	return text, strconv.FormatFloat(f, 'f', -1, 64) != text
}

// text gives what a person would read in a simple value: a string, or the digits of a number.
func text(v strictjson.Value) string { return strings.TrimSpace(v.Text()) }

// address cuts a company's domain out of what people enter for it: an URL, a host, a host with www.
func address(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil {
			return ""
		}
		s = u.Hostname()
	} else {
		s, _, _ = strings.Cut(s, "/")
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "www."), ".")
	if strings.ContainsAny(s, " @:") || len(s) > 253 {
		return ""
	}
	return s
}
