// Package crm is what the CRMs have in common: what each event asks of one, requests with a key or a token, who a rep is there, how a
// record is recognised that was made before, lengths of fields, and how configurations are checked. Flow goes on from there for CRMs
// whose records are all made in the same steps. What a vendor calls things, and how it says no, is the vendor's package.
package crm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

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

// Unreadable is the outcome of a success that is not what the vendor's documentation says: something stands in between, so it is tried
// again.
func Unreadable(a *destination.Answer) destination.Outcome {
	return destination.Outcome{Verdict: destination.Again, Sick: true, Status: a.Status, Reason: "the answer is not one of this API"}
}

// Strange is Unreadable as an error.
func Strange(a *destination.Answer) error { return &Stop{Unreadable(a)} }

// API makes the requests to one vendor, with a key or with a token in force. A token that is refused is replaced, once for each
// request.
type API struct {
	Client *http.Client
	// Base is the address before every path, where a token names none.
	Base string
	// Header is sent with every request: a key that is always the same, what the vendor wants besides.
	Header http.Header
	// Tokens are sent in the header Authorization, after Scheme; nil where there is a key.
	Tokens *destination.Tokens
	Scheme string
	// Refused says that an answer means the token; nil for 401.
	Refused func(*destination.Answer) bool
	// Judge gives the outcome of an answer that is no success; only Do asks it.
	Judge func(*destination.Answer) destination.Outcome
}

// Key gives the header of a key that is always the same.
func Key(name, value string) http.Header {
	h := http.Header{}
	h.Set(name, value)
	return h
}

// Ask makes one request, with header beside the API's own; whatever the answer is, it is given. ok is false where there is none to judge:
// the outcome says why.
func (api *API) Ask(ctx context.Context, method, path string, header http.Header, body any) (a *destination.Answer, why destination.Outcome, ok bool) {
	for again := true; ; again = false {
		h, base, token := http.Header{}, api.Base, destination.Token{}
		maps.Copy(h, api.Header)
		maps.Copy(h, header)
		if api.Tokens != nil {
			if token, why, ok = api.Tokens.Get(ctx); !ok {
				return nil, why, false
			}
			if token.Base != "" {
				base = token.Base
			}
			h.Set("Authorization", api.Scheme+" "+token.Value)
		}
		a, err := destination.Ask(ctx, api.Client, method, base+path, h, body)
		if err != nil {
			return nil, destination.Unreachable(err), false
		}
		refused := a.Status == http.StatusUnauthorized
		if api.Refused != nil {
			refused = api.Refused(a)
		}
		if api.Tokens == nil || !refused {
			return a, destination.Outcome{}, true
		}
		api.Tokens.Drop(token.Value)
		if !again {
			return nil, destination.Outcome{Verdict: destination.Operator, Status: a.Status, Reason: "a fresh token is not accepted"}, false
		}
	}
}

// Do makes a request and decodes the answer into into, unless that is nil. An answer that is neither 2xx nor of a status in also is
// a Stop; one of a status in also is given as it is and not decoded.
func (api *API) Do(ctx context.Context, method, path string, body, into any, also ...int) (*destination.Answer, error) {
	return api.DoWith(ctx, method, path, nil, body, into, also...)
}

// DoWith is Do with a header of its own.
func (api *API) DoWith(ctx context.Context, method, path string, header http.Header, body, into any, also ...int) (*destination.Answer, error) {
	a, why, ok := api.Ask(ctx, method, path, header, body)
	switch {
	case !ok:
		return nil, &Stop{why}
	case slices.Contains(also, a.Status):
	case !a.OK():
		return nil, &Stop{api.Judge(a)}
	case into != nil && !a.JSON(into):
		return nil, Strange(a)
	}
	return a, nil
}
