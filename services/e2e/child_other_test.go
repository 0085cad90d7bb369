//go:build !linux

package e2e

import "syscall"

// childAttr has nothing to set here: a process outlives a test that was killed.
func childAttr() *syscall.SysProcAttr { return nil }
