// Package celrules evaluates the expressions of agreements. It is the one place of scoring that knows CEL: expressions are
// compiled and type-checked once for each version of an agreement, and come out as core.Programs.
//
// What is not known of an event, a lead or an account is absent: has() says so, optional access (lead.?title) works around
// it, and an expression that meets it otherwise is not evaluated. Nothing depends on a clock, a random number or the order
// of a map: the same log gives the same verdicts everywhere.
package celrules
