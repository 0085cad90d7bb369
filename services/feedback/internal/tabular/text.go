package tabular

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Decimal writes millionths with at least the two places of cents.
func Decimal(micros int64) string {
	sign, u := "", uint64(micros)
	if micros < 0 {
		sign, u = "-", -u
	}
	s := fmt.Sprintf("%s%d.%06d", sign, u/1_000_000, u%1_000_000)
	for range 4 {
		s = strings.TrimSuffix(s, "0")
	}
	return s
}

// plain gives a cell as text, "" for one that is not known.
func plain(k Kind, c Cell) string {
	if !c.known {
		return ""
	}
	switch k {
	case Moment:
		return instant(c.whole)
	case Flag:
		return strconv.FormatBool(c.whole != 0)
	case Count:
		return strconv.FormatInt(c.whole, 10)
	case Number:
		if math.IsNaN(c.real) || math.IsInf(c.real, 0) {
			return ""
		}
		return strconv.FormatFloat(c.real, 'f', -1, 64)
	case Money:
		return Decimal(c.whole)
	case ID, Text:
	}
	return c.text
}

type csvWriter struct {
	columns []Column
	w       *csv.Writer
	row     []string
}

// newCSV writes RFC 4180's CSV with a heading, and lines that end with \n.
func newCSV(columns []Column, to io.Writer) (*csvWriter, error) {
	w := &csvWriter{columns: columns, w: csv.NewWriter(to), row: make([]string, len(columns))}
	for i, c := range columns {
		w.row[i] = c.Name
	}
	if err := w.w.Write(w.row); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return w, nil
}

func (w *csvWriter) Write(rows [][]Cell) error {
	for _, cells := range rows {
		for i, c := range cells {
			w.row[i] = plain(w.columns[i].Kind, c)
			if k := w.columns[i].Kind; k == ID || k == Text {
				w.row[i] = harmless(w.row[i])
			}
		}
		if err := w.w.Write(w.row); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	return nil
}

func (w *csvWriter) Close() error {
	w.w.Flush()
	if err := w.w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// harmless keeps a spreadsheet from taking a text for a formula, as OWASP's page on CSV injection advises: an apostrophe before what begins
// with = + - @, a tab or a line end.
func harmless(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return cell
	}
	return "'" + cell
}

type linesWriter struct {
	names [][]byte
	kinds []Kind
	to    io.Writer
}

// newLines writes one JSON object a line, its members in the order of the columns.
func newLines(columns []Column, to io.Writer) *linesWriter {
	w := &linesWriter{to: to}
	for _, c := range columns {
		w.names, w.kinds = append(w.names, strconv.AppendQuote(nil, c.Name)), append(w.kinds, c.Kind)
	}
	return w
}

func (w *linesWriter) Write(rows [][]Cell) error {
	var out bytes.Buffer
	for _, cells := range rows {
		out.WriteByte('{')
		first := true
		for i, c := range cells {
			text := plain(w.kinds[i], c)
			if text == "" {
				continue
			}
			if !first {
				out.WriteByte(',')
			}
			first = false
			out.Write(w.names[i])
			out.WriteByte(':')
			switch w.kinds[i] {
			case Flag, Count, Number:
				out.WriteString(text)
			case ID, Text, Moment, Money:
				quoted, err := json.Marshal(text)
				if err != nil {
					return fmt.Errorf("write JSON: %w", err)
				}
				out.Write(quoted)
			}
		}
		out.WriteString("}\n")
	}
	if _, err := w.to.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func (w *linesWriter) Close() error { return nil }
