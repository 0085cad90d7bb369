package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// envelope gives the body of a delivery: {"type": …, "timestamp": …, "data": …}, without spaces, the same for the same message.
func envelope(event string, at time.Time, data proto.Message) ([]byte, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	name, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	body := make([]byte, 0, len(raw)+len(name)+80)
	body = append(append(body, `{"type":`...), name...)
	body = at.UTC().AppendFormat(append(body, `,"timestamp":"`...), time.RFC3339Nano)
	return append(pack(append(body, `","data":`...), raw), '}'), nil
}

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
