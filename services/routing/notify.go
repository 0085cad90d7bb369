package routing

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// notifies gives what destinations have that tell people: the directory in force and links that answer.
func notifies(cfg Config, deps Deps, inForce *current.Directory) (destination.Notify, error) {
	signer, err := links.New(deps.Journal.Key())
	if err != nil {
		return destination.Notify{}, fmt.Errorf("routing: %w", err)
	}
	n := destination.Notify{
		PublicURL: cfg.PublicURL,
		Directory: func(ctx context.Context, since time.Time) (*core.Directory, error) {
			version, err := inForce.Since(ctx, since)
			if err != nil {
				return nil, err
			}
			return version.Directory, nil
		},
		Link: func(handoff, rep string, assignment int, action links.Action, expires time.Time) string {
			token, err := signer.Make(handoff, rep, assignment, action, expires)
			if err != nil {
				return "" // the message is worth sending without it
			}
			return links.URL(cfg.PublicURL, token)
		},
	}
	if deps.RootCAs != nil {
		n.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: deps.RootCAs}
	}
	return n, nil
}
