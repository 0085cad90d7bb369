package directory

import (
	"cmp"
	"fmt"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core"
)

type poolText struct {
	ID string `yaml:"id"`
	// Each a rep's id, or {rep, weight}.
	Reps     []any               `yaml:"reps"`
	Needs    *needsText          `yaml:"needs"`
	Exclude  []exclusionText     `yaml:"exclude"`
	Capacity any                 `yaml:"capacity"`
	Calendar string              `yaml:"calendar"`
	TimeZone string              `yaml:"time_zone"`
	Hours    map[string][]string `yaml:"hours"`
	Holidays []string            `yaml:"holidays"`
	Overflow *overflowText       `yaml:"overflow"`
}

type overflowText struct {
	After string `yaml:"after"`
	Pool  string `yaml:"pool"`
	Rep   string `yaml:"rep"`
}

type exclusionText struct {
	Rep     string  `yaml:"rep"`
	Account string  `yaml:"account"`
	When    *string `yaml:"when"`
}

func (b *builder) pools(list []poolText) {
	b.poolIDs = ids{}
	for i, p := range list {
		path := at("pools", i)
		b.take(b.poolIDs, path, p.ID)
		pool := core.Pool{ID: p.ID, Needs: b.needs(path+".needs", p.Needs), Exclude: b.exclusions(path+".exclude", p.Exclude)}
		b.members(path, p.Reps, &pool)
		pool.Capacities, _ = b.capacity(path+".capacity", p.Capacity, false)
		if p.Calendar != "" || p.TimeZone != "" || len(p.Hours) > 0 || len(p.Holidays) > 0 {
			c := b.calendar(path, b.onShared(path, repText{Calendar: p.Calendar, TimeZone: p.TimeZone, Hours: p.Hours, Holidays: p.Holidays}))
			pool.Hours = &c
		}
		b.dir.Pools = append(b.dir.Pools, pool)
	}
	for i, p := range list {
		b.dir.Pools[i].Overflow = b.overflow(at("pools", i)+".overflow", p.Overflow)
	}
	b.overflowLoops()
}

// members reads a pool's reps, with the weights that they have in it.
func (b *builder) members(path string, list []any, pool *core.Pool) {
	if len(list) == 0 {
		b.Fail(path+".reps", "is empty: a pool needs reps")
	}
	seen := ids{}
	for k, v := range list {
		where := at(path+".reps", k)
		id, weight, err := member(v)
		if err != nil {
			b.Fail(where, "%v", err)
			continue
		}
		b.known(b.repIDs, where, id, "rep")
		if seen.has(id) {
			b.Fail(where, "%q is in the pool twice", strictyaml.Clip(id))
		}
		seen[id] = struct{}{}
		pool.Reps = append(pool.Reps, id)
		if weight == "" {
			continue
		}
		w, ok := thousandths(weight)
		if !ok {
			b.Fail(where+".weight", "must be from 0.001 to 1000, with at most three digits behind the point")
		}
		if pool.Weights == nil {
			pool.Weights = map[string]int64{}
		}
		pool.Weights[id] = w
	}
}

func member(v any) (id, weight string, err error) {
	shape := fmt.Errorf("must be a rep's id, or {rep: ID, weight: 2}")
	m, many := v.(map[string]any)
	if !many {
		if id = scalar(v); id == "" {
			return "", "", shape
		}
		return id, "", nil
	}
	for field, value := range m {
		switch field {
		case "rep":
			id = scalar(value)
		case "weight":
			weight = fmt.Sprint(value)
		default:
			return "", "", fmt.Errorf("%q is no part of a pool's member: it %w", strictyaml.Clip(field), shape)
		}
	}
	if id == "" {
		return "", "", shape
	}
	return id, weight, nil
}

// scalar gives a name that YAML may take for a number, "" for what is no name.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case uint64, int64, int:
		return fmt.Sprint(v)
	}
	return ""
}

// maxOverflow bounds how long a pool may wait before it overflows.
const maxOverflow = 30 * 24 * time.Hour

func (b *builder) overflow(path string, t *overflowText) *core.Overflow {
	if t == nil {
		return nil
	}
	after, err := time.ParseDuration(cmp.Or(t.After, "0"))
	if err != nil || after <= 0 || after > maxOverflow {
		b.Fail(path+".after", "must be a time such as 2h, at most 720h")
	}
	if (t.Pool == "") == (t.Rep == "") {
		b.Fail(path, "must name a pool or a rep, one of them")
	}
	b.known(b.poolIDs, path+".pool", t.Pool, "pool")
	b.known(b.repIDs, path+".rep", t.Rep, "rep")
	return &core.Overflow{After: after, Pool: t.Pool, Rep: t.Rep}
}

// overflowLoops finds pools that overflow into themselves, straight or by way of others.
func (b *builder) overflowLoops() {
	into := map[string]string{}
	for i := range b.dir.Pools {
		if o := b.dir.Pools[i].Overflow; o != nil {
			into[b.dir.Pools[i].ID] = o.Pool
		}
	}
	for i := range b.dir.Pools {
		id := b.dir.Pools[i].ID
		next := into[id]
		for range into {
			if next == id && id != "" {
				b.Fail(at("pools", i)+".overflow.pool", "comes back to %q: nobody would be found there who was not looked at already", strictyaml.Clip(id))
				break
			}
			next = into[next]
		}
	}
}

func (b *builder) exclusions(path string, list []exclusionText) (out []core.Exclusion) {
	for i, x := range list {
		where := at(path, i)
		if x.Rep == "" {
			b.Fail(where+".rep", "is missing: who is to be kept from it")
		}
		b.known(b.repIDs, where+".rep", x.Rep, "rep")
		if x.Account == "" && x.When == nil {
			b.Fail(where, "needs account or when: active: false takes somebody out altogether")
		}
		if x.Account != "" && !identity.Safe(x.Account) {
			b.Fail(where+".account", "must be an account's id")
		}
		out = append(out, core.Exclusion{Rep: x.Rep, Account: x.Account, When: b.condition(where+".when", x.When)})
	}
	return out
}
