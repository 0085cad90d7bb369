package crm

import (
	"sync"
	"time"
)

// What is known of a user is believed for keepUser, that there is none for keepNobody; maxUsers bounds the table, which
// is emptied when it is full.
const (
	keepUser   = time.Hour
	keepNobody = time.Minute
	maxUsers   = 10_000
)

// users remembers who has which e-mail address in a CRM.
type users struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]user
}

type user struct {
	id    string
	until time.Time
}

func (u *users) known(email string) (id string, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	k, ok := u.all[email]
	return k.id, ok && u.now().Before(k.until)
}

func (u *users) keep(email, id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil || len(u.all) >= maxUsers {
		u.all = map[string]user{}
	}
	until := u.now().Add(keepUser)
	if id == "" {
		until = u.now().Add(keepNobody)
	}
	u.all[email] = user{id, until}
}
