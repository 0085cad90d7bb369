package main

import (
	"fmt"
	"io"
	"time"
)

// progress says what is going on: on a terminal one line that changes, elsewhere a line each time something is done.
type progress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	began    time.Time
}

func newProgress(out io.Writer, terminal bool, now func() time.Time) *progress {
	return &progress{out: out, terminal: terminal, now: now, began: now()}
}

// doing says what has begun. Only a terminal shows it.
func (p *progress) doing(format string, args ...any) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\033[K %5.1f s  %s", p.now().Sub(p.began).Seconds(), short(fmt.Sprintf(format, args...), width-12))
	}
}

// done says what is done, with a line that stays.
func (p *progress) done(format string, args ...any) {
	clear := ""
	if p.terminal {
		clear = "\r\033[K"
	}
	fmt.Fprintf(p.out, "%s %5.1f s  %s\n", clear, p.now().Sub(p.began).Seconds(), fmt.Sprintf(format, args...))
}
