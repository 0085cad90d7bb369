package book

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
)

// Run is one run of a version in the shadow, by sequences of the log: it covers what lies between From and To.
type Run struct {
	From uint64
	// To is 0 while it runs.
	To uint64
}

// Running gives the version that runs in the shadow, nil for none. It must not be changed.
func (b *Book) Running() *agreementv1.Agreement {
	if a := b.rules.Shadow; a != nil {
		return b.Find(a.Version)
	}
	return nil
}

// ShadowRun gives the latest run of a version in the shadow; ok is false where it never ran there.
func (b *Book) ShadowRun(version int32) (run Run, ok bool) {
	run, ok = b.runs[version]
	return run, ok
}

// shade runs a version in the shadow from here on, in place of another. The one in force, one that runs there already, and
// one whose expressions do not compile change nothing.
func (b *Book) shade(v *agreementv1.Agreement, ev *journal.Event) {
	if v.State == StateActive || b.Running() == v {
		return
	}
	ready, err := b.library.Compile([]byte(v.Yaml), v.Version)
	if err != nil {
		return
	}
	b.unshade(b.Running(), ev)
	b.runs[v.Version] = Run{From: ev.Seq}
	v.ShadowSince, v.ShadowUntil = timestamppb.New(ev.Time()), nil
	b.rules.Shadow = ready
	b.rules.ShadowRun++
}

// unshade ends the run of a version, if it runs.
func (b *Book) unshade(v *agreementv1.Agreement, ev *journal.Event) {
	if v == nil || b.Running() != v {
		return
	}
	run := b.runs[v.Version]
	run.To = ev.Seq
	b.runs[v.Version] = run
	v.ShadowUntil = timestamppb.New(ev.Time())
	b.rules.Shadow = nil
}
