package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// reply is an HTTP answer, read whole.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.Status, bytes.TrimSpace(r.Body)) }

// do sends a request, with the cluster's token if it has one and the request none.
func (c *Cluster) do(ctx context.Context, method, path string, header http.Header, body []byte) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if c.token != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, text}, err
}

// Call sends a request that must be answered, whatever with.
func (c *Cluster) Call(method, path string, body any) reply {
	c.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	r, err := c.do(c.t.Context(), method, path, http.Header{"Content-Type": {"application/json"}}, text)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// get asks the JSON API; anything but a 200 of the expected shape is fatal.
func get[T any](c *Cluster, path string) T {
	c.t.Helper()
	v, err := tryGet[T](c, path)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func tryGet[T any](c *Cluster, path string) (v T, err error) {
	r, err := c.do(c.t.Context(), http.MethodGet, "/api/v1/"+path, nil, nil)
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("%s", r)
	}
	if err == nil {
		err = json.Unmarshal(r.Body, &v)
	}
	if err != nil {
		err = fmt.Errorf("GET %s: %w", path, err)
	}
	return v, err
}

// sign gives the headers of Standard Webhooks, made as its specification says.
func sign(secret, id string, at time.Time, body []byte) http.Header {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err) // the tests' own secrets
	}
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + seconds + "."))
	mac.Write(body)
	return http.Header{
		"Content-Type": {"application/json"}, "Webhook-Id": {id}, "Webhook-Timestamp": {seconds},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
}

// Taken is what a source of type baton answers.
type Taken struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Rejected   []struct {
		Index  int          `json:"index"`
		Errors []FieldError `json:"errors"`
	} `json:"rejected"`
	Sequence string `json:"sequence"`
}

// FieldError is one entry of a problem's errors.
type FieldError struct{ Field, Reason string }

// TrySend posts events to the source app, signed, and gives its answer; an error if it is not a 202.
func (c *Cluster) TrySend(ctx context.Context, events ...Event) (Taken, error) {
	var taken Taken
	body, err := json.Marshal(events)
	if err != nil {
		return taken, err
	}
	if len(events) == 1 {
		body = body[1 : len(body)-1]
	}
	r, err := c.do(ctx, http.MethodPost, "/webhooks/app", sign(appSecret, "msg_"+rand.Text(), time.Now(), body), body)
	if err == nil && r.Status != http.StatusAccepted {
		err = fmt.Errorf("%s", r)
	}
	if err == nil {
		err = json.Unmarshal(r.Body, &taken)
	}
	return taken, err
}

// Send posts events that must all be taken, and gives the journal's sequence of the last.
func (c *Cluster) Send(events ...Event) string {
	c.t.Helper()
	taken, err := c.TrySend(c.t.Context(), events...)
	if err != nil {
		c.t.Fatalf("send %d events: %v", len(events), err)
	}
	if taken.Accepted != len(events) || len(taken.Rejected) > 0 || taken.Sequence == "" {
		c.t.Fatalf("send %d events: %+v", len(events), taken)
	}
	return taken.Sequence
}

// SendUntil posts events as a patient sender does: again until they are acknowledged or ctx ends.
func (c *Cluster) SendUntil(ctx context.Context, events ...Event) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, 10*time.Second)
		taken, err := c.TrySend(once, events...)
		cancel()
		if err == nil && len(taken.Rejected) > 0 {
			return fmt.Errorf("rejected: %+v", taken)
		}
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("never acknowledged: %w", err)
		}
	}
}

// Baton runs a command of the binary against the cluster and gives what it prints and whether it went well.
func (c *Cluster) Baton(args ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), binary, args...)
	cmd.Env = append(cleanEnv(), "BATON_URL="+c.base, "BATON_TOKEN="+c.token, "BATON_SOURCE_SECRET="+appSecret)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// query escapes a parameter.
func query(s string) string { return url.QueryEscape(s) }

// metrics gives what the process of a service tells to Prometheus.
func (c *Cluster) metrics(ctx context.Context, service string) (string, error) {
	name := service
	if c.procs[name] == nil {
		name = "baton"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.admins[name]+"/metrics", nil)
	if err != nil {
		return "", err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}
