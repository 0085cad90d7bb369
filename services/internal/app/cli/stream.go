package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// unlimited gives the same API for a call that takes as long as there is something to read.
func (a *api) unlimited() *api { return &api{url: a.url, token: a.token, client: &http.Client{}} }

// streamed reads an answer that comes in steps, each into step, and shows every one, until one was the last. An answer that
// ends before that, and before what it is read for, is an error.
func streamed(answer io.Reader, what string, step proto.Message, show func() (last bool, err error)) error {
	for lines := json.NewDecoder(answer); ; {
		var line struct {
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := lines.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("the answer ended before the %s: %w", what, err)
		}
		if line.Error != nil {
			return errors.New(line.Error.Message)
		}
		proto.Reset(step)
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(line.Result, step); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if last, err := show(); last || err != nil {
			return err
		}
	}
}
