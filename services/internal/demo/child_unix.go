//go:build unix

package main

import "syscall"

// childAttr keeps the terminal's Ctrl-C away from Baton: the demo stops it, once and in order.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
