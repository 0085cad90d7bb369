package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// engaged tells an account how engaged the lead is.
func (l *leadEntity) engaged(f *core.Engaged, d *journal.Decision) {
	if !identity.Safe(f.Account) {
		return
	}
	d.Fact(f.Account, &journalv1.Event{Type: "account_engaged", History: f.History, Payload: &journalv1.Event_AccountEngaged{AccountEngaged: &journalv1.AccountEngaged{
		Lead: l.lead.ID, EngagementMicros: int64(f.Engagement), LastAt: stamp(f.LastAt), Number: f.Number,
	}}})
}

// ratingOf reads what an account says of itself.
func ratingOf(r *journalv1.AccountRated) *core.Rating {
	return &core.Rating{Account: r.GetAccount(), Micros: core.Micros(r.GetEngagementMicros()), People: r.GetPeople(), At: nanos(r.GetAt())}
}

// hear folds what scoring says of an account: that one of its people is so engaged, or that it is time to look.
func (o *otherEntity) hear(ev *journal.Event, now int64) {
	o.tell = nil
	if p := ev.Body.GetAccountEngaged(); p != nil && ev.Origin != nil && ev.Origin.Producer == Service {
		o.tell = o.Account.Engaged(core.Person{
			Lead: p.GetLead(), Micros: core.Micros(p.GetEngagementMicros()), LastAt: nanos(p.GetLastAt()), Number: p.GetNumber(),
		}, now)
	}
	if timer, ok := journal.FiredTimer(Service, ev); ok && timer == core.TimerRating {
		o.tell = o.Look(now)
	}
}

// Decide tells the account's people how engaged it is as a whole. What follows from loaded history says so: it is known from
// then on, and hands nobody over by itself.
func (o *otherEntity) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	rating, people := o.Rating(o.Looked)
	for _, lead := range o.tell {
		d.Fact(lead, &journalv1.Event{Type: "account_rated", History: ev.Body.GetHistory(), Payload: &journalv1.Event_AccountRated{AccountRated: &journalv1.AccountRated{
			Account: o.id, EngagementMicros: int64(rating), People: people, At: stamp(o.Looked),
		}}})
	}
}

// Deadlines gives when an account's rating will have fallen so far that its people are to be told.
func (o *otherEntity) Deadlines(journal.Globals) map[string]time.Time {
	if at := o.Deadline(); at != 0 {
		return map[string]time.Time{core.TimerRating: time.Unix(0, at).UTC()}
	}
	return nil
}
