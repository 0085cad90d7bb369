package routing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// crmType is a kind of receiver with everything that a configuration can set.
func crmType() destination.Type {
	return destination.Type{
		Name: "crm9", Events: []string{"handoff.routed", "handoff.recalled"}, Options: map[string]string{"object": "lead"},
		Fields: map[string]map[string]string{"contact": {"FirstName": "lead.first_name", "Phone": "lead.phone"}},
		Limit:  destination.Limit{Requests: 100, Per: 10 * time.Second}, Concurrency: 3,
		New: func(c destination.Config, _ destination.Deps) (destination.Destination, error) {
			if c.Auth.Token == "" {
				return nil, fmt.Errorf("auth.token: is missing")
			}
			return nil, nil
		},
	}
}

func planned(t *testing.T, d Destination) (*plan, string) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Outbound.Allow = map[string][]string{"office": {"10.1.0.0/16"}}
	p, err := newPlanner(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.types["crm9"] = crmType()
	out, errs := p.plan(d)
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return out, strings.Join(texts, "\n")
}

func TestPlans(t *testing.T) {
	good := Destination{Name: "crm", Type: "crm9", URL: "https://crm.example/api/", Auth: Auth{Token: config.NewSecret("the-token")}}
	p, problems := planned(t, good)
	if problems != "" || len(p.events) != 2 || p.most != 3 || p.limit != (destination.Limit{Requests: 100, Per: 10 * time.Second}) || p.alarm != 15*time.Minute ||
		p.config.URL != "https://crm.example/api" || p.config.Options["object"] != "lead" || len(p.config.Fields["contact"]) != 2 {
		t.Fatalf("%s: %+v", problems, p)
	}
	own := good
	own.Fields = map[string]map[string]string{"contact": {"Phone": "", "Title": "lead.title"}}
	own.Rate, own.Concurrency, own.AllowNetworks, own.BacklogAlarm = Rate{5, time.Second}, 2, []string{"office"}, time.Hour
	p, problems = planned(t, own)
	if f := p.config.Fields["contact"]; problems != "" || len(f) != 2 || f["Title"] == nil || f["Phone"] != nil || p.limit.Requests != 5 || p.most != 2 ||
		len(p.policy.Networks) != 1 || p.alarm != time.Hour {
		t.Errorf("%s: %+v", problems, p)
	}
	for want, change := range map[string]func(*Destination){
		"fields.contact.Title: ":  func(d *Destination) { d.Fields = map[string]map[string]string{"contact": {"Title": "lead."}} },
		"fields.deal: ":           func(d *Destination) { d.Fields = map[string]map[string]string{"deal": {"Title": "lead.title"}} },
		"options.colour: ":        func(d *Destination) { d.Options = map[string]string{"colour": "red"} },
		"auth.token: is missing":  func(d *Destination) { d.Auth = Auth{} },
		"events[0]: ":             func(d *Destination) { d.Events = []string{"sla.breached"} },
		"rate.requests: ":         func(d *Destination) { d.Rate = Rate{Per: time.Second} },
		"rate.per: ":              func(d *Destination) { d.Rate = Rate{Requests: 1} },
		"concurrency: ":           func(d *Destination) { d.Concurrency = 5000 },
		"backlog_alarm: ":         func(d *Destination) { d.BacklogAlarm = time.Millisecond },
		"allow_networks[0]: ":     func(d *Destination) { d.AllowNetworks = []string{"home"} },
		"url: must not carry a ":  func(d *Destination) { d.URL = "https://u:the-token@crm.example" },
		"type: \"x\" is not one ": func(d *Destination) { d.Type = "x" },
	} {
		d := good
		change(&d)
		if _, problems := planned(t, d); !strings.HasPrefix(problems, want) || strings.Contains(problems, "the-token") {
			t.Errorf("%q, want %s", problems, want)
		}
	}
	cfg := DefaultConfig()
	cfg.Outbound.Allow = map[string][]string{"a b": {"10.0.0.0/8"}, "office": {"10.1.2.3/16"}}
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "outbound.allow.office[0]: ") || !strings.Contains(err.Error(), `outbound.allow: "a b"`) {
		t.Errorf("%v", err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", good, good, good); strings.Contains(printed, "the-token") {
		t.Errorf("a secret is printed: %s", printed)
	}
}
