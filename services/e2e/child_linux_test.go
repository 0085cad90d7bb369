package e2e

import "syscall"

// childAttr makes a process end with the test that started it, however that ends.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
