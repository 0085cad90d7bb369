package core

// Target is where the route rules send a lead.
type Target struct {
	// Route is the first route that matches.
	Route string
	// Rep is the account's owner, where that route names the owner.
	Rep string
	// Pool that takes it: the route's, or, behind an owner, that of Fallback.
	Pool string
	// Fallback is the next matching route that names a pool, where Rep is set: it takes the lead if the owner cannot.
	Fallback string
}

// RouteTo finds the routes for a lead. The first route that matches wins. One that sends to the account's owner matches
// only where there is one, and goes on to the next matching route with a pool if the owner turns out not to be eligible. A
// checked directory ends in a route without a condition, so that there is always a pool. Without a directory the target is
// empty, and the desk keeps the lead until there is one.
func (d *Directory) RouteTo(f Facts) Target {
	var t Target
	if d == nil {
		return t
	}
	for i := range d.Routes {
		r := &d.Routes[i]
		switch {
		case r.When != nil && !r.When.Holds(f):
		case r.Owner && f.Account.Owner == "":
		case r.Owner && t.Route == "":
			t.Route, t.Rep = r.ID, f.Account.Owner
		case r.Owner:
		case t.Route == "":
			return Target{Route: r.ID, Pool: r.Pool}
		default:
			t.Fallback, t.Pool = r.ID, r.Pool
			return t
		}
	}
	return t
}
