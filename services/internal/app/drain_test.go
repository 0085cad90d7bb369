package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
)

// A request that is under way when Baton is told to stop is taken in full, and is there after the restart.
func TestWhatIsUnderWayAtAStopIsTaken(t *testing.T) {
	dir := t.TempDir()
	addrs, _, stop := begin(t, Up, anyPorts(dir))
	signer, err := webhook.NewSigner([]string{smokeSecret})
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	signer.SetHeaders(header, "msg_1", time.Now(), []byte(smokeEvent))
	c, err := net.Dial("tcp", addrs.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST /webhooks/app HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", len(smokeEvent))
	if err := header.Write(&head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, head.String()+"\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	// The server asks for the body: the request is under way.
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // until nobody else is let in
		other, err := net.Dial("tcp", addrs.HTTP)
		if err != nil {
			break
		}
		_ = other.Close()
	}
	if _, err := io.WriteString(c, smokeEvent); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Accepted int `json:"accepted"`
		Sequence any `json:"sequence"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted || answer.Accepted != 1 {
		t.Fatalf("%d %+v %v", resp.StatusCode, answer, err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	again, _, _ := begin(t, Up, anyPorts(dir))
	if lead := leadByEmail(t, again.HTTP, fmt.Sprint(answer.Sequence)); lead["first_name"] != "Ana" {
		t.Errorf("%v", lead)
	}
}
