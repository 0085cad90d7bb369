package journal

import (
	"testing"
	"time"
)

// An event is refused at once where it would wait for long, by what groups took of late; what fits into the next is taken.
func TestWaitingIsBounded(t *testing.T) {
	for _, c := range []struct {
		name  string
		ahead int64
		took  time.Duration
		want  bool
	}{
		{"nothing known", 5000, 0, false},
		{"fast groups", 9 * maxBatch, 10 * time.Millisecond, false},
		{"slow groups", 3 * maxBatch, 200 * time.Millisecond, true},
		{"a stalled disk, and room in the next group", maxBatch - 1, time.Minute, false},
		{"a stalled disk", maxBatch, time.Minute, true},
		{"too many, however fast", 20_001, time.Microsecond, true},
	} {
		j := &Journal{opt: Options{MaxWaiting: 20_000}}
		for range 40 { // the mean comes to it
			j.wrote(c.took)
		}
		if got := j.tooLong(c.ahead); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	j := &Journal{opt: Options{MaxWaiting: 20_000}}
	j.wrote(5 * time.Second)
	for range 10 {
		j.wrote(5 * time.Millisecond)
	}
	if j.tooLong(maxBatch) {
		t.Error("one stall is remembered for more than ten groups")
	}
}
