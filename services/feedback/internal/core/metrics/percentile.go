package metrics

import (
	"math/bits"
	"slices"
	"sort"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Percentiles are those of durations, in the unit that the field's name says. Without any, all are 0 and Count is.
type Percentiles struct {
	Count                      int
	P25, Median, P75, P90, P95 float64
	Mean                       float64
	MedianLow, MedianHigh      float64
	HasInterval                bool
}

// The units of durations.
const (
	inHours = float64(60 * 60 * 1000)
	inDays  = float64(dayMillis)
)

// percentiles of values in no order, in one or more pieces.
func percentiles(unit float64, values ...[]table.Time) Percentiles {
	n := lengths(values)
	out := Percentiles{Count: n}
	if n == 0 {
		return out
	}
	out.Mean = total(values) / float64(n) / unit
	shares := [...]float64{0.25, 0.5, 0.75, 0.9, 0.95}
	ranks := make([]int, 0, 2*len(shares)+2)
	for _, q := range shares {
		i := int(q * float64(n-1))
		ranks = append(ranks, i, min(i+1, n-1))
	}
	low, high, ok := stats.QuantileRanks(n, 0.5, 0.95)
	if ok {
		ranks = append(ranks, low-1, high-1)
	}
	at := choose(values, ranks)
	var got [len(shares)]float64
	for k, q := range shares {
		x := q * float64(n-1)
		f := x - float64(int(x))
		a, b := float64(at[2*k]), float64(at[2*k+1])
		got[k] = (a + f*(b-a)) / unit
	}
	out.P25, out.Median, out.P75, out.P90, out.P95 = got[0], got[1], got[2], got[3], got[4]
	if ok {
		out.HasInterval, out.MedianLow, out.MedianHigh = true, float64(at[2*len(shares)])/unit, float64(at[2*len(shares)+1])/unit
	}
	return out
}

func lengths(values [][]table.Time) (n int) {
	for _, piece := range values {
		n += len(piece)
	}
	return n
}

// total adds up values that are not negative, in whole numbers: in any order it is the same.
func total(values [][]table.Time) float64 {
	var high, low, carry uint64
	for _, piece := range values {
		for _, v := range piece {
			low, carry = bits.Add64(low, uint64(v), 0)
			high += carry
		}
	}
	return float64(high)*(1<<64) + float64(low)
}

// quantile gives one quantile of values in no order, 0 of none.
func quantile(values [][]table.Time, q float64) float64 {
	n := lengths(values)
	if n == 0 {
		return 0
	}
	x := q * float64(n-1)
	i := int(x)
	at := choose(values, []int{i, min(i+1, n-1)})
	return float64(at[0]) + (x-float64(i))*float64(at[1]-at[0])
}

// sortBelow: so few are sorted at once.
const sortBelow = 4096

// choose gives the values at the ranks (from 0) that they would have in order. Of many, only those that share a bucket of the
// logarithm with one that is asked for are sorted: a million take two passes. Values are not negative.
func choose(values [][]table.Time, ranks []int) []table.Time {
	out := make([]table.Time, len(ranks))
	if lengths(values) < sortBelow {
		all := slices.Concat(values...)
		slices.Sort(all)
		for i, r := range ranks {
			out[i] = all[r]
		}
		return out
	}
	starts := new([buckets + 1]int32) // first how many are in each bucket, in the place behind it
	for _, piece := range values {
		for _, v := range piece {
			starts[bucket(v)+1]++
		}
	}
	for b := range buckets {
		starts[b+1] += starts[b]
	}
	wanted := new([buckets]uint8) // the number of the bucket among those wanted, from 1
	var lists [][]table.Time
	home := make([]int, len(ranks))
	for i, r := range ranks {
		// The last bucket that begins at or before the rank has it: those behind that begin there as well are empty.
		b := sort.Search(buckets, func(b int) bool { return int(starts[b+1]) > r })
		if wanted[b] == 0 {
			lists = append(lists, make([]table.Time, 0, starts[b+1]-starts[b]))
			wanted[b] = uint8(len(lists))
		}
		home[i] = b
	}
	for _, piece := range values {
		for _, v := range piece {
			if k := wanted[bucket(v)]; k != 0 {
				lists[k-1] = append(lists[k-1], v)
			}
		}
	}
	for _, l := range lists {
		slices.Sort(l)
	}
	for i, r := range ranks {
		out[i] = lists[wanted[home[i]]-1][r-int(starts[home[i]])]
	}
	return out
}

// finer is how many steps a power of two has, as a power of two.
const finer = 8

// bucket gives a value's bucket: its power of two, in 256 steps. Larger values are in later buckets.
func bucket(v table.Time) int {
	u := uint64(max(v, 0))
	shift := max(0, bits.Len64(u)-finer-1)
	return shift<<finer + int(u>>shift)
}

const buckets = (64-finer-1)<<finer + 1<<(finer+1)
