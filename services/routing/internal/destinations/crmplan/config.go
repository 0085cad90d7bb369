package crmplan

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Settings reads the settings of a destination and collects what is wrong with them.
type Settings struct {
	Config destination.Config
	errs   []error
}

// Problem adds one; field is below the destination.
func (s *Settings) Problem(field, reason string) {
	s.errs = append(s.errs, fmt.Errorf("%s: %s", field, reason))
}

// Err gives all problems in one, nil where there are none.
func (s *Settings) Err() error { return errors.Join(s.errs...) }

// Bool reads an option.
func (s *Settings) Bool(name string) bool {
	v, err := strconv.ParseBool(s.Config.Options[name])
	if err != nil {
		s.Problem("options."+name, "must be true or false")
	}
	return v
}

// Int reads an option that is a number from low to high.
func (s *Settings) Int(name string, low, high int) int {
	v, err := strconv.Atoi(s.Config.Options[name])
	if err != nil || v < low || v > high {
		s.Problem("options."+name, fmt.Sprintf("must be a number from %d to %d", low, high))
	}
	return v
}

// Name reads an option that names a field or version there: letters, digits, _ and the other characters given. It may be
// empty where that is allowed.
func (s *Settings) Name(name, others string, empty bool) string {
	v := s.Config.Options[name]
	if v == "" && !empty {
		s.Problem("options."+name, "is missing")
	}
	if !IsName(v, others) {
		s.Problem("options."+name, "may have letters, digits and _ only")
	}
	return v
}

// Need says that a setting must be there; Refuse that it must not.
func (s *Settings) Need(field, value string) {
	if value == "" {
		s.Problem(field, "is missing")
	}
}

// Refuse says that a setting means nothing to the type.
func (s *Settings) Refuse(field, value string) {
	if value != "" {
		s.Problem(field, "is not for this type")
	}
}

// URL checks that a setting is the address of a server. Empty ones are not its business.
func (s *Settings) URL(field, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		s.Problem(field, "must be the address of a server: https://…")
	}
}

// Mappings checks the names of what is mapped, and of its fields, which become parts of requests.
func (s *Settings) Mappings(objects ...string) {
	for object, fields := range s.Config.Fields {
		known := false
		for _, o := range objects {
			known = known || o == object
		}
		if !known {
			s.Problem("fields."+object, "is not known: "+strings.Join(objects, ", ")+" are")
		}
		for name := range fields {
			if name == "" || !IsName(name, "@.") {
				s.Problem("fields."+object+"."+name, "is no name of a field there")
			}
		}
	}
}

// Statuses reads the options status_STAGE.
func (s *Settings) Statuses() map[string]string {
	out := map[string]string{}
	for _, stage := range Stages() {
		if v := s.Config.Options["status_"+stage]; v != "" {
			out[stage] = v
		}
	}
	return out
}

// IsName reports whether a text has letters, digits, _ and the other characters only.
func IsName(v, others string) bool {
	for i := 0; i < len(v); i++ {
		c := v[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || strings.IndexByte(others, c) >= 0) {
			return false
		}
	}
	return true
}
