package feedback

import (
	"fmt"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/weekly"
)

// Summary is when the weekly summary is sent: on Day (monday to sunday) At (15:04) by the clocks of TimeZone (an IANA name). It tells the
// last week that was over by then; weeks themselves are UTC's.
type Summary struct {
	Day      string `yaml:"day"`
	At       string `yaml:"at"`
	TimeZone string `yaml:"time_zone"`
}

func (s Summary) schedule() (weekly.Schedule, []error) {
	var errs []error
	out := weekly.Schedule{Day: -1, Zone: time.UTC}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), s.Day) {
			out.Day = d
		}
	}
	if out.Day < 0 {
		errs = append(errs, fmt.Errorf("summary.day: %q is not a day of the week such as monday", s.Day))
	}
	at, err := time.Parse("15:04", s.At)
	if err != nil {
		errs = append(errs, fmt.Errorf("summary.at: %q is not a time of day such as 08:00", s.At))
	}
	out.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	if zone, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
		errs = append(errs, fmt.Errorf("summary.time_zone: %q is not a time zone such as Europe/Berlin", s.TimeZone))
	} else {
		out.Zone = zone
	}
	return out, errs
}
