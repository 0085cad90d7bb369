//go:build !linux

package accounts

import "time"

// threadTime is not told here.
func threadTime() time.Duration { return 0 }
