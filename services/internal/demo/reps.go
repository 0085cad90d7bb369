package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// reps answer the handoffs that arrive in the CRM, each as its lead's story has it, through the JSON API.
type reps struct {
	baton *client
	ctx   context.Context //nolint:containedctx // answers are given as long as the demo runs, whoever's request brought the handoff
	leads map[string]*Lead

	mu   sync.Mutex
	said map[string]int
	// sql has the handoffs that were confirmed, by e-mail address.
	sql  map[string]string
	errs []error
	// busy counts stories that are still being told.
	busy int
}

func newReps(ctx context.Context, baton *client, leads []*Lead) *reps {
	r := &reps{baton: baton, ctx: ctx, leads: map[string]*Lead{}, said: map[string]int{}, sql: map[string]string{}}
	for _, l := range leads {
		r.leads[l.Email] = l
	}
	return r
}

// take lets the owner of a new record tell its story to the end, in their own time.
func (r *reps) take(rec *record) {
	r.mu.Lock()
	r.busy++
	r.mu.Unlock()
	go func() {
		r.tell(rec.payload)
		r.mu.Lock()
		r.busy--
		r.mu.Unlock()
	}()
}

func (r *reps) tell(p *routingv1.Payload) {
	lead := r.leads[p.GetLead().GetEmail()]
	if lead == nil {
		r.fail(fmt.Errorf("handoff %s is of nobody in this week", p.GetHandoffId()))
		return
	}
	for _, a := range lead.Story.Answers {
		if pause(r.ctx, a.After) != nil {
			return
		}
		if _, err := r.baton.answer(r.ctx, p.GetHandoffId(), p.GetOwner().GetId(), a); err != nil {
			if r.ctx.Err() == nil {
				r.fail(fmt.Errorf("%s of handoff %s: %w", a.Do, p.GetHandoffId(), err))
			}
			return
		}
		r.mu.Lock()
		r.said[a.Do]++
		if a.Do == "qualify" {
			r.sql[lead.Email] = p.GetHandoffId()
		}
		r.mu.Unlock()
	}
}

func (r *reps) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// outcome gives what was said so far, by answer, and what went wrong. done: nobody has anything left to say.
func (r *reps) outcome() (said map[string]int, done bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.said), r.busy == 0, errors.Join(r.errs...)
}

// confirmed gives the handoffs that became an sql, by e-mail address.
func (r *reps) confirmed() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.sql)
}
