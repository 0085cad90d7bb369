package fact

import (
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// TestWhenADealWasMade: as CRMs that a mapping reads write it (Odoo's create_date, Zoho's Created_Time), and as our own form has it.
func TestWhenADealWasMade(t *testing.T) {
	made := func(loose bool, created string) (string, string) {
		var doc strictjson.Doc
		text := []byte(`{"deal_id":"9","created_at":` + created + `}`)
		v, err := doc.Parse(text, 0, len(text), strictjson.Limits{Depth: 8, Keys: 100, Values: 100, Digits: 40})
		if err != nil {
			t.Fatal(err)
		}
		b := NewBuilder("crm", At(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)), loose, "")
		b.ID("id", "1")
		b.Type("type", "deal_won")
		b.Email("email", "ana@initech.example")
		b.Properties("properties", v)
		f, errs := b.Finish("lead")
		if errs != nil {
			return "", errs.Error()
		}
		if at := f.Event.GetDealWon().GetCreatedAt(); at != nil {
			return at.AsTime().Format(time.RFC3339Nano), ""
		}
		return "", ""
	}
	for created, want := range map[string]string{
		`"2026-11-01 08:00:00"`: "2026-11-01T08:00:00Z", `"2026-11-01T10:00:00+02:00"`: "2026-11-01T08:00:00Z", `"2026-11-01T08:00:00.000+0000"`: "2026-11-01T08:00:00Z",
		`1793520000000`: "2026-11-01T08:00:00Z", `"1793520000"`: "2026-11-01T08:00:00Z", `"the other day"`: "", `""`: "", `null`: "", `0`: "", `"1960-01-01T00:00:00Z"`: "",
	} {
		if got, problem := made(true, created); got != want || problem != "" {
			t.Errorf("%s: %q %s, not %q", created, got, problem, want)
		}
	}
	if got, problem := made(false, `"2026-11-01T08:00:00.25Z"`); got != "2026-11-01T08:00:00.25Z" || problem != "" {
		t.Error(got, problem)
	}
	for _, wrong := range []string{`"2026-11-01 08:00:00"`, `"1793520000"`, `"1969-12-31T00:00:00Z"`} {
		if got, problem := made(false, wrong); got != "" || !strings.Contains(problem, "properties.created_at") {
			t.Errorf("%s: %q %q", wrong, got, problem)
		}
	}
}
