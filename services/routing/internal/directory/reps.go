package directory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

type repText struct {
	ID       string              `yaml:"id"`
	Name     string              `yaml:"name"`
	Email    string              `yaml:"email"`
	Team     string              `yaml:"team"`
	External map[string]string   `yaml:"external_ids"`
	Notify   map[string]bool     `yaml:"notify"`
	TimeZone string              `yaml:"time_zone"`
	Hours    map[string][]string `yaml:"hours"`
	Holidays []string            `yaml:"holidays"`
	Away     []any               `yaml:"away"`
	Calendar string              `yaml:"calendar"`
	Capacity any                 `yaml:"capacity"`
	Weight   *string             `yaml:"weight"`
	Skills   []string            `yaml:"skills"`
	Speaks   []string            `yaml:"languages"`
	Active   *bool               `yaml:"active"`
}

func (b *builder) reps(list []repText) {
	b.repIDs = ids{}
	for i, r := range list {
		path := at("reps", i)
		b.take(b.repIDs, path, r.ID)
		b.known(b.teamIDs, path+".team", r.Team, "team")
		rep := core.Rep{ID: r.ID, Name: r.Name, Email: r.Email, Team: r.Team, Weight: 1000, Active: r.Active == nil || *r.Active}
		if rep.Name == "" {
			rep.Name = r.ID
		}
		rep.ExternalIDs = r.External
		for system, id := range r.External {
			if !identity.Safe(system) || strings.TrimSpace(id) == "" || len(id) > 200 {
				b.Fail(path+".external_ids", "must be names of destinations, or their types, with the rep's id there")
			}
		}
		rep.Notify = r.Notify
		for by := range r.Notify {
			if !identity.Safe(by) {
				b.Fail(path+".notify", "must be names of destinations, or their types, with true or false")
			}
		}
		rep.Calendar = b.calendar(path, b.onShared(path, r))
		rep.Capacities, rep.Open = b.capacity(path+".capacity", r.Capacity, true)
		rep.Skills, rep.Languages = b.words(path+".skills", r.Skills), b.tags(path+".languages", r.Speaks)
		if r.Weight != nil {
			w, ok := thousandths(*r.Weight)
			if !ok {
				b.Fail(path+".weight", "must be from 0.001 to 1000, with at most three digits behind the point (active: false takes somebody out)")
			}
			rep.Weight = w
		}
		b.dir.Reps = append(b.dir.Reps, rep)
	}
}

var windows = map[string]calendar.Per{"1h": calendar.Hour, "1d": calendar.Day, "24h": calendar.Day, "7d": calendar.Week, "1w": calendar.Week}

var weightShape = regexp.MustCompile(`^([0-9]{1,4})(?:\.([0-9]{1,3}))?$`)

func thousandths(s string) (int64, bool) {
	m := weightShape.FindStringSubmatch(s)
	if m == nil {
		return 1, false
	}
	n, err := strconv.ParseInt(m[1]+m[2]+strings.Repeat("0", 3-len(m[2])), 10, 64)
	if err != nil || n < 1 || n > 1_000_000 {
		return 1, false
	}
	return n, true
}

func (b *builder) calendar(path string, r repText) calendar.Calendar {
	c := calendar.Calendar{Location: time.UTC, Always: len(r.Hours) == 0, Holidays: map[calendar.Date]struct{}{}}
	if r.TimeZone != "" {
		loc, err := time.LoadLocation(r.TimeZone)
		if err != nil || r.TimeZone == "Local" {
			b.Fail(path+".time_zone", "must be an IANA time zone such as Europe/Stockholm")
		} else {
			c.Location = loc
		}
	}
	for days, spans := range r.Hours {
		where := path + ".hours"
		week, ok := weekdays(days)
		if !ok {
			b.Fail(where, "%q is no weekday: write mon, tue, …, or a range such as mon-fri", strictyaml.Clip(days))
			continue
		}
		for _, s := range spans {
			span, ok := parseSpan(s)
			if !ok {
				b.Fail(where, "%q is no span of a day: write from and to such as 09:00-17:30; 24:00 is the day's end, and a night shift is two spans", strictyaml.Clip(s))
				continue
			}
			for _, d := range week {
				c.Week[d] = append(c.Week[d], span)
			}
		}
	}
	for k, h := range r.Holidays {
		d, ok := parseDate(h)
		if !ok {
			b.Fail(at(path+".holidays", k), "must be a date such as 2026-12-25")
		}
		c.Holidays[d] = struct{}{}
	}
	for k, a := range r.Away {
		absence, err := parseAway(a, c.Location)
		if err != nil {
			b.Fail(at(path+".away", k), "%v", err)
		}
		c.Away = append(c.Away, absence)
	}
	if c.Normalize() {
		b.Fail(path+".hours", "two spans of a day overlap")
	}
	return c
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// weekdays reads mon, or mon-fri; a range may run over the end of the week.
func weekdays(s string) (days []time.Weekday, ok bool) {
	first, last, ranged := strings.Cut(s, "-")
	from, to := dayOf(first), dayOf(last)
	if !ranged {
		to = from
	}
	if from < 0 || to < 0 {
		return nil, false
	}
	for d := from; ; d = (d + 1) % 7 {
		days = append(days, time.Weekday(d))
		if d == to {
			return days, true
		}
	}
}

func dayOf(s string) int {
	for i, n := range dayNames {
		if strings.TrimSpace(s) == n {
			return i
		}
	}
	return -1
}

var spanShape = regexp.MustCompile(`^([0-9]{2}):([0-5][0-9]) ?- ?([0-9]{2}):([0-5][0-9])$`)

func parseSpan(s string) (calendar.Span, bool) {
	m := spanShape.FindStringSubmatch(s)
	if m == nil {
		return calendar.Span{}, false
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // two digits, as the shape says
	}
	span := calendar.Span{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
	return span, span.From < span.To && span.To <= 24*60
}

func parseDate(s string) (calendar.Date, bool) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return calendar.Date{}, false
	}
	return calendar.DateOf(t), true
}

// parseAway reads a date, or {from, to} of dates (to is the last day away) or of RFC 3339 times.
func parseAway(v any, loc *time.Location) (a calendar.Absence, err error) {
	shape := fmt.Errorf("must be a date, or {from, to} with dates (to is the last day away) or RFC 3339 times")
	var from, to string
	switch v := v.(type) {
	case string:
		from, to = v, v
	case map[string]any:
		f, okFrom := v["from"].(string)
		t, okTo := v["to"].(string)
		if !okFrom || !okTo || len(v) != 2 {
			return a, shape
		}
		from, to = f, t
	default:
		return a, shape
	}
	if d, ok := parseDate(from); ok {
		a.From = d.Midnight(loc)
	} else if a.From, err = time.Parse(time.RFC3339, from); err != nil {
		return a, shape
	}
	if d, ok := parseDate(to); ok {
		d.Day++
		a.To = d.Midnight(loc)
	} else if a.To, err = time.Parse(time.RFC3339, to); err != nil {
		return a, shape
	}
	if !a.From.Before(a.To) {
		return a, fmt.Errorf("ends before it begins")
	}
	return a, nil
}
