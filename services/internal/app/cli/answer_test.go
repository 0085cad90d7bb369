package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersToHandoffs(t *testing.T) {
	var sent []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.Method+" "+r.URL.Path+" "+string(body))
		switch {
		case r.URL.Path == "/api/v1/inbox":
			fmt.Fprint(w, `{"owner":"ana","counts":{"open":2,"routed":1,"accepted":1,"overdue":1},"handoffs":[{"id":"ho_1","stage":"routed","email":"x@initech.example","owner":{"id":"ana"}}]}`)
		case strings.Contains(string(body), "reassign"):
			fmt.Fprint(w, `{"results":[{"id":"ho_1","status":"done","outcome":"queued","owner":"ana"}],"done":1}`)
		default:
			fmt.Fprint(w, `{"results":[{"id":"ho_1","status":"done","stage":"accepted","owner":"ana"},{"id":"ho_2","status":"refused","code":"not_owner","detail":"bo\u001b has it"}],"done":1,"refused":1}`)
		}
	}))
	defer s.Close()
	env := []string{"BATON_URL=" + s.URL}
	code, out, _ := run(t, "", env, "handoffs", "accept", "ho_1", "ho_2", "--note", "mine")
	if code != exitFail || !strings.Contains(out, "accepted, with ana") || !strings.Contains(out, "bo· has it") {
		t.Errorf("%d\n%s", code, out)
	}
	if !strings.HasPrefix(sent[0], "POST /api/v1/handoffs/bulk ") || !strings.Contains(sent[0], "ho_2") || !strings.Contains(sent[0], "mine") {
		t.Errorf("sent %s", sent[0])
	}
	if code, out, _ = run(t, "", env, "handoffs", "reassign", "ho_1", "--to", "bo", "--force"); code != exitOK || !strings.Contains(out, "ana keeps it until somebody is") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, out, _ = run(t, "", env, "inbox"); code != exitOK || !strings.Contains(out, "ana: 2 open (1 to accept, 1 accepted, 0 sql), 1 overdue") || !strings.Contains(out, "ho_1") {
		t.Errorf("%d\n%s", code, out)
	}
	for _, args := range [][]string{{"handoffs", "frob", "ho_1"}, {"handoffs", "accept"}, {"handoffs", "accept", "ho_1", "--to", "bo"}} {
		if code, _, _ := run(t, "", env, args...); code != exitUsage {
			t.Errorf("%v: %d", args, code)
		}
	}
}
