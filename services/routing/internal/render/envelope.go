package render

import (
	"bytes"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
)

// envelope gives the body of a delivery: {"type": …, "timestamp": …, "data": …}, without spaces, the same for the same message.
func (w *messages) envelope(event string, at time.Time, data proto.Message) ([]byte, error) {
	body, err := quoted(append(make([]byte, 0, usualBody), `{"type":`...), event)
	if err != nil {
		return nil, fmt.Errorf("write the body: type: %w", err)
	}
	body = at.UTC().AppendFormat(append(body, `,"timestamp":"`...), time.RFC3339Nano)
	if body, err = w.write(append(body, `","data":`...), data.ProtoReflect()); err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	return append(body, '}'), nil
}

// usualBody is how many bytes most bodies need at most.
const usualBody = 8 << 10

// pack appends well-formed JSON of one line to b without the spaces between its tokens. protojson puts some there, or does not, so that
// nobody relies on its bytes: receivers compare bodies, and two processes may be of different builds.
func pack(b, raw []byte) []byte {
	for {
		quote := bytes.IndexByte(raw, '"')
		if quote < 0 {
			return appendTokens(b, raw)
		}
		b = appendTokens(b, raw[:quote])
		end := quote + 1
		for end < len(raw) && raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(raw))
		b, raw = append(b, raw[quote:end]...), raw[end:]
	}
}

// appendTokens appends what stands between two strings.
func appendTokens(b, raw []byte) []byte {
	for _, c := range raw {
		if c != ' ' {
			b = append(b, c)
		}
	}
	return b
}
