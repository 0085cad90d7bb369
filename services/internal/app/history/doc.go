// Package history turns records of before Baton, rows of CSV or NDJSON, into events of Baton's own form. A map says how: it is
// checked as a whole before the first row is read. Nothing here sends anything, keeps more than a row, or knows a clock.
package history
