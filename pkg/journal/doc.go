// Package journal is the lead journal: one ordered, immutable log of every fact about every lead, on one JetStream
// stream, and the workers that fold and decide over it.
//
// # What is where
//
//	event.go, logic.go   what an event is, and what a service brings: Logic, Globals, Entity, Observer
//	journal.go           opening the stream; message.go: subjects and headers; publish.go: the two ways to write
//	append.go            inputs: group commit for everybody who appends
//	read.go              reading back: an entity's subject, the globals, counts; many.go: many entities at once
//	worker.go            a service's worker: sessions, one after the other
//	session.go           one session: open, replay, live
//	fold.go              showing an event to an entity; commit.go: one batch into the log; store.go: its states into the store
//	refold.go            an entity whose replay did not match what is recorded
//	watermark.go         how far the store is; lease.go: who works on what; position.go: who has read how far
//	reader.go            reads from the store, in any process
//
// # What holds
//
// An input is in the log, on disk, once Append has returned nil. Every service shows it to its entity exactly once, in log
// order: outputs and progress land in one atomic batch, fenced by a checkpoint per service and partition whose sequence the
// writer must know. A worker that lost a partition is refused by the log itself; who owns what (lease.go) is a matter of
// liveness only. After any crash the next session reads on from what the log and the store agree on: what the log already
// holds decisions for is replayed without publishing and compared with what is recorded, what lies beyond is decided.
package journal
