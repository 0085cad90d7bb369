package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

// release asks that held leads be looked at, or only counted, and shows how far it is.
func (i *importer) release(ctx context.Context, dryRun bool) error {
	resp, err := i.askRelease(ctx, i.api.unlimited(), dryRun)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	shown := time.Now()
	var step scoringv1.ReleaseHistoryResponse
	err = streamed(resp.Body, "result", &step, func() (done bool, err error) {
		switch {
		case step.Done && dryRun:
			fmt.Fprintf(i.env.Stdout, "held %.0f, of whom %.0f qualify today; nothing was written\n", step.Held, step.Qualifying)
		case step.Done:
			fmt.Fprintf(i.env.Stdout, "held %.0f, released %.0f, of whom %.0f qualify today", step.Held, step.Released, step.Qualifying)
			if step.Sequence != "" {
				fmt.Fprintf(i.env.Stdout, ", sequence %s", step.Sequence)
			}
			fmt.Fprintln(i.env.Stdout)
		case time.Since(shown) > 2*time.Second:
			shown = time.Now()
			fmt.Fprintf(i.env.Stderr, "held %.0f, released %.0f, qualifying %.0f\n", step.Held, step.Released, step.Qualifying)
		}
		return step.Done, nil
	})
	if err != nil {
		return fmt.Errorf("%w; --release may be repeated", err)
	}
	return nil
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
