package agreement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/strictyaml"
)

const (
	maxText   = 500
	maxNumber = 40
	// maxDepth is how deep a text may nest; an agreement needs six levels.
	maxDepth = 16
)

// Parse reads and checks a text. The error wraps an Errors: what is wrong, field by field, with lines. Expressions are only
// checked for their length.
func Parse(text []byte) (*Agreement, error) {
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: MaxBytes, Depth: maxDepth})
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	a := parseAgreement(node{doc.Root()})
	if err := doc.Err(); err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	return a, nil
}

func parseAgreement(n node) *Agreement {
	f := n.object("agreement", "half_life", "timeframe", "groups", "scores", "engagement", "fit", "grades", "qualify", "disqualify", "sla", "handover", "outreach",
		"reject_reasons", "recycle_reasons", "goals", "signatures")
	a := &Agreement{
		Name: required(f["agreement"], "the agreement's name").id(), HalfLife: f["half_life"].span(0), Timeframe: f["timeframe"].span(0),
	}
	named := parseNamed(a, f["groups"], f["scores"])
	ids := uniqueIDs{}
	for _, e := range f["engagement"].list() {
		a.Engagement = append(a.Engagement, parseEngagement(e, ids, a, named))
	}
	ids = uniqueIDs{}
	for _, e := range f["fit"].list() {
		a.Fit = append(a.Fit, parseFit(e, ids))
	}
	a.Grades = parseGrades(f["grades"])
	ids = uniqueIDs{}
	for _, e := range f["qualify"].list() {
		a.Qualify = append(a.Qualify, parseQualify(e, ids))
	}
	a.Disqualify = parseDisqualify(f["disqualify"])
	if size := a.conditions(); size > MaxConditions {
		n.Fail("has conditions of %d bytes in all, at most %d are allowed", size, MaxConditions)
	}
	a.SLA = parseSLA(f["sla"])
	a.Handover = parseHandover(f["handover"], a.Qualify)
	a.Outreach = parseOutreach(f["outreach"])
	ids = uniqueIDs{}
	for _, e := range f["reject_reasons"].list() {
		a.RejectReasons = append(a.RejectReasons, parseReject(e, ids))
	}
	ids = uniqueIDs{}
	for _, e := range f["recycle_reasons"].list() {
		a.RecycleReasons = append(a.RecycleReasons, parseRecycle(e, ids))
	}
	ids = uniqueIDs{}
	for _, e := range f["goals"].list() {
		a.Goals = append(a.Goals, parseGoal(e, ids))
	}
	for _, e := range f["signatures"].list() {
		s := e.object("role", "by")
		a.Signatures = append(a.Signatures, Signature{
			Role: required(s["role"], "a role").oneOf("", RoleMarketing, RoleSales),
			By:   required(s["by"], "who signed").Text(maxText),
		})
	}
	return a
}

// conditions gives how long all expressions are together, in bytes.
func (a *Agreement) conditions() (size int) {
	for i := range a.Engagement {
		size += len(a.Engagement[i].When)
	}
	for i := range a.Fit {
		size += len(a.Fit[i].When)
	}
	for i := range a.Qualify {
		size += len(a.Qualify[i].When)
	}
	for i := range a.Disqualify {
		size += len(a.Disqualify[i].When)
	}
	return size
}

func parseEngagement(n node, ids uniqueIDs, a *Agreement, named *named) EngagementRule {
	f := n.object("id", "on", "when", "points", "half_life", "timeframe", "cap", "limit", "group", "score", "because")
	r := EngagementRule{
		ID: ids.take(f["id"]), On: required(f["on"], "an event type, or a list of them").eventTypes(), When: f["when"].expression(),
		Points: required(f["points"], "a number").points(-MaxPoints, MaxPoints), HalfLife: f["half_life"].span(a.HalfLife),
		Timeframe: f["timeframe"].span(a.Timeframe), Limit: f["limit"].limit(), Because: f["because"].Text(maxText), Line: n.Line,
	}
	if c := f["cap"]; c.Exists() {
		cf := c.object("count", "per")
		r.Cap = Cap{Count: required(cf["count"], "how many count").integer(1, 10_000), Per: required(cf["per"], "a duration").duration()}
		if r.Cap.Per > 0 && r.Cap.Per < time.Minute {
			cf["per"].Fail("must be at least 1m")
		}
	}
	named.use(&r, f["group"], f["score"])
	return r
}

func parseFit(n node, ids uniqueIDs) FitRule {
	f := n.object("id", "when", "points", "because")
	return FitRule{
		ID: ids.take(f["id"]), When: required(f["when"], "an expression").expression(),
		Points: required(f["points"], "a number").points(-MaxPoints, MaxPoints), Because: f["because"].Text(maxText), Line: n.Line,
	}
}

func parseGrades(n node) Grades {
	if !n.Exists() {
		return Grades{A: 75 * Point, B: 50 * Point, C: 25 * Point}
	}
	f := n.object("a", "b", "c")
	before := n.Faults()
	g := Grades{
		A: required(f["a"], "the least fit of grade a").points(0, 100),
		B: required(f["b"], "the least fit of grade b").points(0, 100),
		C: required(f["c"], "the least fit of grade c").points(0, 100),
	}
	if n.Faults() == before && !(g.A > g.B && g.B > g.C) {
		n.Fail("must fall from a to c")
	}
	return g
}

func parseQualify(n node, ids uniqueIDs) QualifyRule {
	f := n.object("id", "on", "when", "matrix")
	r := QualifyRule{ID: ids.take(f["id"]), On: f["on"].eventTypes(), When: f["when"].expression(), Line: n.Line}
	switch m := f["matrix"]; {
	case m.Exists() && f["when"].Exists():
		m.Fail("cannot stand beside when: write the grades into one of them")
	case m.Exists():
		r.Matrix = parseMatrix(m)
		r.When = matrixCondition(r.Matrix)
	case !f["on"].Exists() && !f["when"].Exists():
		n.Fail("needs when, matrix, on, or several of them: it would hold for every lead")
	}
	return r
}

func parseSLA(n node) SLA {
	f := n.object("accept_within", "contact_within", "clock", "ladder", "contact_ladder", "max_reassigns", "pause")
	s := SLA{
		AcceptWithin: f["accept_within"].duration(), ContactWithin: f["contact_within"].duration(),
		Clock: f["clock"].oneOf(ClockElapsed, ClockWorking, ClockElapsed), MaxReassigns: f["max_reassigns"].integer(0, 50),
	}
	within := s.AcceptWithin
	if within == 0 {
		within = s.ContactWithin
	}
	s.Ladder = parseLadder(f["ladder"], within, false)
	if n := f["contact_ladder"]; n.Exists() {
		s.ContactLadder = parseLadder(n, s.ContactWithin, true)
		s.OwnContactLadder = true
		if s.ContactWithin == 0 {
			n.Fail("is of a clock that the agreement does not have: contact_within is missing")
		}
	}
	s.Pause = parsePause(f["pause"])
	return s
}

func parseReject(n node, ids uniqueIDs) RejectReason {
	f := n.object("id", "fixable_by", "sub")
	r := RejectReason{ID: ids.take(f["id"]), FixableBy: f["fixable_by"].oneOf("", RoleMarketing, RoleSales)}
	subs := uniqueIDs{}
	for _, s := range f["sub"].list() {
		r.Sub = append(r.Sub, subs.take(s))
	}
	return r
}

func parseRecycle(n node, ids uniqueIDs) RecycleReason {
	f := n.object("id", "wake_after", "wake_on")
	r := RecycleReason{ID: ids.take(f["id"]), WakeAfter: f["wake_after"].duration(), WakeOn: f["wake_on"].oneOf("", WakeOnEngagement)}
	if r.WakeAfter == 0 && r.WakeOn == "" {
		r.WakeOn = WakeOnEngagement
	}
	return r
}

func parseGoal(n node, ids uniqueIDs) Goal {
	f := n.object("id", "metric", "target", "window")
	g := Goal{ID: ids.take(f["id"]), Metric: required(f["metric"], "a metric's name").id(), Window: f["window"].duration()}
	target := required(f["target"], "a number")
	if s := target.Text(maxNumber); s != "" {
		m, err := parseMicros(s)
		if err != nil {
			target.Fail("%v", err)
		}
		g.Target = float64(m) / float64(Point)
	}
	return g
}

// uniqueIDs holds the ids of one list.
type uniqueIDs map[string]int

func (u uniqueIDs) take(n node) string {
	id := required(n, "an id").id()
	if id == "" {
		return ""
	}
	if first, taken := u[id]; taken {
		n.Fail("%q is taken by line %d", id, first)
	}
	u[id] = n.Line
	return id
}

// required notes an absent node and gives it back.
func required(n node, what string) node {
	if !n.Exists() {
		n.Fail("is missing: %s", what)
	}
	return n
}

func (n node) id() string {
	s := n.Text(maxText)
	if s != "" && !validID(s) || s == "" && n.Exists() {
		n.Fail("must be a name of a-z, 0-9, - and _, at most 64 long")
		return ""
	}
	return s
}

func (n node) expression() string {
	s := strings.TrimSpace(n.Text(MaxExpression))
	if s == "" && n.Exists() {
		n.Fail("must be an expression")
	}
	return s
}

func (n node) eventTypes() []string {
	if !n.Exists() {
		return nil
	}
	entries := []node{n}
	if kind := n.Kind(); kind == strictyaml.List || kind == strictyaml.Mapping {
		if entries = n.list(); len(entries) == 0 {
			n.Fail("must name at least one event type")
		}
	}
	var out []string
	for _, e := range entries {
		switch s := e.Text(maxText); {
		case !EventType(s):
			e.Fail("%q is not an event type that rules can look at", strictyaml.Clip(s))
		case slices.Contains(out, s):
			e.Fail("%q is given twice", s)
		default:
			out = append(out, s)
		}
	}
	return out
}

func (n node) duration() time.Duration {
	if !n.Exists() {
		return 0
	}
	d, err := ParseDuration(n.Text(maxNumber))
	if err != nil {
		n.Fail("%v", err)
	}
	return d
}

// span is a duration, or none; absent where the text is silent.
func (n node) span(absent time.Duration) time.Duration {
	if !n.Exists() {
		return absent
	}
	s := n.Text(maxNumber)
	if s == "none" {
		return 0
	}
	d, err := ParseDuration(s)
	switch {
	case err != nil:
		n.Fail("%v, or none", err)
	case d < time.Minute:
		n.Fail("must be at least 1m, or none")
	}
	return d
}

func (n node) points(low, high int) Micros {
	if !n.Exists() {
		return 0
	}
	m, err := parseMicros(n.Text(maxNumber))
	switch {
	case err != nil:
		n.Fail("%v", err)
	case m < Micros(low)*Point || m > Micros(high)*Point:
		n.Fail("must be between %d and %d", low, high)
	}
	return m
}

func (n node) integer(low, high int) int {
	if !n.Exists() {
		return 0
	}
	i, err := strconv.Atoi(n.Text(maxNumber))
	if err != nil || i < low || i > high {
		n.Fail("must be a whole number between %d and %d", low, high)
		return 0
	}
	return i
}

func (n node) percent() int {
	if !n.Exists() {
		return 0
	}
	digits, ok := strings.CutSuffix(n.Text(maxNumber), "%")
	i, err := strconv.Atoi(digits)
	if !ok || err != nil || i < 1 || i > 10_000 {
		n.Fail("must be a percentage between 1%% and 10000%%")
		return 0
	}
	return i
}

func (n node) boolean() bool {
	switch n.Text(maxNumber) {
	case "", "false":
		return false
	case "true":
		return true
	}
	n.Fail("must be true or false")
	return false
}

// oneOf gives one of the allowed words; absent where the text is silent.
func (n node) oneOf(absent string, allowed ...string) string {
	if !n.Exists() {
		return absent
	}
	s := n.Text(maxText)
	if !slices.Contains(allowed, s) {
		n.Fail("must be %s", strings.Join(allowed, " or "))
		return absent
	}
	return s
}
