package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoRows = "id,email,status,created,closed\nd1,a@x.example,open,2024-01-31,\nd2,b@x.example,open,soon,\n"

// What --errors names is removed where an import begins: never what holds something else.
func TestImportKeepsWhatIsNoFileOfErrors(t *testing.T) {
	for name, errorsFile := range map[string]func(*importRig) string{
		"the rows themselves": func(r *importRig) string { return r.file },
		"the map":             func(r *importRig) string { return r.mapFile },
		"a link to the rows": func(r *importRig) string {
			link := filepath.Join(r.dir, "link")
			if err := os.Symlink(r.file, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
		"somebody's file": func(r *importRig) string {
			other := filepath.Join(r.dir, "other.csv")
			if err := appendTo(other, "a,b\n"); err != nil {
				t.Fatal(err)
			}
			return other
		},
		"a folder": func(r *importRig) string { return r.dir },
	} {
		t.Run(name, func(t *testing.T) {
			r := newImportRig(t, twoRows)
			path := errorsFile(r)
			before, _ := os.ReadFile(path)
			code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, "--errors", path, r.file)
			if code != exitFail || !strings.Contains(errOut, "choose another file with --errors") || r.requests != 0 {
				t.Errorf("%d %q, %d requests", code, errOut, r.requests)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Errorf("%q became %q", before, after)
			}
			if _, err := os.Stat(r.file + ".progress"); !os.IsNotExist(err) {
				t.Errorf("a progress is left: %v", err)
			}
		})
	}
	// What a run that was killed has left, whole or torn, makes way.
	for _, left := range []string{"", `{"ro`, `{"row":1,"half`, `{"row":7,"line":8,"reason":"old","raw":""}` + "\n"} {
		r := newImportRig(t, twoRows)
		if err := appendTo(r.file+".errors.ndjson", left); err != nil {
			t.Fatal(err)
		}
		if _, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); len(r.known) != 1 || len(r.faults(t)) != 1 {
			t.Errorf("%q: %q, %d known", left, errOut, len(r.known))
		}
	}
}

// Two imports of one file would keep one progress: the second is told so, and does nothing.
func TestImportOfOneFileTwiceAtOnce(t *testing.T) {
	r := newImportRig(t, twoRows)
	began, second := false, make(chan string, 1)
	r.breaks = func(int, []json.RawMessage) int {
		if !began {
			began = true
			_, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file)
			second <- errOut
		}
		return 0
	}
	if _, out, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); !strings.Contains(out, "accepted 1,") {
		t.Errorf("%q %q", out, errOut)
	}
	if told := <-second; !strings.Contains(told, "is being imported by another process") || r.requests != 1 || len(r.faults(t)) != 1 {
		t.Errorf("%q, %d requests, %d faults", told, r.requests, len(r.faults(t)))
	}
}

// Where no progress can be kept, nothing is sent; and an import that ended before its first batch was taken binds nobody to
// its map.
func TestImportThatCannotBegin(t *testing.T) {
	r := newImportRig(t, twoRows)
	if err := os.Mkdir(r.file+".progress.next", 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); code != exitFail || !strings.Contains(errOut, "load a copy") || r.requests != 0 {
		t.Errorf("%d %q, %d requests", code, errOut, r.requests)
	}
	if err := os.Remove(r.file + ".progress.next"); err != nil {
		t.Fatal(err)
	}
	r.breaks = func(int, []json.RawMessage) int { return http.StatusNotFound }
	code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file)
	if code != exitFail || !strings.Contains(errOut, `is "app" one of the sources`) || strings.Contains(errOut, "goes on behind row") {
		t.Errorf("%d %q", code, errOut)
	}
	// Killed there, it leaves a progress of nothing.
	if err := appendTo(r.file+".progress", `{"fingerprint":"another","place":{"offset":0,"rows":0,"lines":0}}`); err != nil {
		t.Fatal(err)
	}
	r.breaks = nil
	if _, out, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); !strings.Contains(out, "accepted 1,") {
		t.Errorf("%q %q", out, errOut)
	}
}
