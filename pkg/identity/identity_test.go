package identity

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLeadIDs(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	seen := map[string]bool{}
	for _, r := range []Rank{Email, ExternalID, UserID, Anonymous} {
		for _, v := range []string{"a", "b", "a:b"} {
			for _, system := range []string{"", "crm", "a"} {
				id := k.Lead(r, system, v)
				if seen[id] {
					t.Errorf("%d %q %q gives an id that stands for another", r, system, v)
				}
				seen[id] = true
				if !Safe(id) || RankOf(id) != r {
					t.Errorf("id %q: safe %v, rank %d, want %d", id, Safe(id), RankOf(id), r)
				}
			}
		}
	}
	if k.Lead(Email, "", "a") == Key("another key of thirty-two bytes..").Lead(Email, "", "a") {
		t.Error("two keys give the same id")
	}
}

// The order of leads is total: exactly one of two is the stronger, and it is transitive.
func TestStrongerIsTotal(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	lead := rapid.Custom(func(t *rapid.T) string {
		return k.Lead(Rank(rapid.IntRange(1, 4).Draw(t, "rank")), "", rapid.StringN(0, 3, 3).Draw(t, "value"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := lead.Draw(t, "a"), lead.Draw(t, "b"), lead.Draw(t, "c")
		if a != b && Stronger(a, b) == Stronger(b, a) {
			t.Fatalf("%s and %s: both or none is stronger", a, b)
		}
		if Stronger(a, b) && Stronger(b, c) && !Stronger(a, c) {
			t.Fatalf("not transitive: %s, %s, %s", a, b, c)
		}
		if RankOf(a) < RankOf(b) && !Stronger(a, b) {
			t.Fatalf("%s outranks %s and is not stronger", a, b)
		}
	})
}

func TestHandoffNamesItsLead(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	lead := k.Lead(Email, "", "x@y.example")
	got, epoch, ok := LeadOfHandoff(Handoff(lead, 12))
	if !ok || got != lead || epoch != 12 {
		t.Fatalf("got %s %d %v", got, epoch, ok)
	}
	for _, bad := range []string{"", "ho_", "ho_x_1", Handoff(lead, 0), Handoff(lead, -1), Handoff(lead, 1) + "0x", "ho_" + lead[3:] + "_01", "ho_" + lead[3:] + "_+1"} {
		if _, _, ok := LeadOfHandoff(bad); ok {
			t.Errorf("%q was taken for a handoff", bad)
		}
	}
}

func TestNormalizeEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Ana.Lind+x@Initech.Example ": "ana.lind+x@initech.example", "a@b.c": "a@b.c",
		"": "", "a": "", "a@": "", "@b.c": "", "a@b": "", "a b@c.d": "", "a@b@c.d": "", "a\x00@b.c": "", "<a@b.c>": "",
		"MailTo:Ana@b.c": "ana@b.c", "\ufeffa@b.c\u200b": "a@b.c", "a@b.c.": "a@b.c", "a@b..c": "", "a@.b.c": "", "a@b.c ,": "", "a@b\u00a0.c": "",
		"a@Bücher.example": "a@xn--bcher-kva.example", "a@xn--bcher-kva.example": "a@xn--bcher-kva.example",
		"J\u00f6rg@b.c": "j\u00f6rg@b.c", "jo\u0308rg@b.c": "j\u00f6rg@b.c", "a\xff@b.c": "", "a@b!.c": "", "mailto:": "",
		strings.Repeat("a", 250) + "@b.c": strings.Repeat("a", 250) + "@b.c", strings.Repeat("a", 251) + "@b.c": "",
		// Different people, at most providers.
		"ana.lind@b.c": "ana.lind@b.c", "analind@b.c": "analind@b.c", "ana+x@b.c": "ana+x@b.c",
	} {
		got, ok := NormalizeEmail(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", in, got, ok, want)
		}
	}
}

// What is normalised already stays as it is.
func TestNormalizeEmailIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ A-Za-zäÄß.+'_-]{1,12}@[A-Za-zäß-]{1,8}\.[a-zß]{2,4}\.?`)).Draw(t, "address")
		once, ok := NormalizeEmail(s)
		if !ok {
			return
		}
		if twice, ok := NormalizeEmail(once); !ok || twice != once {
			t.Fatalf("%q gives %q, and that %q", s, once, twice)
		}
	})
}
