package cli

import (
	"strings"
	"testing"
)

func TestReadRates(t *testing.T) {
	for name, c := range map[string]struct {
		text, base string
		csv        bool
	}{
		"yaml":                    {"base: EUR\ndays:\n  - {date: 2026-11-20, rates: {USD: 1.0842, SEK: \"11.5\"}}\n", "", false},
		"a column for each":       {"\ufeffDate, USD, SEK, ISK\n2026-11-20, 1.0842, 11.5, N/A\n", "EUR", true},
		"a line for each":         {"date,currency,rate\n2026-11-20,USD,1.0842\n2026-11-20,SEK,11.5\n", "EUR", true},
		"the base among the rest": {"date,EUR,USD,SEK\n2026-11-20,1,1.0842,11.5\n", "EUR", true},
	} {
		req, err := readRates([]byte(c.text), c.csv, c.base)
		if err != nil || req.GetBase() != "EUR" || len(req.GetDays()) != 1 || req.GetDays()[0].GetDate() != "2026-11-20" ||
			len(req.GetDays()[0].GetRates()) != 2 || req.GetDays()[0].GetRates()["USD"] != "1.0842" || req.GetDays()[0].GetRates()["SEK"] != "11.5" {
			t.Errorf("%s: %v, %v", name, req, err)
		}
	}
	for text, want := range map[string]string{
		"":                         "the first line",
		"date\n":                   "the first line",
		"day,USD\n2026-11-20,1\n":  "the first line",
		"date,USD\n2026-11-20,\n":  "no rates",
		"date,USD\n2026-11-20\n":   "wrong number of fields",
		"date,USD\n\"2026-11-20\n": "quote",
	} {
		if _, err := readRates([]byte(text), true, "EUR"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, base := range map[string]string{"base: EUR\ndays: []\n": "", "base: EUR\nrates: {}\n": "", "base: EUR\ndays: [{date: x}]\n": "USD"} {
		if _, err := readRates([]byte(text), false, base); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if _, err := readRates([]byte("date,USD\n2026-11-20,1\n"), true, ""); err == nil {
		t.Error("a CSV without a base was read")
	}
}

func FuzzReadRates(f *testing.F) {
	f.Add([]byte("base: EUR\ndays: [{date: 2026-11-20, rates: {USD: 1.0842}}]\n"), false)
	f.Add([]byte("date,USD\n2026-11-20,1.0842\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, isCSV bool) {
		if req, err := readRates(text, isCSV, "EUR"); err == nil && len(req.GetDays()) == 0 {
			t.Fatal("nothing, and no error")
		}
	})
}
