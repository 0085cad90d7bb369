package embedded

import (
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRedisTakesItsPasswordOnly(t *testing.T) {
	r, err := StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	opt, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	policy, err := c.ConfigGet(t.Context(), "maxmemory-policy").Result()
	if err != nil || policy["maxmemory-policy"] != "noeviction" {
		t.Fatalf("policy %v, %v", policy, err)
	}
	if err := c.ConfigGet(t.Context(), "save").Err(); err == nil {
		t.Fatal("other settings must be refused, not invented")
	}

	u, err := url.Parse(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(u.Host, "127.0.0.1:") {
		t.Fatalf("listens on %s", u.Host)
	}
	for _, password := range []string{"", "wrong"} {
		stranger := redis.NewClient(&redis.Options{Addr: u.Host, Password: password, MaxRetries: -1})
		if err := stranger.Get(t.Context(), "k").Err(); err == nil {
			t.Fatalf("password %q must not do", password)
		}
		stranger.Close()
	}
}
