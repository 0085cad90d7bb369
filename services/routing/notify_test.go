package routing

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

func TestPlansOfThoseWhoTellPeople(t *testing.T) {
	mail := Destination{
		Name: "mail", Type: "email", URL: "smtps://mail.us.example", Options: map[string]string{"from": "Baton <baton@us.example>"},
		Auth: Auth{User: "baton", Password: config.NewSecret("hush")}, Quiet: Quiet{Outside: "working"}, Digest: Digest{Every: time.Hour},
	}
	p, problems := planned(t, mail)
	if problems != "" || !slices.Contains(p.events, fold.EventRouted) || slices.Contains(p.events, fold.EventStageChanged) || p.config.Digest.Every != time.Hour || p.most != 2 {
		t.Fatalf("%s: %+v", problems, p)
	}
	named := mail
	named.Events = []string{fold.EventStageChanged}
	if p, problems := planned(t, named); problems != "" || !slices.Equal(p.events, named.Events) {
		t.Errorf("%s: %+v", problems, p)
	}
	for want, change := range map[string]func(*Destination){
		"url: must be like smtp://":      func(d *Destination) { d.URL = "https://mail.us.example" },
		"url: must not carry a user":     func(d *Destination) { d.URL = "smtp://baton@mail.us.example" },
		"quiet.outside: ":                func(d *Destination) { d.Quiet.Outside = "night" },
		"digest.every: ":                 func(d *Destination) { d.Digest.Every = time.Second },
		"options.form: is not a setting": func(d *Destination) { d.Options = map[string]string{"from": "baton@us.example", "form": "x"} },
		"quiet: and digest are for": func(d *Destination) {
			d.Type, d.URL, d.Options, d.Auth, d.Events = TypeWebhook, "https://us.example", nil, Auth{}, []string{fold.EventRouted}
		},
	} {
		bad := mail
		change(&bad)
		if _, problems := planned(t, bad); !strings.Contains(problems, want) || strings.Contains(problems, "hush") {
			t.Errorf("%q, want %s", problems, want)
		}
	}
}

func TestWhatRepsWantToBeToldBy(t *testing.T) {
	parser, err := directory.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	with := func(notify string) string {
		return strings.Replace(testDirectory, "{id: ana,", "{id: ana, notify: "+notify+",", 1)
	}
	d, err := parser.Parse([]byte(with("{email: false, sales-channel: true}")))
	if err != nil {
		t.Fatal(err)
	}
	if n := d.Rep("ana").Notify; len(n) != 2 || n["email"] || !n["sales-channel"] || d.Rep("bo").Notify != nil {
		t.Errorf("%v", n)
	}
	for _, bad := range []string{"{e mail: true}", "{email: sometimes}", "no"} {
		if _, err := parser.Parse([]byte(with(bad))); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
