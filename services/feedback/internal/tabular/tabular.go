// Package tabular writes tables for others to read: CSV for spreadsheets, one JSON object a line for programs, Parquet for what reads many
// rows of few columns. A table is written as its rows come, in bounded memory; the formats hold the same values.
//
//	kind     CSV                     NDJSON             Parquet
//	ID       text                    string             BYTE_ARRAY, STRING
//	Text     text, made harmless     string             BYTE_ARRAY, STRING, by dictionary
//	Moment   2026-11-20T10:00:00Z    the same, string   INT64, TIMESTAMP(MICROS, UTC)
//	Flag     true, false             boolean            BOOLEAN
//	Count    digits                  number             INT64, INT(64, signed)
//	Number   shortest decimal        number             DOUBLE
//	Money    decimal                 string             INT64, DECIMAL(18, 6)
//
// What is not known is an empty cell, an absent member, and null.
package tabular

import (
	"fmt"
	"io"
	"time"
)

// Kind is what the cells of a column are.
type Kind uint8

// The kinds.
const (
	// ID is a text that hardly any two rows share.
	ID Kind = iota
	// Text is one that many share, and that may come from outside.
	Text
	Moment
	Flag
	Count
	Number
	// Money is a decimal number of six places: an amount in units of its currency, or a part of one conversion.
	Money
)

// Column of a table. Names are lower case with underscores, and differ.
type Column struct {
	Name string
	Kind Kind
}

// Columns gives columns of one kind.
func Columns(k Kind, names ...string) []Column {
	out := make([]Column, len(names))
	for i, n := range names {
		out[i] = Column{n, k}
	}
	return out
}

// Cell is one value. The zero Cell is not known.
type Cell struct {
	text  string
	whole int64
	real  float64
	known bool
}

// Str gives a cell of ID or Text; "" is not known.
func Str(s string) Cell { return Cell{text: s, known: s != ""} }

// At gives a cell of Moment, from milliseconds since 1970 (UTC); 0 is not known.
func At(ms int64) Cell { return Cell{whole: ms, known: ms != 0} }

// Is gives a cell of Flag.
func Is(b bool) Cell {
	c := Cell{known: true}
	if b {
		c.whole = 1
	}
	return c
}

// N gives a cell of Count.
func N[I int | int32 | int64 | uint8 | uint16 | uint32](n I) Cell {
	return Cell{whole: int64(n), known: true}
}

// Real gives a cell of Number.
func Real(f float64) Cell { return Cell{real: f, known: true} }

// Micros gives a cell of Money, from millionths.
func Micros(n int64) Cell { return Cell{whole: n, known: true} }

// None gives a cell that is not known.
func None() Cell { return Cell{} }

// Writer writes one table.
type Writer interface {
	// Write adds rows; each has as many cells as there are columns.
	Write(rows [][]Cell) error
	// Close writes what is left. A table that is not closed is not whole.
	Close() error
}

// Formats gives the names of the formats, the usual one first.
func Formats() []string { return []string{"csv", "ndjson", "parquet"} }

// MediaType gives a format's; "" for one that there is not.
func MediaType(format string) string {
	switch format {
	case "csv":
		return "text/csv; charset=utf-8"
	case "ndjson":
		return "application/x-ndjson"
	case "parquet":
		return "application/vnd.apache.parquet" // as registered with IANA
	}
	return ""
}

// NewWriter gives what writes a table of a name in a format. The error is for a format that there is not, or to's.
func NewWriter(format, name string, columns []Column, to io.Writer) (Writer, error) {
	switch format {
	case "csv":
		return newCSV(columns, to)
	case "ndjson":
		return newLines(columns, to), nil
	case "parquet":
		return newParquet(name, columns, to), nil
	}
	return nil, fmt.Errorf("there is no format %q", format)
}

// instant writes milliseconds since 1970 as RFC 3339 in UTC, to the millisecond.
func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
