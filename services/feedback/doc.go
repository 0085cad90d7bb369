// Package feedback takes what sales answers to a handoff, and tells both teams what became of their leads.
//
// It states no facts of its own yet. A rep's answer is appended to the journal as a request; routing alone decides whether
// it takes effect, and feedback waits for that decision so that the rep gets a straight answer. The stages that scoring
// states are folded into one row per lead, from which the funnel is counted.
package feedback
