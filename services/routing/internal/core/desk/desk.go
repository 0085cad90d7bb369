// Package desk decides who gets a handoff. There is one desk, so that no two deciders count the same rep: it knows every
// pool's turns, every rep's load, and who waits because nobody could take them.
//
// # Whose turn it is
//
// Among the eligible reps of a pool whose level is below their quota n·w/W (n handoffs among them with this one, w the
// rep's weight, W the weight of all eligible), the one with the lowest (level+1)/w gets it; a hash of handoff and rep breaks
// ties. A level is what the rep was assigned plus a calibration. While the same reps stay eligible, each is always within 1
// of their weighted share: that is the quota method of apportionment. Without the quota, weights of 10 and ten times 1
// stray by 5.
//
// Somebody who joins, or comes back from an absence, the night or a full day, starts at the level of those who were there:
// no flood makes up for the time away. A turn that is given back lowers the level by one.
package desk

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// Why a rep was passed over.
const (
	Inactive     = "inactive"
	HadIt        = "had it before"
	Away         = "away"
	OutsideHours = "outside hours"
	AtCapacity   = "at capacity"
	AboveQuota   = "above quota"
	NotTheirTurn = "not their turn"
)

// Considered is a rep who was looked at and passed over, and why.
type Considered struct{ Rep, Skipped string }

// Entry is a handoff that asks for an owner.
type Entry struct {
	Lead, Handoff string
	Epoch         int
	Route         string
	// Rep is to get it before any pool, if eligible: the account's owner.
	Rep  string
	Pool string
	// Exclude are reps who may not get it.
	Exclude []string
	// Attempt counts from 0.
	Attempt    int
	Account    string
	By         string
	Confidence float64
	// Request that asks, "" where none does: what nobody can ever take is then declined instead of kept waiting.
	Request string
	// Only: Rep or nobody. Force: Rep's hours, absences and capacity are looked past.
	Only, Force bool

	// Since is when it asked.
	Since time.Time
	// Told: that it waits has been stated, until Until; zero where nothing but a change of the directory helps.
	Told  bool
	Until time.Time

	// Encoded is the entry as it is stored, left here by whoever stores it; a change clears it. Thousands may wait, and the
	// desk is stored again with every handoff that comes.
	Encoded []byte
}

// Member is a rep's standing in a pool.
type Member struct {
	Assigned    int64
	Calibration int64
	// Credits are turns given back and not yet used.
	Credits int
	// Absent: could not be chosen when the pool last chose.
	Absent bool
	// Weight that the level was reached with, in thousandths.
	Weight int64
}

func (m Member) level() int64 { return max(0, m.Assigned+m.Calibration) }

// Load counts a rep's assignments in one window of their capacity.
type Load struct {
	// Window is the window's start, in seconds since 1970-01-01 UTC.
	Window int64
	Count  int
}

// State is what the desk knows. It is changed by its methods alone.
type State struct {
	// Now is the latest time that it has seen: the clock of its decisions never runs back.
	Now   time.Time
	Pools map[string]map[string]Member
	Loads map[string]Load
	// Queue holds who waits, in the order in which they asked.
	Queue []*Entry
	// Recent holds hashes of the latest assignments, oldest first, to recognise a question that comes twice.
	Recent []uint64

	// waiting finds the queue's entries by handoff.
	waiting map[string]*Entry
}

// maxRecent is how many assignments are remembered: a repeated question follows closely on the first, for both go back to
// the same input.
const maxRecent = 512

// New gives an empty desk.
func New() *State {
	return &State{Pools: map[string]map[string]Member{}, Loads: map[string]Load{}, waiting: map[string]*Entry{}}
}

// Restore makes a state that was filled from outside usable.
func (s *State) Restore() {
	s.waiting = make(map[string]*Entry, len(s.Queue))
	for _, e := range s.Queue {
		s.waiting[e.Handoff] = e
	}
}

// Advance moves the desk's clock; it never goes back.
func (s *State) Advance(now time.Time) {
	if now.After(s.Now) {
		s.Now = now
	}
}

// Ask puts a handoff at the end of the queue, to be looked at next. It does nothing, and says false, for a question that
// was asked before: the handoff waits already, or was assigned, for the same attempt or a later one.
func (s *State) Ask(e Entry) bool {
	if old := s.waiting[e.Handoff]; old != nil && old.Attempt >= e.Attempt || slices.Contains(s.Recent, assignment(e.Handoff, e.Attempt)) {
		return false
	}
	s.leave(e.Handoff)
	e.Since, e.Told, e.Until = s.Now, false, time.Time{}
	s.Queue = append(s.Queue, &e)
	s.waiting[e.Handoff] = &e
	return true
}

// Waits gives the queue's entry of a handoff, nil if it does not wait.
func (s *State) Waits(handoff string) *Entry { return s.waiting[handoff] }

// Tell notes that a handoff's waiting has been stated.
func (s *State) Tell(handoff string, until time.Time) {
	if e := s.waiting[handoff]; e != nil {
		e.Told, e.Until, e.Encoded = true, until, nil
	}
}

// Close forgets a handoff that is over: it leaves the queue, and the rep who had it from a pool gets the turn back if
// giveBack says so. What counts against a capacity stays counted: the rep has had the work of it.
func (s *State) Close(handoff, pool, rep string, giveBack bool) {
	s.leave(handoff)
	m, ok := s.Pools[pool][rep]
	if !giveBack || !ok || m.level() == 0 {
		return
	}
	m.Assigned--
	m.Credits++
	s.Pools[pool][rep] = m
}

func (s *State) leave(handoff string) {
	e := s.waiting[handoff]
	if e == nil {
		return
	}
	delete(s.waiting, handoff)
	i := slices.Index(s.Queue, e)
	s.Queue = slices.Delete(s.Queue, i, i+1)
}

// Changed takes in a new directory: everybody who waits is looked at again, members that are gone are forgotten, and a pool
// in which a weight changed starts anew: levels reached with other weights cannot be compared. dir may be nil.
func (s *State) Changed(dir *core.Directory) {
	for _, e := range s.Queue {
		e.Until, e.Encoded = s.Now, nil
	}
	for id, members := range s.Pools {
		pool := dir.PoolOrDefault(id)
		if pool == nil || pool.ID != id {
			delete(s.Pools, id)
			continue
		}
		reset := false
		for rep, m := range members {
			r := dir.Rep(rep)
			if r == nil || !slices.Contains(pool.Reps, rep) {
				delete(members, rep)
			} else if r.Weight != m.Weight {
				reset = true
			}
		}
		if reset {
			delete(s.Pools, id)
		}
	}
	for rep := range s.Loads {
		if dir.Rep(rep) == nil {
			delete(s.Loads, rep)
		}
	}
}

// Next gives the moment at which somebody who waits must be looked at, zero if none.
func (s *State) Next() time.Time {
	var next time.Time
	for _, e := range s.Queue {
		if !e.Told {
			return s.Now
		}
		if !e.Until.IsZero() && (next.IsZero() || e.Until.Before(next)) {
			next = e.Until
		}
	}
	return next
}

// Assign counts an assignment: the entry leaves the queue, the rep's level rises, and whoever came back is calibrated.
// considered tells who else was there.
func (s *State) Assign(dir *core.Directory, handoff string, attempt int, pool, rep string, considered []Considered) {
	s.leave(handoff)
	if s.Recent = append(s.Recent, assignment(handoff, attempt)); len(s.Recent) > maxRecent {
		s.Recent = slices.Delete(s.Recent, 0, len(s.Recent)-maxRecent)
	}
	s.count(dir, pool, rep, considered)
}

func (s *State) count(dir *core.Directory, pool, rep string, considered []Considered) {
	if r := dir.Rep(rep); r != nil && r.Capacity.Handoffs > 0 {
		from, _ := r.Capacity.Per.Window(s.Now, r.Calendar.Location)
		l := s.Loads[rep]
		if l.Window != from.Unix() {
			l = Load{Window: from.Unix()}
		}
		l.Count++
		s.Loads[rep] = l
	}
	p := dir.PoolOrDefault(pool)
	if p == nil || p.ID != pool {
		return
	}
	members := s.Pools[pool]
	if members == nil {
		members = make(map[string]Member, len(p.Reps))
		s.Pools[pool] = members
	}
	present := []string{rep}
	for _, c := range considered {
		if !slices.Contains(p.Reps, c.Rep) {
			continue
		}
		switch c.Skipped {
		case AboveQuota, NotTheirTurn:
			present = append(present, c.Rep)
		case HadIt: // says nothing of whether they are there
		default:
			if m, ok := members[c.Rep]; ok {
				m.Absent = true
				members[c.Rep] = m
			}
		}
	}
	for i, standing := range standings(dir, members, present) {
		m := members[present[i]]
		m.Calibration, m.Absent, m.Weight = standing.level-m.Assigned, false, standing.weight
		if present[i] == rep {
			m.Assigned++
			m.Credits = max(0, m.Credits-1)
		}
		members[present[i]] = m
	}
}

func assignment(handoff string, attempt int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(handoff + "\x00" + strconv.Itoa(attempt)))
	return h.Sum64()
}
