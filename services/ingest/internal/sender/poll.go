package sender

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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

// Address gives the API's address without a slash at its end: the configured one, or the platform's. Secrets go there, so it
// is https, or on this machine.
func (p *Poll) Address(platform string) (string, error) {
	address := p.URL
	if address == "" {
		address = platform
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("must be such as %s", platform)
	case u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost"):
		return "", errors.New("must be https, secrets go there")
	}
	return strings.TrimRight(u.Scheme+"://"+u.Host+u.Path, "/"), nil
}

// Timing gives the wait between rounds, a minute where none is configured, and where the first begins, zero for then.
func (p *Poll) Timing() (every time.Duration, since time.Time, errs []error) {
	if every = p.Every; every == 0 {
		every = time.Minute
	}
	if every < 10*time.Second || every > 24*time.Hour {
		errs = append(errs, fmt.Errorf("poll.every: %v is not between 10s and 24h", p.Every))
	}
	if p.Since != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, p.Since); err != nil {
			errs = append(errs, errors.New("poll.since: is not an RFC 3339 time such as 2026-11-20T00:00:00Z"))
		}
	}
	return every, since, errs
}
