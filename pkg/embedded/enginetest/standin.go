package enginetest

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// StandIn is what speaks as a Redis does, in this process, where a test needs one and nothing may have to be installed.
//
// Times to live are not counted: nothing in the lead store has one, and the engine would sort all its keys for it, at
// nearly every command.
type StandIn struct {
	engine *miniredis.Miniredis
	url    string
}

// StartStandIn starts one on a free loopback port, with a password. It ends with the test, where it was not closed before.
func StartStandIn(t testing.TB) *StandIn {
	t.Helper()
	const password = "stand-in"
	engine := miniredis.NewMiniRedis()
	engine.RequireAuth(password)
	if err := engine.StartAddr("127.0.0.1:0"); err != nil {
		t.Fatalf("start a stand-in for Redis: %v", err)
	}
	t.Cleanup(engine.Close)
	if err := engine.Server().Register("CONFIG", config); err != nil {
		t.Fatalf("start a stand-in for Redis: %v", err)
	}
	return &StandIn{engine: engine, url: "redis://default:" + password + "@" + engine.Addr() + "/0"}
}

// URL gives the address with the password, as a Redis client takes it.
func (r *StandIn) URL() string { return r.url }

// Close stops it; everything in it is forgotten.
func (r *StandIn) Close() { r.engine.Close() }

// config answers CONFIG GET maxmemory-policy, which the engine does not know: it never evicts.
func config(c *server.Peer, _ string, args []string) {
	if len(args) != 2 || !strings.EqualFold(args[0], "get") || !strings.EqualFold(args[1], "maxmemory-policy") {
		c.WriteError("ERR the stand-in answers CONFIG GET maxmemory-policy only")
		return
	}
	c.WriteMapLen(1)
	c.WriteBulk("maxmemory-policy")
	c.WriteBulk("noeviction")
}
