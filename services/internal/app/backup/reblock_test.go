package backup

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/s2"
)

// What compresses well comes in blocks that hold far more messages than a slow disk takes within the server's patience.
func TestNoChunkHoldsMoreThanADiskTakesInTime(t *testing.T) {
	plain := make([]byte, 5<<20)
	var snapshot bytes.Buffer
	w := s2.NewWriter(&snapshot)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	chunks := 0
	err := reblock(&snapshot, func(chunk []byte) error {
		if len(chunk) == 0 {
			t.Error("an empty chunk ends the transfer")
		}
		all.Write(chunk)
		chunks++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if least := len(plain) / restoreBlock; chunks < least {
		t.Errorf("%d chunks for %d blocks", chunks, least)
	}
	got, err := io.ReadAll(s2.NewReader(&all))
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes of %d come back, %v", len(got), len(plain), err)
	}
}

func TestWhatCannotBeHandedOverEndsIt(t *testing.T) {
	var snapshot bytes.Buffer
	w := s2.NewWriter(&snapshot)
	_, _ = w.Write(make([]byte, 1<<20))
	_ = w.Close()
	no := errors.New("no")
	if err := reblock(bytes.NewReader(snapshot.Bytes()), func([]byte) error { return no }); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	if err := reblock(bytes.NewReader(snapshot.Bytes()[:snapshot.Len()-5]), func([]byte) error { return nil }); err == nil {
		t.Error("a snapshot that is cut off was taken")
	}
}
