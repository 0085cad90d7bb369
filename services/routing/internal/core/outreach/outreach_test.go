package outreach

import (
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	rules := Rules{Quiet: 48 * time.Hour, SalesFirst: true}
	called := Lead{Outreach: Contact{At: now.Add(-time.Hour), Who: "ana"}}
	long := Lead{Outreach: Contact{At: now.Add(-48 * time.Hour), Who: "ana"}}
	with := Lead{Owner: "ana"}
	said := func(purpose, decision string) Lead { return Lead{Consent: map[string]string{purpose: decision}} }
	for name, c := range map[string]struct {
		rules Rules
		lead  Lead
		in    Intent
		code  string
	}{
		"nobody ever":                   {rules, Lead{}, Intent{Side: Marketing}, ""},
		"marketing after sales":         {rules, called, Intent{Side: Marketing}, Quiet},
		"marketing long after sales":    {rules, long, Intent{Side: Marketing}, ""},
		"marketing, sales has it":       {rules, with, Intent{Side: Marketing}, WithSales},
		"marketing, sales is not first": {Rules{Quiet: 1}, with, Intent{Side: Marketing}, ""},
		"the rep again":                 {rules, called, Intent{Side: Sales, Rep: "ana"}, ""},
		"another rep":                   {rules, called, Intent{Side: Sales, Rep: "bo"}, Quiet},
		"another rep, ana has it":       {rules, with, Intent{Side: Sales, Rep: "bo"}, OtherRep},
		"no rules":                      {Rules{}, Lead{Owner: "ana", Outreach: called.Outreach}, Intent{Side: Sales, Rep: "bo"}, ""},
		"after marketing's mail":        {rules, Lead{Mail: Contact{At: now}}, Intent{Side: Sales, Rep: "bo"}, ""},
		"marketing after its own mail":  {rules, Lead{Mail: Contact{At: now}}, Intent{Side: Marketing}, ""},
		"e-mail denied":                 {Rules{}, said("email", "denied"), Intent{Side: Marketing, Channel: "Email"}, NoConsent},
		"another channel denied":        {Rules{}, said("sms", "denied"), Intent{Side: Marketing, Channel: "email"}, ""},
		"calls denied":                  {Rules{}, said("phone", "withdrawn"), Intent{Side: Sales, Channel: "call"}, NoConsent},
		"profiling objected":            {Rules{}, said("profiling", "objected"), Intent{Side: Sales}, NoConsent},
		"marketing refused":             {Rules{}, said("marketing", "unsubscribed"), Intent{Side: Marketing}, NoConsent},
		"marketing refused, a rep":      {Rules{}, said("marketing", "unsubscribed"), Intent{Side: Sales}, ""},
		"granted":                       {rules, said("email", "granted"), Intent{Side: Marketing, Channel: "email"}, ""},
	} {
		v := Check(c.rules, &c.lead, c.in, now)
		if v.Code != c.code || v.Allowed != (c.code == "") || (v.Reason == "") != v.Allowed {
			t.Errorf("%s: %+v, want %q", name, v, c.code)
		}
	}
	if v := Check(rules, &called, Intent{Side: Marketing}, now); !v.Until.Equal(now.Add(47 * time.Hour)) {
		t.Errorf("until %s", v.Until)
	}
	both := Lead{Mail: Contact{At: now.Add(time.Minute)}, Outreach: Contact{At: now}}
	if side, _ := both.Last(); side != Marketing {
		t.Errorf("%s was last", side)
	}
	if side, _ := (&Lead{}).Last(); side != "" {
		t.Errorf("%s was last", side)
	}
}
