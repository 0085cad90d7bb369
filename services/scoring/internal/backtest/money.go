package backtest

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

// Money is a sum in one currency.
type Money struct {
	// Currency as the CRM wrote it, "other" where it is no code, "" where it gave none.
	Currency string `json:"currency"`
	// Amount is an exact decimal number.
	Amount string `json:"amount"`
	Deals  int    `json:"deals"`
	// Unreadable is how many of the deals had no amount that can be read: they count as nothing.
	Unreadable int `json:"without_amount"`
}

// purse adds up money, exactly, by currency.
type purse map[string]*purseLine

type purseLine struct {
	sum               big.Rat
	places            int
	deals, unreadable int
}

func (p purse) add(amount, currency string) {
	if !isCode(currency) {
		currency = "other"
	}
	l := p[currency]
	if l == nil {
		l = &purseLine{}
		p[currency] = l
	}
	l.deals++
	r, places, ok := parseDecimal(amount)
	if !ok {
		l.unreadable++
		return
	}
	l.sum.Add(&l.sum, r)
	l.places = max(l.places, places)
}

func (p purse) lines() []Money {
	out := make([]Money, 0, len(p))
	for currency, l := range p {
		out = append(out, Money{currency, l.sum.FloatString(l.places), l.deals, l.unreadable})
	}
	slices.SortFunc(out, func(a, b Money) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}

func isCode(s string) bool {
	return len(s) <= 8 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// parseDecimal reads digits with at most one point and a sign, 64 characters at most: no exponents, no fractions.
func parseDecimal(s string) (r *big.Rat, places int, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(s) > 64 || whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return nil, 0, false
	}
	r, ok = new(big.Rat).SetString(s)
	return r, len(fraction), ok
}
