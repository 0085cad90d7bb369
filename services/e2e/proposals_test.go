package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestProposalsNeedLeads: with next to no leads nothing is proposed, who may do what holds, and a text can be tried on history before it
// is anybody's version.
func TestProposalsNeedLeads(t *testing.T) {
	c := Start(t, Setup{Tokens: []Token{
		{Name: "root", Text: "t-admin", Roles: "admin"}, {Name: "mia", Text: "t-marketing", Roles: "marketing"}, {Name: "wall", Text: "t-viewer", Roles: "viewer"},
	}})
	c.token = "t-admin"
	sequence := c.Send(download("few-1", "ana@few.example", "pricing-guide"))
	r := c.as("t-viewer", "GET", "proposals?state=all&after="+sequence, "")
	var list struct {
		Proposals        []struct{ ID string }
		AgreementVersion int `json:"agreement_version"`
	}
	if err := json.Unmarshal(r.Body, &list); err != nil || r.Status != 200 || len(list.Proposals) != 0 || list.AgreementVersion != 1 {
		t.Fatalf("%v %s", err, r)
	}
	c.checkProblem(c.as("t-viewer", "GET", "proposals?state=perhaps", ""), 400)
	c.checkProblem(c.as("t-viewer", "GET", "proposals/pr_0", ""), 404)
	c.checkProblem(c.as("t-viewer", "POST", "proposals/pr_0/propose", "{}"), 403)
	c.checkProblem(c.as("t-marketing", "POST", "proposals/pr_0/propose", "{}"), 404)
	c.checkProblem(c.as("t-marketing", "POST", "proposals/pr_0/dismiss", "{}"), 400)
	c.checkProblem(c.as("t-marketing", "POST", "proposals/pr_0/backtest", "{}"), 404)

	text := strings.Replace(testAgreement, "points: 10, half_life: 30d", "points: 60, half_life: none", 1)
	body, err := json.Marshal(map[string]any{"yaml": text, "format": "text"})
	if err != nil {
		t.Fatal(err)
	}
	r = c.as("t-marketing", "POST", "agreements/0/backtest", string(body))
	if r.Status != 200 || !strings.Contains(string(r.Body), "the text") || !strings.Contains(string(r.Body), `"done":true`) {
		t.Errorf("backtest of a text: %s", r)
	}
	c.checkProblem(c.as("t-marketing", "POST", "agreements/1/backtest", string(body)), 400)
	c.checkProblem(c.as("t-marketing", "POST", "agreements/0/backtest", `{"yaml":"agreement: ["}`), 400)
	if r := c.as("t-marketing", "GET", "agreements", ""); strings.Count(string(r.Body), `"version"`) != 1 {
		t.Errorf("a backtest proposed something: %s", r)
	}
}
