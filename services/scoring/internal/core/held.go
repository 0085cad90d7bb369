package core

// historyReleased asks that a held lead be looked at like any other from now on.
const historyReleased = "history_released"

// blank reports that nothing was ever said of the lead.
func (l *Lead) blank() bool { return l.Stage() == "" && l.Stated == "" }

// hold notes what an event means for whether the lead is held: it is where the first that is ever known of it is history's, and no
// more once the lead does something, or sales with it. A mailing, or a CRM that says once more who they are, is no reason: it
// would hand over everybody who was loaded.
func (l *Lead) hold(e *Event) {
	switch {
	case e.History:
		l.Held = l.Held || l.blank()
	case l.automated(e) == "" && (classOf(e.Type) == engagement || classOf(e.Type) == deal):
		l.Held = false
	}
}

// holdBoth joins what two leads know of it: they are held together where both were. One that nothing is known of has no say;
// where nothing is known of either, the first that is known is that they are one, and who says that decides.
func (l *Lead) holdBoth(o *Lead, history bool) {
	switch {
	case o.blank():
		l.Held = l.Held || history && l.blank()
	case l.blank():
		l.Held = o.Held
	default:
		l.Held = l.Held && o.Held
	}
}

// release lets a held lead go. What is released already stays as it is.
func (l *Lead) release(r *Rules) {
	if l.Own != nil {
		l.Own.Held = false
	}
	if l.Gathering != nil {
		l.Gathering.Lead.Held = false
	}
	if !l.Held {
		return
	}
	l.Held, l.released = false, true
	l.follow(r)
}

// ofHistory reports whether what follows from an event follows from loaded history: it neither qualifies nor wakes the lead.
func (l *Lead) ofHistory(e *Event) bool { return e.History || l.Held }

// QualifiesOnRelease gives the qualify rule by which a held lead would be handed over if it were released at a time, "" for
// none. The lead is spent afterwards.
func (l *Lead) QualifiesOnRelease(r *Rules, now int64) (rule string) {
	e := &Event{Type: historyReleased, At: now, Now: now}
	l.Apply(r, e)
	for _, f := range l.Decide(r, e) {
		if q, ok := f.(*Qualification); ok {
			rule = q.Rule
		}
	}
	return rule
}
