package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address that SMTP delivers to, in bytes (RFC 5321, section 4.5.3.1.3, without its brackets).
const maxEmail = 254

// NormalizeEmail gives the one spelling of an address by which it names a person: in lower case, its characters composed (NFC),
// an international domain in ASCII (RFC 5891), without what stands around it by mistake: blanks, "mailto:", the dot that ends
// a domain. It does no more: dots and plus signs tell different people apart at most providers. ok is false for what cannot
// be an address.
func NormalizeEmail(s string) (email string, ok bool) {
	if !utf8.ValidString(s) || len(s) > 2*maxEmail {
		return "", false
	}
	s = strings.TrimFunc(s, invisible)
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = strings.TrimFunc(s[7:], invisible)
	}
	s = strings.ToLower(s)
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return "", false
	}
	local, ok := normalLocal(s[:at])
	if !ok {
		return "", false
	}
	domain, ok := normalDomain(s[at+1:])
	if email = local + "@" + domain; !ok || len(email) > maxEmail {
		return "", false
	}
	return email, true
}

func normalLocal(local string) (string, bool) {
	if strings.ContainsAny(local, `@<>,;:"()[]\`) || strings.ContainsFunc(local, invisible) {
		return "", false
	}
	if ascii(local) {
		return local, true
	}
	return strings.ToLower(norm.NFC.String(local)), true
}

// normalDomain gives a domain's ASCII form, in lower case. It must have a dot: nobody is reached at a bare name.
func normalDomain(domain string) (string, bool) {
	domain = strings.TrimSuffix(domain, ".")
	if !ascii(domain) {
		var err error
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", false
		}
	}
	if !strings.Contains(domain, ".") {
		return "", false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", false
			}
		}
	}
	return domain, true
}

// invisible tells characters that no address has: blanks, controls, and the zero-width ones that come along when one is copied.
func invisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Domain gives the part of a normalised address behind the @.
func Domain(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }
