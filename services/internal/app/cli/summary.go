package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/batonhq/baton/pkg/grpcx"
)

// sendAnswer is what a source of type baton answers.
type sendAnswer struct {
	Accepted   int         `json:"accepted"`
	Duplicates int         `json:"duplicates"`
	Rejected   []rejection `json:"rejected"`
	Sequence   sequence    `json:"sequence"`
}

// sequence is a place in the journal: a string, or a number.
type sequence string

func (s *sequence) UnmarshalJSON(b []byte) error {
	*s = sequence(strings.Trim(string(b), `"`))
	if *s == "null" {
		*s = ""
	}
	return nil
}

type rejection struct {
	Index  int                `json:"index"`
	Errors []grpcx.FieldError `json:"errors"`
}

// summary adds answers up. It is safe for use by several goroutines.
type summary struct {
	mu                             sync.Mutex
	accepted, duplicates, rejected int
	first                          []string
	sequence                       sequence
}

// shownRejections is how many rejected events are told one by one.
const shownRejections = 10

func (s *summary) add(b batch, a sendAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted += a.Accepted
	s.duplicates += a.Duplicates
	s.rejected += len(a.Rejected)
	if a.Sequence != "" && (len(a.Sequence) > len(s.sequence) || len(a.Sequence) == len(s.sequence) && a.Sequence > s.sequence) {
		s.sequence = a.Sequence
	}
	for _, r := range a.Rejected {
		if len(s.first) == shownRejections {
			break
		}
		var why []string
		for _, e := range r.Errors {
			why = append(why, strings.TrimSpace(text(e.Field)+" "+text(e.Reason)))
		}
		s.first = append(s.first, fmt.Sprintf("event %d: %s", b.first+r.Index+1, strings.Join(why, "; ")))
	}
}

func (s *summary) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("accepted %d, duplicates %d, rejected %d", s.accepted, s.duplicates, s.rejected)
}

func (s *summary) write(w io.Writer) {
	fmt.Fprint(w, s.line())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sequence != "" {
		fmt.Fprintf(w, ", sequence %s", s.sequence)
	}
	fmt.Fprintln(w)
	for _, line := range s.first {
		fmt.Fprintln(w, "  "+line)
	}
	if more := s.rejected - len(s.first); more > 0 {
		fmt.Fprintf(w, "  … and %d more\n", more)
	}
}

// readBatches cuts a stream of events (an object, objects one after the other, or an array of them) into JSON arrays of
// at most maxBatchEvents events and maxBatchBytes bytes. An event too large for one is given alone, for the server to
// refuse.
func readBatches(r io.Reader, give func(batch) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return errors.New("there are no events in it")
	}
	if err != nil {
		return err
	}
	dec := json.NewDecoder(in)
	inArray := first == '['
	if inArray {
		if _, err := dec.Token(); err != nil {
			return err
		}
	}
	b, n := batch{body: []byte{'['}}, 0
	flush := func() error {
		if b.events == 0 {
			return nil
		}
		b.body = append(b.body, ']')
		err := give(b)
		b = batch{first: n, body: []byte{'['}}
		return err
	}
	for !inArray || dec.More() {
		var event json.RawMessage
		err := dec.Decode(&event)
		if errors.Is(err, io.EOF) && !inArray {
			break
		}
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("event %d is not JSON (near byte %d): %w", n+1, dec.InputOffset(), err))
		}
		if b.events == maxBatchEvents || b.events > 0 && len(b.body)+len(event)+2 > maxBatchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		if b.events > 0 {
			b.body = append(b.body, ',')
		}
		b.body = append(b.body, event...)
		b.events++
		n++
	}
	if inArray {
		if _, err := dec.Token(); err != nil {
			return errors.Join(flush(), fmt.Errorf("the array is cut off behind event %d", n))
		}
	}
	return flush()
}

// firstByte looks past white space and a byte order mark.
func firstByte(in *bufio.Reader) (byte, error) {
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	for {
		c, err := in.Peek(1)
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(" \t\r\n", c[0]) < 0 {
			return c[0], nil
		}
		_, _ = in.Discard(1)
	}
}
