//go:build unix

package enginetest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// NATS is a nats-server of its own, with JetStream, that flushes to disk before it acknowledges.
type NATS struct{ *Process }

// URL gives the address as a NATS client takes it.
func (n *NATS) URL() string { return "nats://" + n.Addr() }

// StartNATS runs a nats-server with `sync_interval: always`, messages of up to 8 MB and its store in the test's temporary
// directory, which it keeps over a Restart. extra are more lines of its configuration.
//
// The program is what BATON_TEST_NATS_SERVER names; otherwise it is built, once for each version, from the module that the
// embedded server comes from.
func StartNATS(t testing.TB, extra ...string) *NATS {
	t.Helper()
	name := os.Getenv("BATON_TEST_NATS_SERVER")
	if name == "" {
		var err error
		if name, err = buildNATS(); err != nil {
			t.Fatalf("this test needs nats-server; it could not be built, so set BATON_TEST_NATS_SERVER to its path: %v", err)
		}
	}
	dir := t.TempDir()
	addr := fmt.Sprintf("127.0.0.1:%d", FreePort(t))
	config := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\nmax_payload: 8MB\njetstream {\n  store_dir: %q\n  sync_interval: always\n}\n%s\n",
		addr, filepath.Join(dir, "store"), strings.Join(extra, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatalf("configure nats-server: %v", err)
	}
	return &NATS{launch(t, addr, natsReady, name, "-c", config)}
}

// natsReady asks for the greeting, which comes once the journal is recovered.
func natsReady(addr string) error {
	answer, err := ask(addr, "")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "INFO ") {
		return fmt.Errorf("it says %q", answer)
	}
	return nil
}

// buildNATS builds the server into the user's cache directory unless it is there, and gives its path.
func buildNATS() (string, error) {
	out, err := run(".", "list", "-m", "-json", "github.com/nats-io/nats-server/v2", "github.com/batonhq/baton/pkg")
	if err != nil {
		return "", err
	}
	var server, pkg struct{ Version, Dir string }
	modules := json.NewDecoder(strings.NewReader(out))
	if err := modules.Decode(&server); err != nil {
		return "", fmt.Errorf("read the version of nats-server: %w", err)
	}
	if err := modules.Decode(&pkg); err != nil {
		return "", fmt.Errorf("find this module: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	cache = filepath.Join(cache, "baton")
	path := filepath.Join(cache, "nats-server-"+server.Version+"-"+runtime.Version())
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache directory: %w", err)
	}
	// Built aside and renamed, so that tests of several packages may do this at once.
	aside, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", fmt.Errorf("build nats-server: %w", err)
	}
	defer os.RemoveAll(aside)
	built := filepath.Join(aside, "nats-server")
	if _, err := run(pkg.Dir, "build", "-o", built, "github.com/nats-io/nats-server/v2"); err != nil {
		return "", err
	}
	if err := os.Rename(built, path); err != nil {
		return "", fmt.Errorf("keep nats-server: %w", err)
	}
	return path, nil
}

func run(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}
