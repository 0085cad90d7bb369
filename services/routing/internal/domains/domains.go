// Package domains tells where a domain was registered, and whether an address at it says anything of where somebody works.
package domains

import (
	"bufio"
	_ "embed"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

//go:embed shared.txt
var shared string

// New gives the public suffix list (golang.org/x/net/publicsuffix, of https://publicsuffix.org) and the list of free-mail and
// disposable domains that stands beside this file.
//
// Both are part of what a journal is decided by: a domain that is added to one of them is matched otherwise when an old
// journal is replayed, which shows as drift of the leads that it concerns.
func New() accounts.Domains {
	list := map[string]struct{}{}
	for lines := bufio.NewScanner(strings.NewReader(shared)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		for _, d := range strings.Fields(line) {
			list[d] = struct{}{}
		}
	}
	return accounts.Domains{
		Registrable: registrable,
		Shared: func(domain string) bool {
			_, ok := list[domain]
			return ok
		},
	}
}

// registrable gives the registered domain. Below a suffix that a company runs for its customers (blogspot.com) every
// customer has their own; that suffix itself is the company's domain.
func registrable(domain string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return d
	}
	if suffix, icann := publicsuffix.PublicSuffix(domain); suffix == domain && !icann && strings.Contains(domain, ".") {
		return domain
	}
	return ""
}
