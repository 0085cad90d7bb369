//go:build !baton_unsafe

package journal

// The two mechanisms that make a fact happen once. A test build switches them off (tag baton_unsafe) to prove that the
// crash test can fail.
const (
	// fenced: commits name the checkpoint that they follow.
	fenced = true
	// identified: a fact that was folded before is recognised by its cause.
	identified = true
)
