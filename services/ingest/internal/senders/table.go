// Package senders is the table of all kinds of senders: one row each. See sender.Sender for what a new one needs.
package senders

import (
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/baton"
	"github.com/batonhq/baton/services/ingest/internal/senders/calendly"
	"github.com/batonhq/baton/services/ingest/internal/senders/cloudevents"
	"github.com/batonhq/baton/services/ingest/internal/senders/segment"
	"github.com/batonhq/baton/services/ingest/internal/senders/segmentwebhook"
	"github.com/batonhq/baton/services/ingest/internal/senders/standardwebhooks"
)

// Table lists them.
func Table() []sender.Type {
	return append(segment.Types(),
		baton.Type(),
		standardwebhooks.Type(),
		segmentwebhook.Type(),
		cloudevents.Type(),
		calendly.Type(),
	)
}

// Tracking is the API that the Tracking types share.
func Tracking() sender.TrackingAPI { return segment.API() }
