package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// rereadEvery is how often the files with destinations' secrets are read again. They are few and small: to read one costs no more than to
// find out whether it has changed, and misses nothing.
const rereadEvery = 2 * time.Second

// watchSecrets puts what files with secrets hold in force when it has changed, until ctx ends.
func (s *Service) watchSecrets(ctx context.Context) {
	tick := time.NewTicker(rereadEvery)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := s.rereadSecrets()
		switch {
		case err != nil && err.Error() != told:
			told = err.Error()
			s.deps.Log.ErrorContext(ctx, "a destination's secret cannot be read again: the old one stays in force", "error", err)
		case err == nil:
			told = ""
		}
		if len(changed) > 0 {
			s.deps.Log.InfoContext(ctx, "destinations have new secrets", "destinations", changed)
		}
	}
}

// rereadSecrets reads the files that the destinations' secrets came from, and puts the destinations in force if something is new. It
// names those that changed. On an error everything stays as it was.
func (s *Service) rereadSecrets() (changed []string, err error) {
	s.reload.Lock()
	defer s.reload.Unlock()
	next := slices.Clone(s.cfg.Destinations)
	var errs []error
	for i := range next {
		d := &next[i]
		d.Secrets = slices.Clone(d.Secrets)
		secrets := []*config.Secret{&d.Auth.Token, &d.Auth.ClientSecret, &d.Auth.RefreshToken, &d.Auth.PrivateKey, &d.Auth.Password}
		for k := range d.Secrets {
			secrets = append(secrets, &d.Secrets[k])
		}
		differs, err := config.RereadAll(secrets...)
		if err != nil {
			errs = append(errs, fmt.Errorf("destination %s: %w", d.Name, err))
		}
		if differs {
			changed = append(changed, d.Name)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(changed) == 0 {
		return nil, nil
	}
	if err := s.replace(next, s.cfg.Outbound); err != nil {
		return nil, err
	}
	return changed, nil
}
