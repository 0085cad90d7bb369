package journal

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/leadstore"
)

// What a watermark looks like is what stores of older versions hold.
func TestWatermarkForm(t *testing.T) {
	w := watermark{
		journal: "J/2/v3", position: 10, event: 9, eventTime: time.Unix(0, 1795300630972374410), mark: 8, commit: "C", counters: counters{1, 2, 3, 4},
		origins: origins{{"scoring", 12}: {7, 1}, {"scoring", 3}: {18446744073709551615, 0}, {"routing", 63}: {9, 20}},
	}
	const want = "w1 live J/2/v3 10 9 1795300630972374410 8 C 1 2 3 4 routing:63:9.20,scoring:3:18446744073709551615.0,scoring:12:7.1"
	if got := w.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := (&watermark{replaying: true, journal: "J", eventTime: time.Unix(0, -1)}).String(), "w1 replay J 0 0 -1 0 - 0 0 0 0 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A reader that has only the head of a watermark sees what one that has all of it does.
func TestWatermarkHeadIsThatOfTheWatermark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := watermark{
			replaying: rapid.Bool().Draw(t, "replaying"), journal: rapid.StringMatching(`[A-Za-z0-9]{1,22}(/[0-9]{1,3}(/[a-z0-9.-]{1,40})?)?`).Draw(t, "journal"),
			position: rapid.Uint64().Draw(t, "position"), event: rapid.Uint64().Draw(t, "event"), commit: rapid.StringMatching(`[A-Z0-9]{0,22}`).Draw(t, "commit"),
			origins: origins{},
		}
		for range rapid.IntRange(0, 200).Draw(t, "origins") {
			k := originKey{rapid.SampledFrom([]string{"scoring", "routing", "feedback"}).Draw(t, "producer"), rapid.IntRange(0, 63).Draw(t, "partition")}
			w.origins[k] = originMark{rapid.Uint64().Draw(t, "cause"), rapid.IntRange(0, 9).Draw(t, "n")}
		}
		all := w.String()
		head, err := parseWatermarkHead(all[:min(len(all), leadstore.WatermarkHead)])
		if want := (watermarkHead{w.replaying, w.journal, w.position}); err != nil || head != want {
			t.Fatalf("the head of %q is %+v, %v", all, head, err)
		}
		whole, err := parseWatermark(all)
		if err != nil || whole.String() != all || len(whole.origins) != len(w.origins) {
			t.Fatalf("%q reads as %q, %v", all, whole, err)
		}
	})
}

func TestWatermarkHeadRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{"", "w1", "w1 live", "w1 live J", "w1 live J 12", "wiping x", "wiping x y 12 ", "w2 live J 12 1", "w1 live J -1 1", "w1 live J  1"} {
		if head, err := parseWatermarkHead(s); err == nil {
			t.Errorf("%q reads as %+v", s, head)
		}
	}
}

// Whatever the whole reader takes, the head's takes alike.
func FuzzWatermarkHead(f *testing.F) {
	f.Add("w1 replay J/1/x 1 2 3 4 - 5 6 7 8 scoring:1:2.3")
	f.Add("w1 live J 1 2 3 4 C 5 6 7 8 ")
	f.Add("wiping x")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := parseWatermark(s)
		head, headErr := parseWatermarkHead(s)
		if err == nil && (headErr != nil || head != watermarkHead{w.replaying, w.journal, w.position}) {
			t.Fatalf("%q has the head %+v, %v", s, head, headErr)
		}
	})
}

func BenchmarkWatermark(b *testing.B) {
	w := watermark{journal: "J/1/x", position: 1e9, event: 1e9, eventTime: time.Unix(1795300630, 0), mark: 1e9, commit: "C", origins: origins{}}
	for p := range Partitions {
		w.origins[originKey{"scoring", p}], w.origins[originKey{"routing", p}] = originMark{1e9, 1}, originMark{1e9, 2}
	}
	s := w.String()
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			_ = w.String()
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			_, _ = parseWatermark(s)
		}
	})
	b.Run("read the head", func(b *testing.B) {
		for b.Loop() {
			_, _ = parseWatermarkHead(s)
		}
	})
}
