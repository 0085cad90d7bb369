package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/batonhq/baton/services/internal/app/history"
)

// importer loads one file.
type importer struct {
	env    *Env
	api    *api
	sender sender
	rows   *history.Map
	// Files: the map, the rows, and what is wrong with them.
	mapFile, file, errors string
	check                 bool
	maxErrors             int

	progress importProgress
	faults   faultFile
	keeps    bool // whether the progress is kept: not of standard input
	size     int64
	told     time.Time
	// known is how much earlier runs have found wrong.
	known int

	mu      sync.Mutex
	answers map[int]sendAnswer // by the number of a batch's first event
}

// maxChunkRows bounds the rows of a chunk, most of which may give nothing.
const maxChunkRows = 10_000

// errTooMany ends an import whose rows are wrong more often than the user wants to see.
var errTooMany = errors.New("too much is wrong")

func (i *importer) run(ctx context.Context) error {
	in, name := i.env.Stdin, "-"
	if i.file != "-" {
		f, err := os.Open(i.file)
		if err != nil {
			return err
		}
		defer f.Close()
		if in, name = f, i.file; !i.check {
			if err := i.alone(f); err != nil {
				return err
			}
			if err := i.resume(f); err != nil {
				return err
			}
		}
	} else if i.errors == "" {
		i.errors = "import.errors.ndjson"
	}
	if err := i.sender.aim(); err != nil {
		return err
	}
	reader, err := i.rows.NewReader(name, in, i.progress.Place)
	if err != nil {
		if errors.As(err, new(history.Errors)) { // what the map asks for is not there
			return inFile(i.mapFile, err)
		}
		return inFile(i.file, err)
	}
	if i.check {
		return i.show(ctx, reader)
	}
	i.faults.path = i.errors
	if err := i.ready(); err != nil {
		return err
	}
	err = errors.Join(i.send(ctx, reader), i.faults.close())
	return i.finish(err)
}

// resume finds out whether an earlier run was interrupted.
func (i *importer) resume(f *os.File) error {
	if i.errors == "" {
		i.errors = i.file + ".errors.ndjson"
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil // a pipe cannot be gone back in
	}
	mark, err := fingerprint(i.rows, f)
	if err != nil {
		return err
	}
	if i.progress, err = readProgress(i.progressFile(), mark, i.errors); err != nil {
		return err
	}
	i.keeps, i.size = true, info.Size()
	i.known = i.progress.Counts.wrong()
	if p := i.progress.Place; p.Rows > 0 {
		fmt.Fprintf(i.env.Stderr, "going on behind row %d\n", p.Rows)
	}
	return nil
}

func (i *importer) progressFile() string { return i.file + ".progress" }

// send reads, sends and notes, each at its own pace and no more than a few batches apart. Of one lead, batches arrive in the order of
// the file: what came first for somebody is what they came by.
func (i *importer) send(ctx context.Context, reader *history.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	work, order := make(chan *chunk), make(chan *chunk, i.sender.inFlight)
	var underWay []*chunk
	give := func(c *chunk) error {
		underWay = c.behind(underWay)
		for _, to := range []chan *chunk{order, work} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	group.Go(func() error {
		defer close(work)
		defer close(order)
		return i.read(reader, give)
	})
	for range i.sender.inFlight {
		group.Go(func() error {
			for c := range work {
				if err := c.waits(ctx); err != nil {
					return err
				}
				if c.batch.events > 0 {
					if err := i.sender.deliver(ctx, c.batch); err != nil {
						return err
					}
				}
				close(c.sent)
			}
			return nil
		})
	}
	group.Go(func() error {
		for c := range order {
			select {
			case <-c.sent:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := i.note(c); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// read cuts the file into chunks. What is given is not changed any more.
func (i *importer) read(reader *history.Reader, give func(*chunk) error) error {
	first := 0
	begin := func() *chunk {
		return &chunk{batch: batch{first: first, body: []byte{'['}}, upTo: reader.Place(), sent: make(chan struct{}), who: map[uint64]struct{}{}}
	}
	c := begin()
	flush := func() error {
		if c.counts.Rows == 0 {
			return nil
		}
		c.batch.body = append(c.batch.body, ']')
		first += max(c.batch.events, 1)
		err := give(c)
		c = begin()
		return err
	}
	for {
		before := reader.Place()
		row, events, fault, err := i.next(reader)
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return err
		}
		size := 0
		for _, e := range events {
			size += len(e.JSON) + 1
		}
		full := c.batch.events > 0 && (c.batch.events+len(events) > maxBatchEvents || len(c.batch.body)+size+1 > maxBatchBytes)
		if full || c.counts.Rows == maxChunkRows || c.raw > maxBatchBytes {
			c.upTo = before
			if err := flush(); err != nil {
				return err
			}
		}
		c.add(row, events, fault)
		c.upTo = reader.Place()
	}
}

// next gives what the next row gives: events, a fault, or neither.
func (i *importer) next(reader *history.Reader) (rowFault, []history.Event, *rowFault, error) {
	row, err := reader.Next()
	var unreadable *history.RowError
	if errors.As(err, &unreadable) {
		f := faultOf(unreadable.Row, "", unreadable.Reason)
		return f, nil, &f, nil
	}
	if err != nil {
		return rowFault{}, nil, nil, err
	}
	events, err := i.rows.Events(row)
	size := 0
	for _, e := range events {
		size += len(e.JSON) + 1
	}
	if err == nil && size+2 > maxBatchBytes {
		err, events = history.Error{Reason: "gives more than 4 MB of events"}, nil
	}
	f := faultOf(row, "", "")
	if err != nil {
		f.Reason = err.Error()
		var at history.Error
		if errors.As(err, &at) {
			f.Field, f.Reason = at.Field, at.Reason
		}
		return f, nil, &f, nil
	}
	return f, events, nil, nil
}

// answered keeps what became of a batch until its turn to be noted comes.
func (i *importer) answered(b batch, a sendAnswer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.answers == nil {
		i.answers = map[int]sendAnswer{}
	}
	i.answers[b.first] = a
}

// note writes down that a chunk is acknowledged: what is wrong with it first, then that everything before its end is done.
func (i *importer) note(c *chunk) error {
	i.mu.Lock()
	a := i.answers[c.batch.first]
	delete(i.answers, c.batch.first)
	i.mu.Unlock()
	c.counts.Accepted, c.counts.Duplicates, c.counts.Rejected = a.Accepted, a.Duplicates, len(a.Rejected)
	for _, r := range a.Rejected {
		if r.Index < 0 || r.Index >= len(c.events) {
			continue
		}
		fault := *c.events[r.Index].row
		var why []string
		for k, e := range r.Errors {
			if k == 0 {
				fault.Field = e.Field
			} else if e.Field != "" {
				e.Reason = e.Field + " " + e.Reason
			}
			why = append(why, e.Reason)
		}
		fault.Reason = fmt.Sprintf("event %s was refused: %s", c.events[r.Index].ID, strings.Join(why, "; "))
		c.faults = append(c.faults, fault)
	}
	slices.SortStableFunc(c.faults, func(a, b rowFault) int { return a.Row - b.Row })
	if err := i.faults.write(c.faults); err != nil {
		return err
	}
	p := &i.progress
	p.Counts.add(c.counts)
	p.Place, p.ErrorBytes = c.upTo, i.faults.size
	if i.keeps {
		if err := p.write(i.progressFile()); err != nil {
			return err
		}
	}
	i.tell()
	if i.maxErrors > 0 && p.Counts.wrong()-i.known >= i.maxErrors {
		return errTooMany
	}
	return nil
}

// tell shows how far it is: in a terminal on one line, else now and then on a new one.
func (i *importer) tell() {
	p := &i.progress
	share := ""
	if i.size > 0 {
		share = fmt.Sprintf("%3d %%, ", 100*p.Place.Offset/i.size)
	}
	switch now := i.sender.now(); {
	case i.sender.progressInTerminal:
		fmt.Fprintf(i.env.Stderr, "\r%s%s ", share, &p.Counts)
	case i.told.IsZero():
		i.told = now
	case now.Sub(i.told) >= 10*time.Second:
		i.told = now
		fmt.Fprintf(i.env.Stderr, "%s%s\n", share, &p.Counts)
	}
}

// finish sums up.
func (i *importer) finish(err error) error {
	if i.sender.progressInTerminal {
		fmt.Fprint(i.env.Stderr, "\r\033[K")
	}
	c := &i.progress.Counts
	fmt.Fprintln(i.env.Stdout, c)
	if c.wrong() > 0 {
		fmt.Fprintf(i.env.Stdout, "what is wrong, row by row: %s\n", i.errors)
	}
	switch {
	case errors.Is(err, errTooMany):
		return fmt.Errorf("stopped: %d rows or events are wrong; the same command goes on behind row %d", c.wrong(), i.progress.Place.Rows)
	case err != nil && i.keeps && i.progress.Place.Rows > 0:
		fmt.Fprintf(i.env.Stderr, "the same command goes on behind row %d\n", i.progress.Place.Rows)
		return err
	case err != nil && i.keeps:
		return errors.Join(err, i.forget())
	case err != nil:
		return err
	}
	if i.keeps {
		if err := i.forget(); err != nil {
			return err
		}
	}
	if c.wrong() > 0 {
		return errSilent
	}
	return nil
}
