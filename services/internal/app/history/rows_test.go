package history

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const leastMap = "source: a\nevents:\n  - { type: deal_won, occurred_at: \"{t}\", lead: { email: \"{e}\" } }\n"

func leastReader(t testing.TB, name string, in io.Reader, at Place) *Reader {
	t.Helper()
	m, err := Parse([]byte(leastMap))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewReader(name, in, at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What the standard library writes is read as it was written, in whatever pieces it comes.
func TestCSVIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab,;\" \n\té")), 0, 8, -1)
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string {
			return []string{"x" + cell.Draw(t, "a"), cell.Draw(t, "b"), cell.Draw(t, "c")}
		}), 0, 20).Draw(t, "rows")
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		if err := w.Write([]string{"t", "e", "x"}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		text := file.Bytes()
		m, err := Parse([]byte(leastMap))
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.NewReader("x.csv", iotest.OneByteReader(bytes.NewReader(text)), Place{})
		if err != nil {
			t.Fatal(err)
		}
		var places []Place
		for _, want := range rows {
			places = append(places, r.Place())
			row, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got := strings.ReplaceAll(row.cells[i], "\r\n", "\n"); got != want[i] {
					t.Fatalf("got %q, want %q", row.cells, want)
				}
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		// Going on from any place gives the same rows with the same numbers and lines.
		if len(rows) == 0 {
			return
		}
		k := rapid.IntRange(0, len(rows)-1).Draw(t, "from")
		again, err := m.NewReader("x.csv", bytes.NewReader(text), places[k])
		if err != nil {
			t.Fatal(err)
		}
		row, err := again.Next()
		if err != nil || row.Number != k+1 || row.Offset != places[k].Offset || row.Line != places[k].Lines+1 || strings.ReplaceAll(row.cells[0], "\r\n", "\n") != rows[k][0] {
			t.Fatalf("%+v, %v; want row %d, %q", row, err, k+1, rows[k])
		}
	})
}

func TestOddRowsDoNotTakeOthersWithThem(t *testing.T) {
	long := strings.Repeat("x", MaxRow+10)
	for _, tc := range []struct {
		name, file string
		rows, bad  []int // lines
	}{
		{"a row too long", "t,e\n1,a\n2," + long + "\n3,c\n", []int{2, 4}, []int{3}},
		{"a quoted row too long", "t,e\n1,a\n2,\"" + long + "\"\n3,c\n", []int{2, 4}, []int{3}},
		{"a last row too long", "t,e\n1,a\n2," + long + long, []int{2}, []int{3}},
		{"a quote never closed, much behind it", "t,e\n1,\"a\n" + strings.Repeat("2,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", 40_000), nil, []int{2}},
		{"a quote never closed, little behind it", "t,e\n1,\"a\n2,b\n3,c", []int{3, 4}, []int{2}},
		{"quotes inside a plain field", "t,e\n1,5\"\" pipe\n2,b\"c\n", []int{2, 3}, nil},
		{"lines in quotes", "t,e\n1,\"a\n\n\"\n2,b\n", []int{2, 5}, nil},
		{"empty lines", "t,e\n\n1,a\r\n\r\n2,b", []int{3, 5}, nil},
	} {
		r := leastReader(t, "x.csv", strings.NewReader(tc.file), Place{})
		var rows, bad []int
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			var e *RowError
			switch {
			case errors.As(err, &e):
				if bad = append(bad, e.Row.Line); len(e.Row.Raw) > MaxRow {
					t.Errorf("%s: %d bytes are told of it", tc.name, len(e.Row.Raw))
				}
			case err != nil:
				t.Fatal(err)
			default:
				rows = append(rows, row.Line)
			}
		}
		if tc.rows == nil {
			if len(rows) != 40_000 {
				t.Errorf("%s: %d rows", tc.name, len(rows))
			}
			rows = nil
		}
		if !slices.Equal(rows, tc.rows) || !slices.Equal(bad, tc.bad) {
			t.Errorf("%s: rows in lines %v, bad ones in %v; want %v, %v", tc.name, rows, bad, tc.rows, tc.bad)
		}
		if cap(r.buf) > 4*MaxRow {
			t.Errorf("%s: holds %d bytes", tc.name, cap(r.buf))
		}
	}
}

func TestAReaderThatFails(t *testing.T) {
	r := leastReader(t, "x.csv", io.MultiReader(strings.NewReader("t,e\n1,a\n2"), iotest.ErrReader(errors.New("the disk"))), Place{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "the disk") {
		t.Error(err)
	}
}

// FuzzMap: no map and no file makes it fail; what comes out is an event of the form, with an id, and the same each time.
func FuzzMap(f *testing.F) {
	f.Add([]byte(example), []byte(exampleHeader+`d1;open;ana@x.example;77;VP;Ana;"Initech; Ltd";420;12000.50;g;2024-07-01 12:00:00`), true)
	f.Add([]byte(leastMap), []byte(`{"t":"2024-01-31","e":"a@x.example"}`), false)
	f.Add([]byte("source: a\ncsv: {header: false}\nevents: [{type: '{1}', occurred_at: {from: '{2}', formats: [unix]}, lead: {user_id: '{{{3}}}'}}]"), []byte("deal_won,1,\"x\"\"\n"), true)
	f.Fuzz(func(t *testing.T, mapText, file []byte, asCSV bool) {
		m, err := Parse(mapText)
		if err != nil {
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		name := "x.ndjson"
		if asCSV {
			name = "x.csv"
		}
		r, err := m.NewReader(name, bytes.NewReader(file), Place{})
		if err != nil {
			return
		}
		offset := int64(-1)
		for range len(file) + 2 {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var bad *RowError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.Offset <= offset || row.End <= row.Offset || row.End > int64(len(file)) {
				t.Fatalf("a row at %d to %d after one at %d", row.Offset, row.End, offset)
			}
			offset = row.Offset
			events, err := m.Events(row)
			again, _ := m.Events(row)
			if err != nil {
				var e Error
				if !errors.As(err, &e) || len(events) != 0 {
					t.Fatalf("%T %v with %d events", err, err, len(events))
				}
			}
			for i, e := range events {
				var form struct {
					ID, Type string
					History  bool
					Lead     map[string]any
				}
				if err := json.Unmarshal(e.JSON, &form); err != nil || form.ID == "" || form.ID != e.ID || form.Type == "" || !form.History || len(form.Lead) == 0 {
					t.Fatalf("%s: %v", e.JSON, err)
				}
				if !bytes.Equal(again[i].JSON, e.JSON) {
					t.Fatalf("%s, and then %s", e.JSON, again[i].JSON)
				}
			}
		}
		t.Fatal("it does not end")
	})
}
