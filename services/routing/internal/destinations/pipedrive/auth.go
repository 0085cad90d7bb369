package pipedrive

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// fetch gets an access token for the refresh token, which stays the same.
func (p *pipedrive) fetch(ctx context.Context) (destination.Token, destination.Outcome) {
	at := p.cfg.Auth.TokenURL
	if at == "" {
		at = "https://oauth.pipedrive.com/oauth/token"
	}
	header := http.Header{}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.cfg.Auth.ClientID+":"+p.cfg.Auth.ClientSecret)))
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.cfg.Auth.RefreshToken}}
	a, err := destination.Ask(ctx, p.api.Client, http.MethodPost, at, header, []byte(form.Encode()))
	if err != nil {
		return destination.Token{}, destination.Unreachable(err)
	}
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Domain      string `json:"api_domain"`
		Error       string `json:"error"`
	}
	readable := a.JSON(&got)
	o := a.Judge(p.now())
	switch {
	case !a.OK():
		if a.Status == http.StatusBadRequest { // invalid_grant, invalid_client
			o.Verdict = destination.Operator
		}
		o.Reason = "no access token: " + o.Reason
		return destination.Token{}, o.Because(got.Error)
	case !readable || got.AccessToken == "" || strings.ContainsAny(got.AccessToken, "\r\n"):
		return destination.Token{}, crm.OutcomeOf(crm.Strange(a))
	}
	t := destination.Token{Value: got.AccessToken, Until: p.now().Add(time.Duration(min(max(got.ExpiresIn, 60), 86400)) * time.Second)}
	if regexp.MustCompile(`^https://[a-z0-9-]+\.pipedrive\.com$`).MatchString(got.Domain) {
		t.Base = got.Domain
		p.domain.Store(&t.Base)
	}
	return t, destination.Outcome{Verdict: destination.Done}
}

func (p *pipedrive) bearer(ctx context.Context) (http.Header, error) {
	t, why, ok := p.tokens.Get(ctx)
	if !ok {
		return nil, &crm.Stop{Outcome: why}
	}
	h := http.Header{}
	h.Set("Authorization", "Bearer "+t.Value)
	return h, nil
}

// at gives the company's own address, unless one is configured.
func (p *pipedrive) at() string {
	if d := p.domain.Load(); d != nil && p.cfg.URL == "" {
		return *d
	}
	return ""
}

// refused forgets the token of a request that was answered 401.
func (p *pipedrive) refused(h http.Header) bool {
	p.tokens.Drop(strings.TrimPrefix(h.Get("Authorization"), "Bearer "))
	return true
}
