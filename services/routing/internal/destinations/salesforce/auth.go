package salesforce

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// assertionLife is how long a signed assertion holds: Salesforce takes 5 minutes at the most, and its clock may differ.
const assertionLife = 3 * time.Minute

// grant makes the form that a token is asked for with, at a moment.
type grant func(now time.Time) (url.Values, error)

type problem struct{ field, reason string }

// newGrant chooses the JWT bearer flow (RFC 7523) where there is a private key, and client credentials otherwise.
func newGrant(config destination.Config) (grant, *problem) {
	a := config.Auth
	switch {
	case a.ClientID == "":
		return nil, &problem{"client_id", "is missing: the consumer key of the connected app"}
	case a.PrivateKey != "" && a.ClientSecret != "":
		return nil, &problem{"client_secret", "is not used together with private_key"}
	case a.PrivateKey != "" && a.User == "":
		return nil, &problem{"user", "is missing: the name of the user whom the assertion stands for"}
	case a.PrivateKey != "":
		key, err := parseKey(a.PrivateKey)
		if err != nil {
			return nil, &problem{"private_key", err.Error()}
		}
		audience := config.Options["audience"]
		if audience == "" {
			audience = "https://login.salesforce.com"
			if strings.Contains(config.URL, ".sandbox.") {
				audience = "https://test.salesforce.com"
			}
		}
		return func(now time.Time) (url.Values, error) {
			assertion, err := assert(key, a.ClientID, a.User, audience, now)
			return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}, err
		}, nil
	case a.ClientSecret == "":
		return nil, &problem{"client_secret", "is missing, and there is no private_key"}
	case a.User != "":
		return nil, &problem{"user", "is for private_key: with client_secret it is the connected app's run-as user"}
	}
	return func(time.Time) (url.Values, error) {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}}, nil
	}, nil
}

// parseKey reads an RSA key in PEM, PKCS#1 or PKCS#8. Errors quote nothing of it.
func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, fmt.Errorf("is not in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("is no private key in PKCS#1 or PKCS#8 without a password")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("is no RSA key, which is what Salesforce takes")
	}
	return key, nil
}

// assert makes a JSON Web Token signed with RS256 (RFC 7515, RFC 7523).
func assert(key *rsa.PrivateKey, issuer, subject, audience string, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{"iss": issuer, "sub": subject, "aud": audience, "exp": now.Add(assertionLife).Unix()})
	if err != nil {
		return "", fmt.Errorf("encode the assertion: %w", err)
	}
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return signed + "." + b64.EncodeToString(signature), nil
}

// fetch gets tokens. Salesforce does not say how long one holds: it holds until a request is refused.
func (d *Destination) fetch(sign grant) func(context.Context) (destination.Token, destination.Outcome) {
	endpoint := d.config.Auth.TokenURL
	if endpoint == "" {
		endpoint = d.config.URL + "/services/oauth2/token"
	}
	return func(ctx context.Context) (destination.Token, destination.Outcome) {
		now := d.deps.Now()
		form, err := sign(now)
		if err != nil {
			return destination.Token{}, destination.Outcome{Verdict: destination.Operator, Reason: "the assertion could not be signed with auth.private_key"}
		}
		g, o := crm.Grant(ctx, &d.deps, endpoint, nil, form)
		if o.Verdict != destination.Done {
			return destination.Token{}, o
		}
		return destination.Token{Value: g.AccessToken, Base: crm.Base(g.InstanceURL, endpoint), Until: g.Until(now)}, o
	}
}
