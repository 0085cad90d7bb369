// Package crm is what the CRMs have in common that know people, leads, notes and tasks: which of them is made or changed for
// which event, how a record is recognised that was made before, and how requests and configurations are checked. What a vendor
// calls these, and how it says no, is the vendor's package.
package crm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Stop is an error that says what a delivery comes to.
type Stop struct {
	Outcome destination.Outcome
}

// Error gives the reason.
func (s *Stop) Error() string { return s.Outcome.Reason }

// Refuse gives an error of that verdict and reason.
func Refuse(verdict destination.Verdict, format string, args ...any) error {
	return &Stop{destination.Outcome{Verdict: verdict, Reason: fmt.Sprintf(format, args...)}}
}

// OutcomeOf gives what an error comes to: what it carries if it is a Stop, Done if it is nil, else a fault of the connection.
func OutcomeOf(err error) destination.Outcome {
	var stop *Stop
	switch {
	case err == nil:
		return destination.Outcome{Verdict: destination.Done}
	case errors.As(err, &stop):
		return stop.Outcome
	default:
		return destination.Unreachable(err)
	}
}

// API makes the requests to one vendor.
type API struct {
	Client *http.Client
	// Base is the address before every path.
	Base string
	// At gives the address where that is learnt with the token; nil or "" for Base.
	At func() string
	// Header gives what lets a request in; its error is a Stop. Called for every request.
	Header func(ctx context.Context) (http.Header, error)
	// Refused is told when a request was answered 401, with the header that it had: it gives true where another header may be
	// accepted, and the request is then made once more. nil where there is one key only.
	Refused func(http.Header) bool
	// Judge gives the outcome of an answer that is no success.
	Judge func(*destination.Answer) destination.Outcome
}

// Do makes a request and decodes the answer into into, unless that is nil. An answer that is neither 2xx nor of a status in also is
// a Stop; one of a status in also is given as it is and not decoded.
func (a *API) Do(ctx context.Context, method, path string, body, into any, also ...int) (*destination.Answer, error) {
	for again := false; ; again = true {
		header, err := a.Header(ctx)
		if err != nil {
			return nil, err
		}
		base := a.Base
		if a.At != nil && a.At() != "" {
			base = a.At()
		}
		answer, err := destination.Ask(ctx, a.Client, method, base+path, header, body)
		if err != nil {
			return nil, &Stop{destination.Unreachable(err)}
		}
		if answer.Status == http.StatusUnauthorized && !again && a.Refused != nil && a.Refused(header) {
			continue
		}
		switch {
		case slices.Contains(also, answer.Status):
		case !answer.OK():
			return nil, &Stop{a.Judge(answer)}
		case into != nil && !answer.JSON(into):
			return nil, Strange(answer)
		}
		return answer, nil
	}
}

// Strange is the error of a success that is not what the vendor's documentation says: something stands in between, so it is
// tried again.
func Strange(answer *destination.Answer) error {
	return &Stop{destination.Outcome{Verdict: destination.Again, Sick: true, Status: answer.Status, Reason: "the answer is not one of this API"}}
}

// Fixed gives the header of a key that is always the same.
func Fixed(name, value string) func(context.Context) (http.Header, error) {
	return func(context.Context) (http.Header, error) {
		h := http.Header{}
		h.Set(name, value)
		return h, nil
	}
}

// CheckAuth gives an error that names what is missing of need, or what is set beside need and may.
func CheckAuth(a destination.Auth, need []string, may ...string) error {
	all := []struct{ name, value string }{
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
	}
	for _, f := range all {
		switch {
		case slices.Contains(need, f.name):
			if f.value == "" {
				return fmt.Errorf("auth.%s: is missing", f.name)
			}
			if strings.ContainsAny(f.value, "\r\n") {
				return fmt.Errorf("auth.%s: has a line break", f.name)
			}
		case f.value != "" && !slices.Contains(may, f.name):
			return fmt.Errorf("auth.%s: is not used here", f.name)
		}
	}
	return nil
}

// CheckObjects gives an error that names an object of `fields` that a type does not know.
func CheckObjects(cfg *destination.Config, known ...string) error {
	var unknown []string
	for name := range cfg.Fields {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("fields.%s: is not an object of this type, which has %s", unknown[0], strings.Join(known, ", "))
}

// Bool reads an option that is true or false.
func Bool(cfg *destination.Config, name string) (bool, error) {
	switch cfg.Options[name] {
	case "true", "yes":
		return true, nil
	case "false", "no", "":
		return false, nil
	}
	return false, fmt.Errorf("options.%s: must be true or false", name)
}

// OneOf reads an option that is one of some words, the first of them where it is not set.
func OneOf(cfg *destination.Config, name string, words ...string) (string, error) {
	v := cfg.Options[name]
	if v == "" {
		return words[0], nil
	}
	if !slices.Contains(words, v) {
		return "", fmt.Errorf("options.%s: must be one of %s", name, strings.Join(words, ", "))
	}
	return v, nil
}
