package app

import (
	"context"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

// called notes which call a request comes to.
type called struct{ method string }

func (c *called) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	c.method = method
	return status.Error(codes.Unimplemented, "noted")
}

func (c *called) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	c.method = method
	return nil, status.Error(codes.Unimplemented, "noted")
}

// TestEveryRouteComesToItsCall: the gateway takes the first pattern that fits, in an order of its own, so that a wide one can
// hide another.
func TestEveryRouteComesToItsCall(t *testing.T) {
	var conn called
	mux := runtime.NewServeMux()
	for name, err := range map[string]error{
		"ingest":    ingestv1.RegisterIngestServiceHandlerClient(t.Context(), mux, ingestv1.NewIngestServiceClient(&conn)),
		"lead":      leadv1.RegisterLeadContextServiceHandlerClient(t.Context(), mux, leadv1.NewLeadContextServiceClient(&conn)),
		"scoring":   scoringv1.RegisterScoringServiceHandlerClient(t.Context(), mux, scoringv1.NewScoringServiceClient(&conn)),
		"agreement": agreementv1.RegisterAgreementServiceHandlerClient(t.Context(), mux, agreementv1.NewAgreementServiceClient(&conn)),
		"routing":   routingv1.RegisterRoutingServiceHandlerClient(t.Context(), mux, routingv1.NewRoutingServiceClient(&conn)),
		"feedback":  feedbackv1.RegisterFeedbackServiceHandlerClient(t.Context(), mux, feedbackv1.NewFeedbackServiceClient(&conn)),
	} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile("../../../proto/http.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`selector: ([\w.]+)|(get|post|put|delete|patch): "([^"]+)"`).FindAllStringSubmatch(string(text), -1)
	segments := regexp.MustCompile(`\{\w+(?:=([^}]*))?\}`)
	selector, routes := "", 0
	for _, rule := range rules {
		if rule[1] != "" {
			selector = rule[1]
			continue
		}
		path := segments.ReplaceAllStringFunc(rule[3], func(variable string) string {
			shape := segments.FindStringSubmatch(variable)[1]
			switch shape {
			case "":
				return "7"
			case "**":
				return "crm/7"
			}
			return strings.ReplaceAll(shape, "*", "7")
		})
		at := strings.LastIndex(selector, ".")
		want := "/" + selector[:at] + "/" + selector[at+1:]
		conn.method = ""
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(strings.ToUpper(rule[2]), path, strings.NewReader("{}")))
		if conn.method != want {
			t.Errorf("%s %s comes to %q, not to %s", rule[2], path, conn.method, want)
		}
		routes++
	}
	if routes < 80 {
		t.Errorf("%d routes were read", routes)
	}
}
