package render

import (
	"fmt"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// everyKind is a message type with a field of every kind: alone, optional, in a list, in a map and in a oneof.
func everyKind(t *testing.T) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{
		Name: new("kinds.proto"), Package: new("kinds"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/timestamp.proto", "google/protobuf/duration.proto", "google/protobuf/struct.proto", "google/protobuf/wrappers.proto"},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: new("Kind"), Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: new("KIND_UNSPECIFIED"), Number: new(int32(0))}, {Name: new("KIND_ONE"), Number: new(int32(1))},
		}}},
	}
	m := &descriptorpb.DescriptorProto{Name: new("All"), OneofDecl: []*descriptorpb.OneofDescriptorProto{{Name: new("one")}}}
	var optional []*descriptorpb.OneofDescriptorProto
	var later []func()
	add := func(name string, kind descriptorpb.FieldDescriptorProto_Type, of string, change func(*descriptorpb.FieldDescriptorProto)) {
		// Numbers fall while the declaration goes on: the order is the declaration's.
		f := &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: new(int32(500 - len(m.Field))), Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
		if of != "" {
			f.TypeName = &of
		}
		change(f)
		m.Field = append(m.Field, f)
	}
	for kind := descriptorpb.FieldDescriptorProto_TYPE_DOUBLE; kind <= descriptorpb.FieldDescriptorProto_TYPE_SINT64; kind++ {
		kinds := []string{""}
		switch kind {
		case descriptorpb.FieldDescriptorProto_TYPE_GROUP:
			continue
		case descriptorpb.FieldDescriptorProto_TYPE_ENUM:
			kinds = []string{".kinds.Kind", ".google.protobuf.NullValue"}
		case descriptorpb.FieldDescriptorProto_TYPE_MESSAGE:
			kinds = []string{".kinds.All", ".google.protobuf.Timestamp", ".google.protobuf.Duration", ".google.protobuf.Struct", ".google.protobuf.StringValue"}
		}
		for n, of := range kinds {
			name := fmt.Sprintf("f%d_%d", kind, n)
			add(name, kind, of, func(*descriptorpb.FieldDescriptorProto) {})
			add(name+"_list", kind, of, func(f *descriptorpb.FieldDescriptorProto) {
				f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			})
			later = append(later, func() {
				add(name+"_one", kind, of, func(f *descriptorpb.FieldDescriptorProto) { f.OneofIndex = new(int32(0)) })
			})
			add(name+"_optional", kind, of, func(f *descriptorpb.FieldDescriptorProto) {
				optional = append(optional, &descriptorpb.OneofDescriptorProto{Name: new("_" + name + "_optional")})
				f.Proto3Optional, f.OneofIndex = new(true), new(int32(len(optional)))
			})
			for _, key := range []descriptorpb.FieldDescriptorProto_Type{
				descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_TYPE_SINT32,
				descriptorpb.FieldDescriptorProto_TYPE_UINT64, descriptorpb.FieldDescriptorProto_TYPE_BOOL,
			} {
				entry := fmt.Sprintf("F%d%dBy%dEntry", kind, n, key)
				value := &descriptorpb.FieldDescriptorProto{Name: new("value"), Number: new(int32(2)), Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
				if of != "" {
					value.TypeName = &of
				}
				m.NestedType = append(m.NestedType, &descriptorpb.DescriptorProto{
					Name: &entry, Options: &descriptorpb.MessageOptions{MapEntry: new(true)}, Field: []*descriptorpb.FieldDescriptorProto{
						{Name: new("key"), Number: new(int32(1)), Type: key.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}, value,
					},
				})
				add(fmt.Sprintf("f%d%d_by%d", kind, n, key), descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, ".kinds.All."+entry, func(f *descriptorpb.FieldDescriptorProto) {
					f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
				})
			}
		}
	}
	for _, add := range later { // a oneof's fields are declared in a row
		add()
	}
	m.OneofDecl = append(m.OneofDecl, optional...)
	file.MessageType = []*descriptorpb.DescriptorProto{m}
	made, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return made.Messages().ByName("All")
}

// randomly fills a message.

func randomly(t *rapid.T, m protoreflect.Message, depth int) {
	switch known := m.Interface().(type) {
	case *timestamppb.Timestamp:
		known.Seconds = rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s")
		known.Nanos = rapid.SampledFrom([]int32{0, 1, 1000, 120_000, 5_000_000, 999_999_999}).Draw(t, "ns")
		return
	case *durationpb.Duration:
		proto.Merge(known, durationpb.New(time.Duration(rapid.Int64().Draw(t, "d"))))
		return
	case *structpb.Struct:
		known.Fields = map[string]*structpb.Value{rapid.String().Draw(t, "k"): structpb.NewStringValue(rapid.String().Draw(t, "v")), "n": structpb.NewNullValue()}
		return
	case *wrapperspb.StringValue:
		known.Value = rapid.String().Draw(t, "w")
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if rapid.IntRange(0, 2).Draw(t, "skipped") > 0 || depth == 0 && f.Message() != nil {
			continue
		}
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				entries.Set(draw(t, f.MapKey(), nil, 0).MapKey(), draw(t, f.MapValue(), entries.NewValue, depth-1))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				list.Append(draw(t, f, list.NewElement, depth-1))
			}
		default:
			m.Set(f, draw(t, f, func() protoreflect.Value { return m.NewField(f) }, depth-1))
		}
	}
}

func draw(t *rapid.T, f protoreflect.FieldDescriptor, fresh func() protoreflect.Value, depth int) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"\`, "\u2028<>&\x7f", "\x00\x1f\b\f\n\r\t", "é", "\xff", "a\xc3"})).Draw(t, "text"))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "uint32"))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "int64"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "uint64"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{0, 1e-6, 9.9e-7, 1e21, 3e-9, float32(math.NaN()), float32(math.Inf(-1))})).Draw(t, "float"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 0.1, 1e-6, 9.9e-7, 1e21, 1e-9, math.NaN(), math.Inf(1)})).Draw(t, "double"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.IntRange(0, 3).Draw(t, "enum")))
	}
	v := fresh()
	randomly(t, v.Message(), depth)
	return v
}

// Of every message the bytes are those of protojson, less its spaces; and where that refuses one, so do we.
func TestMessages(t *testing.T) {
	all := everyKind(t)
	w := &messages{}
	for name, fresh := range map[string]func() proto.Message{
		"every kind": func() proto.Message { return dynamicpb.NewMessage(all) },
		"payload":    func() proto.Message { return &routingv1.Payload{} },
		"lead":       func() proto.Message { return &routingv1.LeadEvent{} },
		"desk":       func() proto.Message { return &routingv1.DeskEvent{} },
		"summary":    func() proto.Message { return &routingv1.SummaryEvent{} },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := fresh()
				randomly(t, m.ProtoReflect(), 3)
				raw, refused := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
				got, err := w.write(nil, m.ProtoReflect())
				if (err != nil) != (refused != nil) {
					t.Fatalf("%v; protojson: %v", err, refused)
				}
				if want := pack(nil, raw); err == nil && string(got) != string(want) {
					t.Fatalf("%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// BenchmarkMessages is how long a body takes beside protojson.
func BenchmarkMessages(b *testing.B) {
	m := &routingv1.Payload{HandoffId: "ho_1", Stage: "routed", Lead: &routingv1.PayloadLead{Email: "vera@initech.example"}, Brief: &routingv1.Brief{}}
	for range 30 {
		m.Brief.Timeline = append(m.Brief.Timeline, &routingv1.TimelineEntry{Type: "page_viewed", At: timestamppb.New(time.Unix(1e9, 0)), Summary: "read the pricing page"})
	}
	b.Run("ours", func(b *testing.B) {
		w := &messages{}
		for b.Loop() {
			if _, err := w.write(nil, m.ProtoReflect()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protojson", func(b *testing.B) {
		for b.Loop() {
			if _, err := (protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}).Marshal(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
