// Package proposals turns what became of leads into concrete changes of the agreement, each with its evidence: rules whose
// leads do better or worse than others, thresholds that are off the goal, reasons of rejection that gather somewhere, spans
// that do not fit what happens, rules that change nothing.
//
// It would rather say nothing than something false. Groups are compared within sources, so that a rule is not blamed for a
// channel; only leads count whose outcome had the same time to come; where there are too few, no test is made; and of all
// tests that were made, those are believed that Benjamini and Hochberg's procedure leaves at MaxQ. A change is small and can be repeated:
// evidence from before the last change of what is judged does not count again.
package proposals

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// What is enough to say anything. They are far above what the tests themselves need.
const (
	// MaxQ is the share of false ones that is accepted among the tests that are believed.
	MaxQ = 0.1
	// MinGroup is how many leads each side of a comparison has, and MinOutcomes how often the outcome came on both together.
	MinGroup, MinOutcomes = 50, 10
	// MinBand is how many leads stand on each side of a threshold that is proposed.
	MinBand = 30
	// MinRouted is how many answered leads a source, country or such has, MinRejects how many of them were rejected for the reason.
	MinRouted, MinRejects = 30, 10
	// MinReturns is how many recycled leads qualified again.
	MinReturns = 20
	// MinSeen is how many qualified leads a rule must be absent from (or be part of) to be called idle.
	MinSeen = 200
)

// Point is one point in the millionths that agreements count in.
const Point = 1_000_000

// Agreement is what is in force, as far as proposals are about it.
type Agreement struct {
	Version int32
	Rules   []Rule
	// Taken has every id of an engagement, fit or disqualify rule, so that a new one is told apart.
	Taken      []string
	Thresholds []Threshold
	// GradeA, GradeB and GradeC are the least fit of the grades, in millionths. FitUsed: a condition looks at the fit itself.
	GradeA, GradeB, GradeC int64
	FitUsed                bool
	// Goal is the share of qualified leads that become SQLs which both teams agreed to reach, 0 for none.
	Goal    float64
	SLA     SLA
	Reasons []Reason
	Recycle []Recycle
}

// Versions lists versions of agreements, in which something stood as it stands now; nil is all.
type Versions []int32

func (v Versions) has(version uint16) bool { return v == nil || slices.Contains(v, int32(version)) }

// Rule is an engagement or a fit rule.
type Rule struct {
	// Part is engagement or fit.
	Part, ID string
	// Points and Limit in millionths; a Limit of 0 is none.
	Points, Limit int64
	Versions      Versions
}

// Threshold is the engagement from which a qualify rule holds.
type Threshold struct {
	Rule string
	// Grade is the letter of the matrix's cell, "" where the condition is an expression with one number.
	Grade    string
	At       int64
	Versions Versions
}

// SLA is what sales promises; Within in milliseconds, 0 for nothing.
type SLA struct {
	Within   int64
	Versions Versions
}

// Reason is one of a rejection; FixableBy is the role that can mend it, "" for nobody.
type Reason struct{ ID, FixableBy string }

// Recycle is a reason with the span after which the lead wakes, in milliseconds, 0 for none.
type Recycle struct {
	ID       string
	Wake     int64
	Versions Versions
}

// Options of Find.
type Options struct {
	Now table.Time
	// Since tells from when on leads count for a subject (a Proposal.Key): the moment at which an earlier proposal about it
	// came into force. Leads that qualified before are not looked at again.
	Since map[string]table.Time
}

// Kinds of proposals.
const (
	KindPoints    = "points"
	KindThreshold = "threshold"
	KindReject    = "reject"
	KindRecycle   = "recycle"
	KindSLA       = "sla"
	KindIdle      = "idle"
)

// What a Change does.
const (
	ChangeValue  = "value"
	ChangeAdd    = "add"
	ChangeRemove = "remove"
)

// Change is one edit of the agreement. The zero Change is none: there is something to do, and not in the agreement.
type Change struct {
	// Op is ChangeValue, ChangeAdd or ChangeRemove.
	Op string
	// Part is the list or block: engagement, fit, disqualify, qualify, recycle_reasons, sla. ID is the entry's.
	Part, ID string
	// Field whose value becomes To: points, matrix.GRADE, when (its one number), wake_after, accept_within. From is what stood there.
	Field, From, To string
	// When, Points and Because of an entry that is added.
	When, Points, Because string
}

// Share is so many of so many.
type Share struct{ K, N int }

// Rate of the share, 0 of nothing.
func (s Share) Rate() float64 {
	if s.N == 0 {
		return 0
	}
	return float64(s.K) / float64(s.N)
}

// Interval of the share at 95 %, Wilson's.
func (s Share) Interval() (low, high float64) { return stats.Wilson(s.K, s.N, stats.Z95) }

// Evidence is what a proposal rests on.
type Evidence struct {
	// Population says in words who was looked at, Outcome what was counted of them.
	Population, Outcome string
	// From and To are the first and the last moment of qualifying among them.
	From, To table.Time
	// HorizonDays is how long each lead had for its outcome; Immature ones had less, and do not count.
	HorizonDays float64
	Immature    int
	// With is the group that the proposal is about, Without the rest; WithLabel and WithoutLabel name them.
	With, Without           Share
	WithLabel, WithoutLabel string
	// Expected is the rate that the group would have if its leads did as the others of the same sources; -1 where sources were
	// not told apart.
	Expected float64
	// Effect is what was measured (risk ratio, odds ratio, share, days), with its 95 % interval.
	Effect           string
	Value, Low, High float64
	Test             string
	P, Q             float64
	Tests            int
	Strata, LeftOut  int
}

// Estimate is what the change would have done to the leads that are known, by their rows alone.
type Estimate struct {
	Text string
	// Leads of Of would have been touched: not handed over at that moment, or handed over later. SQLs and Won of them.
	Leads, Of, SQLs, Won int
}

// Proposal is one change with its reasons.
type Proposal struct {
	// ID is the same for the same Key and version of the agreement.
	ID, Key, Kind string
	// Subject is what it is about: a rule's id, a source and a reason.
	Subject  string
	Version  int32
	Title    string
	Sentence string
	Change   Change
	Evidence Evidence
	Estimate Estimate
	// Cases is how many leads the evidence rests on.
	Cases int
}

// ID gives the id of a proposal.
func ID(key string, version int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, version))
	return "pr_" + hex.EncodeToString(sum[:8])
}

// candidate is a test that was made; propose is false where its result asks for no change whatever the p-value.
type candidate struct {
	Proposal
	propose bool
	// untested: what is stated needs no test, such as a rule that no lead had.
	untested bool
}

// Find gives what the rows say should change, what is surest first. It is a pure function: the same rows, agreement and
// options give the same.
func Find(t *table.Table, a *Agreement, opt Options) []Proposal {
	return See(t, a, opt.Now).Find(a, opt)
}

// Find is the function Find, for the agreement that See was told. It does not look at the table any more.
func (s *Seen) Find(a *Agreement, opt Options) []Proposal {
	cs := s.cases(a)
	var found []candidate
	found = append(found, cs.rules(a, opt)...)
	found = append(found, cs.thresholds(a, opt)...)
	found = append(found, cs.rejects(a, opt)...)
	found = append(found, recycles(s, a, opt)...)
	found = append(found, cs.sla(a, opt)...)
	found = append(found, cs.idle(a, opt)...)
	return believe(found, a.Version)
}

// believe keeps what holds among all tests that were made.
func believe(found []candidate, version int32) []Proposal {
	var p []float64
	for i := range found {
		if !found[i].untested {
			p = append(p, found[i].Evidence.P)
		}
	}
	q := stats.BenjaminiHochberg(p)
	var out []Proposal
	at := 0
	for i := range found {
		c := &found[i]
		if !c.untested {
			c.Evidence.Q, c.Evidence.Tests = q[at], len(q)
			at++
		}
		if c.propose && (c.untested || c.Evidence.Q <= MaxQ) {
			c.Key = c.Kind + "/" + c.Subject
			c.ID, c.Version = ID(c.Key, version), version
			out = append(out, c.Proposal)
		}
	}
	slices.SortStableFunc(out, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(a.Evidence.Q, b.Evidence.Q), cmp.Compare(a.Evidence.P, b.Evidence.P), -cmp.Compare(a.Cases, b.Cases), strings.Compare(a.Key, b.Key))
	})
	return single(out)
}

// single drops proposals of a change that a surer one makes already, and a second change of the same place.
func single(in []Proposal) []Proposal {
	seen := map[string]bool{}
	return slices.DeleteFunc(in, func(p Proposal) bool {
		c := p.Change
		if c.Op == "" {
			return false
		}
		place := strings.Join([]string{c.Part, c.ID, c.Field}, "\x00")
		if c.Op == ChangeAdd {
			place = strings.Join([]string{"add", c.When}, "\x00")
		}
		if c.Op == ChangeRemove && seen[strings.Join([]string{c.Part, c.ID, "points"}, "\x00")] || seen[place] {
			return true
		}
		seen[place] = true
		return false
	})
}
