//go:build !integration

package redisstore

import "testing"

// eachEngine runs a benchmark on a stand-in for Redis; with the tag integration on a Redis too.
func eachEngine(b *testing.B, run func(*testing.B, *Store)) {
	benchOn(b, "embedded", startEmbedded(b), run)
}
