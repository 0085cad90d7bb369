// Package destinations is the table of the kinds of receivers that Baton tells by itself. Adding one is a folder here and a row in Types.
package destinations

import (
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/webhook"
)

// Types gives every kind, in the order in which they are listed to people.
func Types() []destination.Type {
	return []destination.Type{
		webhook.Type(),
	}
}
