// Package crmtest is what the tests of the CRMs share.
package crmtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/celrules"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Config gives a configuration of a type with its defaults, and options and fields put in their place; an empty expression takes a
// field out.
func Config(t testing.TB, of destination.Type, url string, auth destination.Auth, options map[string]string, fields map[string]map[string]string) destination.Config {
	t.Helper()
	compiler, err := celrules.NewFieldCompiler()
	if err != nil {
		t.Fatal(err)
	}
	cfg := destination.Config{
		Name: "crm", Type: of.Name, URL: url, Auth: auth, Events: of.Events, Options: maps.Clone(of.Options), Fields: map[string]destination.Fields{},
	}
	for name, v := range options {
		if _, ok := of.Options[name]; !ok {
			t.Fatalf("%s has no option %s", of.Name, name)
		}
		cfg.Options[name] = v
	}
	for _, from := range []map[string]map[string]string{of.Fields, fields} {
		for object, all := range from {
			if cfg.Fields[object] == nil {
				cfg.Fields[object] = destination.Fields{}
			}
			for name, source := range all {
				if source == "" {
					delete(cfg.Fields[object], name)
					continue
				}
				e, err := compiler.Compile(source)
				if err != nil {
					t.Fatalf("fields.%s.%s: %v", object, name, err)
				}
				cfg.Fields[object][name] = e
			}
		}
	}
	return cfg
}

// New makes a destination or ends the test.
func New(t testing.TB, of destination.Type, cfg destination.Config, deps destination.Deps) destination.Destination {
	t.Helper()
	d, err := of.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Body decodes a request's body.
func Body(r *http.Request) map[string]any {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	var out map[string]any
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

// Answer writes JSON.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the test sees what is missing
}

// Canned gives what a destination works with where every request is answered the same.
func Canned(status int, body []byte) destination.Deps {
	return destination.Deps{Now: time.Now, Client: &http.Client{Transport: canned{status, body}}}
}

type canned struct {
	status int
	body   []byte
}

// RoundTrip answers.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Status: http.StatusText(c.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)), Request: r,
	}, nil
}
