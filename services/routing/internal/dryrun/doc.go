// Package dryrun tries routing: who would get a lead, and why; and what another directory would have made of a stretch of the
// past. It runs the very entities that decide live, in memory, with nobody told and nothing written.
package dryrun
