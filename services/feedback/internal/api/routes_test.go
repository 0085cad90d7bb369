package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// askedOf notes which of the methods about deals was called, and for which.
type askedOf struct {
	feedbackv1.UnimplementedFeedbackServiceServer
	call string
}

func (a *askedOf) ListDeals(context.Context, *feedbackv1.ListDealsRequest) (*feedbackv1.ListDealsResponse, error) {
	a.call = "list"
	return &feedbackv1.ListDealsResponse{}, nil
}

func (a *askedOf) GetDeal(_ context.Context, r *feedbackv1.GetDealRequest) (*feedbackv1.Deal, error) {
	a.call = "deal " + r.GetId()
	return &feedbackv1.Deal{}, nil
}

func (a *askedOf) GetDealStory(_ context.Context, r *feedbackv1.DealStoryRequest) (*feedbackv1.DealStory, error) {
	a.call = "story " + r.GetId()
	return &feedbackv1.DealStory{}, nil
}

// A deal's path takes any id, those with slashes too, and yet neither the list's nor the story's.
func TestPathsOfDeals(t *testing.T) {
	server, mux := &askedOf{}, runtime.NewServeMux()
	if err := feedbackv1.RegisterFeedbackServiceHandlerServer(t.Context(), mux, server); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api/v1/deals":                   "list",
		"/api/v1/deals?currency=EUR":      "list",
		"/api/v1/deals/w1":                "deal w1",
		"/api/v1/deals/crm/w1":            "deal crm/w1",
		"/api/v1/deals/crm/2026/w1":       "deal crm/2026/w1",
		"/api/v1/deals/w1/story":          "story w1",
		"/api/v1/deals/crm/w1/story":      "story crm/w1",
		"/api/v1/deals/crm/w1/story?by=x": "story crm/w1",
	} {
		server.call = ""
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if server.call != want {
			t.Errorf("%s: %q, want %q (status %d)", path, server.call, want, w.Code)
		}
	}
}
