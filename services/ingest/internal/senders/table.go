// Package senders is the table of all kinds of senders: one row each. See sender.Sender for what a new one needs.
package senders

import (
	"slices"

	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/activecampaign"
	"github.com/batonhq/baton/services/ingest/internal/senders/baton"
	"github.com/batonhq/baton/services/ingest/internal/senders/calendly"
	"github.com/batonhq/baton/services/ingest/internal/senders/cloudevents"
	"github.com/batonhq/baton/services/ingest/internal/senders/customerio"
	"github.com/batonhq/baton/services/ingest/internal/senders/dynamics"
	"github.com/batonhq/baton/services/ingest/internal/senders/espocrm"
	"github.com/batonhq/baton/services/ingest/internal/senders/hubspot"
	"github.com/batonhq/baton/services/ingest/internal/senders/klaviyo"
	"github.com/batonhq/baton/services/ingest/internal/senders/linkedin"
	"github.com/batonhq/baton/services/ingest/internal/senders/mailchimp"
	"github.com/batonhq/baton/services/ingest/internal/senders/mailgun"
	"github.com/batonhq/baton/services/ingest/internal/senders/mapped"
	"github.com/batonhq/baton/services/ingest/internal/senders/marketo"
	"github.com/batonhq/baton/services/ingest/internal/senders/mautic"
	"github.com/batonhq/baton/services/ingest/internal/senders/meta"
	"github.com/batonhq/baton/services/ingest/internal/senders/pipedrive"
	"github.com/batonhq/baton/services/ingest/internal/senders/salesforce"
	"github.com/batonhq/baton/services/ingest/internal/senders/segment"
	"github.com/batonhq/baton/services/ingest/internal/senders/segmentwebhook"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendgrid"
	"github.com/batonhq/baton/services/ingest/internal/senders/standardwebhooks"
	"github.com/batonhq/baton/services/ingest/internal/senders/twenty"
	"github.com/batonhq/baton/services/ingest/internal/senders/typeform"
)

// Table lists them.
func Table() []sender.Type {
	return slices.Concat(segment.Types(), typeform.Types(), []sender.Type{
		baton.Type(),
		mapped.Type(),
		marketo.Type(),
		standardwebhooks.Type(),
		mautic.Type(),
		sendgrid.Type(),
		mailchimp.Type(),
		activecampaign.Type(),
		customerio.Type(),
		mailgun.Type(),
		klaviyo.Type(),
		hubspot.Type(),
		salesforce.Type(),
		pipedrive.Type(),
		dynamics.Type(),
		espocrm.Type(),
		twenty.Type(),
		segmentwebhook.Type(),
		cloudevents.Type(),
		calendly.Type(),
		linkedin.Type(),
		meta.Type(),
	})
}

// Tracking is the API that the Tracking types share.
func Tracking() sender.TrackingAPI { return segment.API() }
