// Package routing hands qualified leads to sales: it finds the account, lets the desk choose the rep, writes the brief,
// tells destinations, watches over the service level, and decides what becomes of the reps' answers. See README.md.
package routing
