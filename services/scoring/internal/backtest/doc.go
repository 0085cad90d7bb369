// Package backtest plays the retained journal through agreements that may never have been in force, in memory and beside
// everything live, and measures what they would have done against how the leads really ended.
//
// It decides with the very entities that decide live (package fold), so that a backtest and live scoring cannot drift apart.
// Each contender is in force from the first event on. What goes in are inputs: events, links, deals, requests of sales.
// What Baton itself decided then does not go in, but for two things that are read aside: which leads were really handed
// over, and which requests of sales were refused. Nothing is routed: a lead qualifies once, and is not recycled by a
// contender. Inputs that live scoring had to quarantine are left out here as well.
//
// The prediction score of a lead is the highest (engagement + fit) / 2 that it reached before its outcome, or before the end
// of the journal where there is none, in points from 0 to 100, rounded down to a millionth. It is evaluated after each of
// the lead's events and timers; of a lead that was merged, over all its parts. Read as a probability it is score / 100.
//
// Before an outcome means: received earlier than the outcome happened, or at that very moment and earlier in the log. A deal
// that is dated into the future ends when it was received. Each deal stands as its latest word says (by when it happened,
// then by the event's id). A lead is won once one of its deals is, else open while one is open, else lost if one is lost.
//
// With a window, leads that were first heard of within it are measured, with their outcomes whenever those came; volumes
// count every qualification within it.
package backtest
