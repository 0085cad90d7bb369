package app

import (
	"strings"

	"google.golang.org/protobuf/proto"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// params gives the parameters that the address of a number may have: one that is not known would be left out, and the answer would be to
// another question than was asked. Other paths take any.
func params(path string) []string {
	name, ok := strings.CutPrefix(path, "/api/v1/metrics/")
	if !ok {
		return nil
	}
	var m proto.Message = &feedbackv1.MetricsRequest{}
	switch name {
	case "funnel":
		m = &feedbackv1.FunnelRequest{}
	case "attribution":
		m = &feedbackv1.AttributionRequest{}
	case "summary", "summary.txt", "summary.html":
		m = &feedbackv1.SummaryRequest{}
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	out := make([]string, 0, 2*fields.Len())
	for i := range fields.Len() {
		out = append(out, string(fields.Get(i).Name()), fields.Get(i).JSONName())
	}
	return out
}
