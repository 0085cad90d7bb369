//go:build integration

package fold_test

// pairs is how many agreements and sequences of events are drawn.
const pairs = 10_000
