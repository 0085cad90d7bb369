package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
)

// backtest asks for a backtest.
func (c *agreementCLI) backtest(ctx context.Context, args []string) error {
	req := &agreementv1.BacktestAgreementRequest{Format: c.try.format, OpenIsLost: c.try.openIsLost, ByOccurrence: c.try.byOccurrence}
	if c.json {
		req.Format = "json"
	}
	var err error
	if req.Version, err = versionNumber(args[0]); err != nil {
		return err
	}
	if len(args) == 2 {
		if req.Against, err = versionNumber(args[1]); err != nil {
			return err
		}
	}
	if req.From, err = day("--since", c.try.since); err != nil {
		return err
	}
	if req.To, err = day("--until", c.try.until); err != nil {
		return err
	}
	return c.fetch(ctx, http.MethodPost, "agreements/"+args[0]+"/backtest", nil, req)
}

// fetch asks for a report, shows how far it is, and writes it to where it belongs.
func (c *agreementCLI) fetch(ctx context.Context, method, path string, query url.Values, req proto.Message) error {
	resp, err := c.api.unlimited().do(ctx, method, path, query, req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.try.out == "" {
		return c.report(resp.Body, c.env.Stdout)
	}
	var whole bytes.Buffer // a report that ends too early leaves an older file as it is
	if err := c.report(resp.Body, &whole); err != nil {
		return err
	}
	if err := os.WriteFile(c.try.out, whole.Bytes(), 0o600); err != nil {
		return err
	}
	fmt.Fprintln(c.env.Stdout, "written to "+c.try.out)
	return nil
}

// report reads the answer: progress goes to the terminal, the report to out.
func (c *agreementCLI) report(answer io.Reader, out io.Writer) error {
	shown := time.Now()
	var step agreementv1.BacktestAgreementResponse
	return streamed(answer, "report", &step, func() (done bool, err error) {
		switch {
		case step.Report != nil:
			err = printJSON(&Env{Stdout: out}, step.Report)
		case step.Text != "":
			_, err = io.WriteString(out, step.Text)
		case step.Total > 0 && time.Since(shown) > 2*time.Second:
			shown = time.Now()
			fmt.Fprintf(c.env.Stderr, "%3.0f %% of %.0f messages\n", 100*step.Read/step.Total, step.Total)
		}
		return step.Done, err
	})
}

// day reads a day, the beginning of it in UTC; nil for none.
func day(flag, s string) (*timestamppb.Timestamp, error) {
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return nil, usagef("%s %q is not a day such as 2026-01-31", flag, s)
	}
	return timestamppb.New(t), nil
}
