package tabular

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

func columns() []Column {
	return []Column{{"id", ID}, {"zone", Text}, {"at", Moment}, {"flag", Flag}, {"count", Count}, {"share", Number}, {"amount", Money}}
}

func written(t interface{ Fatal(...any) }, format string, batches ...[][]Cell) []byte {
	var out bytes.Buffer
	w, err := NewWriter(format, "things", columns(), &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range batches {
		if err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sample() [][]Cell {
	return [][]Cell{
		{Str("a"), Str("=1+1"), At(1_700_000_000_123), Is(true), N(3), Real(0.25), Micros(-12_500_000)},
		{Str("b"), None(), None(), Is(false), N(0), Real(math.NaN()), Micros(333_334)},
		{Str("c"), Str("x, \"y\"\nz"), At(0), Is(false), N(-5), None(), None()},
	}
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(written(t, "csv", sample()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"id", "zone", "at", "flag", "count", "share", "amount"},
		{"a", "'=1+1", "2023-11-14T22:13:20.123Z", "true", "3", "0.25", "-12.50"},
		{"b", "", "", "false", "0", "", "0.333334"},
		{"c", "x, \"y\"\nz", "", "false", "-5", "", ""},
	}
	if !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
		t.Errorf("%q", rows)
	}
}

func TestLines(t *testing.T) {
	want := `{"id":"a","zone":"=1+1","at":"2023-11-14T22:13:20.123Z","flag":true,"count":3,"share":0.25,"amount":"-12.50"}
{"id":"b","flag":false,"count":0,"amount":"0.333334"}
{"id":"c","zone":"x, \"y\"\nz","flag":false,"count":-5}
`
	got := string(written(t, "ndjson", sample()))
	if got != want {
		t.Error(got)
	}
	for line := range strings.Lines(got) {
		if !json.Valid([]byte(line)) {
			t.Error(line)
		}
	}
}

// readBack gives the cells of a Parquet file, as the library reads them.
func readBack(t interface{ Fatal(...any) }, file []byte) (rows [][]Cell, f *parquet.File) {
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	kinds := columns()
	for _, g := range f.RowGroups() {
		reader := g.Rows()
		for buf := make([]parquet.Row, 100); ; {
			n, err := reader.ReadRows(buf)
			for _, r := range buf[:n] {
				row := make([]Cell, len(kinds))
				for _, v := range r {
					i := v.Column()
					switch {
					case v.IsNull():
					case kinds[i].Kind == ID || kinds[i].Kind == Text:
						row[i] = Cell{text: string(v.ByteArray()), known: true}
					case kinds[i].Kind == Number:
						row[i] = Real(v.Double())
					case kinds[i].Kind == Flag:
						row[i] = Is(v.Boolean())
					case kinds[i].Kind == Moment:
						row[i] = At(v.Int64() / 1000)
					default:
						row[i] = Micros(v.Int64())
					}
				}
				rows = append(rows, row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return rows, f
}

func TestParquet(t *testing.T) {
	rows, f := readBack(t, written(t, "parquet", sample()[:1], sample()[1:]))
	want := sample()
	want[1][5] = None() // NaN is not known
	if !slices.EqualFunc(rows, want, slices.Equal[[]Cell]) {
		t.Errorf("%+v\n%+v", rows, want)
	}
	for i, c := range f.Root().Columns() {
		typ := map[Kind]string{
			ID: "STRING", Text: "STRING", Moment: "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", Flag: "BOOLEAN", Count: "INT(64,true)", Number: "DOUBLE", Money: "DECIMAL(18,6)",
		}[columns()[i].Kind]
		if c.Name() != columns()[i].Name || c.Type().String() != typ || !c.Optional() {
			t.Errorf("column %d is %s %s, want %s %s", i, c.Name(), c.Type(), columns()[i].Name, typ)
		}
	}
	if rows, _ := readBack(t, written(t, "parquet")); len(rows) != 0 {
		t.Error("a table without rows is one, too")
	}
}

// TestFormatsHoldTheSame: whatever is in the cells, each format gives it back.
func TestFormatsHoldTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := func(c Cell) Cell {
			if rapid.IntRange(0, 4).Draw(t, "unknown") == 0 {
				return None()
			}
			return c
		}
		var rows [][]Cell
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			rows = append(rows, []Cell{
				Str(rapid.String().Draw(t, "id")), Str(rapid.SampledFrom([]string{"", "site", "ads", "-3", "é\u2028", "+x"}).Draw(t, "zone")),
				At(rapid.Int64Range(-1<<45, 1<<45).Draw(t, "at")), cell(Is(rapid.Bool().Draw(t, "flag"))), cell(Micros(rapid.Int64().Draw(t, "n"))),
				cell(Real(rapid.Float64().Draw(t, "share"))), cell(Micros(rapid.Int64Range(-999_999_999_999_999_999, 999_999_999_999_999_999).Draw(t, "amount"))),
			})
		}
		cut := rapid.IntRange(0, len(rows)).Draw(t, "cut")
		if got, _ := readBack(t, written(t, "parquet", rows[:cut], rows[cut:])); !slices.EqualFunc(got, rows, slices.Equal[[]Cell]) {
			t.Fatalf("Parquet: %+v\n%+v", got, rows)
		}
		for i, line := range slices.Collect(strings.Lines(string(written(t, "ndjson", rows[:cut], rows[cut:])))) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(line, err)
			}
			for k, c := range columns() {
				v, there := m[c.Name]
				if want := plain(c.Kind, rows[i][k]); there != (want != "") || there && c.Kind != Number && c.Kind != Count && fmt.Sprint(v) != want {
					t.Fatalf("%s of %s is not %s", c.Name, line, want)
				}
			}
		}
		read, err := csv.NewReader(bytes.NewReader(written(t, "csv", rows))).ReadAll()
		if err != nil || len(read) != len(rows)+1 {
			t.Fatal(len(read), err)
		}
	})
}

// TestARowGroupIsWrittenAsSoonAsItIsFull: what waits in memory has a bound, however many rows there are.
func TestARowGroupIsWrittenAsSoonAsItIsFull(t *testing.T) {
	var out bytes.Buffer
	w, err := NewWriter("parquet", "things", columns(), &out)
	if err != nil {
		t.Fatal(err)
	}
	batch := make([][]Cell, 1000)
	for n := range 2*groupRows/len(batch) + 1 {
		for i := range batch {
			batch[i] = []Cell{Str(fmt.Sprintf("ld_%08d", n*1000+i)), Str("site"), At(int64(n + 1)), Is(true), N(i), Real(0.5), Micros(1)}
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() < 2*groupRows*5 {
		t.Errorf("%d bytes were written of two full groups", out.Len())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rows, f := readBack(t, out.Bytes())
	if len(rows) != 2*groupRows+1000 || len(f.RowGroups()) != 3 || f.RowGroups()[0].NumRows() != groupRows || rows[groupRows][0].text != "ld_00050000" {
		t.Error(len(rows), len(f.RowGroups()))
	}
}

// failing takes nothing.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestAReaderThatGoesIsTold(t *testing.T) {
	for _, format := range Formats() {
		w, err := NewWriter(format, "things", columns(), failing{})
		if err == nil {
			err = errors.Join(w.Write(sample()), w.Close())
		}
		if err == nil {
			t.Error(format)
		}
	}
	if _, err := NewWriter("xls", "things", columns(), io.Discard); err == nil || MediaType("xls") != "" {
		t.Error("there is no xls")
	}
}
