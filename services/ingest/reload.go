package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// Reload puts other sources in force: new ones, others' new secrets, rates and maps; those that are not among them are gone.
// Requests under way end with the sources that they began with. The error joins everything that is wrong with them; then all
// stays as it was. Nothing but the sources is taken.
func (s *Service) Reload(sources []Source) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	return s.replace(sources)
}

func (s *Service) replace(sources []Source) error {
	next := s.cfg
	next.Sources = sources
	if err := next.Validate(); err != nil {
		return fmt.Errorf("ingest configuration: %w", err)
	}
	built, errs := next.build()
	if len(errs) > 0 {
		return fmt.Errorf("ingest configuration: %w", errors.Join(errs...))
	}
	s.edge.Replace(built)
	s.poll.Replace(s.edge.Sources().All()) // not built: a source that is what it was has gone on as it is
	s.sources = sources
	return nil
}

// rereadEvery is how often the files with secrets are read again. They are few and small: to read one costs no more than to
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
			s.log.Error("a source's secret cannot be read again: the old one stays in force", "error", err)
		case err == nil:
			told = ""
		}
		if len(changed) > 0 {
			s.log.Info("sources have new secrets", "sources", changed)
		}
	}
}

// rereadSecrets reads the files that the sources' secrets came from, and puts the sources in force if something is new. It
// names those that changed. On an error everything stays as it was.
func (s *Service) rereadSecrets() (changed []string, err error) {
	s.reload.Lock()
	defer s.reload.Unlock()
	next := slices.Clone(s.sources)
	var errs []error
	for i := range next {
		src := &next[i]
		src.Secrets = slices.Clone(src.Secrets)
		secrets := []*config.Secret{&src.WriteKey, &src.VerifyToken}
		for k := range src.Secrets {
			secrets = append(secrets, &src.Secrets[k])
		}
		if src.Poll != nil {
			poll := *src.Poll
			src.Poll = &poll
			secrets = append(secrets, &poll.ClientSecret, &poll.Token, &poll.RefreshToken)
		}
		differs, err := config.RereadAll(secrets...)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %w", src.Name, err))
		}
		if differs {
			changed = append(changed, src.Name)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(changed) == 0 {
		return nil, nil
	}
	if err := s.replace(next); err != nil {
		return nil, err
	}
	return changed, nil
}
