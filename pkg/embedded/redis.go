package embedded

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// Redis is a lead store in this process' memory. It is volatile on purpose: everything in it is folded from the journal
// again at the next start. It is meant for some 200,000 leads; beyond that, use a Redis.
//
// Times to live are not counted: nothing in the lead store has one, and the engine would sort all its keys for it, at
// nearly every command.
type Redis struct {
	engine   *miniredis.Miniredis
	listener net.Listener
	// accepting ends once no connection is taken any more.
	accepting sync.WaitGroup
	url       string
}

// StartRedis starts a lead store on a free loopback port, with a password made for this run: other users of the machine
// reach the port too.
func StartRedis() (*Redis, error) {
	password := rand.Text()
	engine := miniredis.NewMiniRedis()
	engine.RequireAuth(password)
	// Its connections come from a listener of ours, so that answers are gathered. Without one of its own it starts with the first
	// connection, which nobody needs.
	first, err := engine.Dial()
	if err != nil {
		return nil, fmt.Errorf("start the embedded lead store: %w", err)
	}
	_ = first.Close()
	if err := engine.Server().Register("CONFIG", config); err != nil {
		engine.Close()
		return nil, fmt.Errorf("start the embedded lead store: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		engine.Close()
		return nil, fmt.Errorf("start the embedded lead store: %w", err)
	}
	u := url.URL{Scheme: "redis", User: url.UserPassword("default", password), Host: listener.Addr().String(), Path: "/0"}
	r := &Redis{engine: engine, listener: listener, url: u.String()}
	r.accepting.Go(func() {
		for server := engine.Server(); ; {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			server.ServeConn(&gathered{Conn: conn})
		}
	})
	return r, nil
}

// URL gives the address with the password, as a Redis client takes it. It is not for logs.
func (r *Redis) URL() string { return r.url }

// Close stops the store and forgets everything in it.
func (r *Redis) Close() {
	_ = r.listener.Close()
	r.accepting.Wait()
	r.engine.Close()
}

// config answers CONFIG GET maxmemory-policy, which the engine does not know: it never evicts.
func config(c *server.Peer, _ string, args []string) {
	if len(args) != 2 || !strings.EqualFold(args[0], "get") || !strings.EqualFold(args[1], "maxmemory-policy") {
		c.WriteError("ERR the embedded lead store answers CONFIG GET maxmemory-policy only")
		return
	}
	c.WriteMapLen(1)
	c.WriteBulk("maxmemory-policy")
	c.WriteBulk("noeviction")
}
