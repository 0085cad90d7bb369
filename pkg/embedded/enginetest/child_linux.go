package enginetest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childAttr makes the engine end with the test process, however that ends.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// frozen reports whether every thread of a process has stopped, or it is gone.
func frozen(pid int) bool {
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	for _, t := range threads {
		stat, readErr := os.ReadFile(t)
		// The state follows the name, which stands in brackets and may hold any.
		if i := bytes.LastIndexByte(stat, ')'); readErr == nil && i >= 0 && !bytes.HasPrefix(stat[i:], []byte(") T")) {
			return false
		}
	}
	return err == nil
}
