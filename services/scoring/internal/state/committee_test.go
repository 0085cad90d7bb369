package state_test

import (
	"bytes"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

func TestAnAccountIsReadBackAndIsTheContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &state.Other{}
		draw(t, reflect.ValueOf(&o.Account).Elem(), "account")
		blob := o.Append(nil)
		got, err := state.DecodeOther(blob)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Account, o.Account) {
			t.Fatalf("got  %+v\nwant %+v", got.Account, o.Account)
		}
		var m scoringv1.OtherState
		if err := proto.Unmarshal(blob, &m); err != nil || len(m.ProtoReflect().GetUnknown()) > 0 {
			t.Fatalf("the contract reads it otherwise: %v", err)
		}
		if again, err := (proto.MarshalOptions{Deterministic: true}).Marshal(&m); err != nil || !bytes.Equal(again, blob) {
			t.Fatalf("the generated code writes it differently: %v\n%x\n%x", err, again, blob)
		}
	})
}

func TestEveryFieldOfAnAccountIsWritten(t *testing.T) {
	o := &state.Other{QuarantinedAt: 1, IndexedMs: 1}
	o.Seen.Add(core.KeyOf("a", "b"), 1, true)
	o.Seen.Forgotten = 1
	fill(reflect.ValueOf(&o.Account).Elem())
	var m scoringv1.OtherState
	if err := proto.Unmarshal(o.Append(nil), &m); err != nil {
		t.Fatal(err)
	}
	for _, part := range []proto.Message{&m, m.People[0]} {
		r := part.ProtoReflect()
		for i := range r.Descriptor().Fields().Len() {
			if f := r.Descriptor().Fields().Get(i); !r.Has(f) {
				t.Errorf("%s is not written", f.FullName())
			}
		}
	}
}
