package accounts

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNormalize(t *testing.T) {
	for _, same := range [][]string{
		{"initech", "INITECH, Inc.", "The Initech Company, LLC", "Initech GmbH & Co. KG", "Initech S.A. de C.V.", "Initech Sp. z o.o.", "Initech S. p. A.", "Initech Pty. Ltd.", "ООО Initech", "PT Initech Tbk",
			"Initech Sdn. Bhd.", "Initech d.o.o.", "Initech A/S", "Ｉｎｉｔｅｃｈ", "株式会社Initech"},
		{"muller sohne", "Müller & Söhne GmbH", "Mueller und Soehne", "MULLER AND SOHNE", "Müller et Söhne"},
		{"arhus", "Århus A/S", "Aarhus"},
		{"lodz", "Łódź sp. z o.o.", "Lodz"},
		{"orsted", "Ørsted A/S", "Oersted", "Orsted"},
		{"strasse", "Straße", "STRASSE"},
		{"yandeks", "ООО «Яндекс»", "Yandeks"},
		{"gazprom", "ПАО Газпром", "PJSC Gazprom", "OAO Gazprom"},
		{"ellas", "Ελλάς Α.Ε.", "Ellas"},
		{"ibm", "I.B.M.", "I B M Corp.", "IBM"},
		{"macys", "Macy's", "Macy’s Inc"},
		{"4 seasons", "Four Seasons", "4 Seasons Ltd"},
		{"international systems", "Intl. Systems", "International Sys"},
		{"sas institute", "SAS Institute Inc."},
		{"トヨタ自動車", "トヨタ自動車株式会社"},
		{"inc", "Inc."},
		{"", "", "!!!"},
	} {
		for _, name := range same[1:] {
			if got := Normalize(name); got != same[0] {
				t.Errorf("%q: %q, want %q", name, got, same[0])
			}
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"Müller & Söhne GmbH", "株式会社", "S.A. de C.V.", "\xff\xfe", "A B C", "ı İ", "e\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := Normalize(name)
		if len(got) > 8*maxText || utf8.ValidString(name) && !utf8.ValidString(got) || strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Fatalf("%q became %q", name, got)
		}
		x := indexOf(Account{ID: "a", Name: name})
		list := Find(Query{Company: name}, 0.85, 1, x)
		if got != "" && (len(list) != 1 || list[0].By != ByName) || got == "" && len(list) != 0 {
			t.Fatalf("%q, compared as %q, is found as %v", name, got, list)
		}
	})
}
