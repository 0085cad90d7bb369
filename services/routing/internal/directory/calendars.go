package directory

import (
	"maps"
	"slices"
	"strconv"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// calendarText is a calendar that several reps and pools share.
type calendarText struct {
	ID       string              `yaml:"id"`
	TimeZone string              `yaml:"time_zone"`
	Hours    map[string][]string `yaml:"hours"`
	Holidays []string            `yaml:"holidays"`
}

func (b *builder) calendars(list []calendarText) {
	b.shared = make(map[string]calendarText, len(list))
	taken := ids{}
	for i, c := range list {
		path := at("calendars", i)
		b.take(taken, path, c.ID)
		// What is wrong with it is said once, here.
		b.calendar(path, repText{TimeZone: c.TimeZone, Hours: c.Hours, Holidays: c.Holidays})
		b.shared[c.ID] = c
	}
}

// onShared gives a rep's text with what the shared calendar says where the rep says nothing: hours and time zone are the rep's own
// if stated, holidays are those of both.
func (b *builder) onShared(path string, r repText) repText {
	if r.Calendar == "" {
		return r
	}
	c, ok := b.shared[r.Calendar]
	if !ok {
		b.Fail(path+".calendar", "there is no calendar %q in this directory", strictyaml.Clip(r.Calendar))
		return r
	}
	if r.TimeZone == "" {
		r.TimeZone = c.TimeZone
	}
	if len(r.Hours) == 0 {
		r.Hours = maps.Clone(c.Hours)
	}
	r.Holidays = append(slices.Clone(r.Holidays), c.Holidays...)
	return r
}

const (
	maxCapacity   = 1_000_000
	capacityShape = "must be {per: 1d, handoffs: 20}, {open: 30}, or a list of these"
)

// capacity reads a window, a limit on what is in hand, or a list of both.
func (b *builder) capacity(path string, v any, hands bool) (windowed []calendar.Capacity, open int) {
	if v == nil {
		return nil, 0
	}
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	for i, item := range list {
		where := path
		if many {
			where = at(path, i)
		}
		m, ok := item.(map[string]any)
		if !ok || len(m) == 0 {
			b.Fail(where, capacityShape)
			continue
		}
		for field := range m {
			if field != "per" && field != "handoffs" && (field != "open" || !hands) {
				b.Fail(where, "%q is no part of a capacity: %s", strictyaml.Clip(field), capacityShape)
			}
		}
		if _, inHand := m["open"]; inHand && hands {
			n, ok := count(m["open"])
			switch {
			case !ok:
				b.Fail(where+".open", "must be from 1 to %d", maxCapacity)
			case open > 0:
				b.Fail(where+".open", "is given twice")
			}
			open = n
		}
		if _, window := m["per"]; !window && m["handoffs"] == nil {
			continue
		}
		windowed = b.window(where, m, windowed)
	}
	return windowed, open
}

func (b *builder) window(where string, m map[string]any, list []calendar.Capacity) []calendar.Capacity {
	text, _ := m["per"].(string)
	per, ok := windows[text]
	if !ok {
		b.Fail(where+".per", "must be 1h, 1d or 7d")
	}
	n, ok := count(m["handoffs"])
	if !ok {
		b.Fail(where+".handoffs", "must be from 1 to %d (active: false takes somebody out)", maxCapacity)
	}
	if slices.ContainsFunc(list, func(c calendar.Capacity) bool { return c.Per == per }) {
		b.Fail(where+".per", "there is a capacity for that window already")
	}
	return append(list, calendar.Capacity{Handoffs: n, Per: per})
}

// count reads a whole number as YAML gives it.
func count(v any) (int, bool) {
	var n int64
	switch v := v.(type) {
	case uint64:
		n = int64(min(v, maxCapacity+1))
	case int64:
		n = v
	case int:
		n = int64(v)
	case string:
		parsed, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 1, false
		}
		n = parsed
	}
	if n < 1 || n > maxCapacity {
		return 1, false
	}
	return int(n), true
}

// words checks names of skills: each once.
func (b *builder) words(path string, list []string) []string {
	seen := ids{}
	for i, w := range list {
		if !identity.Safe(w) {
			b.Fail(at(path, i), "must be a name of letters, digits, - and _, at most 64 long")
		} else if seen.has(w) {
			b.Fail(at(path, i), "%q is given twice", strictyaml.Clip(w))
		}
		seen[w] = struct{}{}
	}
	return list
}
