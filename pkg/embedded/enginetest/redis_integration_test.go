//go:build integration && unix

package enginetest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestRedisProcess(t *testing.T) {
	r := StartRedis(t, "--maxmemory-policy", "allkeys-lru")
	opt, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	opt.MaxRetries, opt.ReadTimeout = -1, 200*time.Millisecond
	c := redis.NewClient(opt)
	defer c.Close()
	if policy := c.ConfigGet(t.Context(), "maxmemory-policy").Val()["maxmemory-policy"]; policy != "allkeys-lru" {
		t.Fatalf("extra settings must win: policy %q", policy)
	}
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	if err := c.Get(t.Context(), "k").Err(); err == nil {
		t.Fatal("a frozen server must not answer")
	}
	r.Cont()
	if v, err := c.Get(t.Context(), "k").Result(); v != "v" {
		t.Fatalf("after the thaw: %q, %v", v, err)
	}
	pid := r.PID()
	r.Restart()
	if n, err := c.DBSize(t.Context()).Result(); err != nil || n != 0 || r.PID() == pid {
		t.Fatalf("a restarted server must be another and empty: %d keys, %v", n, err)
	}
}
