package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// client speaks HTTP with Baton: what others post to it, and its JSON API.
type client struct {
	base string
	http *http.Client
}

func newClient(addr string) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &client{base: "http://" + addr, http: &http.Client{Transport: transport, Timeout: 15 * time.Second}}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// refusal is an answer other than 2xx.
type refusal struct {
	status int
	path   string
	text   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s answered %d: %s", r.path, r.status, r.text)
}

// patience is how long somebody who is told to come again later does.
const patience = 30 * time.Second

// send makes one request and gives the answer's body. While the answer is to come again later (429, 503), it does.
func (c *client) send(ctx context.Context, method, path string, body []byte, sign func(http.Header)) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
	defer cancel()
	for {
		answer, status, err := c.once(ctx, method, path, body, sign)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return nil, fmt.Errorf("%s is busy: %w: %s", path, context.Cause(ctx), answer[:min(len(answer), 500)])
			}
		case status >= 300:
			return nil, &refusal{status: status, path: path, text: string(answer[:min(len(answer), 500)])}
		default:
			return answer, nil
		}
	}
}

func (c *client) once(ctx context.Context, method, path string, body []byte, sign func(http.Header)) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if sign != nil {
		sign(req.Header)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, 0, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return answer, resp.StatusCode, nil
}

// get reads one resource of the JSON API.
func (c *client) get(ctx context.Context, path string, into proto.Message) error {
	answer, err := c.send(ctx, http.MethodGet, "/api/v1/"+path, nil, nil)
	if err != nil {
		return err
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
}

// answer gives a rep's answer to a handoff. Its request id makes a repeat one answer, so it is asked again as long as the
// outcome is not known.
func (c *client) answer(ctx context.Context, handoff, rep string, a Answer) (*feedbackv1.DispositionResponse, error) {
	body, err := json.Marshal(object{"rep": rep, "reason": a.Reason, "note": a.Note, "request_id": handoff + "-" + a.Do})
	if err != nil {
		return nil, err
	}
	path := "/api/v1/handoffs/" + url.PathEscape(handoff) + "/" + a.Do
	for {
		text, err := c.send(ctx, http.MethodPost, path, body, nil)
		if err != nil {
			return nil, err
		}
		var r feedbackv1.DispositionResponse
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", path, err)
		}
		if r.Status != "pending" {
			return &r, nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// handoffs reads all handoffs, page by page.
func (c *client) handoffs(ctx context.Context) ([]*routingv1.Handoff, error) {
	var all []*routingv1.Handoff
	q := url.Values{"page_size": {"100"}}
	for {
		var page routingv1.ListHandoffsResponse
		if err := c.get(ctx, "handoffs?"+q.Encode(), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Handoffs...)
		if page.NextPageToken == "" {
			return all, nil
		}
		q.Set("page_token", page.NextPageToken)
	}
}

// pause waits, or ends early with ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// brief gives a handoff's brief as plain text.
func (c *client) brief(ctx context.Context, handoff string) (string, error) {
	text, err := c.send(ctx, http.MethodGet, "/api/v1/handoffs/"+url.PathEscape(handoff)+"/brief.txt", nil, nil)
	if err != nil {
		return "", fmt.Errorf("read the brief of %s: %w", handoff, err)
	}
	return string(text), nil
}
