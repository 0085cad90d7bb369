package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/internal/app"
)

// The configuration that the demo writes must be one that Baton takes, in every week and on any day.
func TestTheConfigurationIsRight(t *testing.T) {
	w := testWeek(1)
	at := ports{HTTP: "127.0.0.1:18080", GRPC: "127.0.0.1:19090", Admin: "127.0.0.1:19464"}
	dir := t.TempDir()
	path, err := newSettings(w, at, "http://127.0.0.1:18999/hook", newSecrets()).write(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.LoadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Check(&c, app.Up); err != nil {
		t.Error(err)
	}
	if c.HTTP.Addr != at.HTTP || c.GRPC.Addr != at.GRPC || c.Admin.Addr != at.Admin {
		t.Errorf("ports %v %v %v", c.HTTP, c.GRPC, c.Admin)
	}
	for _, name := range []string{"baton.yaml", "agreement.yaml", "directory.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "{{") || strings.Contains(string(text), "<no value>") {
			t.Errorf("%s has a gap", name)
		}
	}
}

func TestADataFolderThatHoldsSomethingIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := workingFolder(filepath.Join(dir, "new")); err != nil {
		t.Error(err)
	}
	if _, _, err := workingFolder(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("%v", err)
	}
	made, remove, err := workingFolder("")
	if err != nil {
		t.Fatal(err)
	}
	remove()
	if _, err := os.Stat(made); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", made, err)
	}
}

func TestAnotherBatonsSettingsAreNotPassedOn(t *testing.T) {
	got := environment([]string{"PATH=/bin", "BATON_HTTP_ADDR=0.0.0.0:80", "HOME=/root", "BATON_TOKEN=t"})
	if strings.Join(got, " ") != "PATH=/bin HOME=/root" {
		t.Errorf("%v", got)
	}
}
