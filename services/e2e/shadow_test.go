package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAShadowHandsNobodyOver: a proposal that nobody signed and that takes everybody runs beside the agreement. It shows in
// scores and in its report, also after scoring was killed; nothing else in Baton knows of it.
func TestAShadowHandsNobodyOver(t *testing.T) {
	c := Start(t, Setup{})
	text := strings.Replace(testAgreement, `grade in ["a", "b"] && engagement >= 25.0`, "engagement >= 0.0", 1)
	text = strings.Replace(text, "signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]", "", 1)
	body, err := json.Marshal(map[string]any{"yaml": text})
	if err != nil {
		t.Fatal(err)
	}
	c.change("", "", string(body), 200)
	c.change("", "/1/shadow", "{}", 409)
	c.change("", "/9/shadow", "{}", 404)
	c.checkProblem(c.as("", "GET", "agreements/2/shadow", ""), 409)
	if v, seq := c.change("", "/2/shadow", "{}", 200); v.State != "proposed" || seq == "" {
		t.Fatalf("begun: %+v, %q", v, seq)
	}
	if _, seq := c.change("", "/2/shadow", "{}", 200); seq != "" {
		t.Errorf("begun again at %s", seq)
	}
	var sequence string
	for i := range 5 {
		sequence = c.Send(download(fmt.Sprint("shadow-", i), fmt.Sprintf("p%d@shadow.example", i), "pricing-guide"))
	}
	lead := c.AwaitLead("p0@shadow.example", "is known", func(l Lead) bool { return l.Stage == "inquiry" })
	c.Quiet()

	type shadowScore struct {
		Shadow *struct {
			AgreementVersion int     `json:"agreement_version"`
			Engagement       float64 `json:"engagement"`
			QualifiedBy      string  `json:"qualified_by"`
		} `json:"shadow"`
	}
	nobody := func() Funnel {
		t.Helper()
		f := get[Funnel](c, "metrics/funnel?after="+sequence)
		for _, stage := range []string{"mql", "routed"} {
			if n := f.entered(stage); n != 0 {
				t.Errorf("%d leads entered %s", n, stage)
			}
		}
		if h, d := c.AllHandoffs(""), c.AllDeliveries(""); len(h) != 0 || len(d) != 0 {
			t.Errorf("handed over: %+v, delivered: %+v", h, d)
		}
		return f
	}
	report := func() string {
		t.Helper()
		var all strings.Builder
		for _, format := range []string{"csv", "json"} {
			out, err := c.Baton("agreement", "shadow", "2", "--report", "--format", format)
			if err != nil {
				t.Fatalf("report: %v\n%s", err, out)
			}
			all.WriteString(out)
		}
		return all.String()
	}
	before := nobody()
	if s := get[shadowScore](c, "leads/"+lead.ID+"/score"); s.Shadow == nil || s.Shadow.AgreementVersion != 2 || s.Shadow.QualifiedBy != "matrix" || s.Shadow.Engagement < 9.9 {
		t.Errorf("score: %+v", s.Shadow)
	}
	first := report()
	if strings.Count(first, "\nshadow,ld_") != 5 || !strings.Contains(first, `"qualified_in_window": 5`) {
		t.Errorf("report: %s", first)
	}

	name := "scoring"
	if !suiteSplit {
		name = "baton"
	}
	c.Kill(name)
	c.Restart(name)
	c.Ready()
	if again := report(); again != first {
		t.Errorf("after a crash the report is another:\n%s\nwas\n%s", again, first)
	}
	if after := nobody(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the funnel: %+v, was %+v", after, before)
	}
	if r := c.Reconciled(); r.LeadsByStage["inquiry"] != 5 {
		t.Errorf("got %+v", r)
	}

	// On the command line, and what is left once it has stopped.
	if out, err := c.Baton("agreement", "list"); err != nil || !strings.Contains(out, "in the shadow") {
		t.Errorf("list: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if out, err := c.Baton("agreement", "shadow", "2", "--report", "--format", "html", "--out", file); err != nil {
		t.Errorf("report: %v\n%s", err, out)
	}
	if page, err := os.ReadFile(file); err != nil || !strings.Contains(string(page), "<h1>Shadow run</h1>") {
		t.Errorf("page: %v", err)
	}
	if out, err := c.Baton("agreement", "shadow", "2", "--stop"); err != nil || !strings.Contains(out, "was in the shadow") {
		t.Errorf("stop: %v\n%s", err, out)
	}
	sequence = c.Send(download("shadow-late", "late@shadow.example", "pricing-guide"))
	late := c.LeadOf("late@shadow.example", sequence)
	if s := get[shadowScore](c, "leads/"+late.ID+"/score?after="+sequence); s.Shadow != nil {
		t.Errorf("a stopped shadow scores: %+v", s.Shadow)
	}
	if stopped := report(); strings.Count(stopped, "\nshadow,ld_") != 5 {
		t.Errorf("stopped, the report is %s", stopped)
	}
	nobody()
}
