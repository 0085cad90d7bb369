package api

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

func TestSummaryIsOneInEveryForm(t *testing.T) {
	s, ctx, req := metricsServer(), t.Context(), &feedbackv1.SummaryRequest{Week: "2001-W36"}
	sum, err := s.GetSummary(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.GetSummaryText(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.GetSummaryPage(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	if string(text.Data) != sum.GetText() || string(page.Data) != sum.GetHtml() || !strings.HasPrefix(page.ContentType, "text/html") ||
		!strings.Contains(sum.GetText(), "1 of 4 leads first seen became customers") || len(sum.GetSections()) == 0 {
		t.Error(sum)
	}
	if sum, err = s.GetSummary(ctx, &feedbackv1.SummaryRequest{}); err != nil || sum.GetWeek() != "2004-W45" {
		t.Errorf("without a week it is that of the last that is over, not %s: %v", sum.GetWeek(), err)
	}
	for _, bad := range []*feedbackv1.SummaryRequest{{Week: "last"}, {Week: "2030-W01"}, {Currency: "Euro"}} {
		if _, err := s.GetSummary(ctx, bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
