//go:build !integration

package redisstore

import "testing"

// eachEngine runs a benchmark on the embedded store; with the tag integration on a Redis too.
func eachEngine(b *testing.B, run func(*testing.B, *Store)) {
	benchOn(b, "embedded", startEmbedded(b), run)
}
