package tabular

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

const (
	// groupRows is how many rows a row group holds: what is kept in memory until it is written.
	groupRows = 50_000
	// pageBytes is how much of a column is gathered before it becomes a page, which is encoded and compressed.
	pageBytes = 64 << 10
	// dictionaryBytes is how large a dictionary may be in a row group; a column with more different texts goes on without one.
	dictionaryBytes = 1 << 20
)

// parquetWriter writes Parquet as the format's specification has it (apache/parquet-format): pages of version 1 and Snappy, which every reader
// knows.
type parquetWriter struct {
	columns []Column
	w       *parquet.GenericWriter[any]
	rows    []parquet.Row
}

func newParquet(name string, columns []Column, to io.Writer) *parquetWriter {
	g := group{Group: parquet.Group{}, columns: columns}
	for _, c := range columns {
		g.Group[c.Name] = node(c.Kind)
	}
	return &parquetWriter{columns: columns, w: parquet.NewGenericWriter[any](to, parquet.NewSchema(name, g),
		parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(1), parquet.PageBufferSize(pageBytes), parquet.MaxRowsPerRowGroup(groupRows),
		parquet.DictionaryMaxBytes(dictionaryBytes), parquet.CreatedBy("baton", "", ""))}
}

// group is a group whose fields stand in the order of the columns: parquet.Group sorts them by name.
type group struct {
	parquet.Group
	columns []Column
}

func (g group) Fields() []parquet.Field {
	fields := g.Group.Fields()
	place := func(f parquet.Field) int {
		return slices.IndexFunc(g.columns, func(c Column) bool { return c.Name == f.Name() })
	}
	slices.SortFunc(fields, func(a, b parquet.Field) int { return place(a) - place(b) })
	return fields
}

func node(k Kind) parquet.Node {
	var n parquet.Node
	switch k {
	case Text:
		n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	case Moment:
		n = parquet.TimestampAdjusted(parquet.Microsecond, true)
	case Flag:
		n = parquet.Leaf(parquet.BooleanType)
	case Count:
		n = parquet.Int(64)
	case Number:
		n = parquet.Leaf(parquet.DoubleType)
	case Money:
		n = parquet.Decimal(6, 18, parquet.Int64Type)
	case ID:
		n = parquet.String()
	}
	return parquet.Optional(n)
}

func (w *parquetWriter) Write(rows [][]Cell) error {
	w.rows = w.rows[:0]
	for _, cells := range rows {
		row := make(parquet.Row, len(cells))
		for i, c := range cells {
			row[i] = value(w.columns[i].Kind, c, i)
		}
		w.rows = append(w.rows, row)
	}
	if _, err := w.w.WriteRows(w.rows); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}

// value gives a cell as a value of a column: of the definition level 1, or null of the level 0.
func value(k Kind, c Cell, column int) parquet.Value {
	if !c.known || k == Number && math.IsNaN(c.real) {
		return parquet.NullValue().Level(0, 0, column)
	}
	var v parquet.Value
	switch k {
	case Moment:
		v = parquet.Int64Value(c.whole * 1000)
	case Flag:
		v = parquet.BooleanValue(c.whole != 0)
	case Count, Money:
		v = parquet.Int64Value(c.whole)
	case Number:
		v = parquet.DoubleValue(c.real)
	case ID, Text:
		v = parquet.ByteArrayValue([]byte(strings.ToValidUTF8(c.text, "�")))
	}
	return v.Level(0, 1, column)
}

func (w *parquetWriter) Close() error {
	if err := w.w.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}
