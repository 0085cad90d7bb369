package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/internal/app/history"
)

// shownEvents is how many events a check shows.
const shownEvents = 5

// show maps everything and sends nothing.
func (i *importer) show(ctx context.Context, reader *history.Reader) error {
	var counts importCounts
	types := map[string]int{}
	var first []json.RawMessage
	p := func(format string, args ...any) { fmt.Fprintf(i.env.Stdout, format+"\n", args...) }
	for ctx.Err() == nil {
		_, events, fault, err := i.next(reader)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		counts.Rows++
		counts.Events += len(events)
		switch {
		case fault != nil:
			if counts.Errors++; counts.Errors <= shownRejections {
				p("row %d (line %d): %s", fault.Row, fault.Line, text(strings.TrimSpace(fault.Field+" "+fault.Reason)))
			}
		case len(events) == 0:
			counts.Skipped++
		}
		for _, e := range events {
			types[e.Type]++
			if len(first) < shownEvents {
				first = append(first, e.JSON)
			}
		}
		if i.maxErrors > 0 && counts.Errors >= i.maxErrors {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p("rows %d, events %d, skipped %d, errors %d", counts.Rows, counts.Events, counts.Skipped, counts.Errors)
	for _, t := range slices.Sorted(maps.Keys(types)) {
		p("  %-20s %d", text(t), types[t])
	}
	for _, e := range first {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, e, "", "  "); err != nil {
			return err
		}
		p("%s", pretty.String())
	}
	if counts.Errors > 0 {
		return errSilent
	}
	return nil
}
