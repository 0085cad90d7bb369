package history

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// Formats of times beside Go's layouts.
const (
	formatRFC3339 = "rfc3339"
	formatUnix    = "unix"
	formatUnixMs  = "unix_ms"
)

// leastUnix is the first number of seconds that is taken for a moment, in March 1973: 20250102 and 0 are none.
const leastUnix = 1e8

// moment says when an event happened.
type moment struct {
	from    template
	formats []string
	zone    *time.Location
}

func (m *Map) moment(n strictyaml.Node) moment {
	t := moment{zone: m.zone, formats: []string{formatRFC3339, time.DateTime, time.DateOnly}}
	if n.Kind() != strictyaml.Mapping {
		t.from = m.template(n)
		return t
	}
	f := n.Fields("from", "formats")
	if !f["from"].Exists() {
		f["from"].Fail("is required: where the time comes from, such as \"{created}\"")
	}
	t.from = m.template(f["from"])
	if list := f["formats"]; list.Exists() {
		t.formats = nil
		for _, n := range list.List() {
			format := textOf(n)
			if err := checkFormat(format); err != nil {
				n.Fail("%v", err)
			}
			t.formats = append(t.formats, format)
		}
		if len(t.formats) == 0 {
			list.Fail("is empty")
		}
	}
	return t
}

// checkFormat refuses a layout that does not tell one day from another.
func checkFormat(format string) error {
	switch format {
	case formatRFC3339, formatUnix, formatUnixMs:
		return nil
	}
	want := time.Date(2011, 10, 29, 0, 0, 0, 0, time.UTC)
	got, err := time.Parse(format, want.Format(format))
	if err != nil || got.Year() != want.Year() || got.YearDay() != want.YearDay() {
		return errors.New("is none of rfc3339, unix, unix_ms and no layout that says how 2 January 2006 15:04:05 is written, such as \"02.01.2006 15:04\"")
	}
	return nil
}

// of gives the moment that a row names.
func (t *moment) of(r *Row) (time.Time, error) {
	s, ok, err := t.from.text(r)
	if err != nil {
		return time.Time{}, err
	}
	if !ok {
		return time.Time{}, errors.New("is empty in this row")
	}
	for _, format := range t.formats {
		if at, ok := t.parse(format, s); ok && at.Year() >= 1 && at.Year() <= 9999 {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("is not a time as %s", strings.Join(t.formats, ", "))
}

func (t *moment) parse(format, s string) (time.Time, bool) {
	switch format {
	case formatRFC3339:
		at, err := time.Parse(time.RFC3339Nano, s)
		return at, err == nil
	case formatUnix, formatUnixMs:
		// Some systems write fractions of seconds.
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(v) > 1e15 {
			return time.Time{}, false
		}
		if format == formatUnixMs {
			return time.UnixMilli(int64(v)), math.Abs(v) >= leastUnix*1e3
		}
		return time.UnixMicro(int64(math.Round(v * 1e6))), math.Abs(v) >= leastUnix && math.Abs(v) < 1e12
	}
	at, err := time.ParseInLocation(format, s, t.zone)
	return at, err == nil
}
