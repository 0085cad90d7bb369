package api

import (
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// rating gives the engagement of a lead's account as the lead was last told of it, nil where it was not.
func rating(l *core.Lead) *leadv1.AccountEngagement {
	r := &l.Rated
	if r.Account == "" {
		return nil
	}
	return &leadv1.AccountEngagement{Id: r.Account, Engagement: r.Micros.Points(), People: r.People, At: stamp(r.At)}
}
