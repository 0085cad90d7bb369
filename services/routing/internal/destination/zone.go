package destination

import (
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Zone gives the time zone in which times are told to an owner: the owner's, or UTC where there is none, or none that is known here.
func Zone(owner *routingv1.Owner) *time.Location {
	name := owner.GetTimeZone()
	if name == "Local" { // this machine's, which is nobody's
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
