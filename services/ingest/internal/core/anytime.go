package core

import (
	"strconv"
	"strings"
	"time"
)

// AnyTime reads a moment as senders are seen to write them: what ParseLooseTime reads, a zone as +0000, and seconds or milliseconds since 1970.
// ok is false for what is none.
func AnyTime(s string) (at time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		const millis = 100_000_000_000 // as seconds this is the year 5138, as milliseconds 1973
		switch {
		case n <= 0 || n > 1<<53:
			return time.Time{}, false
		case n >= millis:
			return time.UnixMilli(n).UTC(), true
		default:
			return time.Unix(n, 0).UTC(), true
		}
	}
	if at, err := time.Parse("2006-01-02T15:04:05.999999999Z0700", s); err == nil { // Salesforce's +0000
		return at.UTC(), true
	}
	at, err := ParseLooseTime(s)
	return at, err == nil
}
