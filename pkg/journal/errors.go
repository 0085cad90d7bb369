package journal

import "errors"

var (
	// ErrUnavailable says that the journal did not answer: the outcome is unknown. Whoever appended may append the same
	// event again; the fold recognises it. Check that the server runs and has disk space.
	ErrUnavailable = errors.New("journal: not available")
	// ErrOverloaded says that too much is waiting to be written; nothing of the call was. Try again in a second.
	ErrOverloaded = errors.New("journal: overloaded")
	// ErrTooLarge says that the log will never take this message (or group): nothing was written.
	ErrTooLarge = errors.New("journal: too large")
	// ErrBadEvent says that an event cannot be written, or read, as it is.
	ErrBadEvent = errors.New("journal: bad event")
	// ErrConflict says that the log is not where the writer thought: of a global fact, somebody else changed that kind
	// meanwhile; read it again.
	ErrConflict = errors.New("journal: conflict")
	// ErrNotReady says that contexts are being rebuilt from the log; the error's text carries the progress. Try again.
	ErrNotReady = errors.New("journal: not ready")
	// ErrMisconfigured says that the stream is not as the journal needs it; the text says what to change.
	ErrMisconfigured = errors.New("journal: the stream is misconfigured")

	// errFenced: another session has opened this worker's partitions, or the store is not where it was left.
	errFenced = errors.New("journal: fenced by a newer session")
	// errContent: the log refused the commit for what is in it, and always will.
	errContent = errors.New("journal: commit refused for its content")
)
