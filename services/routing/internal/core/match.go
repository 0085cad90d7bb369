package core

import (
	"strings"
	"unicode"

	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

// What an account was matched by.
const (
	ByEmailDomain   = "email-domain"
	ByAccountDomain = "account-domain"
	ByAccountName   = "account-name"
	ByNone          = "none"
)

// Match says which account a lead belongs to, by what, and how sure that is.
type Match struct {
	ID, Name, Domain string
	By               string
	// Confidence from 0 to 1.
	Confidence float64
	// Listed is the directory's account, nil where it does not list it.
	Listed *Account
	// Support says what else agrees, and what does not; see accounts.Candidate.
	Support []string
	// Second came second, and Proposed is likely without being sure enough; nil where there is none.
	Second, Proposed *accounts.Candidate
}

// freeMail are providers whose addresses say nothing of where somebody works.
const freeMail = " gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk yahoo.de" +
	" yahoo.fr ymail.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de" +
	" freenet.de mail.com mail.ru yandex.ru yandex.com proton.me protonmail.com pm.me tutanota.com zoho.com fastmail.com" +
	" hey.com qq.com 163.com 126.com sina.com naver.com hanmail.net daum.net orange.fr wanadoo.fr free.fr laposte.net" +
	" libero.it virgilio.it tiscali.it hotmail.fr hotmail.co.uk hotmail.de outlook.de outlook.fr live.de live.co.uk" +
	" btinternet.com sky.com comcast.net verizon.net att.net cox.net telia.com bluewin.ch seznam.cz wp.pl o2.pl onet.pl" +
	" rediffmail.com uol.com.br bol.com.br terra.com.br "

// FreeMail reports whether a domain (lower case) belongs to a provider that anybody can have an address at.
func FreeMail(domain string) bool {
	return domain != "" && !strings.ContainsRune(domain, ' ') && strings.Contains(freeMail, " "+domain+" ")
}

// MatchAccount finds the account of a lead by the rules RulesExact, surest first: the domain of its e-mail address, the domain stated for its
// company, its company's name, each in the directory; then the company that its e-mail domain (or the stated one) stands
// for although nobody listed it. newID makes the id of an account that the directory does not list from its domain.
// Domains and the address must be lower case.
func (d *Directory) MatchAccount(email, company, companyDomain string, newID func(domain string) string) Match {
	domain := email[strings.LastIndexByte(email, '@')+1:]
	if FreeMail(domain) || !isDomain(domain) {
		domain = ""
	}
	if FreeMail(companyDomain) || !isDomain(companyDomain) {
		companyDomain = ""
	}
	if d != nil {
		if a := d.listedDomain(domain); a != nil {
			return listed(a, ByEmailDomain, 1)
		}
		if a := d.listedDomain(companyDomain); a != nil {
			return listed(a, ByAccountDomain, 0.95)
		}
		if a := d.byName[NormalizeName(company)]; a != nil {
			return listed(a, ByAccountName, 0.9)
		}
	}
	switch {
	case domain != "":
		return Match{ID: newID(domain), Name: company, Domain: domain, By: ByEmailDomain, Confidence: 1}
	case companyDomain != "":
		return Match{ID: newID(companyDomain), Name: company, Domain: companyDomain, By: ByAccountDomain, Confidence: 0.95}
	}
	return Match{Name: company, By: ByNone}
}

// listedDomain finds the account that owns a domain or a parent of it: mail.initech.example belongs to initech.example. A
// parent needs a dot of its own, so that nobody owns a whole ending.
func (d *Directory) listedDomain(domain string) *Account {
	for strings.IndexByte(domain, '.') > 0 {
		if a := d.byDomain[domain]; a != nil {
			return a
		}
		domain = domain[strings.IndexByte(domain, '.')+1:]
	}
	return nil
}

func listed(a *Account, by string, confidence float64) Match {
	return Match{ID: a.ID, Name: a.Name, Domain: a.Domain, By: by, Confidence: confidence, Listed: a}
}

func isDomain(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || dot == len(s)-1 || len(s) > 253 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c >= 0x80) {
			return false
		}
	}
	return true
}

// legalForms are dropped from the end of a company's name.
const legalForms = " inc incorporated llc ltd limited corp corporation co company gmbh ag kg se ab as asa oy oyj aps sa sas" +
	" sarl srl spa bv nv plc pty pte kk "

// NormalizeName brings a company's name into the form that names are compared in: lower case, letters and digits only,
// single spaces, without legal forms at the end. "" where nothing is left.
func NormalizeName(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		case r == '.' || r == '\'' || r == '’': // S.A. is sa, Macy's is macys
		case r == '&':
			b.WriteString(" and ")
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for len(words) > 1 && strings.Contains(legalForms, " "+words[len(words)-1]+" ") {
		words = words[:len(words)-1]
	}
	return strings.Join(words, " ")
}
