package pipedrive

import (
	"context"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// fetch gets an access token for the refresh token, which stays the same. The company's own address comes with it; one that is configured
// stays.
func (p *pipedrive) fetch(ctx context.Context) (destination.Token, destination.Outcome) {
	at := p.cfg.Auth.TokenURL
	if at == "" {
		at = "https://oauth.pipedrive.com/oauth/token"
	}
	app := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.cfg.Auth.ClientID+":"+p.cfg.Auth.ClientSecret))
	g, o := crm.Grant(ctx, &p.deps, at, crm.Key("Authorization", app), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {p.cfg.Auth.RefreshToken}})
	if o.Verdict != destination.Done {
		return destination.Token{}, o
	}
	t := destination.Token{Value: g.AccessToken, Until: g.Until(p.now())}
	if company := strings.TrimSuffix(g.APIDomain, "/"); p.cfg.URL == "" && regexp.MustCompile(`^https://[a-z0-9-]+\.pipedrive\.com$`).MatchString(company) {
		t.Base = company
	}
	return t, o
}
