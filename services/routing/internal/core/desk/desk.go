// Package desk decides who gets a handoff. There is one desk, so that no two deciders count the same rep: it knows every
// pool's turns, every rep's load, and who waits because nobody could take them.
//
// # Whose turn it is
//
// Of each handoff every eligible rep of the pool is owed w/W (w the rep's weight, W the weight of all eligible). Among those
// who are owed something the one gets it who would be the first to be owed a whole one: the lowest (1 − owed)/w; a hash of
// handoff and rep breaks ties. While the same reps stay eligible that is the quota method of apportionment (below the quota n·w/W,
// the lowest (assigned+1)/w), and each is always within 1 of their share. Without the quota, weights of 10 and ten times 1 stray
// by 5. Shares that change with every handoff are the chairman assignment problem (R. Tijdeman, Discrete Mathematics 32, 1980).
//
// Somebody who joins is owed nothing; who comes back from an absence, the night or a full day is owed the part of a handoff that
// they were owed when they left: no flood makes up for the time away. A turn that is given back is owed.
//
// Journals from before this go on with levels until the directory next changes: a level is what the rep was assigned plus a
// calibration, the quota is that of the levels, and who joins or comes back starts at the level of those who were there.
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
	InHand       = "too many in hand"
	Excluded     = "excluded"
	PoolClosed   = "outside the pool's hours"
	PoolFull     = "the pool is at capacity"
)

// Considered is a rep who was looked at and passed over, and why.
type Considered struct{ Rep, Skipped string }

// Entry is a handoff that asks for an owner.
type Entry struct {
	Lead, Handoff string
	Epoch         int
	Route         string
	// Rep is to get it before any pool, if eligible: the account's owner.
	Rep string
	// Prefer are all who are to be tried before any pool, in order, where Rep alone does not say it.
	Prefer []core.Preference
	Pool   string
	core.Wants
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
	// Owed is what the rep's shares have come to beyond what they were given, in 1/owedUnit of a handoff.
	Owed int64
}

func (m Member) level() int64 { return max(0, m.Assigned+m.Calibration) }

// State is what the desk knows. It is changed by its methods alone.
type State struct {
	// Now is the latest time that it has seen: the clock of its decisions never runs back.
	Now   time.Time
	Pools map[string]map[string]Member
	// Loads by rep, PoolLoads by pool: at most one for each length of a window.
	Loads, PoolLoads map[string][]Load
	// Hands has what reps with a limit on it have in hand: hashes of handoffs, ascending, one for each assignment that was not given up.
	Hands map[string][]uint64
	// Alarms are the pools of which it was told that somebody waits, and since when.
	Alarms map[string]time.Time
	// Queue holds who waits, in the order in which they asked.
	Queue []*Entry
	// Recent holds hashes of the latest assignments, oldest first, to recognise a question that comes twice.
	Recent []uint64

	// waiting finds the queue's entries by handoff.
	waiting map[string]*Entry
	counts
}

// maxRecent is how many assignments are remembered: a repeated question follows closely on the first, for both go back to
// the same input.
const maxRecent = 512

// New gives an empty desk.
func New() *State {
	return &State{
		Pools: map[string]map[string]Member{}, Loads: map[string][]Load{}, PoolLoads: map[string][]Load{}, Hands: map[string][]uint64{},
		Alarms: map[string]time.Time{}, waiting: map[string]*Entry{}, counts: counts{told: map[string]int{}},
	}
}

// Restore makes a state that was filled from outside usable.
func (s *State) Restore() {
	s.waiting = make(map[string]*Entry, len(s.Queue))
	for _, e := range s.Queue {
		s.waiting[e.Handoff] = e
	}
	s.recount()
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
	s.entered(&e)
	return true
}

// Waits gives the queue's entry of a handoff, nil if it does not wait.
func (s *State) Waits(handoff string) *Entry { return s.waiting[handoff] }

// Tell notes that a handoff's waiting has been stated.
func (s *State) Tell(handoff string, until time.Time) {
	if e := s.waiting[handoff]; e != nil {
		s.left(e)
		e.Told, e.Until, e.Encoded = true, until, nil
		s.entered(e)
	}
}

// Close forgets a handoff that is over, or for which nobody else is wanted any more: it leaves the queue, and the rep who had it
// gives it up.
func (s *State) Close(handoff, pool, rep string, giveBack bool) (freed bool) {
	s.leave(handoff)
	return s.GiveUp(handoff, pool, rep, giveBack)
}

// GiveUp notes that a rep does not have a handoff any more, or never got it; a later question about it stays where it is. A rep
// who had it from a pool gets the turn back if giveBack says so. What counts against a capacity stays counted: the rep has had the
// work of it. freed: the rep had it in hand, and there is a limit on that.
func (s *State) GiveUp(handoff, pool, rep string, giveBack bool) (freed bool) {
	freed = s.drop(rep, handoff)
	m, ok := s.Pools[pool][rep]
	if !giveBack || !ok || m.Assigned <= 0 && m.level() == 0 {
		return freed
	}
	m.Assigned--
	m.Credits++
	m.Owed = bounded(m.Owed + owedUnit)
	s.Pools[pool][rep] = m
	return freed
}

func (s *State) leave(handoff string) {
	e := s.waiting[handoff]
	if e == nil {
		return
	}
	delete(s.waiting, handoff)
	s.left(e)
	// From the end: most leave as soon as they have come.
	for i := len(s.Queue) - 1; i >= 0; i-- {
		if s.Queue[i] == e {
			s.Queue = slices.Delete(s.Queue, i, i+1)
			return
		}
	}
}

// Changed takes in a new directory: everybody who waits is looked at again, members that are gone are forgotten, and a pool
// in which a weight changed starts anew: levels reached with other weights cannot be compared. dir may be nil.
func (s *State) Changed(dir *core.Directory) {
	for _, e := range s.Queue {
		e.Until, e.Encoded = s.Now, nil
	}
	s.recount()
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
			} else if pool.Weight(r) != m.Weight && !dir.ExactTurns {
				reset = true
			}
		}
		if reset {
			delete(s.Pools, id)
		}
	}
	s.forget(dir)
}

// Assign counts an assignment: the entry leaves the queue, the rep's level rises, and whoever came back is calibrated.
// considered tells who else was there.
func (s *State) Assign(dir *core.Directory, handoff string, attempt int, pool, rep string, considered []Considered) {
	e := s.waiting[handoff]
	s.leave(handoff)
	if s.Recent = append(s.Recent, assignment(handoff, attempt)); len(s.Recent) > maxRecent {
		s.Recent = slices.Delete(s.Recent, 0, len(s.Recent)-maxRecent)
	}
	s.count(dir, pool, rep, considered)
	s.take(dir.Rep(rep), handoff)
	s.Passed(dir, e)
}

func (s *State) count(dir *core.Directory, pool, rep string, considered []Considered) {
	s.load(dir.Rep(rep), dir.Pool(pool))
	p := dir.PoolOrDefault(pool)
	if p == nil || p.ID != pool {
		return
	}
	members := s.Pools[pool]
	if members == nil {
		members = make(map[string]Member, len(p.Reps))
		s.Pools[pool] = members
	}
	// Where it overflowed a rep may have been looked at for two pools: what was said last is of this one.
	last := make(map[string]string, len(considered))
	for _, c := range considered {
		last[c.Rep] = c.Skipped
	}
	present := []string{rep}
	for _, c := range considered {
		why, ok := last[c.Rep]
		if !ok || c.Rep == rep || !p.Has(c.Rep) {
			continue
		}
		delete(last, c.Rep)
		switch why {
		case AboveQuota, NotTheirTurn:
			present = append(present, c.Rep)
		case HadIt, Excluded, PoolClosed, PoolFull: // says nothing of whether they are there
		default:
			if m, ok := members[c.Rep]; ok {
				m.Absent = true
				members[c.Rep] = m
			}
		}
	}
	if dir.ExactTurns {
		owe(dir, p, members, present)
		return
	}
	for i, standing := range standings(dir, p, members, present) {
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
