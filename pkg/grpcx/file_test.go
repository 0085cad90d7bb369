package grpcx_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/grpcx"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// files streams a file in pieces, and then fails or not.
type files struct {
	feedbackv1.UnimplementedFeedbackServiceServer
	pieces []string
	err    error
}

func (f *files) Export(_ *feedbackv1.ExportRequest, stream grpc.ServerStreamingServer[httpbody.HttpBody]) error {
	for _, p := range f.pieces {
		if err := stream.Send(&httpbody.HttpBody{ContentType: "application/octet-stream", Data: []byte(p)}); err != nil {
			return err
		}
	}
	return f.err
}

// TestAFileIsItsPieces: nothing is put between them or behind them, and one that broke off is seen to have.
func TestAFileIsItsPieces(t *testing.T) {
	gone := status.Error(codes.Unavailable, "gone")
	for name, c := range map[string]struct {
		files
		want   string
		status int
		broken bool
	}{
		"whole":             {files{pieces: []string{"PAR1\n", "\x00\xff", "", "\nPAR1"}}, "PAR1\n\x00\xff\nPAR1", http.StatusOK, false},
		"empty":             {files{pieces: []string{""}}, "", http.StatusOK, false},
		"fails at once":     {files{err: gone}, "", http.StatusServiceUnavailable, false},
		"fails on the way":  {files{pieces: []string{"PAR1", "more"}, err: gone}, "PAR1more", http.StatusOK, true},
		"fails unspeakably": {files{pieces: []string{"PAR1"}, err: errors.New("a secret")}, "PAR1", http.StatusOK, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := grpcx.NewServer(grpcx.ServerOptions{Auth: grpcx.Auth{Policy: grpcx.Policy{"/baton.feedback.v1.FeedbackService/Export": {Roles: []string{"viewer"}}}}})
			if err != nil {
				t.Fatal(err)
			}
			feedbackv1.RegisterFeedbackServiceServer(s, &c.files)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() { _ = s.Serve(l) }()
			t.Cleanup(s.Stop)
			g := gateway(t, l.Addr().String(), grpcx.Auth{})
			web := httptest.NewServer(g)
			t.Cleanup(web.Close)
			resp, err := http.Get(web.URL + "/api/v1/export/leads")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			got, err := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || (err != nil) != c.broken || c.status == http.StatusOK && string(got) != c.want {
				t.Errorf("%d %q, broken: %v", resp.StatusCode, got, err)
			}
		})
	}
}
