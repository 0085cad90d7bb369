package destination

import (
	"context"
	"sync"
	"time"
)

// Token lets requests in for a while.
type Token struct {
	Value string
	// Base is where the vendor says its API is for whoever holds the token ("" where it says nothing).
	Base string
	// Until is when it ends, zero where nobody said.
	Until time.Time
}

// Tokens keeps one token for all requests to a receiver and gets a new one when it is needed, once for everybody who waits.
type Tokens struct {
	// Fetch gets a new token. An Outcome that is not Done says why there is none.
	Fetch func(ctx context.Context) (Token, Outcome)
	Now   func() time.Time

	mu    sync.Mutex
	token Token
}

// early is how long before its end a token is replaced.
const early = time.Minute

// Get gives the token in force, or fetches one; ok is false where there is none, and the outcome says why.
func (t *Tokens) Get(ctx context.Context) (token Token, why Outcome, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value != "" && (t.token.Until.IsZero() || t.Now().Add(early).Before(t.token.Until)) {
		return t.token, Outcome{}, true
	}
	token, why = t.Fetch(ctx)
	if why.Verdict != Done {
		return Token{}, why, false
	}
	t.token = token
	return token, Outcome{}, true
}

// Drop forgets a token that the receiver no longer accepts; one that has been replaced meanwhile stays.
func (t *Tokens) Drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value == value {
		t.token = Token{}
	}
}
