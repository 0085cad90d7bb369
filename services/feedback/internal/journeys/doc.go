// Package journeys reads what people did from the journal, on demand, and makes paths of it: the touches that led to a deal, or to
// nothing. It keeps what it has read of each subject, compactly, and reads on from there.
//
//	record.go   what is kept of one subject: touches, milestones, facts about deals
//	cache.go    the records, brought up to date
//	person.go   a lead together with those that it absorbed
//	deals.go    deals, as their leads' journals tell of them
//	path.go     the touches of some people before a moment
//	collect.go  the journeys that a question about many deals is about; story.go: one deal's
//
// What counts as a touch: something a person did (no mail that was sent, no profile fact, no opened mail, which programs open
// too, no cancellation), that no scanner or bot did, of somebody who has not refused profiling. Page views and product use of one
// person, of the same channel, campaign, asset and source, each within half an hour of the one before, are one touch. A logged
// call, a meeting that nobody's campaign brought, a contact that routing took for one and whatever has the channel "sales" are
// sales' touches; all others are marketing's.
package journeys
