// Package celrules evaluates the expressions by which operators map what a platform posts. It is the one place of ingest that
// knows CEL: expressions are compiled and type-checked once, when the source is set up, and look at JSON where it stands.
//
// What an event does not have is absent, as is what an expression over it cannot say: no expression fails. Nothing depends on
// a clock, a random number or the order of a map: the same event gives the same, however often it is decoded. Numbers are
// float64, integers beyond its exact ones the text of their digits.
package celrules
