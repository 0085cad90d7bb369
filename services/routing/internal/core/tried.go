package core

// Explained is a Condition that can tell why it does not hold.
type Explained interface {
	Condition
	// Source is the condition as it was written.
	Source() string
	// Why gives the values that the condition looks at and that are not known, and, where that is not the reason, why it could
	// not be evaluated: "" where it could.
	Why(Facts) (absent []string, failed string)
}

// Trace is a route as it was tried for one lead, and why it did or did not hold.
type Trace struct {
	Tried
	// Expression is the route's condition, "" for none; Absent and Failed are as of Explained, of one that does not hold.
	Expression string
	Absent     []string
	Failed     string
	// Named are whom the route names for the lead; a rep is "" where the account is asked who it is.
	Named []Preference
	// Territory is the lead's, where the route sends to it.
	Territory string
	Pool      string
}

// Trace is Explain, with what each route is about: all of them, in order, those behind the last that matched, too.
func (d *Directory) Trace(f Facts) (Target, []Trace) {
	target, tried := d.Explain(f)
	if d == nil {
		return target, nil
	}
	out := make([]Trace, len(tried))
	for i, t := range tried {
		r := &d.Routes[i] // Explain tells of each of them, in order
		out[i] = Trace{Tried: t}
		if c, ok := r.When.(Explained); ok {
			out[i].Expression = c.Source()
			if t.Outcome == RouteNoMatch {
				out[i].Absent, out[i].Failed = c.Why(f)
			}
		}
		if t.Outcome == RouteMatched || t.Outcome == RouteNobody {
			out[i].Named, out[i].Pool = d.named(r, f)
		}
		if t.Outcome != RouteNoMatch && r.Territory {
			if in := d.TerritoryOf(f, r.TerritoryName); in != nil {
				out[i].Territory = in.ID
			}
		}
	}
	return target, out
}
