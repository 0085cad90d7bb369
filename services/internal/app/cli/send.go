package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/batonhq/baton/pkg/telemetry"
	"github.com/batonhq/baton/pkg/webhook"
)

const (
	maxBatchBytes  = 4 << 20
	maxBatchEvents = 500
)

func sendCommand() command {
	return command{
		name: "send", args: "FILE|-", does: "send events to a source of type baton: an object, an array or one object a line",
		more: "Events go in the order of the file, in batches. A batch that the server cannot take now is sent again until it can;\n" +
			"events that were taken before are recognised by their id, so a file can be sent twice without harm.\n" +
			"Exit 1 when an event was rejected or could not be delivered.",
		example: "baton send --source app events.ndjson",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			s := &sender{env: env, now: time.Now}
			flags.StringVar(&s.source, "source", "", "`name` of the source in the configuration")
			flags.StringVar(&s.base, "url", env.get("BATON_URL", "http://127.0.0.1:8080"), "`address` of the running Baton")
			secret := env.get("BATON_SOURCE_SECRET", "")
			flags.Func("secret", "the source's `secret` (better in BATON_SOURCE_SECRET, where others do not see it)", func(v string) error {
				secret = v
				return nil
			})
			config := flags.String("config", env.get("BATON_CONFIG", ""), "`file` to take the source's secret from")
			flags.IntVar(&s.inFlight, "in-flight", 1, "`batches` under way at once; more than 1 is faster and does not keep the order")
			flags.DurationVar(&s.patience, "patience", 2*time.Minute, "how `long` a batch is tried")
			return func(ctx context.Context, args []string) error {
				file, err := oneArgument(args, "file of events (- for standard input)")
				if err != nil {
					return err
				}
				if s.source == "" {
					return usagef("--source is needed")
				}
				if s.inFlight < 1 || s.inFlight > 16 {
					return usagef("--in-flight is from 1 to 16")
				}
				if secret == "" && *config != "" {
					if secret, err = sourceSecret(*config, s.source, env.Environ); err != nil {
						return err
					}
				}
				if err := s.signWith(secret); err != nil {
					return err
				}
				return s.sendFile(ctx, file)
			}
		},
	}
}

// sender delivers one file.
type sender struct {
	env          *Env
	source, base string
	signer       *webhook.Signer
	inFlight     int
	patience     time.Duration
	now          func() time.Time
	client       http.Client
	endpoint     string
	summary      summary
	// answered, which may be nil, hears of every batch that was taken. It is called by several goroutines.
	answered           func(batch, sendAnswer)
	progressInTerminal bool
}

// batch is what goes in one request.
type batch struct {
	// first is the number of its first event in the file, from 0.
	first, events int
	body          []byte
}

func (s *sender) sendFile(ctx context.Context, file string) error {
	if err := s.aim(); err != nil {
		return err
	}
	in := s.env.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan batch)
	group.Go(func() error {
		defer close(batches)
		return readBatches(in, func(b batch) error {
			select {
			case batches <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range s.inFlight {
		group.Go(func() error {
			for b := range batches {
				if err := s.deliver(ctx, b); err != nil {
					return err
				}
				if s.progressInTerminal {
					fmt.Fprintf(s.env.Stderr, "\r%s ", s.summary.line())
				}
			}
			return nil
		})
	}
	err := group.Wait()
	if s.progressInTerminal {
		fmt.Fprint(s.env.Stderr, "\r\033[K")
	}
	s.summary.write(s.env.Stdout)
	if err != nil {
		return err
	}
	if s.summary.rejected > 0 {
		return errSilent
	}
	return nil
}

// signWith sets the secret that batches are signed with, "" for none.
func (s *sender) signWith(secret string) (err error) {
	if secret != "" {
		s.signer, err = webhook.NewSigner([]string{secret})
	}
	return err
}

// aim finds out where to send to.
func (s *sender) aim() error {
	u, err := url.Parse(s.base)
	if err != nil || u.Host == "" {
		return usagef("--url %q is not an address", s.base)
	}
	s.endpoint = u.JoinPath("webhooks", s.source).String()
	s.client.Timeout = time.Minute
	s.progressInTerminal = telemetry.Terminal(s.env.Stderr)
	return nil
}

// take notes what became of a batch.
func (s *sender) take(b batch, a sendAnswer) {
	s.summary.add(b, a)
	if s.answered != nil {
		s.answered(b, a)
	}
}

// errRefused is an answer that repeating does not change.
var errRefused = errors.New("refused")

// deliver sends a batch until it is answered, or patience ends.
func (s *sender) deliver(ctx context.Context, b batch) error {
	sum := sha256.Sum256(b.body)
	id := "msg_" + hex.EncodeToString(sum[:12]) // the same batch is the same message
	until := s.now().Add(s.patience)
	for attempt := 0; ; attempt++ {
		wait, err := s.try(ctx, b, id)
		if err == nil {
			return nil
		}
		if errors.Is(err, errRefused) || ctx.Err() != nil {
			return fmt.Errorf("events %d to %d: %w", b.first+1, b.first+b.events, err)
		}
		if wait == 0 {
			backoff := min(250*time.Millisecond<<min(attempt, 6), 10*time.Second)
			wait = backoff/2 + rand.N(backoff/2) //nolint:gosec // a pause, not a secret
		}
		if s.now().Add(wait).After(until) {
			return fmt.Errorf("events %d to %d, given up after %v: %w", b.first+1, b.first+b.events, s.patience, err)
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// try sends a batch once. With an error comes how long the server asks to wait, 0 where it does not say.
func (s *sender) try(ctx context.Context, b batch, id string) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(b.body))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errRefused, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.signer != nil {
		s.signer.SetHeaders(req.Header, id, s.now(), b.body)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, unreachable(req.URL, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	switch code := resp.StatusCode; {
	case code < 300:
		var a sendAnswer
		if err := json.Unmarshal(text, &a); err != nil {
			return 0, fmt.Errorf("%w: %s does not answer as Baton does", errRefused, req.URL.Host)
		}
		s.take(b, a)
		return 0, nil
	case code == http.StatusTooManyRequests || code >= 500:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(min(max(seconds, 0), 60)) * time.Second, problemOf(resp, text)
	case code == http.StatusUnauthorized && s.signer == nil:
		return 0, fmt.Errorf("%w: %w\nthe source has a secret: give it with --secret, BATON_SOURCE_SECRET or --config", errRefused, problemOf(resp, text))
	case code == http.StatusNotFound:
		return 0, fmt.Errorf("%w: %w\nis %q one of the sources in Baton's configuration, of type baton?", errRefused, problemOf(resp, text), s.source)
	}
	return 0, s.refused(b, resp, text)
}

// refused tells a whole batch refused from a single event refused: of one event, the sender hears a problem.
func (s *sender) refused(b batch, resp *http.Response, text []byte) error {
	err := problemOf(resp, text)
	var p *problemError
	if errors.As(err, &p) && b.events == 1 && len(p.Errors) > 0 {
		s.take(b, sendAnswer{Rejected: []rejection{{Errors: p.Errors}}})
		return nil
	}
	return fmt.Errorf("%w: %w", errRefused, err)
}
