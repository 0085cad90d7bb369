package dryrun

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// deadline is when one of an entity's timers fires.
type deadline struct {
	timer string
	at    time.Time
}

// alarm is a timer of an entity. One that was moved stays where it was, too, and is passed over when it comes up.
type alarm struct {
	deadline
	of *member
}

// alarms is a heap: the earliest first, and at one moment by entity, then by name.
type alarms []alarm

func (a alarms) Len() int      { return len(a) }
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a alarms) Less(i, j int) bool {
	return cmp.Or(a[i].at.Compare(a[j].at), strings.Compare(a[i].of.id, a[j].of.id), strings.Compare(a[i].timer, a[j].timer)) < 0
}

// Push is the heap's.
func (a *alarms) Push(x any) {
	if v, ok := x.(alarm); ok {
		*a = append(*a, v)
	}
}

// Pop is the heap's.
func (a *alarms) Pop() any {
	last := len(*a) - 1
	v := (*a)[last]
	(*a)[last] = alarm{}
	*a = (*a)[:last]
	return v
}

// arm sets a timer where it is new or has moved to earlier, as a worker does.
func (p *player) arm(m *member, d deadline) {
	i := slices.IndexFunc(m.armed, func(o deadline) bool { return o.timer == d.timer })
	switch {
	case i < 0:
		m.armed = append(m.armed, d)
	case d.at.Before(m.armed[i].at):
		m.armed[i] = d
	default:
		return
	}
	heap.Push(&p.alarms, alarm{d, m})
}

// disarm forgets a timer that comes due and reports whether it was set for that moment.
func (m *member) disarm(d deadline) bool {
	i := slices.IndexFunc(m.armed, func(o deadline) bool { return o.timer == d.timer && o.at.Equal(d.at) })
	if i < 0 {
		return false
	}
	m.armed = slices.Delete(m.armed, i, i+1)
	return true
}

// take takes the earliest.
func (a *alarms) take() alarm {
	first := (*a)[0]
	heap.Pop(a)
	return first
}
