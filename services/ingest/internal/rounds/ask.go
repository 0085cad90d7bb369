package rounds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

const (
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 32 << 20
	// timeout of one request.
	timeout = 60 * time.Second
)

// Answer is what a platform answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Wait is Retry-After, 0 where it says nothing.
	Wait time.Duration
}

// Ask makes a request and reads the answer in whole. The error is a *sender.Later that names neither the query nor what the
// other side sent: they hold secrets, and people.
func Ask(ctx context.Context, client *http.Client, method, address string, header http.Header, body io.Reader) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, &sender.Later{Code: "request", Wait: 5 * time.Minute, Err: errors.New("the request cannot be made")}
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return nil, &sender.Later{Code: "network", Err: fmt.Errorf("%s: %w", req.URL.Path, err)}
	}
	defer resp.Body.Close()
	a := &Answer{Status: resp.StatusCode, Header: resp.Header}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.Wait = min(time.Duration(seconds)*time.Second, time.Hour)
	}
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1)); err != nil || len(a.Body) > maxAnswer {
		return nil, &sender.Later{Code: "answer", Err: fmt.Errorf("%s: the answer broke off, or is too long", req.URL.Path)}
	}
	return a, nil
}

// JSON decodes the answer of a path.
func (a *Answer) JSON(path string, into any) error {
	if json.Unmarshal(a.Body, into) != nil {
		return &sender.Later{Code: "answer", Err: fmt.Errorf("%s: the answer is no JSON of the kind", path)}
	}
	return nil
}
