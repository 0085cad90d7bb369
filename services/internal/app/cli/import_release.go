package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

// release asks that held leads be looked at, or only counted, and shows how far it is.
func (i *importer) release(ctx context.Context, dryRun bool) error {
	unlimited := &api{url: i.api.url, token: i.api.token, client: &http.Client{}} // it takes as long as there are leads
	resp, err := i.askRelease(ctx, unlimited, dryRun)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	shown := time.Now()
	for lines := json.NewDecoder(resp.Body); ; {
		var line struct {
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := lines.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("the answer ended before the result; --release may be repeated: %w", err)
		}
		if line.Error != nil {
			return fmt.Errorf("%s; --release may be repeated", line.Error.Message)
		}
		var step scoringv1.ReleaseHistoryResponse
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line.Result, &step); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		switch {
		case step.Done && dryRun:
			fmt.Fprintf(i.env.Stdout, "held %.0f, of whom %.0f qualify today; nothing was written\n", step.Held, step.Qualifying)
			return nil
		case step.Done:
			fmt.Fprintf(i.env.Stdout, "held %.0f, released %.0f, of whom %.0f qualify today", step.Held, step.Released, step.Qualifying)
			if step.Sequence != "" {
				fmt.Fprintf(i.env.Stdout, ", sequence %s", step.Sequence)
			}
			fmt.Fprintln(i.env.Stdout)
			return nil
		case time.Since(shown) > 2*time.Second:
			shown = time.Now()
			fmt.Fprintf(i.env.Stderr, "held %.0f, released %.0f, qualifying %.0f\n", step.Held, step.Released, step.Qualifying)
		}
	}
}

// askRelease asks until Baton has read what was loaded: right after an import that takes a while.
func (i *importer) askRelease(ctx context.Context, unlimited *api, dryRun bool) (*http.Response, error) {
	until := i.sender.now().Add(i.sender.patience)
	for told := false; ; told = true {
		resp, err := unlimited.do(ctx, http.MethodPost, "history/release", nil, &scoringv1.ReleaseHistoryRequest{DryRun: dryRun})
		if !isStatus(err, http.StatusServiceUnavailable) || i.sender.now().After(until) {
			return resp, err
		}
		if !told {
			fmt.Fprintf(i.env.Stderr, "not yet: %v\nasking again for up to %v\n", err, i.sender.patience)
		}
		pause := time.NewTimer(time.Second)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		}
	}
}
