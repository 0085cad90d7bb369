package sender

import (
	"context"
	"net/http"
	"time"
)

// Keeper is a sender whose source configures headers that Decode looks at, beside those of its type.
type Keeper interface {
	// Keep is as Type.Keep.
	Keep(name string) bool
}

// Heir is a sender that remembers what must outlive a change of its source's settings.
type Heir interface {
	// Inherit takes over what the source's sender remembers, before it is used itself. Both may be in use for a while.
	Inherit(from Sender)
}

// Poller is a sender that is asked for its events, too.
type Poller interface {
	// Polls tells how long to wait once there is nothing more; 0: the source is not asked.
	Polls() time.Duration
	// Fetch gives the page behind a cursor, the zero Cursor the first one. Asking twice with one cursor gives the same events, and
	// perhaps more. The error is *Later where the platform, or what it says, tells how long to wait.
	Fetch(ctx context.Context, client *http.Client, now time.Time, from Cursor) (Page, error)
}

// Cursor is how far a source has been read.
type Cursor struct {
	// Token is the platform's own.
	Token string
	// At is a moment up to which all has been read, should the platform not know its token any more; zero: not known.
	At time.Time
}

// Page is what a platform has answered.
type Page struct {
	// Body is what Decode is given; nil where nothing has happened.
	Body []byte
	Next Cursor
	// More: the next page can be asked for at once, though this one be empty.
	More bool
}

// Later says that, and when, to ask again.
type Later struct {
	// Code is the platform's own, or what kind of failure it is: it becomes a metric's label, and never holds anything personal.
	Code string
	Wait time.Duration
	Err  error
}

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap gives the reason.
func (l *Later) Unwrap() error { return l.Err }
