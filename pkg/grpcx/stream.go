package grpcx

import (
	"context"
	"net/http"

	"google.golang.org/grpc/status"
)

// streamWriter lets a stream that fails before it has begun be answered with a problem, as any other call.
type streamWriter struct {
	http.ResponseWriter
	// err ended the stream; failed: nothing had been written then, and what is written of it is held back.
	err           error
	begun, failed bool
	// asIs: the pieces of the stream are bytes of a file (HttpBody) and are put together as they are. left is how many more writes are one:
	// what is written beside them is the gateway's, a line end behind each piece or the message of an error, and is no part of the file.
	asIs bool
	left int
}

type streamKey struct{}

// streamFailed gives what is written of an error where a stream has begun: one more message, without what is ours alone.
func streamFailed(ctx context.Context, err error) *status.Status {
	if s, ok := ctx.Value(streamKey{}).(*streamWriter); ok {
		s.err = err
	}
	st := status.Convert(err)
	if !ours(st) {
		return status.New(st.Code(), unsaid(st.Code()))
	}
	return status.New(st.Code(), st.Message())
}

// WriteHeader begins the answer, unless it is that of a stream that failed before it had one.
func (s *streamWriter) WriteHeader(code int) {
	if s.failed = !s.begun && s.err != nil; !s.failed {
		s.begun = true
		s.ResponseWriter.WriteHeader(code)
	}
}

// Write writes the answer's body.
func (s *streamWriter) Write(b []byte) (int, error) {
	if s.failed {
		return len(b), nil
	}
	if s.asIs {
		if s.left == 0 {
			return len(b), nil
		}
		s.left--
	}
	s.begun = true
	return s.ResponseWriter.Write(b)
}

// Unwrap lets the answer be flushed.
func (s *streamWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
