package grpcx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// bodies reads requests like the JSONPb that it is over, and says which field of a body it is that cannot be read: protojson gives a
// line and a column alone.
type bodies struct{ *runtime.JSONPb }

// NewDecoder implements runtime.Marshaler.
func (b bodies) NewDecoder(r io.Reader) runtime.Decoder {
	d := json.NewDecoder(r)
	return runtime.DecoderFunc(func(v any) error {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err // io.EOF is no body, and compared with as it is
		}
		err := b.Unmarshal(raw, v)
		if err == nil {
			return nil
		}
		if field := fieldAt(raw, err.Error()); field != "" {
			return fmt.Errorf("parsing field %q: %w", field, err)
		}
		return fmt.Errorf("read the body: %w", err)
	})
}

// fieldAt gives the field of valid JSON that a message of protojson is about, by the place that it names: amount.currency, or ids[2]. It is
// "" where that is no field's value; the key of an unknown field is none.
func fieldAt(raw []byte, msg string) string {
	at := regexp.MustCompile(`\(line (\d{1,9}):(\d{1,9})\)`).FindStringSubmatch(msg)
	if at == nil {
		return ""
	}
	line, _ := strconv.Atoi(at[1])
	column, _ := strconv.Atoi(at[2])
	offset := column - 1 // in bytes, from the line's beginning
	for ; line > 1; line-- {
		end := bytes.IndexByte(raw[min(offset-column+1, len(raw)):], '\n')
		if end < 0 {
			return ""
		}
		offset += end + 1
	}
	return pathAt(json.NewDecoder(bytes.NewReader(raw)), int64(offset))
}

// level is an object or a list around a value.
type level struct {
	list  bool
	key   string
	named bool // the key has been read, and its value not
	n     int
}

// pathAt gives the path of the value that begins at an offset, or reaches over it.
func pathAt(d *json.Decoder, offset int64) string {
	var around []level
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		delim, _ := token.(json.Delim)
		if len(around) > 0 && delim != '}' && delim != ']' {
			in := &around[len(around)-1]
			if !in.list && !in.named {
				in.key, _ = token.(string)
				if in.named = true; d.InputOffset() > offset {
					return ""
				}
				continue
			}
		}
		if d.InputOffset() > offset {
			return pathOf(around)
		}
		switch delim {
		case '{', '[':
			around = append(around, level{list: delim == '['})
			continue
		case '}', ']':
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			around[len(around)-1].named = false
			around[len(around)-1].n++
		}
	}
}

func pathOf(around []level) string {
	var path strings.Builder
	for _, in := range around {
		switch {
		case in.list:
			path.WriteString("[" + strconv.Itoa(in.n) + "]")
		case path.Len() > 0:
			path.WriteString("." + in.key)
		default:
			path.WriteString(in.key)
		}
	}
	return path.String()
}
