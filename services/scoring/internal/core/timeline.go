package core

import (
	"cmp"
	"slices"
	"strings"
)

// maxTimeline is how many engagements a lead's story keeps: the newest.
const maxTimeline = 50

// Touch is one engagement as a brief tells it.
type Touch struct {
	At                                             int64
	ID, Source, Type, Name                         string
	Channel, Campaign, Asset, URL, Referrer, Title string
	Automated                                      bool
	// AutomatedBecause says why; "" where it is not.
	AutomatedBecause string
}

func touchOf(e *Event) Touch {
	return Touch{
		At: e.At, ID: clip(e.ID, maxID), Source: e.Source, Type: e.Type, Name: clip(e.Name, maxID),
		Channel: clip(e.Channel, maxID), Campaign: clip(e.Campaign, maxID), Asset: clip(e.Asset, maxID),
		URL: clip(e.URL, 1024), Referrer: clip(e.Referrer, 1024), Title: clip(e.Title, maxID),
	}
}

// compare orders by time, then by id: the one order of everything that a lead did.
func (t *Touch) compare(o *Touch) int {
	return cmp.Or(cmp.Compare(t.At, o.At), strings.Compare(t.ID, o.ID), strings.Compare(t.Source, o.Source), strings.Compare(t.Type, o.Type))
}

// remember puts a touch into the timeline (newest first).
func (l *Lead) remember(p Packed) {
	i, found := slices.BinarySearchFunc(l.Timeline, p, func(a, b Packed) int { return b.compare(a) })
	if !found && i < maxTimeline {
		if len(l.Timeline) == maxTimeline {
			l.Timeline = l.Timeline[:maxTimeline-1]
		}
		l.Timeline = slices.Insert(l.Timeline, i, p)
	}
}

// engaged notes that the lead itself did something: its first touch, and when it was active.
func (l *Lead) engaged(t *Touch) {
	if l.Entry == nil || t.compare(l.Entry) < 0 {
		if l.Entry == nil || t.Source != l.Entry.Source || t.Channel != l.Entry.Channel || t.Campaign != l.Entry.Campaign {
			l.EntryNews = true
		}
		entry := *t
		l.Entry = &entry
	}
	l.LastAt = max(l.LastAt, t.At)
}
