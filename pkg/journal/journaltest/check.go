package journaltest

import (
	"fmt"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
)

// Result is what a logic makes of a log when it is computed slowly and obviously.
type Result struct {
	// States holds, per entity, what Save gives.
	States map[string][]byte
	// Missing facts were decided and are not in the log; Unexpected ones are in the log and not decided; Differing ones
	// are recorded with another content. Each is a line for a human.
	Missing, Unexpected, Differing []string
	// Facts is how many facts the logic's service has in the log.
	Facts int
	// Applied and Duplicates count the inputs, as a worker does.
	Applied, Duplicates int
}

// Ok reports whether the log holds exactly the facts that follow from it.
func (r *Result) Ok() bool { return len(r.Missing)+len(r.Unexpected)+len(r.Differing) == 0 }

type factKey struct {
	partition int
	cause     uint64
	n         int
}

// Check folds a whole log, one message after the other, and compares what the logic decides with what is recorded. The
// log must be complete: whoever decides must have caught up.
func Check(log []*journal.Event, logic journal.Logic) (*Result, error) {
	r := &Result{States: map[string][]byte{}}
	g := logic.NewGlobals()
	entities := map[string]journal.Entity{}
	decided, recorded := map[factKey]*journal.Event{}, map[factKey]*journal.Event{}
	quarantined := map[uint64]*journal.Event{}
	for _, ev := range log {
		if ev.Origin != nil && ev.Origin.Producer == logic.Service() {
			k := factKey{ev.Origin.Partition, ev.Origin.Cause, ev.Origin.N}
			r.Facts++
			if recorded[k] != nil {
				r.Unexpected = append(r.Unexpected, fmt.Sprintf("%d: %s of cause %d.%d stands in the log twice", ev.Seq, ev.Type, k.cause, k.n))
			}
			recorded[k] = ev
			if ev.Type == "quarantined" && journal.OwnToSelf(logic.Service(), ev.Head) {
				q := *ev
				q.Seq, q.Logged = 0, time.Time{} // as when it was decided
				quarantined[ev.Origin.Cause] = &q
			}
		}
	}
	n := map[[2]uint64]int{}
	entity := func(id string) (e journal.Entity, err error) {
		if e = entities[id]; e == nil {
			if e, err = logic.Load(id, nil); err != nil {
				return nil, err
			}
			entities[id] = e
		}
		return e, nil
	}
	show := func(id string, ev *journal.Event) error {
		e, err := entity(id)
		if err != nil {
			return err
		}
		input := ev.Input() && ev.Partition != journal.Global
		if e.Apply(g, ev) == journal.Duplicate {
			if input {
				r.Duplicates++
			}
			return nil
		}
		if input {
			r.Applied++
		}
		var d journal.Decision
		e.Decide(g, ev, &d)
		p := journal.PartitionOf(id)
		at := [2]uint64{ev.Seq, uint64(p)}
		for _, f := range d.Facts(logic.Service(), id, ev, n[at]) {
			n[at]++
			decided[factKey{p, ev.Seq, f.Origin.N}] = f
			if f.Entity == id {
				e.Apply(g, f)
			}
		}
		return nil
	}
	for _, ev := range log {
		if ev.Partition == journal.Global {
			for _, id := range g.Apply(ev) {
				if err := show(id, ev); err != nil {
					return nil, err
				}
			}
			continue
		}
		if journal.OwnToSelf(logic.Service(), ev.Head) {
			continue
		}
		if q := quarantined[ev.Seq]; q != nil {
			e, err := entity(ev.Entity)
			if err != nil {
				return nil, err
			}
			e.Apply(g, q)
			continue
		}
		if !logic.Wants(ev.Head) {
			if ev.Input() {
				r.Applied++
			}
			continue
		}
		if err := show(ev.Entity, ev); err != nil {
			return nil, err
		}
	}
	for k, f := range decided {
		got := recorded[k]
		switch {
		case got == nil:
			r.Missing = append(r.Missing, fmt.Sprintf("%s of cause %d.%d for %s", f.Type, k.cause, k.n, f.Entity))
		case !sameFact(f, got):
			r.Differing = append(r.Differing, fmt.Sprintf("%d: %s of cause %d.%d for %s", got.Seq, f.Type, k.cause, k.n, f.Entity))
		}
	}
	for k, f := range recorded {
		if decided[k] == nil && f.Type != "quarantined" {
			r.Unexpected = append(r.Unexpected, fmt.Sprintf("%d: %s of cause %d.%d for %s", f.Seq, f.Type, k.cause, k.n, f.Entity))
		}
	}
	for _, lines := range [][]string{r.Missing, r.Unexpected, r.Differing} {
		sort.Strings(lines)
	}
	for id, e := range entities {
		r.States[id] = e.Save(new(leadstore.Mutation))
	}
	return r, nil
}

func sameFact(a, b *journal.Event) bool {
	return a.Entity == b.Entity && proto.Equal(a.Body, b.Body)
}

// Eventually calls ok until it gives nil, and fails with its last error after a generous while. It waits for what has no
// bound of its own; it never decides by time whether something is right.
func Eventually(t failer, what string, ok func() error) {
	t.Helper()
	eventually(t, patience, what, ok)
}

// patience is the generous while.
const patience = time.Minute

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

func eventually(t failer, patience time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
