// Package fold connects the rules of scoring with the journal: it shows them the journal's events, states what they decide,
// and stores what they keep.
package fold
