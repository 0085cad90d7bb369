package ingest

import (
	"strings"
	"testing"
)

func TestMailboxes(t *testing.T) {
	defaults := DefaultConfig().Mailboxes
	is := defaults.is()
	for email, want := range map[string]bool{
		"info@initech.example": true, "sales+eu@initech.example": true, "noreply@initech.example": true,
		"ana@initech.example": false, "information@initech.example": false, "ana.info@initech.example": false,
	} {
		if is(email) != want {
			t.Errorf("%s: %v", email, !want)
		}
	}
	own := Mailboxes{Names: []string{"Front-Desk"}, Addresses: []string{"Team-Ana@Initech.example"}, People: []string{"front-desk@one.example"}}
	is = own.is()
	for email, want := range map[string]bool{
		"front-desk@initech.example": true, "team-ana@initech.example": true, "front-desk@one.example": false, "info@initech.example": false,
	} {
		if is(email) != want {
			t.Errorf("%s: %v", email, !want)
		}
	}
	c := DefaultConfig()
	c.Mailboxes = Mailboxes{Names: []string{"a@b"}, Addresses: []string{"x"}, People: []string{"y"}}
	err := c.Validate()
	for _, want := range []string{"ingest.mailboxes.names[0]", "ingest.mailboxes.addresses[0]", "ingest.mailboxes.people[0]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
