// Package api answers reads: leads, scores, agreements, what could not be read, and whether every input is accounted for.
package api
