package core

import (
	"errors"
	"fmt"
	"time"
)

const (
	// MaxAhead is how far ahead of its receipt an event may claim to have happened: clocks differ, time zones get lost.
	MaxAhead = 24 * time.Hour
	// MaxSkew is the largest error of a sender's clock that is corrected whatever lies between its times; beyond it, it is
	// one that was never set, which tells how long ago something was as long as it runs on: for MaxRun at the most.
	MaxSkew = 20 * 365 * 24 * time.Hour
	MaxRun  = 30 * 24 * time.Hour
)

// Earliest is the earliest moment that is believed: before it, it is a clock that was never set.
func Earliest() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Why a time is not believed.
var (
	ErrFuture     = errors.New("lies more than 24 hours in the future")
	ErrAncient    = errors.New("lies before the year 2000")
	ErrPrehistory = errors.New("lies before the year 1970")
)

// OccurredInHistory is Occurred for an event of loaded history, whose time is a record's and no clock's: any past moment is
// believed. ErrPrehistory: it lies before 1970, where Baton's time begins.
func OccurredInHistory(stated, received time.Time) (time.Time, error) {
	if stated.Unix() <= 0 {
		return time.Time{}, ErrPrehistory
	}
	if stated.Before(Earliest()) {
		return stated, nil
	}
	return Occurred(stated, received)
}

// Occurred gives the moment that an event is taken to have happened at. Nothing happens after it was received: what claims
// to, by up to MaxAhead, is put at its receipt. A time beyond that is ErrFuture, one before Earliest is ErrAncient.
func Occurred(stated, received time.Time) (time.Time, error) {
	switch {
	case stated.Before(Earliest()):
		return time.Time{}, ErrAncient
	case stated.Sub(received) > MaxAhead:
		return time.Time{}, ErrFuture
	case stated.After(received):
		return received, nil
	default:
		return stated, nil
	}
}

// Corrected gives a moment by our clock, from one by the sender's and the time on the sender's clock when it sent it:
// received - (sent - stated). A sent time that makes no sense (before stated by more than MaxAhead, or MaxSkew off and longer
// than MaxRun after stated) corrects nothing.
func Corrected(stated, sent, received time.Time) time.Time {
	skew := received.Sub(sent)
	if far := skew > MaxSkew || skew < -MaxSkew; far && sent.Sub(stated) > MaxRun || stated.Sub(sent) > MaxAhead {
		return stated
	}
	return received.Add(stated.Sub(sent))
}

// layouts are what senders write, the first being what they should. Salesforce and Java's older formats have no colon in the
// zone.
func layouts() [6]string {
	return [...]string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999",
	}
}

// leap gives a time in its 60th second, which RFC 3339 allows and time.Parse does not know, as one in its 59th, and the
// second that it lacks. Where a text holds none it gives the text.
func leap(s string) (text string, lacks time.Duration) {
	const seconds = len("2006-01-02T15:04:")
	if len(s) < seconds+2 || s[seconds-1:seconds+2] != ":60" {
		return s, 0
	}
	return s[:seconds] + "59" + s[seconds+2:], time.Second
}

// ParseTime reads an RFC 3339 time. The error says what one looks like.
func ParseTime(s string) (time.Time, error) {
	if len(s) <= 64 {
		text, lacks := leap(s)
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC().Add(lacks), nil
		}
	}
	return time.Time{}, fmt.Errorf("is not an RFC 3339 time such as 2026-11-20T10:00:00Z")
}

// ParseLooseTime also reads what trackers are seen to send: no zone (meant as UTC), one without a colon, or a blank for the T.
func ParseLooseTime(s string) (time.Time, error) {
	if len(s) <= 64 {
		text, lacks := leap(s)
		for _, layout := range layouts() {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC().Add(lacks), nil
			}
		}
	}
	return ParseTime(s)
}
