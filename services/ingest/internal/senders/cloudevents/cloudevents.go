// Package cloudevents receives CloudEvents 1.0 over HTTP in all three modes (structured, batched, binary), with the handshake
// and the authorization of "HTTP 1.1 Web Hooks for Event Delivery". The data is our own event form, or any object that names a
// person.
package cloudevents

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Type is the table's row.
func Type() sender.Type {
	return sender.Type{
		Name: "cloudevents", Path: sender.Webhooks, Token: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.Accepted},
		Keep:  func(name string) bool { return strings.HasPrefix(name, prefix) },
		New:   New,
	}
}

// prefix is what the names of attributes begin with in headers.
const prefix = "ce-"

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source. CloudEvents has no signatures: without a secret, a token, it takes requests from this
// machine alone.
func New(cfg sender.Config) (sender.Sender, error) {
	if cfg.WriteKey != "" {
		return nil, errors.New("write_key: sources of this type have none, they carry a token, which is one of the secrets")
	}
	if err := sender.CheckMap("map", cfg.Map); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks the token. The specification's own place for it in the address, access_token, counts as well.
func (s *source) Verify(r *sender.Request) (string, error) {
	if len(s.cfg.Secrets) == 0 {
		if !r.Local {
			return "", fmt.Errorf("%w: this source has no token and takes requests from its own machine alone", sender.ErrForbidden)
		}
		return "", nil
	}
	if token := r.Query.Get("access_token"); token != "" && r.Token == "" {
		with := *r
		with.Token = token
		r = &with
	}
	return "", sender.HasToken(r, s.cfg.Secrets)
}

// Greet answers the handshake: OPTIONS with WebHook-Request-Origin asks whether that origin may post here. It is not asked for
// its token, which many senders have for deliveries alone; to be allowed to post gives nothing without one.
func (s *source) Greet(r *sender.Request) (sender.Greeting, error) {
	if r.Method != http.MethodOptions {
		return sender.Greeting{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "POST, OPTIONS"}}, nil
	}
	origin := strings.TrimSpace(r.Header.Get("WebHook-Request-Origin"))
	if !isOrigin(origin) {
		return sender.Greeting{
			Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"},
			Body: []byte("WebHook-Request-Origin is missing, or not the name of a host\n"),
		}, nil
	}
	return sender.Greeting{Status: http.StatusOK, Header: map[string]string{
		"Allow": http.MethodPost, "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": s.rate(),
	}}, nil
}

// rate gives the requests a minute that the source takes; * is any number.
func (s *source) rate() string {
	if s.cfg.Rate <= 0 {
		return "*"
	}
	return strconv.Itoa(max(1, int(s.cfg.Rate*60)))
}

func isOrigin(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_:/*", rune(c)) {
			return false
		}
	}
	return true
}
