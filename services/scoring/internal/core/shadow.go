package core

import (
	"cmp"
	"slices"
	"strings"
)

// Shadow is a lead under the agreement that runs in the shadow: as if that version had been activated at the moment at which
// the run began. What the lead had until then stays on its terms, new events get that version's points, and nothing that is
// live ever looks at any of it. A lead gets one with the first event that it is shown during a run.
type Shadow struct {
	Version int32
	// Run tells the run from an earlier one of the same version.
	Run   int32
	Items []Item
	Fit   Micros
	// Epoch that needs no more looking at: it qualified by Rule at QualifiedAt, or (Rule is "" then) was handed over before the
	// run began. 0 is none.
	Epoch       int32
	Rule        string
	QualifiedAt int64
}

// ShadowQualification says that the lead's epoch would have met the agreement in the shadow. Nothing follows from it.
type ShadowQualification struct {
	Epoch, Version  int32
	Rule, Grade     string
	Fit, Engagement Micros
}

func (*ShadowQualification) fact() {}

// ShadowScore is a lead's worth in the shadow.
type ShadowScore struct {
	Version         int32
	Fit, Engagement Micros
	Grade           string
	// QualifiedBy and QualifiedAt are the present epoch's, "" and 0 where it did not qualify.
	QualifiedBy string
	QualifiedAt int64
}

// shade begins the lead's shadow where a run began since the lead was last looked at, and drops that of a run that is over.
func (l *Lead) shade(r *Rules) {
	switch {
	case r.Shadow == nil:
		l.Shadow = nil
	case l.Shadow == nil || l.Shadow.Run != r.ShadowRun:
		l.Shadow = l.newShadow(r)
	}
}

func (l *Lead) newShadow(r *Rules) *Shadow {
	s := &Shadow{Version: r.Shadow.Version, Run: r.ShadowRun, Items: slices.Clone(l.Items)}
	if !open(l.Run.Stage) {
		s.Epoch = max(1, l.Run.Epoch)
	}
	s.refit(r.Shadow, l)
	return s
}

// of gives the lead as it is in the shadow, for the very functions that the live score is made by. It must not be kept.
func (s *Shadow) of(l *Lead) Lead {
	as := *l
	as.Items, as.Fit, as.Missed, as.Shadow = s.Items, Fit{Version: s.Version, Points: s.Fit}, nil, nil
	return as
}

func (s *Shadow) refit(a *Agreement, l *Lead) {
	as := s.of(l)
	as.refit(a)
	s.Fit = as.Fit.Points
}

// score does in the shadow what Lead.score does live.
func (s *Shadow) score(a *Agreement, l *Lead, e *Event) {
	if len(a.ByType[e.Type]) == 0 {
		return
	}
	as := s.of(l)
	as.score(a, e, NewView(a, &as, e, l.Stated, e.Now))
	s.Items = as.Items
}

// join takes the union with the shadow of an absorbed lead, or of a part of it. One that has none of this run stands on its
// live terms, as everybody does where a run begins.
func (s *Shadow) join(o *Lead, at int64) {
	from := o.Shadow
	if from == nil || from.Run != s.Run {
		from = &Shadow{Items: o.Items}
		if !open(o.Run.Stage) {
			from.Epoch = max(1, o.Run.Epoch)
		}
	}
	as := Lead{Items: s.Items}
	for _, it := range from.Items {
		as.addItem(it)
	}
	as.Items = trimAutomated(as.Items)
	if len(as.Items) > maxItems {
		as.foldItems(at)
	}
	s.Items = as.Items
	// The later epoch counts, and of one epoch the earlier qualification.
	if cmp.Or(cmp.Compare(s.Epoch, from.Epoch), cmp.Compare(from.QualifiedAt, s.QualifiedAt), strings.Compare(from.Rule, s.Rule)) < 0 {
		s.Epoch, s.QualifiedAt, s.Rule = from.Epoch, from.QualifiedAt, from.Rule
	}
}

// shadowed folds what the lead itself stated of its shadow.
func (l *Lead) shadowed(q *ShadowQualification, at int64) {
	if s := l.Shadow; s != nil && s.Version == q.Version {
		s.Epoch, s.Rule, s.QualifiedAt = q.Epoch, q.Rule, at
	}
}

// running reports whether an epoch that stands at a stage can still be handed over, or has been and is not over.
func running(stage string) bool { return stage == Inquiry || stage == MQL || withSales(stage) }

// waits reports whether the lead, at a stage of an epoch, can yet qualify in the shadow: once an epoch, and as long as that
// is not over, so that the shadow may be later than the agreement in force.
func (s *Shadow) waits(l *Lead, stage string, epoch int32) bool {
	return s.Epoch < epoch && l.Lasting && !l.Held && running(stage)
}

// shadow states that the epoch would have qualified in the shadow.
func (d *decision) shadow(r *Rules) {
	l := d.lead
	if r.Shadow == nil || l.Shadow == nil || l.ofHistory(d.event) || !l.Shadow.waits(l, d.stage, d.epoch) {
		return
	}
	as := l.Shadow.of(l)
	v := NewView(r.Shadow, &as, d.event, Inquiry, d.event.Now)
	rule, _ := as.qualifies(v, d.event)
	if rule == nil {
		return
	}
	d.facts = append(d.facts, &ShadowQualification{
		Epoch: d.epoch, Version: r.Shadow.Version, Rule: rule.ID, Grade: v.Grade(), Fit: v.Fit(), Engagement: v.Engagement(),
	})
}

// shadowLook gives when time alone may let the lead qualify in the shadow, 0 for never.
func (l *Lead) shadowLook(r *Rules) int64 {
	s := l.Shadow
	if r.Shadow == nil || s == nil || s.Run != r.ShadowRun || !s.waits(l, l.Stage(), max(1, l.Run.Epoch)) || l.Objected() {
		return 0
	}
	as := s.of(l)
	return as.rises()
}

// InShadow gives the lead's worth at a time under the agreement in the shadow, nil where none runs or the lead is another's.
func (l *Lead) InShadow(r *Rules, at int64) *ShadowScore {
	if r.Shadow == nil || l.Parent != "" {
		return nil
	}
	s := l.Shadow
	if s == nil || s.Run != r.ShadowRun {
		s = l.newShadow(r)
	}
	as := s.of(l)
	out := &ShadowScore{Version: r.Shadow.Version, Fit: as.FitScore(), Engagement: as.Engagement(at)}
	out.Grade = r.Shadow.Grade(out.Fit)
	if s.Epoch == max(1, l.Run.Epoch) {
		out.QualifiedBy, out.QualifiedAt = s.Rule, s.QualifiedAt
	}
	return out
}
