// Package identity names leads, accounts and handoffs: opaque, stable ids that carry no personal data into subjects,
// keys, logs or URLs.
package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// Rank orders identifiers by how surely they name one person; lower is stronger.
type Rank int32

// The ranks, strongest first. An anonymous id is the only one that is not lasting: devices are shared.
const (
	Email      Rank = 1
	ExternalID Rank = 2
	UserID     Rank = 3
	Anonymous  Rank = 4
)

// Lasting reports whether an identifier of this rank names a person rather than a device.
func (r Rank) Lasting() bool { return r < Anonymous }

// Key is the journal's identity key. It is made with the journal and lives in it, so that two installations never agree
// on an id and nobody can test a guessed address against an id without it.
type Key []byte

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Desk is the one entity that decides every assignment.
const Desk = "desk"

var rankLetters = [...]string{Email: "e", ExternalID: "x", UserID: "u", Anonymous: "a"}

// Lead gives the id of the lead that an identifier names: ld_, a letter for the rank and 25 characters of [a-z2-7] (125
// bits). The value must be normalised already; system tells external ids of different systems apart and is empty for all
// others.
func (k Key) Lead(rank Rank, system, value string) string {
	return "ld_" + rankLetters[rank] + k.hash("lead", strconv.Itoa(int(rank)), system, value)[:25]
}

// RankOf gives the rank of the identifier that a lead's id was made from; 0 for what is not a lead's id.
func RankOf(lead string) Rank {
	if len(lead) == 29 && lead[:3] == "ld_" {
		for r, l := range rankLetters {
			if l != "" && l[0] == lead[3] {
				return Rank(r)
			}
		}
	}
	return 0
}

// Stronger reports whether lead a outranks lead b. The order is total (rank, then id), so that racing merges end the same.
func Stronger(a, b string) bool {
	if ra, rb := RankOf(a), RankOf(b); ra != rb {
		return ra < rb
	}
	return a < b
}

// Account gives the id of an account that the directory does not list, from its domain or name (lower case).
func (k Key) Account(domainOrName string) string {
	return "ac_" + k.hash("account", domainOrName)
}

// Hash gives an opaque token for any other outside string (a sender's id, say), for use in subjects and keys.
func (k Key) Hash(parts ...string) string { return k.hash(parts...) }

func (k Key) hash(parts ...string) string {
	// One write of one buffer: this is on the way of every event.
	buf := make([]byte, 0, 128)
	for _, p := range parts {
		buf = strconv.AppendInt(buf, int64(len(p)), 10)
		buf = append(buf, ':')
		buf = append(buf, p...)
	}
	mac := hmac.New(sha256.New, k)
	mac.Write(buf)
	return encoding.EncodeToString(mac.Sum(buf[:0]))[:26]
}

// Handoff gives the id of the handoff of one lead's epoch: ho_, the lead's own characters, _ and the epoch. Whoever holds
// it can address the lead without a look-up.
func Handoff(lead string, epoch int32) string {
	return "ho_" + strings.TrimPrefix(lead, "ld_") + "_" + strconv.Itoa(int(epoch))
}

// LeadOfHandoff gives the lead and epoch that a handoff was made for (its lead may have merged into another since).
func LeadOfHandoff(handoff string) (lead string, epoch int32, ok bool) {
	rest, ok := strings.CutPrefix(handoff, "ho_")
	if !ok {
		return "", 0, false
	}
	id, n, ok := strings.Cut(rest, "_")
	if !ok || RankOf("ld_"+id) == 0 || !Safe(id) {
		return "", 0, false
	}
	e, err := strconv.ParseInt(n, 10, 32)
	if err != nil || e < 1 || strconv.Itoa(int(e)) != n {
		return "", 0, false
	}
	return "ld_" + id, int32(e), true
}

// Safe reports whether s can stand in a NATS subject token and a Redis key as it is: [A-Za-z0-9_-], 1 to 64 characters.
func Safe(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
