// Package senders is the table of all kinds of senders: one row each. See sender.Sender for what a new one needs.
package senders

import (
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/baton"
	"github.com/batonhq/baton/services/ingest/internal/senders/mapped"
	"github.com/batonhq/baton/services/ingest/internal/senders/marketo"
	"github.com/batonhq/baton/services/ingest/internal/senders/segment"
	"github.com/batonhq/baton/services/ingest/internal/senders/standardwebhooks"
)

// Table lists them.
func Table() []sender.Type {
	return append(segment.Types(),
		baton.Type(),
		mapped.Type(),
		marketo.Type(),
		standardwebhooks.Type(),
	)
}

// Tracking is the API that the Tracking types share.
func Tracking() sender.TrackingAPI { return segment.API() }
