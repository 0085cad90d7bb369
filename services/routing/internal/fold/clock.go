package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// Decides is the generation of routing's rules that this program states with the destinations. What a journal holds before a
// generation was stated was decided without its rules, and is replayed without.
//
// From pinning on, clocks are pinned to the agreement under which they begin, and planned again when the owner's calendar changes. From
// tooLate on, the desk is told of an assignment that came too late as such, so that it does not take a later question for over, and
// a lead that merges tells which requests it has taken, so that none is answered twice. From refusing on, a request that finds too many
// others waiting for handoffs that are on their way is refused; before, it was never answered. And the desk hears of what is over before it
// is asked for what comes next.
const (
	pinning  = 1
	tooLate  = 2
	refusing = 3
	Decides  = refusing
)

// promise gives the service level in force.
func (g *Globals) promise() handoff.Promise {
	if g.Agreement == nil {
		return handoff.Promise{}
	}
	sla := g.Agreement.SLA
	return handoff.Promise{
		Accept: sla.AcceptWithin, Contact: sla.ContactWithin, MaxReassigns: sla.MaxReassigns, Ladder: rungs(sla.Ladder),
		ContactLadder: rungs(sla.ContactLadder), OwnContactLadder: sla.OwnContactLadder,
	}
}

func rungs(ladder []agreement.Step) (out []handoff.Rung) {
	for _, s := range ladder {
		out = append(out, handoff.Rung{Percent: s.At, After: s.After, Notify: s.Notify, Reassign: s.Reassign, Overflow: s.Overflow})
	}
	return out
}

// version gives the agreement's version to which a clock that begins now is pinned, 0 for none.
func (g *Globals) version() int32 {
	if !g.pins || g.Agreement == nil {
		return 0
	}
	return g.Version
}

// versionFor gives the version that an answer states: that of the clock which begins with an acceptance.
func (g *Globals) versionFor(do string, a handoff.Answer) int32 {
	if do != handoff.DoAccept || !a.OK || a.Repeat {
		return 0
	}
	return g.version()
}

// pinned gives what a clock that begins now keeps of the agreement in force.
func (g *Globals) pinned(version int32, within time.Duration) handoff.Pinned {
	return handoff.Pinned{Version: version, Working: g.working(), Within: within, MaxReassigns: g.promise().MaxReassigns}
}

func (g *Globals) working() bool {
	return g.Agreement != nil && g.Agreement.SLA.Clock == agreement.ClockWorking
}

// clock gives how time passes for a rep under the agreement in force.
func (g *Globals) clock(rep string) handoff.Clock { return g.clockBy(g.working(), rep) }

// clockOf gives how time passes for a handoff: as its running clock is pinned, or else by the agreement in force.
func (g *Globals) clockOf(h *handoff.Handoff) handoff.Clock {
	if h.Pinned.Version != 0 {
		return g.clockBy(h.Pinned.Working, h.Owner())
	}
	return g.clock(h.Owner())
}

// clockBy gives a rep's working time where it is asked for and they have any, and time as it elapses otherwise.
func (g *Globals) clockBy(working bool, rep string) handoff.Clock {
	if r := g.Directory.Rep(rep); working && r != nil {
		return workClock{r}
	}
	return handoff.Elapsed{}
}

// workClock is a rep's working time. Where they do not work within two years, time elapses.
type workClock struct{ rep *core.Rep }

func (c workClock) Later(start time.Time, d time.Duration) time.Time {
	if at, ok := c.rep.Calendar.Add(start, d); ok {
		return at
	}
	return start.Add(d)
}

func (c workClock) Passed(from, to time.Time) time.Duration {
	if _, ok := c.rep.Calendar.NextOpen(from); !ok {
		return max(0, to.Sub(from))
	}
	return c.rep.Calendar.Worked(from, to)
}

// begin starts a clock of a handoff that has an owner: pinned to a version, or, with version 0, as it was before clocks were
// pinned, with its steps' moments alone.
func (g *Globals) begin(h *handoff.Handoff, version int32, within time.Duration, at time.Time, steps []handoff.Step) {
	if version != 0 {
		h.Start(g.pinned(version, within), at, steps, g.clock(h.Owner()))
		return
	}
	for i := range steps {
		steps[i].After = 0
	}
	h.Steps = steps
}
