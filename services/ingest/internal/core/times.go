package core

import (
	"errors"
	"fmt"
	"time"
)

const (
	// MaxAhead is how far ahead of its receipt an event may claim to have happened: clocks differ, time zones get lost.
	MaxAhead = 24 * time.Hour
	// MaxSkew is the largest error of a sender's clock that is corrected; beyond it the sender's clock says nothing.
	MaxSkew = 20 * 365 * 24 * time.Hour
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
// received - (sent - stated). A sent time that makes no sense (before stated by more than MaxAhead, or MaxSkew off) corrects
// nothing.
func Corrected(stated, sent, received time.Time) time.Time {
	if skew := received.Sub(sent); skew > MaxSkew || skew < -MaxSkew || stated.Sub(sent) > MaxAhead {
		return stated
	}
	return received.Add(stated.Sub(sent))
}

// layouts are what senders write, the first being what they should.
func layouts() [4]string {
	return [4]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"}
}

// ParseTime reads an RFC 3339 time. The error says what one looks like.
func ParseTime(s string) (time.Time, error) {
	if len(s) <= 64 {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("is not an RFC 3339 time such as 2026-11-20T10:00:00Z")
}

// ParseLooseTime also reads what trackers are seen to send: no zone (meant as UTC), or a blank for the T.
func ParseLooseTime(s string) (time.Time, error) {
	if len(s) <= 64 {
		for _, layout := range layouts() {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return ParseTime(s)
}
