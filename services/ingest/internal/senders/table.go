// Package senders is the table of all kinds of senders: one row each. See sender.Sender for what a new one needs.
package senders

import (
	"slices"

	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/baton"
	"github.com/batonhq/baton/services/ingest/internal/senders/calendly"
	"github.com/batonhq/baton/services/ingest/internal/senders/cloudevents"
	"github.com/batonhq/baton/services/ingest/internal/senders/linkedin"
	"github.com/batonhq/baton/services/ingest/internal/senders/meta"
	"github.com/batonhq/baton/services/ingest/internal/senders/segment"
	"github.com/batonhq/baton/services/ingest/internal/senders/segmentwebhook"
	"github.com/batonhq/baton/services/ingest/internal/senders/standardwebhooks"
	"github.com/batonhq/baton/services/ingest/internal/senders/typeform"
)

// Table lists them.
func Table() []sender.Type {
	return slices.Concat(segment.Types(), typeform.Types(), []sender.Type{
		baton.Type(),
		standardwebhooks.Type(),
		segmentwebhook.Type(),
		cloudevents.Type(),
		calendly.Type(),
		linkedin.Type(),
		meta.Type(),
	})
}

// Tracking is the API that the Tracking types share.
func Tracking() sender.TrackingAPI { return segment.API() }
