package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Over HTTP/2, where a connection is not one request's to close, its stream is broken off: no answer is given either.
func TestSendersThatMustNotBeAnsweredOverHTTP2(t *testing.T) {
	j := &fakejournal.Journal{}
	e := newEdge(t, j, io.Discard, 0, func(r *sender.Rules) { r.Unavailable = sender.Hold })
	server := httptest.NewUnstartedServer(e)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	post := func() (*http.Response, error) {
		return server.Client().Post(server.URL+"/webhooks/s", "application/json", strings.NewReader(event))
	}
	j.Fail(func([]*journalv1.Event) error { return journal.ErrUnavailable })
	if resp, err := post(); err == nil {
		resp.Body.Close()
		t.Errorf("%s answered %d", resp.Proto, resp.StatusCode)
	}
	if list := e.Refusals("s", false); len(list) != 1 || list[0].Status != 0 || list[0].Reason != "unavailable" {
		t.Errorf("%+v", list)
	}
	j.Fail(nil)
	resp, err := post()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusAccepted {
		t.Errorf("%s %d", resp.Proto, resp.StatusCode)
	}
}
