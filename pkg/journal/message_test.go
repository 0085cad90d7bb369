package journal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func TestOriginRoundTrip(t *testing.T) {
	want := Origin{Producer: "scoring", Partition: 7, Entity: "ld_ea", Cause: 123456789012, N: 42}
	got, err := parseOrigin(want.String())
	if err != nil || *got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "a", "a b c d", "a 64 c 1.1", "a -1 c 1.1", "a 1 c 1", "a 1 c x.1", "a 1 c 1.x"} {
		if _, err := parseOrigin(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// An event of a later version keeps what this one does not know: fields, payload members and types.
func TestUnknownSurvives(t *testing.T) {
	known, err := proto.Marshal(&journalv1.Event{Id: "1", Entity: "ld_x", Type: "telepathy_received", Source: "s"})
	if err != nil {
		t.Fatal(err)
	}
	later := protowire.AppendTag(known, 999, protowire.BytesType)
	later = protowire.AppendString(later, "a payload of the year 2031")
	ev, err := decode(Head{Seq: 1, Type: "telepathy_received"}, later)
	if err != nil {
		t.Fatal(err)
	}
	again, err := marshal(ev.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(again), "a payload of the year 2031") || ev.Body.Type != "telepathy_received" {
		t.Fatal("what this version does not know was lost")
	}
}

func TestWatermarkRoundTrip(t *testing.T) {
	w := watermark{
		replaying: true, journal: "J/v2", position: 10, event: 9, eventTime: time.Unix(0, 1795300630972374410), mark: 8, commit: "C",
		counters: counters{1, 2, 3, 4}, origins: origins{{"scoring", 3}: {7, 1}, {"routing", 63}: {9, 0}},
	}
	got, err := parseWatermark(w.String())
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != w.String() || !got.eventTime.Equal(w.eventTime) || got.origins[originKey{"scoring", 3}] != (originMark{7, 1}) {
		t.Fatalf("got  %s\nwant %s", got, &w)
	}
}

// Causes ascend per producer and deciding partition, never per producer alone: two partitions interleave freely.
func TestOriginsAdvancePerDecidingPartition(t *testing.T) {
	o := origins{}
	for _, c := range []struct {
		origin Origin
		fresh  bool
	}{
		{Origin{Producer: "scoring", Partition: 1, Cause: 100}, true},
		{Origin{Producer: "scoring", Partition: 2, Cause: 50}, true},
		{Origin{Producer: "scoring", Partition: 1, Cause: 100}, false},
		{Origin{Producer: "scoring", Partition: 1, Cause: 100, N: 1}, true},
		{Origin{Producer: "scoring", Partition: 1, Cause: 99}, false},
		{Origin{Producer: "routing", Partition: 1, Cause: 99}, true},
		{Origin{Producer: "scoring", Partition: 2, Cause: 51}, true},
	} {
		if got := o.advance(&c.origin); got != c.fresh {
			t.Errorf("%+v: fresh %v, want %v", c.origin, got, c.fresh)
		}
	}
}

func FuzzWatermark(f *testing.F) {
	f.Add((&watermark{journal: "J", origins: origins{{"s", 1}: {2, 3}}}).String())
	f.Add("w1 live J 1 2 3 4 - 5 6 7 8 ")
	f.Add("wiping x")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := parseWatermark(s)
		if err != nil {
			return
		}
		if again, err := parseWatermark(w.String()); err != nil || again.String() != w.String() {
			t.Fatalf("%q reads as %q, which reads as %v, %v", s, w, again, err)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add("baton.j.07.ld_x", "custom", "ld_x", "scoring 7 ld_x 1.0")
	f.Add("baton.j.g.agreement", "agreement_changed", "", "")
	f.Add("baton.j.99.", "", "", "x")
	f.Fuzz(func(_ *testing.T, subject, typ, entity, origin string) {
		h := nats.Header{headerType: {typ}, headerEntity: {entity}, headerOrigin: {origin}}
		hd, err := head(subject, h, 1, time.Now())
		if err == nil && hd.Partition != Global && (hd.Partition < 0 || hd.Partition >= Partitions) {
			panic("a partition out of range")
		}
	})
}

func FuzzBlob(f *testing.F) {
	f.Add(sealBlob(map[string]int64{"sla": 5}, []byte("x")))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		armed, blob, err := openBlob(b)
		if err != nil || b == nil {
			return
		}
		a2, b2, err := openBlob(sealBlob(armed, blob))
		if err != nil || len(a2) != len(armed) || string(b2) != string(blob) {
			t.Fatal("a blob that was read does not survive")
		}
	})
}

func TestParseAck(t *testing.T) {
	for text, want := range map[string]struct {
		seq   uint64
		count int
		err   error
	}{
		`{"stream":"BATON_JOURNAL","seq":12}`:                                            {seq: 12},
		`{"stream":"BATON_JOURNAL", "domain":"hub", "seq":12}`:                           {seq: 12},
		`{"stream":"BATON_JOURNAL","seq":12,"batch":"x","count":3}`:                      {seq: 12, count: 3},
		`{"stream":"BATON_JOURNAL","seq":-1}`:                                            {err: ErrUnavailable},
		`{"stream":"BATON_JOURNAL","seq":`:                                               {err: ErrUnavailable},
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 7"}}`: {err: errFenced},
		`{"error":{"code":400,"err_code":10054,"description":"message size exceeds"}}`:   {err: errContent},
		`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`: {err: ErrUnavailable},
	} {
		ack, err := parseAck([]byte(text))
		if !errors.Is(err, want.err) || err == nil && (ack.Seq != want.seq || ack.Count != want.count) {
			t.Errorf("%s: %+v, %v", text, ack, err)
		}
	}
}
