package edge

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// refusal is why a request is not taken: an answer to give, and the word for it in the metrics.
type refusal struct {
	status int
	reason string
	detail string
	errors fact.Errors
	// retry is when it may come again; 0 says nothing.
	retry time.Duration
	allow string
	// unread: the body, or some of it, has not been read.
	unread bool
}

func unread(no *refusal) *refusal {
	no.unread = true
	return no
}

func refuse(status int, reason, detail string) *refusal {
	return &refusal{status: status, reason: reason, detail: detail}
}

func (f *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retry.Seconds()))))
	}
	if f.allow != "" {
		h.Set("Allow", f.allow)
	}
	errs := make([]grpcx.FieldError, len(f.errors))
	for i, e := range f.errors {
		errs[i] = grpcx.FieldError{Field: e.Field, Reason: e.Reason}
	}
	if f.status == http.StatusRequestTimeout {
		h.Set("Connection", "close")
	}
	grpcx.WriteProblem(w, f.status, f.detail, errs...)
}

// reasonOverloaded is the word for what was refused because there was too much else.
const reasonOverloaded = "overloaded"

// How soon a sender may come again.
const (
	retryOverloaded  = time.Second
	retryUnavailable = 2 * time.Second
)

// unreadBody gives the answer to a body that could not be read whole.
func unreadBody(err error, limit int64) *refusal {
	switch {
	case errors.Is(err, errTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "too_large", "the body has more than "+strconv.FormatInt(limit, 10)+" bytes, decompressed")
	case errors.Is(err, errBusy):
		return &refusal{status: http.StatusTooManyRequests, reason: reasonOverloaded, detail: "too much is coming in at once", retry: retryOverloaded}
	case errors.Is(err, errEncoding):
		return refuse(http.StatusUnsupportedMediaType, "encoding", "the Content-Encoding is not known here: send gzip or none")
	case errors.Is(err, errGzip):
		return refuse(http.StatusBadRequest, "malformed", "the body is not whole, or not gzip as its Content-Encoding says")
	case errors.Is(err, errSlow):
		return refuse(http.StatusRequestTimeout, "slow", "the body did not come within the time that a request has")
	default:
		return refuse(http.StatusBadRequest, "gone", "the body ended early")
	}
}

// overloaded is the answer to what comes in while as much is worked on as can be.
func overloaded() *refusal {
	return &refusal{status: http.StatusTooManyRequests, reason: reasonOverloaded, detail: "more is coming in than can be taken", retry: retryOverloaded}
}

// unwritten gives the answer to what the journal did not take.
func unwritten(err error) *refusal {
	switch {
	case errors.Is(err, journal.ErrOverloaded):
		return overloaded()
	case errors.Is(err, journal.ErrBadEvent):
		return refuse(http.StatusBadRequest, "malformed", "the journal cannot hold this event")
	case errors.Is(err, journal.ErrTooLarge):
		return refuse(http.StatusBadRequest, "too_large", "the journal does not take an event of this size")
	case errors.Is(err, context.Canceled):
		return refuse(http.StatusServiceUnavailable, "gone", "the client went away")
	default: // unavailable: the outcome is unknown, and to send it again is safe
		return &refusal{status: http.StatusServiceUnavailable, reason: "unavailable", detail: "the journal does not answer; send it again", retry: retryUnavailable}
	}
}

const (
	// putOffFor is how long after its arrival a request is refused for overload. Senders have time-outs of some seconds.
	putOffFor = time.Second
	// putOffMost is how many are put off at once. A connection and a goroutine is what each costs; its body is let go.
	putOffMost = 8192
)

// putOff holds back the refusal of a request for overload: its sender sends nothing meanwhile, and answers cost what is short.
func (e *Edge) putOff(x *exchange) {
	if e.putOffs.Add(1) <= putOffMost && !e.Draining() {
		wait := time.NewTimer(x.start.Add(putOffFor).Sub(e.opt.Now()))
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-x.r.Context().Done():
		}
	}
	e.putOffs.Add(-1)
}

// refused answers what is not taken.
func (e *Edge) refused(x *exchange, no *refusal) {
	name := ""
	if x.source != nil {
		name = x.source.Config.Name
	}
	e.metrics.refused.WithLabelValues(name, no.reason).Inc()
	e.refusals.note(name, x, no, e.opt.Now())
	if no.reason == reasonOverloaded {
		e.putOff(x)
	}
	rc := http.NewResponseController(x.w)
	if x.source != nil && x.source.Type.Rules.Unavailable == sender.Hold && no.retry > 0 {
		// Whatever it is answered, it takes for a success: an answer that means "later" is none to it.
		if conn, _, err := rc.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
		if x.r.ProtoMajor >= 2 {
			panic(http.ErrAbortHandler) // how net/http is told to break off a stream without an answer
		}
	}
	if !no.unread || x.r.ContentLength >= 0 && x.r.ContentLength <= selfDiscarded {
		no.write(x.w)
		return
	}
	// The answer goes out before the body has come in, and the rest of that is thrown away.
	_ = rc.EnableFullDuplex() // not supported: then net/http has it its own way
	x.w.Header().Set("Connection", "close")
	no.write(x.w)
	if rc.Flush() == nil && x.r.Header.Get("Expect") == "" { // who asks first sends nothing after this
		linger(rc, x.r, x.start, e.opt.Now())
	}
}
