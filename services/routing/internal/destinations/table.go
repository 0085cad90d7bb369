// Package destinations is the table of the kinds of receivers that Baton tells by itself. Adding one is a folder here and a row in Types.
package destinations

import (
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/dynamics"
	"github.com/batonhq/baton/services/routing/internal/destinations/email"
	"github.com/batonhq/baton/services/routing/internal/destinations/espocrm"
	"github.com/batonhq/baton/services/routing/internal/destinations/hubspot"
	"github.com/batonhq/baton/services/routing/internal/destinations/odoo"
	"github.com/batonhq/baton/services/routing/internal/destinations/pipedrive"
	"github.com/batonhq/baton/services/routing/internal/destinations/salesforce"
	"github.com/batonhq/baton/services/routing/internal/destinations/slack"
	"github.com/batonhq/baton/services/routing/internal/destinations/webhook"
	"github.com/batonhq/baton/services/routing/internal/destinations/zoho"
)

// Types gives every kind, in the order in which they are listed to people.
func Types() []destination.Type {
	return []destination.Type{
		webhook.Type(),
		salesforce.Type(),
		dynamics.Type(),
		zoho.Type(),
		hubspot.Type(),
		pipedrive.Type(),
		espocrm.Type(),
		odoo.Type(),
		email.Type(),
		slack.Type(),
	}
}
