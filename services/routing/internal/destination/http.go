package destination

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxAnswer is how much of an answer is read, in bytes: far more than any answer that a delivery needs.
const maxAnswer = 1 << 20

// Answer is what a receiver answered, in whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// OK reports a 2xx.
func (a *Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// JSON decodes the body; false where it is not what is expected.
func (a *Answer) JSON(into any) bool { return json.Unmarshal(a.Body, into) == nil }

// ErrAnswer says that an answer was longer than any can be, or broke off.
var ErrAnswer = errors.New("the answer could not be read")

// Ask makes one request and reads the answer in whole, at most 1 MiB. body is sent as JSON unless it is nil or []byte, which is sent
// as it is. The error is the connection's: see Unreachable.
func Ask(ctx context.Context, client *http.Client, method, url string, header http.Header, body any) (*Answer, error) {
	var raw []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		raw = b
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(answer) > maxAnswer {
		return nil, errors.Join(ErrAnswer, err)
	}
	return &Answer{Status: res.StatusCode, Header: res.Header, Body: answer}, nil
}

// ErrForbidden says that a receiver's name leads to an address that is not on the public internet, and that the
// configuration does not allow.
var ErrForbidden = errors.New("the address is not public: the destination needs allow_private, or its network in allow_networks")

// Unreachable gives the outcome of a request that got no answer. It names the error without quoting it: it may hold
// addresses and what the other side sent.
func Unreachable(err error) Outcome {
	o := Outcome{Verdict: Again, Sick: true}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, ErrForbidden):
		o.Reason = ErrForbidden.Error()
	case errors.Is(err, ErrAnswer):
		o.Reason = ErrAnswer.Error()
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		o.Reason = "no answer in time"
	case errors.As(err, &dns):
		o.Reason = "the host's name cannot be resolved"
	case errors.As(err, &op) && op.Op == "dial":
		o.Reason = "no connection"
	default:
		o.Reason = "the connection failed"
	}
	return o
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// Judge gives the outcome that a status stands for with nearly every receiver: 2xx is Done; 429 Later; 401 and 403 Operator; 408, 425
// and 5xx Again, sick; 503 with Retry-After Later; 410 and the other 4xx Never. A vendor's own rules come first.
func (a *Answer) Judge(now time.Time) Outcome {
	o := Outcome{Status: a.Status}
	if a.OK() {
		o.Verdict = Done
		return o
	}
	o.Reason = "status " + strconv.Itoa(a.Status)
	after := RetryAfter(a.Header, now)
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable && after > 0:
		o.Verdict, o.After = Later, after
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		o.Verdict = Operator
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusTooEarly, a.Status >= 500:
		o.Verdict, o.Sick, o.After = Again, true, after
	case a.Status >= 300 && a.Status < 400:
		o.Verdict, o.Reason = Operator, o.Reason+": redirects are not followed"
	default:
		o.Verdict = Never
	}
	return o
}

// Because gives the outcome with the vendor's code of the error in its reason. Codes longer than 64 bytes, or with other
// characters than letters, digits, _, - and ., are left out: they could be anything.
func (o Outcome) Because(code string) Outcome {
	if code == "" || len(code) > 64 {
		return o
	}
	for i := 0; i < len(code); i++ {
		c := code[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.') {
			return o
		}
	}
	if o.Reason != "" {
		o.Reason += ": "
	}
	o.Reason += code
	return o
}

// maxAsked bounds how long a receiver can ask to be left alone.
const maxAsked = 24 * time.Hour

// RetryAfter reads the header of that name, in seconds or as a date; 0 where there is none that can be read.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		d = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxAsked)
}
