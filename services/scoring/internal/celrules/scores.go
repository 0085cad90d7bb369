package celrules

import (
	"fmt"
	"maps"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// For gives a compiler whose expressions know the scores that an agreement has beside the main one: scores.ID. Any other
// name behind scores does not compile.
func (c *Compiler) For(a *agreement.Agreement) (*Compiler, error) {
	if len(a.Scores) == 0 {
		return c, nil
	}
	out := *c
	o := *c.objects
	o.scores = scoresType(a.Scores)
	p := &provider{c.provider.Registry, maps.Clone(c.provider.objects)}
	p.objects[o.scores.typ.TypeName()] = o.scores
	out.objects, out.provider = &o, p
	var err error
	if out.events, err = c.events.Extend(cel.CustomTypeProvider(p), cel.Variable("scores", o.scores.typ)); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return &out, nil
}

// scoresType is what the lead is worth by the scores beside the main one.
func scoresType(scores []agreement.Score) *objectType {
	t := &objectType{name: "scores", typ: types.NewObjectType("baton.Scores"), members: map[string]member{}}
	for _, s := range scores {
		t.members[s.ID] = member{types.DoubleType, func(v *core.View) ref.Val { return types.Double(v.Score(s.ID).Points()) }}
	}
	return t
}
