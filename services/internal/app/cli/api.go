package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/grpcx"
)

// api speaks to the JSON API of a running Baton.
type api struct {
	url, token string
	client     *http.Client
}

// apiFlags defines the flags of every command that asks a running Baton.
func apiFlags(env *Env, flags *flag.FlagSet) *api {
	a := &api{client: &http.Client{Timeout: 30 * time.Second}}
	flags.StringVar(&a.url, "url", env.get("BATON_URL", "http://127.0.0.1:8080"), "`address` of the running Baton")
	a.token = env.get("BATON_TOKEN", "")
	flags.Func("token", "`token` to present (better in BATON_TOKEN, where others do not see it)", func(s string) error {
		a.token = s
		return nil
	})
	return a
}

// problemError is an answer that is a problem.
type problemError struct{ grpcx.Problem }

func (e *problemError) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Title)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	for _, f := range e.Errors {
		text += fmt.Sprintf("\n  %s %s", f.Field, f.Reason)
	}
	return text
}

// isStatus reports whether err is an answer with that HTTP status.
func isStatus(err error, code int) bool {
	var p *problemError
	return errors.As(err, &p) && p.Status == code
}

// get asks and reads the answer into m.
func (a *api) get(ctx context.Context, path string, query url.Values, m proto.Message) error {
	return a.call(ctx, http.MethodGet, path, query, nil, m)
}

func (a *api) call(ctx context.Context, method, path string, query url.Values, body, into proto.Message) error {
	resp, err := a.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostOfAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Host, err)
	}
	// An older command may meet a newer server: members it does not know are no reason to fail.
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s does not answer as Baton does: is --url right?", resp.Request.URL.Host)
	}
	return nil
}

// mostOfAnswer is how much of an answer is read, in bytes.
const mostOfAnswer = 64 << 20

// do asks and gives the answer, which is a good one: its body is the caller's to close.
func (a *api) do(ctx context.Context, method, path string, query url.Values, body proto.Message) (*http.Response, error) {
	base, err := url.Parse(a.url)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, usagef("--url %q is not an http:// or https:// address", a.url)
	}
	u := base.JoinPath("/api/v1", path)
	u.RawQuery = query.Encode()
	var payload io.Reader
	if body != nil {
		text, err := protojson.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), payload)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, unreachable(base, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, mostOfAnswer))
		if err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", base.Host, err)
		}
		if resp.StatusCode == http.StatusUnauthorized {
			return nil, fmt.Errorf("%w\npresent one with --token or BATON_TOKEN", problemOf(resp, text))
		}
		return nil, problemOf(resp, text)
	}
	return resp, nil
}

func problemOf(resp *http.Response, text []byte) error {
	p := &problemError{}
	if err := json.Unmarshal(text, &p.Problem); err != nil || p.Title == "" {
		p.Title, p.Detail = http.StatusText(resp.StatusCode), ""
	}
	p.Status = resp.StatusCode
	return p
}

// unreachable says what can be done when nobody answers.
func unreachable(base *url.URL, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Errorf("%s does not answer in time", base.Host)
		}
		err = u.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return fmt.Errorf("Baton is not reachable at %s (%s): is it running, and is --url right?", base.Host, text)
}
