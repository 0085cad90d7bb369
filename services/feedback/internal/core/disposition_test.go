package core

import (
	"strings"
	"testing"
)

func TestRequestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		r    Request
		want string // the fields complained about
	}{
		"accept needs nothing":       {Request{Disposition: Accept}, ""},
		"contact needs nothing":      {Request{Disposition: Contact, Note: "spoke\nto her"}, ""},
		"sql needs nothing":          {Request{Disposition: Qualify}, ""},
		"reject needs a reason":      {Request{Disposition: Reject}, "reason"},
		"recycle needs a reason":     {Request{Disposition: Recycle, Reason: " "}, "reason"},
		"disqualify needs a reason":  {Request{Disposition: Disqualify}, "reason"},
		"disqualify with a reason":   {Request{Disposition: Disqualify, Reason: "competitor"}, ""},
		"at the limits":              {Request{Disposition: Reject, Reason: strings.Repeat("r", MaxReason), Note: strings.Repeat("n", MaxNote), RequestID: strings.Repeat("i", MaxRequestID), Rep: strings.Repeat("p", MaxRep)}, ""},
		"beyond them":                {Request{Disposition: Reject, Reason: strings.Repeat("r", MaxReason+1), Note: strings.Repeat("n", MaxNote+1), RequestID: strings.Repeat("i", MaxRequestID+1), Rep: strings.Repeat("p", MaxRep+1)}, "reason request_id rep note"},
		"control characters in ids":  {Request{Disposition: Accept, RequestID: "a\x00b", Rep: "ana\n"}, "request_id rep"},
		"a reason is one line, too":  {Request{Disposition: Reject, Reason: "no-fit\nreally"}, "reason"},
		"everything at once is said": {Request{Disposition: Recycle, Rep: "\t", Note: strings.Repeat("n", MaxNote+1)}, "reason rep note"},
	} {
		var fields []string
		for _, p := range c.r.Check() {
			fields = append(fields, p.Field)
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%s: complains about %q, want %q", name, got, c.want)
		}
	}
}

func TestParseRefusal(t *testing.T) {
	for in, want := range map[string]Refusal{
		"not_owner":                    {NotOwner, ""},
		"not_owner: bo has it: really": {NotOwner, "bo has it: really"},
		"":                             {"", ""},
	} {
		if got := ParseRefusal(in); got != want {
			t.Errorf("%q: %+v", in, got)
		}
	}
	for _, code := range []string{UnknownHandoff, NotOwner, AlreadyClosed, ReasonRequired, UnknownReason, NotAccepted, Superseded, "something_new", ""} {
		if (Refusal{Code: code}).Says() == "" {
			t.Errorf("%q says nothing", code)
		}
	}
}
