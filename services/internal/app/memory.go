package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Where much is decided or taken in, the collector of garbage would take a quarter of the time if it kept the heap as small
// as it can: there a heap may grow to five times what lives in it, as long as the process stays below memoryLimit, or below
// one and three quarters of what lives where that is more. The other services have little to do, and stay small.
const (
	heapGrowth, smallGrowth = 400, 60
	memoryLimit             = 96 << 20
	memoryBase              = 48 << 20 // what a process takes besides its heap, generously
)

// startMemory sets up the garbage collector. What the environment says (GOGC, GOMEMLIMIT) is left as it is.
func (p *process) startMemory(context.Context) error {
	switch {
	case os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "":
		return nil
	case !p.opt.Target.runs(Scoring) && !p.opt.Target.runs(Ingest):
		debug.SetGCPercent(smallGrowth)
		return nil
	}
	debug.SetGCPercent(heapGrowth)
	debug.SetMemoryLimit(memoryLimit)
	p.up.run("memory", func(ctx context.Context) error {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				metrics.Read(live)
				debug.SetMemoryLimit(roomFor(live[0].Value.Uint64()))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return nil
}

// roomFor gives how many bytes a process may take in whose heap so many are alive.
func roomFor(live uint64) int64 { return max(memoryLimit, int64(live+live*3/4)+memoryBase) }
