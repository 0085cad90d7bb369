package attribution

import (
	"fmt"
	"math"
	"time"
)

// TimeDecay gives each touch 2^(−Δt/h), Δt being how long before the end it was and h the half-life, over the sum of all: one that
// is a half-life older counts half as much. A touch behind the end counts as at the end.
func TimeDecay(halfLife time.Duration) (Rule, error) {
	if halfLife <= 0 {
		return nil, fmt.Errorf("%w: the half-life must be above 0", ErrModel)
	}
	h := float64(halfLife) / float64(time.Millisecond)
	return func(p *Path) []float64 {
		w := make([]float64, len(p.Touches))
		if len(w) == 0 {
			return w
		}
		// Ages are counted from the youngest touch: a common factor changes nothing, and the youngest counts 1 however old it is.
		youngest := math.Inf(1)
		for i, t := range p.Touches {
			w[i] = float64(max(0, p.End-t.At))
			youngest = min(youngest, w[i])
		}
		sum := 0.0
		for i := range w {
			w[i] = math.Exp2(-(w[i] - youngest) / h)
			sum += w[i]
		}
		for i := range w {
			w[i] /= sum
		}
		return w
	}, nil
}
