//go:build unix

package enginetest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Redis is a redis-server of its own.
type Redis struct{ *Process }

// URL gives the address as a Redis client takes it.
func (r *Redis) URL() string { return "redis://" + r.Addr() + "/0" }

// StartRedis runs a redis-server that keeps nothing on disk: after a Restart it is empty. extra are more settings in its
// own command-line form, such as "--maxmemory-policy", "allkeys-lru"; they win.
//
// The program is redis-server on the PATH, or what BATON_TEST_REDIS_SERVER names.
func StartRedis(t testing.TB, extra ...string) *Redis {
	t.Helper()
	name, err := exec.LookPath(program("BATON_TEST_REDIS_SERVER", "redis-server"))
	if err != nil {
		t.Fatalf("this test needs redis-server (apt-get install redis-server, brew install redis), or set "+
			"BATON_TEST_REDIS_SERVER to its path: %v", err)
	}
	port := strconv.Itoa(FreePort(t))
	args := append([]string{
		"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no", "--daemonize", "no",
	}, extra...)
	return &Redis{launch(t, "127.0.0.1:"+port, redisReady, name, args...)}
}

// redisReady asks for any answer but that it is still loading; one that wants a password is ready too.
func redisReady(addr string) error {
	answer, err := ask(addr, "PING\r\n")
	if err != nil {
		return err
	}
	if strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH") {
		return nil
	}
	return fmt.Errorf("it says %q", answer)
}

func program(variable, otherwise string) string {
	if name := os.Getenv(variable); name != "" {
		return name
	}
	return otherwise
}
