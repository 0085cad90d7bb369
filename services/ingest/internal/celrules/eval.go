package celrules

import (
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Scope is what the expressions of one event look at. Not for use by several goroutines; void once the JSON is.
type Scope struct {
	event, body strictjson.Value
	header      map[string]string
	// lists and members are those that have been looked into, by where they stand.
	lists   map[int]traits.Lister
	members map[int]map[string]strictjson.Value
}

// NewScope gives the scope of an event.
func NewScope(event, body strictjson.Value, header map[string]string) *Scope {
	return &Scope{event: event, body: body, header: header}
}

// ResolveName gives the expressions their variables.
func (s *Scope) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		return s.value(s.event), true
	case "body":
		return s.value(s.body), true
	case "header":
		return headers(s.header), true
	}
	return nil, false
}

// Parent is none.
func (s *Scope) Parent() cel.Activation { return nil }

// Result is what an expression gives. The zero Result is absent.
type Result struct {
	json strictjson.Value
	val  ref.Val
}

// Eval evaluates the expression. What fails, costs too much or gives null is absent.
func (e *Expression) Eval(s *Scope) Result {
	if e.path != nil {
		return s.follow(e.path)
	}
	out, _, err := e.program.Eval(s)
	if err != nil {
		return Result{}
	}
	if o, ok := out.(*types.Optional); ok {
		if !o.HasValue() {
			return Result{}
		}
		out = o.GetValue()
	}
	switch v := out.(type) {
	case *object:
		return Result{json: v.json}
	case types.Null:
		return Result{}
	}
	return Result{val: out}
}

func (s *Scope) follow(path []step) Result {
	switch path[0].name {
	case "event":
		return given(follow(s.event, path[1:]))
	case "body":
		return given(follow(s.body, path[1:]))
	}
	if len(path) != 2 || path[1].name == "" {
		return Result{}
	}
	text, ok := s.header[path[1].name]
	if !ok {
		return Result{}
	}
	return Result{val: types.String(text)}
}

func given(v strictjson.Value) Result {
	if !v.Given() {
		return Result{}
	}
	return Result{json: v}
}

// Holds reports whether the expression gives true.
func (e *Expression) Holds(s *Scope) bool { return e.Eval(s).IsTrue() }

// JSON gives the place in the JSON that the expression names, the zero Value for what it has made.
func (r Result) JSON() strictjson.Value { return r.json }

// IsTrue reports whether it is true.
func (r Result) IsTrue() bool {
	return r.json.Kind() == strictjson.True || r.val == ref.Val(types.True)
}

// IsFalse reports whether it is false.
func (r Result) IsFalse() bool {
	return r.json.Kind() == strictjson.False || r.val == ref.Val(types.False)
}

// Text gives a text, the digits of a number, true or false, or a moment as RFC 3339; "" for everything else.
func (r Result) Text() string {
	switch r.json.Kind() {
	case strictjson.String, strictjson.Number:
		return strings.TrimSpace(r.json.Text())
	case strictjson.True:
		return "true"
	case strictjson.False:
		return "false"
	}
	switch v := r.val.(type) {
	case types.String:
		return strings.TrimSpace(clean(string(v)))
	case types.Double:
		return number(float64(v))
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10)
	case types.Bool:
		return strconv.FormatBool(bool(v))
	case types.Timestamp:
		return v.Time.UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// Value gives the value as the journal keeps it, nil for what is absent or no JSON.
func (r Result) Value() *structpb.Value {
	if r.json.Given() {
		return fact.Value(r.json)
	}
	left := maxValues
	return structOf(r.val, 0, &left)
}

// clean makes what an expression has put together fit for the journal.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// number gives a number's digits; "" for what is none.
func number(f float64) string {
	if f != f || f > maxNumber || f < -maxNumber {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// maxNumber is beyond all that anybody counts, and keeps a number's digits few.
const maxNumber = 1e40
