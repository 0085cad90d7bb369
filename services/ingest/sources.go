package ingest

import (
	"fmt"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// foreign says which settings of a source its type does not have.
func (s *Source) foreign(i int, t sender.Type) (errs []error) {
	g := guides()[t.Name]
	for _, setting := range []struct {
		name     string
		set, has bool
	}{
		{"signature", s.Signature != nil, t.Mapped}, {"mapping", s.Mapping != nil, t.Mapped}, {"poll", s.Poll != nil, t.Polled},
		// Whoever states these believes that they bound something.
		{"accounts", len(s.Accounts) > 0, g.Accounts}, {"verify_token", !s.VerifyToken.IsZero(), g.VerifyToken},
	} {
		if setting.set && !setting.has {
			errs = append(errs, fmt.Errorf("sources[%d].%s: sources of type %s have none (source %s)", i, setting.name, s.Type, s.Name))
		}
	}
	return errs
}

// faults gives each thing that a sender finds wrong with its source, with the source's place and name.
func (s *Source) faults(i int, err error) (errs []error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, e := range all {
		errs = append(errs, fmt.Errorf("sources[%d].%w (source %s)", i, e, s.Name))
	}
	return errs
}
