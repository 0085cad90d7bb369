package grpcx

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Problem is an error as HTTP callers get it: RFC 9457 problem details.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError names what is wrong with one field.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// ProblemType is the media type of a problem.
const ProblemType = "application/problem+json"

// WriteProblem answers with a problem. The title is the status's own name, as the type about:blank asks.
func WriteProblem(w http.ResponseWriter, code int, detail string, errors ...FieldError) {
	p := Problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Detail: detail, Errors: errors}
	if p.Title == "" {
		p.Title = "Client Closed Request" // 499, the only code here without a name
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"type":"about:blank","title":"Internal Server Error","status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", ProblemType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Length")
	if code == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}

// HTTPStatus gives the HTTP status of a gRPC code: a refusal because of how things stand is 409.
func HTTPStatus(c codes.Code) int {
	switch c {
	case codes.OK:
		return http.StatusOK
	case codes.InvalidArgument, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.FailedPrecondition, codes.Aborted:
		return http.StatusConflict
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.Canceled:
		return 499
	}
	return http.StatusInternalServerError
}

// writeStatus answers with the problem that a call's error is. Only what one of our servers said is passed on; what gRPC
// made underway (a connection refused, with its address) is put in other words.
func writeStatus(w http.ResponseWriter, err error) {
	st := status.Convert(err)
	code := HTTPStatus(st.Code())
	var fields []FieldError
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, FieldError{Field: v.GetField(), Reason: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			seconds := int64(math.Ceil(d.GetRetryDelay().AsDuration().Seconds()))
			w.Header().Set("Retry-After", strconv.FormatInt(max(seconds, 1), 10))
		}
	}
	detail := st.Message()
	if !ours(st) {
		detail = unsaid(st.Code())
		if f, ok := decodeError(st.Message()); ok && st.Code() == codes.InvalidArgument {
			fields = append(fields, f)
		}
	}
	if (code == http.StatusServiceUnavailable || code == http.StatusTooManyRequests) && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	WriteProblem(w, code, detail, fields...)
}

// ours reports whether one of our servers said what a status says.
func ours(st *status.Status) bool {
	return slices.ContainsFunc(st.Details(), func(d any) bool {
		info, ok := d.(*errdetails.ErrorInfo)
		return ok && info.GetDomain() == domain
	})
}

func unsaid(c codes.Code) string {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return "the request cannot be read"
	case codes.Unavailable:
		return "a service that is needed for this is not reachable at the moment"
	case codes.Unimplemented:
		return "a service that is needed for this does not offer it: is it of an older version?"
	case codes.ResourceExhausted:
		return "too much at once"
	case codes.DeadlineExceeded:
		return "it took too long"
	case codes.Canceled:
		return "the request was canceled"
	}
	return internalError
}

// decodeError takes apart what the gateway says of a body or parameter that it could not read.
func decodeError(msg string) (FieldError, bool) {
	if rest, ok := strings.CutPrefix(msg, "type mismatch, parameter: "); ok {
		name, reason, _ := strings.Cut(rest, ", error: ")
		return FieldError{Field: name, Reason: clean(reason)}, true
	}
	if rest, ok := strings.CutPrefix(msg, "missing parameter "); ok {
		return FieldError{Field: rest, Reason: "is needed"}, true
	}
	if strings.HasPrefix(msg, "invalid character") {
		return FieldError{Field: "body", Reason: "is not JSON"}, true
	}
	for _, mark := range []string{"proto:", "unexpected EOF", "parsing field", "parsing list"} {
		if strings.Contains(msg, mark) {
			field := "body"
			if _, rest, ok := cutAny(msg, `parsing field "`, `parsing list "`); ok {
				field, rest, _ = strings.Cut(rest, `": `)
				msg = rest
			} else if _, rest, ok := strings.Cut(msg, `unknown field "`); ok {
				field, _, _ = strings.Cut(rest, `"`)
				return FieldError{Field: field, Reason: "is not known"}, true
			}
			return FieldError{Field: field, Reason: clean(msg)}, true
		}
	}
	return FieldError{}, false
}

// cutAny is strings.Cut by the first of some marks that is there.
func cutAny(s string, marks ...string) (before, after string, found bool) {
	for _, m := range marks {
		if before, after, found = strings.Cut(s, m); found {
			return before, after, true
		}
	}
	return s, "", false
}

// clean takes the mark of the protobuf library off a message. (It puts a no-break space there at random, so that nobody
// compares with it.)
func clean(msg string) string {
	msg = strings.ReplaceAll(msg, "\u00a0", " ")
	_, rest, marked := strings.Cut(msg, "proto:")
	if marked {
		msg = rest
	}
	msg = strings.TrimSpace(msg)
	switch {
	case msg == "" || strings.Contains(msg, "unexpected EOF"):
		return "ends too early"
	case strings.Contains(msg, "strconv."):
		return "is not a number, or out of range"
	case strings.Contains(msg, "invalid value for string"):
		return "must be text, in quotes"
	case strings.Contains(msg, "invalid value for bool"):
		return "must be true or false"
	case strings.Contains(msg, "invalid value for int"), strings.Contains(msg, "invalid value for uint"), strings.Contains(msg, "invalid value for double"):
		return "is not a number, or out of range"
	case strings.Contains(msg, "unexpected token"):
		return "is of another kind than belongs here: an object, a list, or a time in quotes"
	case strings.Contains(msg, "parsing time "), strings.Contains(msg, "google.protobuf.Timestamp value"):
		return "is not a time such as 2026-01-31T12:00:00Z (RFC 3339; in an address, + is written %2B)"
	}
	return msg
}
