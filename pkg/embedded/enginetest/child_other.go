//go:build unix && !linux

package enginetest

import "syscall"

// childAttr has nothing to set here: an engine outlives a test process that was killed.
func childAttr() *syscall.SysProcAttr { return nil }

// frozen takes the signal's word for it.
func frozen(int) bool { return true }
