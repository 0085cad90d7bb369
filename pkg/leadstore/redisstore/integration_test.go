//go:build integration

package redisstore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/storetest"
)

func TestRedis(t *testing.T) {
	url := enginetest.StartRedis(t).URL()
	storetest.Run(t, func(t *testing.T) storetest.Subject { return subject(t, url) })
}

func TestEvictionIsRefused(t *testing.T) {
	r := enginetest.StartRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	_, err := Open(t.Context(), r.URL(), slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrEvicts) || errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("want ErrEvicts, have %v", err)
	}
	for _, want := range []string{"allkeys-lru", "maxmemory-policy noeviction"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

// TestPolicyIsAskedFor: a server may forbid CONFIG, or INFO, or both; only then nothing is known, which is worth a warning.
func TestPolicyIsAskedFor(t *testing.T) {
	r := enginetest.StartRedis(t, "--maxmemory-policy", "allkeys-lru")
	admin := adminClient(t, r.URL())
	for user, rules := range map[string][]string{
		"noconfig": {"-config"}, "noinfo": {"-info"}, "neither": {"-config", "-info"},
	} {
		rules = append([]string{"on", ">pw", "~*", "+@all"}, rules...)
		if err := admin.ACLSetUser(t.Context(), user, rules...).Err(); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s, err := Open(t.Context(), "redis://"+user+":pw@"+r.Addr(), slog.New(slog.NewTextHandler(&log, nil)))
		if user == "neither" {
			if err != nil || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "noeviction") {
				t.Errorf("%s: %v, log %q", user, err, log.String())
			}
			_ = s.Close()
		} else if !errors.Is(err, ErrEvicts) {
			t.Errorf("%s: want ErrEvicts, have %v", user, err)
		}
	}
}

func TestFrozenServer(t *testing.T) {
	r := enginetest.StartRedis(t)
	s := open(t, r.URL()+"?read_timeout=200ms")
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	begin := time.Now()
	if err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", nil)); !errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("want ErrUnavailable, have %v", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Fatalf("a frozen server held the caller for %v", took)
	}
	r.Cont()
	marks, err := s.Watermarks(t.Context(), "scoring", []int{1})
	if err != nil || marks[0] != "w1" {
		t.Fatalf("the guard had not been passed, so nothing may be written: %q, %v", marks, err)
	}
}

func TestKilledServer(t *testing.T) {
	r := enginetest.StartRedis(t)
	s := open(t, r.URL())
	m := &leadstore.Mutation{}
	m.Set("k", []byte("v"))
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", m)); err != nil {
		t.Fatal(err)
	}
	r.Kill()
	if err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", m)); !errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("want ErrUnavailable, have %v", err)
	}
	r.Restart()
	err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", m))
	for begin := time.Now(); errors.Is(err, leadstore.ErrUnavailable) && time.Since(begin) < 5*time.Second; {
		err = s.Write(t.Context(), "scoring", one(1, "w1", "w2", m))
	}
	if !errors.Is(err, leadstore.ErrConflict) {
		t.Fatalf("the new server is empty: want ErrConflict, have %v", err)
	}
}

// TestServerThatCannotWrite: out of memory, or a replica after a change of roles. Nothing of the write may be there.
func TestServerThatCannotWrite(t *testing.T) {
	for name, setting := range map[string]string{"full": "maxmemory 1", "replica": "replicaof 127.0.0.1 1"} {
		t.Run(name, func(t *testing.T) {
			r := enginetest.StartRedis(t)
			s := open(t, r.URL())
			m := &leadstore.Mutation{}
			m.Set("k", []byte("v"))
			m.Delete("other")
			if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
				t.Fatal(err)
			}
			admin := adminClient(t, r.URL())
			args := strings.Fields(setting)
			if args[0] == "maxmemory" {
				if err := admin.ConfigSet(t.Context(), args[0], args[1]).Err(); err != nil {
					t.Fatal(err)
				}
			} else if err := admin.ReplicaOf(t.Context(), args[1], args[2]).Err(); err != nil {
				t.Fatal(err)
			}
			err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", m))
			if !errors.Is(err, leadstore.ErrUnavailable) || errors.Is(err, leadstore.ErrConflict) {
				t.Fatalf("want ErrUnavailable, have %v", err)
			}
			got, err := s.Read(t.Context(), "scoring", []leadstore.PartitionRead{{Partition: 1, Keys: []string{"k"}}})
			if err != nil || got[0].Watermark != "w1" || got[0].Values[0] != nil {
				t.Fatalf("have %q, %v", fmt.Sprint(got), err)
			}
		})
	}
}

func eachEngine(b *testing.B, run func(*testing.B, *Store)) {
	benchOn(b, "embedded", startEmbedded(b), run)
	benchOn(b, "redis", enginetest.StartRedis(b).URL(), run)
}
