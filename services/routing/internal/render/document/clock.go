package document

import (
	"regexp"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// clock states times as the reader has them: on the owner's own clock, with the zone's name beside them.
type clock struct {
	zone *time.Location
}

// clockOf gives the owner's clock; UTC where there is none, or none that is known here.
func clockOf(p *routingv1.Payload) clock { return clock{destination.Zone(p.GetOwner())} }

// moment gives a day and time with its zone, "" for none.
func (c clock) moment(t *timestamppb.Timestamp) string {
	if !t.IsValid() {
		return ""
	}
	return t.AsTime().In(c.zone).Format("Mon 2 Jan 2006, 15:04 ") + c.zone.String()
}

// at is moment with something before it.
func (c clock) at(before string, t *timestamppb.Timestamp) string {
	return prefixed(before, c.moment(t))
}

// day gives a day and time for a list, whose reader knows the year; note says the zone.
func (c clock) day(t time.Time) string { return t.In(c.zone).Format("Mon 2 Jan, 15:04") }

// note says which zone the days of lists are in, "" for UTC.
func (c clock) note() string {
	if c.zone == time.UTC {
		return ""
	}
	return "times in " + c.zone.String()
}

// How sentences of a brief state a moment: always in UTC, for they are the same for everybody.
var stated = regexp.MustCompile(`\b\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December) \d{4}, \d{2}:\d{2} UTC\b`)

// sentence puts the moments that a brief's sentence states on the reader's clock.
func (c clock) sentence(s string) string {
	if c.zone == time.UTC {
		return s
	}
	return stated.ReplaceAllStringFunc(s, func(m string) string {
		t, err := time.Parse("2 January 2006, 15:04 UTC", m)
		if err != nil {
			return m
		}
		return t.In(c.zone).Format("2 January 2006, 15:04 ") + c.zone.String()
	})
}
