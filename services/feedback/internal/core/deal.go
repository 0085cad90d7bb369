package core

import (
	"cmp"
	"slices"
	"strings"
)

// DealKind is what is said of a deal.
type DealKind int32

// The kinds, in the order of the journal's types.
const (
	DealOpened DealKind = iota + 1
	DealStaged
	DealWon
	DealLost
	DealReopened
	DealChurned
	DealRenewed
)

// Statement is what somebody said of a deal. Times are in milliseconds since 1970, UTC.
type Statement struct {
	// Deal is the source and its id of the deal, with a slash between: ids of two CRMs are two deals.
	Deal string
	Kind DealKind
	// At is when it happened by the clock of who said it; Seq, its place in the journal, orders what happened at one moment.
	At  int64
	Seq uint64
	// Event is the hash of the source's name and its id of the event: a repeat has the same.
	Event uint64
	// Amount is in micro-units of Currency; HasAmount tells zero from not stated.
	Amount                        int64
	HasAmount                     bool
	Currency, Stage, Reason, Role string
	// Owner is a rep's id where the directory knew who it was, else as it was stated; Team is the rep's.
	Owner, Team string
	// Created is when the deal was opened, where the source says so with a later fact; 0 where it does not.
	Created int64
}

// Source gives who said it.
func (s *Statement) Source() string {
	source, _, _ := strings.Cut(s.Deal, "/")
	return source
}

func (s *Statement) compare(o *Statement) int {
	return cmp.Or(cmp.Compare(s.At, o.At), cmp.Compare(s.Seq, o.Seq), cmp.Compare(s.Event, o.Event))
}

// Said folds a statement, and reports whether it was new. Where there are too many, those go that no longer matter to how
// their deals stand, the oldest first; if all do, the oldest.
func (r *Row) Said(s Statement) bool {
	if slices.ContainsFunc(r.Deals, func(o Statement) bool { return o.Event == s.Event && o.Deal == s.Deal && o.Kind == s.Kind }) {
		return false
	}
	i, _ := slices.BinarySearchFunc(r.Deals, &s, func(o Statement, s *Statement) int { return o.compare(s) })
	r.Deals = slices.Insert(r.Deals, i, s)
	if len(r.Deals) > MaxStatements {
		r.forget()
	}
	return true
}

// forget makes room for a quarter of the bound, so that it is not done again at once.
func (r *Row) forget() {
	of := func(deal string) (own []Statement) {
		for _, s := range r.Deals {
			if s.Deal == deal {
				own = append(own, s)
			}
		}
		return own
	}
	for i := 0; i < len(r.Deals) && len(r.Deals) > MaxStatements*3/4; {
		own := of(r.Deals[i].Deal)
		k := slices.IndexFunc(own, func(s Statement) bool {
			return s.Seq == r.Deals[i].Seq && s.Event == r.Deals[i].Event && s.Kind == r.Deals[i].Kind
		})
		if without := slices.Delete(slices.Clone(own), k, k+1); len(without) > 0 && Stands(own) == Stands(without) {
			r.Deals = slices.Delete(r.Deals, i, i+1)
			continue
		}
		i++
	}
	if n := len(r.Deals) - MaxStatements; n > 0 {
		r.Deals = slices.Delete(r.Deals, 0, n)
	}
}

// DealStatus is how a deal stands.
type DealStatus uint8

// The states of a deal; a customer who left is DealIsWon, with Churned set.
const (
	DealIsOpen DealStatus = iota
	DealIsWon
	DealIsLost
)

// Standing is how a deal stands.
type Standing struct {
	Status DealStatus
	// Opened is when it was opened, or first heard of; Closed when it entered the state that it is in, won or lost.
	Opened, Closed   int64
	Churned, Renewed int64
	Renewals         int
	Amount           int64
	HasAmount        bool
	Currency         string
	Stage, Reason    string
	Owner, Team      string
}

// Stands gives how a deal stands after all that was said of it, in any order and however often. Each field is the last that
// was said of it by the clock of who said it; what happened at one moment is ordered by its place in the journal.
//
// A stage says that there is an opportunity and no more: whether it is won or lost is said by won, lost, opened and
// reopened alone. A deal that is said to be won again and again was won at the first time of that unbroken run. Amounts of
// renewals are those of renewals: the amount of the deal stays what it was sold for. A renewal takes back a churn before it.
func Stands(said []Statement) Standing {
	said = slices.Clone(said)
	slices.SortFunc(said, func(a, b Statement) int { return a.compare(&b) })
	var d Standing
	var opened, first, renewedAt int64
	for i := range said {
		s := &said[i]
		if s.Kind == DealChurned || s.Kind == DealRenewed {
			if s.Kind == DealChurned {
				d.Churned = s.At
			} else {
				d.Churned = 0
				if d.Renewals == 0 || s.At != renewedAt {
					d.Renewals++
				}
				d.Renewed, renewedAt = s.At, s.At
			}
			d.owned(s)
			continue
		}
		if first == 0 {
			first = s.At
		}
		if s.Kind == DealOpened && opened == 0 {
			opened = s.At
		}
		if s.Created != 0 {
			opened = s.Created
		}
		switch s.Kind {
		case DealWon:
			d.enters(DealIsWon, s.At)
		case DealLost:
			d.enters(DealIsLost, s.At)
		case DealOpened, DealReopened:
			d.Status, d.Closed = DealIsOpen, 0
		}
		if s.HasAmount {
			d.Amount, d.Currency, d.HasAmount = s.Amount, s.Currency, true
		}
		d.Stage = cmp.Or(s.Stage, d.Stage)
		if s.Kind == DealLost {
			d.Reason = cmp.Or(s.Reason, d.Reason)
		}
		d.owned(s)
	}
	if d.Status != DealIsLost {
		d.Reason = ""
	}
	d.Opened = cmp.Or(opened, first)
	if d.Opened == 0 && len(said) > 0 {
		d.Opened = said[0].At
	}
	return d
}

func (d *Standing) enters(status DealStatus, at int64) {
	if d.Status != status {
		d.Status, d.Closed = status, at
	}
}

func (d *Standing) owned(s *Statement) {
	if s.Owner != "" {
		d.Owner, d.Team = s.Owner, s.Team
	}
}
