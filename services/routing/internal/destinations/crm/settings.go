package crm

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
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

// Bool reads an option that is true or false; empty is false.
func (s *Settings) Bool(name string) bool {
	switch v := s.Config.Options[name]; v {
	case "yes":
		return true
	case "no", "":
		return false
	default:
		is, err := strconv.ParseBool(v)
		if err != nil {
			s.Problem("options."+name, "must be true or false")
		}
		return is
	}
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

// OneOf reads an option that is one of some words, the first of them where it is empty.
func (s *Settings) OneOf(name string, words ...string) string {
	v := s.Config.Options[name]
	switch {
	case v == "":
		return words[0]
	case !slices.Contains(words, v):
		s.Problem("options."+name, "must be one of "+strings.Join(words, ", "))
	}
	return v
}

// List reads an option that has several words, with commas or spaces between them.
func (s *Settings) List(name string) []string {
	return strings.FieldsFunc(s.Config.Options[name], func(r rune) bool { return r == ',' || r == ' ' })
}

// Need says that a setting must be there.
func (s *Settings) Need(field, value string) {
	if value == "" {
		s.Problem(field, "is missing")
	}
}

// Auth says which settings of auth must be there and which may; all others are refused. None may have a line break but a private key:
// they go into headers.
func (s *Settings) Auth(need []string, may ...string) {
	a := &s.Config.Auth
	for _, f := range []struct{ name, value string }{
		{"token", a.Token},
		{"client_id", a.ClientID},
		{"client_secret", a.ClientSecret},
		{"refresh_token", a.RefreshToken},
		{"token_url", a.TokenURL},
		{"scope", a.Scope},
		{"private_key", a.PrivateKey},
		{"user", a.User},
		{"password", a.Password},
		{"database", a.Database},
		{"tenant", a.Tenant},
	} {
		needed := slices.Contains(need, f.name)
		switch {
		case needed && f.value == "":
			s.Problem("auth."+f.name, "is missing")
		case f.value != "" && !needed && !slices.Contains(may, f.name):
			s.Problem("auth."+f.name, "is not used here")
		case f.name != "private_key" && strings.ContainsAny(f.value, "\r\n"):
			s.Problem("auth."+f.name, "has a line break")
		}
	}
	s.URL("auth.token_url", a.TokenURL)
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
	for _, object := range slices.Sorted(maps.Keys(s.Config.Fields)) {
		if !slices.Contains(objects, object) {
			s.Problem("fields."+object, "is not an object of this type, which has "+strings.Join(objects, ", "))
		}
		for _, name := range slices.Sorted(maps.Keys(s.Config.Fields[object])) {
			if name == "" || !IsName(name, "@.") {
				s.Problem("fields."+object+"."+name, "is no name of a field there")
			}
		}
	}
}

// Own refuses mappings of fields that Baton sets itself.
func (s *Settings) Own(object string, names ...string) {
	for _, name := range names {
		if _, ok := s.Config.Fields[object][name]; ok {
			s.Problem("fields."+object+"."+name, "is set by Baton itself")
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

// IsNumber reports whether a text is a number of up to 19 digits, as most vendors' ids are.
func IsNumber(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	return v != "" && len(v) <= 19
}
