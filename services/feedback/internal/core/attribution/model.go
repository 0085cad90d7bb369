package attribution

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Params are what a model can be told. The zero value of each member stands for its default.
type Params struct {
	// HalfLife of time decay; 7 days by default.
	HalfLife time.Duration
	// Order of Markov's chain; 1 by default.
	Order int
	// Weights of the custom model: first touch, the lead's, the opportunity's, the last one.
	Weights []float64
}

const (
	defaultHalfLife = 7 * 24 * time.Hour
	// samples is how many orders of joining a sampled Shapley value is the mean over, each one taken both ways.
	samples = 200
	// seed makes a sampled value come out the same again.
	seed = 1
)

// Model is one way to divide credit. It either judges each path by itself (Rule) or learns from all of them (Learn).
type Model struct {
	ID string
	// Says is the definition in words.
	Says string
	// Params by name, as they were used.
	Params map[string]string
	// Rule is nil for a model that learns.
	Rule Rule
	// Learn is nil for a rule.
	Learn func(paths []Path, keys int, byValue bool) (Learnt, error)
}

// Learnt is what a model learnt of each key.
type Learnt struct {
	// Weight is what a key is worth beside the others. One below 0 gets no credit.
	Weight []float64
	// Removal effects, from 0 to 1; nil but for Markov.
	Removal []float64
	// Error is the standard error of each weight; nil where the weights are exact.
	Error []float64
	// PerKey: on a path each key counts once, however many touches it has there.
	PerKey bool
}

// Names gives the ids of all models, in the order in which they are shown. Custom is not among them: it needs weights.
func Names() []string {
	return []string{"first", "last", "linear", "u", "u50", "w", "full_path", "time_decay", "markov", "shapley", "shapley_rates"}
}

// NameCustom is the model whose weights the caller states.
const NameCustom = "custom"

// NewModel gives a model by its id. The error wraps ErrModel.
func NewModel(id string, p Params) (Model, error) {
	m := Model{ID: id, Params: map[string]string{}}
	var err error
	switch id {
	case "first":
		m.Rule, m.Says = First, "All credit to the first touch: what made them aware of us."
	case "last":
		m.Rule, m.Says = Last, "All credit to the last touch before the end: what closed it."
	case "linear":
		m.Rule, m.Says = Linear, "Every touch the same share."
	case "u":
		m.Rule, err = U(0.4)
		m.Says = "40 % to the first touch, 40 % to the one that made the person known to us, 20 % to those beside them."
	case "u50":
		m.Rule, err = U(0.5)
		m.Says = "Half to the first touch, half to the one that made the person known to us."
	case "w":
		m.Rule, m.Says = W, "30 % each to the first touch, the one that made the person known to us and the one before the opportunity, 10 % to those beside them."
	case "full_path":
		m.Rule = FullPath
		m.Says = "22.5 % each to the first touch, the one that made the person known to us, the one before the opportunity and the last one, 10 % to those beside them."
	case "time_decay":
		err = m.decay(p)
	case NameCustom:
		err = m.custom(p)
	case "markov":
		err = m.markov(p)
	case "shapley":
		m.Learn = learnCoverage
		m.Says = "Shapley's value where a set of channels brings what the paths brought that need no other: each path is shared equally by the different channels on it. Exact."
	case "shapley_rates":
		m.Learn = learnRates
		m.Params["exact_to"], m.Params["orders"] = strconv.Itoa(MaxExact), strconv.Itoa(2*samples)
		m.Says = "Shapley's value where a set of channels converts as often as the paths do that need no other: what stands on many paths to nothing is worth less. " +
			"Exact to 12 channels, the mean over sampled orders with its standard error beyond. Credit goes to values above 0."
	default:
		return Model{}, fmt.Errorf("%w: %q is none of %v, %s", ErrModel, id, Names(), NameCustom)
	}
	return m, err
}

func (m *Model) decay(p Params) (err error) {
	h := p.HalfLife
	if h == 0 {
		h = defaultHalfLife
	}
	m.Rule, err = TimeDecay(h)
	m.Params["half_life"] = strconv.FormatFloat(h.Hours()/24, 'f', -1, 64) + "d"
	m.Says = "A touch that is one half-life older than another counts half as much."
	return err
}

func (m *Model) custom(p Params) (err error) {
	if len(p.Weights) != 4 {
		return fmt.Errorf("%w: custom needs four weights: first touch, lead, opportunity, last touch", ErrModel)
	}
	m.Rule, err = Custom(p.Weights[0], p.Weights[1], p.Weights[2], p.Weights[3])
	for i, name := range []string{"first", "lead", "opportunity", "last"} {
		m.Params[name] = strconv.FormatFloat(p.Weights[i], 'g', -1, 64)
	}
	m.Says = "The shares named for the first touch, the one that made the person known to us, the one before the opportunity and the last one; the rest to those beside them."
	return err
}

func (m *Model) markov(p Params) error {
	order := max(p.Order, 1)
	if p.Order < 0 || order > MaxOrder {
		return fmt.Errorf("%w: the order must be from 1 to %d", ErrModel, MaxOrder)
	}
	m.Params["order"] = strconv.Itoa(order)
	m.Says = "A Markov chain over the paths, those that led to nothing among them: credit in proportion to the share of conversions that would be lost without the channel."
	m.Learn = func(paths []Path, keys int, byValue bool) (Learnt, error) {
		effects, err := Markov(paths, keys, order, byValue)
		l := Learnt{Weight: make([]float64, len(effects)), Removal: make([]float64, len(effects))}
		for i, e := range effects {
			l.Weight[i], l.Removal[i] = e.Removal, e.Removal
		}
		return l, err
	}
	return nil
}

func learnCoverage(paths []Path, keys int, byValue bool) (Learnt, error) {
	return Learnt{Weight: Coverage(paths, keys, byValue), PerKey: true}, nil
}

// learnRates plays the game among the keys that are on any path: others change nothing.
func learnRates(paths []Path, keys int, byValue bool) (Learnt, error) {
	player := make([]int, keys)
	n := 0
	for i := range paths {
		for _, t := range paths[i].Touches {
			if player[t.Key] == 0 {
				n++
				player[t.Key] = n
			}
		}
	}
	if n > MaxPlayers {
		return Learnt{}, fmt.Errorf("%w: shapley_rates is for at most %d channels, and here are %d", ErrModel, MaxPlayers, n)
	}
	among := make([]Path, len(paths))
	for i := range paths {
		among[i] = paths[i]
		among[i].Touches = slices.Clone(paths[i].Touches)
		for k := range among[i].Touches {
			among[i].Touches[k].Key = player[among[i].Touches[k].Key] - 1
		}
	}
	values, errors, err := Shapley(n, Rates(among, byValue), samples, seed)
	if err != nil {
		return Learnt{}, err
	}
	l := Learnt{Weight: make([]float64, keys), PerKey: true}
	if errors != nil {
		l.Error = make([]float64, keys)
	}
	for key, p := range player {
		if p == 0 {
			continue
		}
		l.Weight[key] = values[p-1]
		if errors != nil {
			l.Error[key] = errors[p-1]
		}
	}
	return l, nil
}

// Shares gives each touch of one path its share, by what was learnt: touches of keys that are worth more get more. Where no key on
// the path is worth anything, all touches get the same.
func (l *Learnt) Shares(p *Path) []float64 {
	w := make([]float64, len(p.Touches))
	count := map[int]float64{}
	for _, t := range p.Touches {
		count[t.Key]++
	}
	sum := 0.0
	for i, t := range p.Touches {
		w[i] = math.Max(0, l.Weight[t.Key])
		if l.PerKey {
			w[i] /= count[t.Key]
		}
		sum += w[i]
	}
	if sum <= 0 {
		return Linear(p)
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// EqualPerKey is what Shapley's value of coverage gives one path: the same to each different key on it, and of that the same to
// each of its touches.
func EqualPerKey(p *Path) []float64 {
	keys := 0
	for _, t := range p.Touches {
		keys = max(keys, t.Key+1)
	}
	l := Learnt{Weight: make([]float64, keys), PerKey: true}
	for i := range l.Weight {
		l.Weight[i] = 1
	}
	return l.Shares(p)
}
