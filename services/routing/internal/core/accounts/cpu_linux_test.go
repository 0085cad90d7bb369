package accounts

import (
	"syscall"
	"time"
	"unsafe"
)

// threadTime gives the processor time that this thread has used, to the nanosecond: getrusage(2) counts in ticks of some
// milliseconds. See clock_gettime(2), CLOCK_THREAD_CPUTIME_ID.
func threadTime() time.Duration {
	const thread = 3
	var at syscall.Timespec
	if _, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, thread, uintptr(unsafe.Pointer(&at)), 0); failed != 0 {
		return 0
	}
	return time.Duration(at.Nano())
}
