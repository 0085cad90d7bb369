package sender

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Accepted is the answer to our own form and to webhooks in general: 202 and what became of the events.
func Accepted(r Result) (int, []byte) {
	b := make([]byte, 0, 96)
	b = append(b, `{"accepted":`...)
	b = strconv.AppendInt(b, int64(r.Accepted), 10)
	b = append(b, `,"duplicates":`...)
	b = strconv.AppendInt(b, int64(r.Duplicates), 10)
	if r.Quarantined > 0 {
		b = append(b, `,"quarantined":`...)
		b = strconv.AppendInt(b, int64(r.Quarantined), 10)
	}
	if r.Ignored > 0 {
		b = append(b, `,"ignored":`...)
		b = strconv.AppendInt(b, int64(r.Ignored), 10)
	}
	b = append(b, `,"rejected":`...)
	b = appendRejected(b, r)
	b = append(b, `,"sequence":"`...)
	b = strconv.AppendUint(b, r.Sequence, 10)
	return http.StatusAccepted, append(b, `"}`...)
}

// Success is the answer that tracking SDKs understand: 200 and success, with what was refused beside it. Anything but a 2xx
// would make them send, or throw away, the good events too.
func Success(r Result) (int, []byte) {
	b := []byte(`{"success":true`)
	if r.RejectedCount > 0 {
		b = append(b, `,"rejected":`...)
		b = appendRejected(b, r)
	}
	return http.StatusOK, append(b, '}')
}

// OK is the answer to senders that look at nothing but the status: 200, and what became of the events for who reads along.
func OK(r Result) (int, []byte) {
	_, body := Accepted(r)
	return http.StatusOK, body
}

func appendRejected(b []byte, r Result) []byte {
	if len(r.Rejected) == 0 {
		return append(b, '[', ']')
	}
	list, err := json.Marshal(r.Rejected)
	if err != nil { // numbers and strings only: it cannot
		list = []byte("[]")
	}
	b = append(b, list...)
	if r.RejectedCount > len(r.Rejected) {
		b = append(b, `,"rejected_count":`...)
		b = strconv.AppendInt(b, int64(r.RejectedCount), 10)
	}
	return b
}
