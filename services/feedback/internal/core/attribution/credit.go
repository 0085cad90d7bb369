package attribution

import (
	"fmt"
	"math/big"
	"slices"
)

// Journey is the path of one deal. Its Path has one conversion, its keys are below the Keys of the question.
type Journey struct {
	Path Path
	// Amount in micro-units of Currency, a number from 0 on; HasAmount tells 0 from not stated.
	Amount    int64
	Currency  int
	HasAmount bool
}

// Question is what credit is divided over.
type Question struct {
	// Converted are the deals; those without touches stay unattributed.
	Converted []Journey
	// Nulls are the paths that led to nothing; models that learn see them.
	Nulls []Path
	// Keys is how many channels, campaigns, … there are, Currencies how many currencies.
	Keys, Currencies int
}

// Credit is what one key earned.
type Credit struct {
	// Conversions in millionths of one.
	Conversions *big.Int
	// Amounts by currency, in micro-units.
	Amounts []*big.Int
	// Value is what the model found: a removal effect (Markov), or Shapley's value in conversions, with its standard error.
	Removal, Value, Error float64
}

// Divide gives each key its credit by a model. The credits of all keys add up exactly to the conversions and amounts of the deals that
// have touches: of conversions to Unit for each deal, of money to the last micro-unit. A rule's credit of a key is within a micro-unit of its
// exact share of all deals together: rounding is done once, not for each deal. A model that learns divides the sum of all deals,
// in each currency by itself, with that currency's deals and all paths that led to nothing. The error is the model's.
func (q *Question) Divide(m Model) ([]Credit, error) {
	credits := make([]Credit, q.Keys)
	for i := range credits {
		credits[i] = Credit{Conversions: new(big.Int), Amounts: make([]*big.Int, q.Currencies)}
		for c := range credits[i].Amounts {
			credits[i].Amounts[c] = new(big.Int)
		}
	}
	if m.Rule != nil {
		q.byRule(m.Rule, credits)
		return credits, nil
	}
	return credits, q.byLearning(m, credits)
}

func (q *Question) byRule(rule Rule, credits []Credit) {
	var part big.Int
	conversions, money := make(owing, q.Keys), make([]owing, q.Currencies)
	for c := range money {
		money[c] = make(owing, q.Keys)
	}
	for i := range q.Converted {
		j := &q.Converted[i]
		shares := rule(&j.Path)
		parts := Split(Unit, shares)
		conversions.note(j.Path.Touches, shares, parts, Unit)
		for k, micros := range parts {
			to := credits[j.Path.Touches[k].Key].Conversions
			to.Add(to, part.SetInt64(micros))
		}
		if !j.HasAmount {
			continue
		}
		parts = Split(j.Amount, shares)
		money[j.Currency].note(j.Path.Touches, shares, parts, j.Amount)
		for k, micros := range parts {
			to := credits[j.Path.Touches[k].Key].Amounts[j.Currency]
			to.Add(to, part.SetInt64(micros))
		}
	}
	conversions.settle(func(key int) *big.Int { return credits[key].Conversions })
	for c, owed := range money {
		owed.settle(func(key int) *big.Int { return credits[key].Amounts[c] })
	}
}

func (q *Question) byLearning(m Model, credits []Credit) error {
	paths := make([]Path, 0, len(q.Converted)+len(q.Nulls))
	total := int64(0)
	for i := range q.Converted {
		if p := q.Converted[i].Path; len(p.Touches) > 0 {
			p.Conversions, p.Nulls, p.Value = 1, 0, 0
			paths = append(paths, p)
			total++
		}
	}
	paths = append(paths, q.Nulls...)
	if total == 0 {
		return nil
	}
	learnt, err := m.Learn(paths, q.Keys, false)
	if err != nil {
		return fmt.Errorf("%s: %w", m.ID, err)
	}
	conversions := new(big.Int).Mul(big.NewInt(total), big.NewInt(Unit))
	for key, part := range splitLarge(conversions, learnt.Weight) {
		credits[key].Conversions = part
		credits[key].Value = learnt.Weight[key]
		if learnt.Removal != nil {
			credits[key].Removal = learnt.Removal[key]
		}
		if learnt.Error != nil {
			credits[key].Error = learnt.Error[key]
		}
	}
	for c := range q.Currencies {
		if err := q.moneyByLearning(m, c, learnt.Weight, credits); err != nil {
			return err
		}
	}
	return nil
}

// moneyByLearning divides what was won in a currency. Where no value is above 0, as when amounts are below it, the weights of conversions
// hold.
func (q *Question) moneyByLearning(m Model, currency int, conversions []float64, credits []Credit) error {
	var paths []Path
	sum := new(big.Int)
	for i := range q.Converted {
		j := &q.Converted[i]
		if !j.HasAmount || j.Currency != currency || len(j.Path.Touches) == 0 {
			continue
		}
		p := j.Path
		p.Conversions, p.Nulls, p.Value = 1, 0, j.Amount
		paths = append(paths, p)
		sum.Add(sum, big.NewInt(j.Amount))
	}
	if sum.Sign() == 0 {
		return nil
	}
	learnt, err := m.Learn(append(paths, q.Nulls...), q.Keys, true)
	if err != nil {
		return fmt.Errorf("%s by value: %w", m.ID, err)
	}
	weights := learnt.Weight
	if slices.Max(weights) <= 0 {
		weights = conversions
	}
	for key, part := range splitLarge(sum, weights) {
		credits[key].Amounts[currency] = part
	}
	return nil
}

// splitLarge divides like Split, an amount of any size: in pieces that fit.
func splitLarge(amount *big.Int, weights []float64) []*big.Int {
	parts := make([]*big.Int, len(weights))
	for i := range parts {
		parts[i] = new(big.Int)
	}
	left, most := new(big.Int).Set(amount), big.NewInt(1<<62)
	for left.Sign() != 0 && len(weights) > 0 {
		piece := new(big.Int).Set(left)
		switch {
		case piece.Cmp(most) > 0:
			piece.Set(most)
		case piece.CmpAbs(most) > 0:
			piece.Neg(most)
		}
		for i, p := range Split(piece.Int64(), weights) {
			parts[i].Add(parts[i], big.NewInt(p))
		}
		left.Sub(left, piece)
	}
	return parts
}
