// Package slack tells a channel by an incoming webhook, as Slack describes it (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks),
// and by the same webhook those who understand a part of it: Mattermost, Rocket.Chat, Teams.
//
// A webhook takes no id: where an answer is lost the message is posted again.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

// Name of the type.
const Name = "slack"

// Values of the option format.
const (
	formatBlocks   = "blocks"
	formatText     = "text"
	formatMarkdown = "markdown"
)

// Type gives the table's row. Slack takes one message a second for each webhook.
func Type() destination.Type {
	return destination.Type{
		Name: Name, Default: notify.Events(), Notifies: true, Limit: destination.Limit{Requests: 1, Per: time.Second}, Concurrency: 1,
		Options: notify.Options(map[string]string{"format": formatBlocks, "channel": "", "mention": "true"}), New: New,
	}
}

type poster struct {
	*notify.Notifier
	url, format, channel string
	// mentions: people are called by name where their id is known.
	mentions bool
	name     string
}

// New makes a poster of a configuration. The webhook's address is a secret: it may stand in secrets instead of url.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	settings, err := notify.Parse(cfg)
	errs := []error{err}
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	p := &poster{url: cfg.URL, format: cfg.Options["format"], channel: cfg.Options["channel"], name: cfg.Name}
	switch {
	case cfg.URL != "" && len(cfg.Secrets) > 0:
		bad("secrets", "hold the webhook's address, or url does, not both")
	case len(cfg.Secrets) > 1:
		bad("secrets", "hold one address")
	case len(cfg.Secrets) == 1:
		p.url = cfg.Secrets[0]
	}
	if u, err := url.Parse(p.url); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		bad("url", "must be the webhook's address, https://hooks.slack.com/services/…, here or as the one of secrets")
	}
	if cfg.Auth != (destination.Auth{}) {
		bad("auth", "the webhook's address is all that it needs")
	}
	switch p.format {
	case "":
		p.format = formatBlocks
	case formatBlocks, formatText, formatMarkdown:
	default:
		bad("options.format", "must be %s, %s or %s", formatBlocks, formatText, formatMarkdown)
	}
	switch cfg.Options["mention"] {
	case "true", "":
		p.mentions = true
	case "false":
	default:
		bad("options.mention", "must be true or false")
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p.Notifier = &notify.Notifier{Name: cfg.Name, Type: Name, Settings: settings, Deps: deps, Sender: p, Together: true}
	return p, nil
}

// Reaches is true of everybody: the channel is there, whether they can be called by name or not.
func (p *poster) Reaches(*notify.Person) string { return "" }

// Send posts a message.
func (p *poster) Send(ctx context.Context, _ *notify.Recipient, m *notify.Message) destination.Outcome {
	a, err := destination.Ask(ctx, p.Deps.Client, http.MethodPost, p.url, nil, p.body(m))
	if err != nil {
		return destination.Unreachable(err)
	}
	return judge(a, p.Deps.Now())
}

// Check looks at the directory: a webhook itself can only be found out about by posting.
func (p *poster) Check(ctx context.Context) (problems []string, err error) {
	if problems, err = p.Problems(ctx); err != nil {
		return nil, fmt.Errorf("look at the directory: %w", err)
	}
	return problems, nil
}

// judge reads an answer. Slack's codes are the body, as text.
func judge(a *destination.Answer, now time.Time) destination.Outcome {
	code := strings.TrimSpace(string(a.Body[:min(len(a.Body), 200)]))
	o := a.Judge(now)
	switch {
	case a.OK() && strings.HasPrefix(code, "Webhook message delivery failed"): // Teams says 200 and means it not
		o = destination.Outcome{Verdict: destination.Again, Sick: true, Status: a.Status, Reason: "the webhook says that it failed"}
		if strings.Contains(code, "429") {
			o.Verdict, o.Sick = destination.Later, false
		}
		return o
	case a.OK():
		return o
	case a.Status == http.StatusNotFound, a.Status == http.StatusGone: // the webhook, its channel or its team is no more
		o.Verdict = destination.Operator
	case a.Status == http.StatusBadRequest:
		var m struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(a.Body, &m) == nil && strings.HasPrefix(m.ID, "web.incoming_webhook.") { // Mattermost
			o.Verdict, code = destination.Operator, m.ID
		}
		switch code {
		case "channel_not_found", "channel_is_archived", "no_service", "no_team", "team_disabled", "user_not_found", "invalid_token", "posting_to_general_channel_denied", "posting_to_channel_denied":
			o.Verdict = destination.Operator
		}
	}
	return o.Because(code)
}
