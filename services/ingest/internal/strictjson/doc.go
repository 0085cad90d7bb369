// Package strictjson reads JSON that strangers have written: one pass checks the whole of it against bounds before
// anything is built, and keeps where each value stands, so that what is read later needs no further checks.
//
// It refuses what encoding/json lets through and what then means different things to different programs: duplicate keys,
// invalid UTF-8, lone surrogates, NUL, trailing data. It refuses what costs more to hold than to send: nesting, members,
// values and digits beyond Limits, numbers that no float64 holds. Every refusal says where (byte and path) and why.
//
// Memory is bounded by Limits, not by the text: 16 bytes a value, reused from one text to the next. Time is linear in the
// text, whatever is in it.
package strictjson
