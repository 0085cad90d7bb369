package ingest

import (
	"encoding/json"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func decode(t testing.TB, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
}

func sameJSON(t testing.TB, got *journalv1.Event, want string) {
	t.Helper()
	w := &journalv1.Event{}
	if err := protojson.Unmarshal([]byte(want), w); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, w) {
		t.Errorf("event\n%s\nwant\n%s", protojson.Format(got), protojson.Format(w))
	}
}

// cpuTime is what the process has used of the processors so far: unlike the clock, it hardly minds what else they do.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
