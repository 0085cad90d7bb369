package domains

import "testing"

func TestRegistrable(t *testing.T) {
	for domain, want := range map[string]string{
		"initech.com": "initech.com", "mail.eu.initech.co.uk": "initech.co.uk", "co.uk": "", "com": "", "": "", "shop.initech.com.br": "initech.com.br",
		"ana.blogspot.com": "ana.blogspot.com", "github.io": "github.io", "initech.example": "initech.example", "a.initech.example": "initech.example",
	} {
		if got := New().Registrable(domain); got != want {
			t.Errorf("%s: %q, want %q", domain, got, want)
		}
	}
}

func TestShared(t *testing.T) {
	d := New()
	for domain, want := range map[string]bool{"gmail.com": true, "mailinator.com": true, "yahoo.co.jp": true, "initech.example": false, "": false, "#": false, "Domains": false} {
		if got := d.Shared(domain); got != want {
			t.Errorf("%q: %v, want %v", domain, got, want)
		}
	}
}
