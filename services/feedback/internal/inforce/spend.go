package inforce

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
)

// spendText is a directory of which what things cost is looked at alone.
type spendText struct {
	Teams     any            `yaml:"teams"`
	Reps      any            `yaml:"reps"`
	Pools     any            `yaml:"pools"`
	Routes    any            `yaml:"routes"`
	Accounts  any            `yaml:"accounts"`
	Assets    any            `yaml:"assets"`
	Personas  any            `yaml:"personas"`
	Campaigns []campaignText `yaml:"campaigns"`
	Costs     []costText     `yaml:"costs"`
}

type campaignText struct {
	ID      string     `yaml:"id"`
	Name    any        `yaml:"name"`
	Channel string     `yaml:"channel"`
	Brief   any        `yaml:"brief"`
	Spend   []costText `yaml:"spend"`
}

// costText is a cost of a month: a campaign's, or one that is for no campaign, such as what a team of sales costs.
type costText struct {
	Month    string `yaml:"month"`
	Amount   string `yaml:"amount"`
	Currency string `yaml:"currency"`
	Kind     string `yaml:"kind"`
	Team     string `yaml:"team"`
}

// Spends gives what the directory in force says was spent; none before the first. The error is the journal's, or says why the directory
// cannot be read.
func (r *Reader) Spends(ctx context.Context) ([]metrics.Spend, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, err := r.globals.LastGlobal(ctx, kindDirectory)
	if err != nil {
		return nil, fmt.Errorf("read the directory in force: %w", err)
	}
	if last == nil || last.Seq == r.spendsAt {
		return r.spends, nil
	}
	spends, err := spendsOf(last.Body.GetDirectoryChanged().GetYaml())
	if err != nil {
		return nil, fmt.Errorf("read spend: %w", err)
	}
	r.spends, r.spendsAt = spends, last.Seq
	return spends, nil
}

func spendsOf(text []byte) ([]metrics.Spend, error) {
	var t spendText
	if _, err := directory.Read(text, &t); err != nil {
		return nil, err
	}
	var out []metrics.Spend
	add := func(c *costText, s metrics.Spend) error {
		month, err := time.Parse("2006-01", c.Month)
		if err != nil {
			return fmt.Errorf("month %q is not one such as 2026-11", c.Month)
		}
		if s.Amount, err = micros(c.Amount); err != nil {
			return err
		}
		s.Month, s.Currency = month.UnixMilli(), c.Currency
		out = append(out, s)
		return nil
	}
	for i := range t.Campaigns {
		c := &t.Campaigns[i]
		for k := range c.Spend {
			if err := add(&c.Spend[k], metrics.Spend{Campaign: c.ID, Channel: c.Channel, Kind: "marketing"}); err != nil {
				return nil, fmt.Errorf("campaigns[%d].spend[%d]: %w", i, k, err)
			}
		}
	}
	for i := range t.Costs {
		if err := add(&t.Costs[i], metrics.Spend{Team: t.Costs[i].Team, Kind: t.Costs[i].Kind}); err != nil {
			return nil, fmt.Errorf("costs[%d]: %w", i, err)
		}
	}
	return out, nil
}

// micros reads a decimal number with at most six places as millionths.
func micros(s string) (int64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > 6 || strings.ContainsAny(s, "+-eE_") {
		return 0, fmt.Errorf("amount %q is not a decimal number such as 12000.50", s)
	}
	units, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || units > math.MaxInt64/1_000_000-1 {
		return 0, fmt.Errorf("amount %q is not a decimal number such as 12000.50, below 9 million million", s)
	}
	millionths := int64(0)
	if part != "" {
		if millionths, err = strconv.ParseInt((part + "000000")[:6], 10, 64); err != nil {
			return 0, fmt.Errorf("amount %q is not a decimal number such as 12000.50", s)
		}
	}
	return units*1_000_000 + millionths, nil
}
