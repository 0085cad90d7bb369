// Package webhook tells a receiver by signed posts, as Standard Webhooks has it (https://www.standardwebhooks.com): the id is the same on
// every attempt, the timestamp and the signatures are new each time, 2xx is success and 410 the end. Everything else, redirects and
// refused credentials included, is tried again by the schedule: what stands behind a URL is not known, and most of it heals.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Name of the type.
const Name = "webhook"

// userAgent is who we say we are.
const userAgent = "Baton/1 (Standard-Webhooks)"

// maxAnswer is how much of an answer is read, so that the connection can be used again: 64 KiB. Nothing in it matters.
const maxAnswer = 64 << 10

// Type gives the table's row. It understands every event, and has no fields to map: the body is what interfaces say.
func Type() destination.Type { return destination.Type{Name: Name, New: New} }

type receiver struct {
	url    string
	client *http.Client
	now    func() time.Time
	// signer is nil where no secret is configured: then nothing is signed.
	signer *webhook.Signer
}

// New makes a receiver of a configuration.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	if cfg.URL == "" {
		return nil, errors.New("url: must be like https://crm.example/hook")
	}
	if cfg.Auth != (destination.Auth{}) {
		return nil, errors.New("auth: a webhook is signed with secrets and has no other credentials")
	}
	r := &receiver{url: cfg.URL, client: deps.Client, now: deps.Now}
	for i, secret := range cfg.Secrets {
		if err := webhook.CheckSecret(secret); err != nil {
			return nil, fmt.Errorf("secrets[%d]: %s", i, strings.TrimPrefix(err.Error(), "webhook signer: "))
		}
	}
	if len(cfg.Secrets) > 0 {
		var err error
		if r.signer, err = webhook.NewSigner(cfg.Secrets); err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
	}
	return r, nil
}

// Deliver posts the body.
func (r *receiver) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(job.Body))
	if err != nil {
		return destination.Outcome{Reason: "the destination's URL cannot be used", Sick: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if r.signer != nil {
		r.signer.SetHeaders(req.Header, job.ID, r.now(), job.Body)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return destination.Unreachable(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return judge(res.StatusCode, res.Header, r.now())
}

// judge reads an answer: 2xx is success, 410 says that nobody wants it any more, and everything else is tried again.
func judge(status int, header http.Header, now time.Time) destination.Outcome {
	o := destination.Outcome{Verdict: destination.Again, Status: status, Reason: "status " + strconv.Itoa(status)}
	switch {
	case status >= 200 && status < 300:
		o.Verdict, o.Reason = destination.Done, ""
	case status == http.StatusGone:
		o.Verdict, o.Reason = destination.Never, o.Reason+": the destination wants no more deliveries"
	case status >= 300 && status < 400:
		o.Reason += ": redirects are not followed"
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		o.Sick, o.After = true, destination.RetryAfter(header, now)
	}
	return o
}
