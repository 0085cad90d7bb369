package config

import (
	"os"
	"path/filepath"
	"testing"
)

// fromFile gives a secret as a file has it.
func fromFile(t *testing.T, file, value string) Secret {
	t.Helper()
	if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	return Secret{text: func() secretText { return secretText{value: value, file: file} }}
}

// A file that cannot be read keeps its secret as it was, and keeps no other one from being read.
func TestRereadAll(t *testing.T) {
	dir := t.TempDir()
	one, two, plain := fromFile(t, filepath.Join(dir, "one"), "first"), fromFile(t, filepath.Join(dir, "two"), "second"), NewSecret("as it is")
	all := []*Secret{&one, &two, &plain}
	if differs, err := RereadAll(all...); differs || err != nil || one.Reveal() != "first" {
		t.Fatalf("nothing has changed: %t, %v, %q", differs, err, one.Reveal())
	}
	if err := os.WriteFile(filepath.Join(dir, "two"), []byte("newer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "one")); err != nil {
		t.Fatal(err)
	}
	if differs, err := RereadAll(all...); !differs || err == nil {
		t.Errorf("one is gone, and two is new: %t, %v", differs, err)
	}
	if one.Reveal() != "first" || two.Reveal() != "newer" || plain.Reveal() != "as it is" {
		t.Errorf("%q, %q, %q", one.Reveal(), two.Reveal(), plain.Reveal())
	}
}
