package core

// Asset is what the catalogue says of a piece of content; "" is unknown.
type Asset struct {
	Kind, Topic string
	// Stage of the buyer's journey that it is made for, and Persona that it is written for.
	Stage, Persona string
}

// Catalogue gives assets by id, as of a place in the log. It does not change.
type Catalogue map[string]Asset

// Describe sets what the catalogue says of the event's asset. An event without one, or with one that is not listed, says
// nothing of content.
func (e *Event) Describe(c Catalogue) {
	if e.Asset == "" {
		return
	}
	e.Content = c[e.Asset]
}
