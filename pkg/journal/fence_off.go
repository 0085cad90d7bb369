//go:build baton_unsafe

package journal

// Never for production: the negative control of the crash test.
const (
	fenced     = false
	identified = false
)
