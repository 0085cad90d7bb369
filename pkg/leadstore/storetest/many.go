package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

func ranges(t testing.TB, s leadstore.Store, service string, q leadstore.RangeQuery, partitions ...int) []leadstore.PartitionRange {
	t.Helper()
	got, err := s.Ranges(t.Context(), service, partitions, q)
	if err != nil || len(got) != len(partitions) {
		t.Fatalf("ranges %+v of %v: %+v, %v", q, partitions, got, err)
	}
	return got
}

func hashes(t testing.TB, s leadstore.Store, service, name string, partitions ...int) []leadstore.PartitionHash {
	t.Helper()
	got, err := s.Hashes(t.Context(), service, partitions, name)
	if err != nil || len(got) != len(partitions) {
		t.Fatalf("hash %q of %v: %+v, %v", name, partitions, got, err)
	}
	return got
}

// testMany reads many partitions at once: each has its own, in the order asked for, under its own watermark, and those that hold nothing
// are told as such.
func testMany(t *testing.T, s Subject) {
	const filled = 40
	var asked []int
	for p := range filled {
		asked = append(asked, p)
		if p%3 == 0 {
			continue
		}
		mustWrite(t, s.Store, service, p, "", fmt.Sprint("at ", p), func(m *leadstore.Mutation) {
			m.IndexAdd("i", fmt.Sprint("low ", p), 1)
			m.IndexAdd("i", fmt.Sprint("high ", p), 2)
			m.IndexAdd("other", "x", 2)
			if p%2 == 0 {
				m.FieldSet("h", "a", []byte(fmt.Sprint(p)))
			}
		})
	}
	slices.Reverse(asked)
	everything := leadstore.RangeQuery{Index: "i", Min: -inf, Max: inf, Limit: 9}
	highest := leadstore.RangeQuery{Index: "i", Min: -inf, Max: inf, Limit: 1}
	all, first := ranges(t, s.Store, service, everything, asked...), ranges(t, s.Store, service, highest, asked...)
	none := ranges(t, s.Store, service, leadstore.RangeQuery{Index: "i", Min: -inf, Max: inf}, asked...)
	maps := hashes(t, s.Store, service, "h", asked...)
	for i, p := range asked {
		mark, want, fields := "", []leadstore.Scored(nil), map[string][]byte{}
		if p%3 != 0 {
			mark = fmt.Sprint("at ", p)
			want = []leadstore.Scored{{Member: fmt.Sprint("high ", p), Score: 2}, {Member: fmt.Sprint("low ", p), Score: 1}}
			if p%2 == 0 {
				fields["a"] = []byte(fmt.Sprint(p))
			}
		}
		if all[i].Watermark != mark || !slices.Equal(all[i].Members, want) {
			t.Errorf("partition %d has %+v, want %v under %q", p, all[i], want, mark)
		}
		if first[i].Watermark != mark || !slices.Equal(first[i].Members, want[:min(len(want), 1)]) {
			t.Errorf("partition %d has %+v first, want %v under %q", p, first[i], want, mark)
		}
		if none[i].Watermark != mark || len(none[i].Members) > 0 {
			t.Errorf("partition %d, asked for nothing, has %+v", p, none[i])
		}
		if maps[i].Watermark != mark || !equalHashes(maps[i].Fields, fields) {
			t.Errorf("partition %d has %+v, want %q under %q", p, maps[i], fields, mark)
		}
	}
	// Of a long watermark they give the head, and Read gives all.
	long := strings.Repeat("w", leadstore.WatermarkHead) + " and more"
	mustWrite(t, s.Store, service, 63, "", long, func(m *leadstore.Mutation) { m.Set("k", []byte("v")) })
	if got := ranges(t, s.Store, service, everything, 63)[0].Watermark; got != long[:leadstore.WatermarkHead] {
		t.Errorf("a range has the watermark %q", got)
	}
	if got := hashes(t, s.Store, service, "h", 63)[0].Watermark; got != long[:leadstore.WatermarkHead] {
		t.Errorf("a hash has the watermark %q", got)
	}
	if got, _ := read(t, s.Store, service, 63, "k"); got != long {
		t.Errorf("a read has the watermark %q", got)
	}
	// The same partition may be asked for twice, and none at all.
	if got := ranges(t, s.Store, service, everything, 1, 1); !slices.Equal(got[0].Members, got[1].Members) || len(got[1].Members) != 2 {
		t.Errorf("asked twice: %+v", got)
	}
	ranges(t, s.Store, service, everything)
	hashes(t, s.Store, service, "h")
	for _, bad := range []struct {
		service   string
		partition int
	}{{"a:b", 1}, {"", 1}, {service, -1}} {
		if got, err := s.Store.Ranges(t.Context(), bad.service, []int{1, bad.partition}, everything); err == nil {
			t.Errorf("ranges of %q, %d: %+v", bad.service, bad.partition, got)
		}
		if got, err := s.Store.Hashes(t.Context(), bad.service, []int{1, bad.partition}, "h"); err == nil {
			t.Errorf("hashes of %q, %d: %+v", bad.service, bad.partition, got)
		}
	}
}

// testReadBoth reads keys and fields of several partitions at once: each answer is the one that Read and Fields give.
func testReadBoth(t *testing.T, s Subject) {
	for p := range 3 {
		mustWrite(t, s.Store, service, p, "", fmt.Sprint("at ", p), func(m *leadstore.Mutation) {
			m.Set("k", []byte(fmt.Sprint("value ", p)))
			m.FieldSet("k", "f", []byte(fmt.Sprint("field ", p)))
		})
	}
	reads := []leadstore.PartitionRead{{Partition: 2, Keys: []string{"k", "none"}}, {Partition: 7}, {Partition: 0, Keys: []string{"k"}}}
	fields := []leadstore.PartitionFields{
		{Partition: 1, Hash: "k"}, {Partition: 1, Hash: "k", Fields: []string{"none", "f"}}, {Partition: 7, Hash: "k", Fields: []string{"f"}},
	}
	values, found, err := s.Store.ReadBoth(t.Context(), service, reads, fields)
	if err != nil {
		t.Fatal(err)
	}
	wantValues := []leadstore.PartitionValues{{Watermark: "at 2", Values: [][]byte{[]byte("value 2"), nil}}, {}, {Watermark: "at 0", Values: [][]byte{[]byte("value 0")}}}
	wantFields := [][][]byte{{}, {nil, []byte("field 1")}, {nil}}
	if len(values) != len(wantValues) || len(found) != len(wantFields) {
		t.Fatalf("have %q and %q", values, found)
	}
	for i, want := range wantValues {
		if values[i].Watermark != want.Watermark || !slices.EqualFunc(values[i].Values, want.Values, same) {
			t.Errorf("read %d has %q, want %q", i, values[i], want)
		}
	}
	for i, want := range wantFields {
		if !slices.EqualFunc(found[i], want, same) {
			t.Errorf("fields %d are %q, want %q", i, found[i], want)
		}
	}
	if values, found, err := s.Store.ReadBoth(t.Context(), service, nil, nil); err != nil || len(values)+len(found) > 0 {
		t.Errorf("asked for nothing: %q, %q, %v", values, found, err)
	}
	for _, bad := range []int{0, 1} {
		reads, fields := []leadstore.PartitionRead{{Partition: 1 - 2*bad}}, []leadstore.PartitionFields{{Partition: -1 + 2*bad, Hash: "h", Fields: []string{"f"}}}
		if values, found, err := s.Store.ReadBoth(t.Context(), service, reads, fields); err == nil {
			t.Errorf("a partition that cannot be: %q, %q", values, found)
		}
	}
}
