package lint

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/services/scoring/internal/celrules"
)

// goal asks for an expression's outcome: that it gives want, or (loose) that it does not give the reverse, which it also
// does not where it cannot be evaluated.
type goal struct {
	expr        *celrules.Expr
	want, loose bool
}

func holds(e *celrules.Expr) goal { return goal{expr: e, want: true} }
func fails(e *celrules.Expr) goal { return goal{expr: e, loose: true} } // false, or not to be evaluated

// maxAsked is how many comparisons of one term a conflict remembers: the first ones, and the last.
const maxAsked = 8

// solver finds goals that contradict each other. It is sound rather than complete: what it calls impossible is, but of what
// is impossible it sees only what single terms show. Its cost is linear in the size of the expressions, but for terms
// compared with lists.
type solver struct {
	// base are the values that a term can have at all; a term that is not listed can have any.
	base map[string]domain
	now  map[string]domain
	// asked is what was asked of each term so far.
	asked map[string][]asking
	trail []step
	// dead are the alternatives that can never hold within a goal that can.
	dead []deadPart
	// steps counts the work done.
	steps int
}

type asking struct {
	goal
	constraint *constraint
}

type step struct {
	term  string
	old   domain
	known bool
}

// conflict is a term from which its askings leave no value.
type conflict struct {
	term  string
	base  domain
	bound bool // base is not "anything"
	asked []asking
}

type deadPart struct {
	part goal
	why  *conflict
}

func newSolver(base map[string]domain) *solver {
	return &solver{base: base, now: map[string]domain{}, asked: map[string][]asking{}}
}

// check gives the reason why goals cannot all be met, nil where none is seen.
func (s *solver) check(goals ...goal) *conflict {
	mark := len(s.trail)
	s.dead = s.dead[:0]
	why := s.meet(goals)
	s.undo(mark)
	return why
}

func (s *solver) meet(goals []goal) *conflict {
	var choices []goal
	open := slices.Clone(goals)
	for slices.Reverse(open); len(open) > 0; {
		g := open[len(open)-1]
		open = open[:len(open)-1]
		s.steps++
		switch g.expr.Op {
		case "!":
			open = append(open, goal{g.expr.Args[0], !g.want, g.loose})
		case "&&", "||":
			if g.want != (g.expr.Op == "&&") {
				choices = append(choices, g)
				continue
			}
			for _, arg := range slices.Backward(g.expr.Args) {
				open = append(open, goal{arg, g.want, g.loose})
			}
		default:
			if why := s.ask(g); why != nil {
				return why
			}
		}
	}
	for _, g := range choices {
		if why := s.choose(g); why != nil {
			return why
		}
	}
	return nil
}

// choose tries the alternatives of a goal one by one.
func (s *solver) choose(g goal) *conflict {
	var dead []deadPart
	before := len(s.dead)
	for _, arg := range g.expr.Args {
		part := goal{arg, g.want, g.loose}
		mark, found := len(s.trail), len(s.dead)
		why := s.meet([]goal{part})
		s.undo(mark)
		if why != nil {
			s.dead = s.dead[:found]
			dead = append(dead, deadPart{part, why})
		}
	}
	if len(dead) == len(g.expr.Args) {
		s.dead = s.dead[:before]
		return dead[0].why
	}
	s.dead = append(s.dead, dead...)
	return nil
}

// ask narrows the term that a comparison looks at.
func (s *solver) ask(g goal) *conflict {
	if value, ok := g.expr.Value.(bool); ok && g.expr.Op == "literal" {
		if value != g.want {
			return &conflict{asked: []asking{{goal: g}}}
		}
		return nil
	}
	term, c := compared(g.expr)
	if g.loose && !always(term) {
		return nil
	}
	if !g.want {
		c = c.reverse()
	}
	old, known := s.now[term]
	d := old
	base, bound := s.base[term]
	if !known {
		d = base
	}
	s.steps += len(d.values) + len(c.values)
	s.trail = append(s.trail, step{term, old, known})
	s.now[term] = d.narrow(c)
	s.asked[term] = append(s.asked[term], asking{g, c})
	if s.now[term].empty() {
		asked := slices.Clone(s.asked[term][:min(len(s.asked[term]), maxAsked)])
		if last := len(s.asked[term]) - 1; last >= maxAsked {
			asked[maxAsked-1] = s.asked[term][last]
		}
		return &conflict{term: term, base: base, bound: bound, asked: asked}
	}
	return nil
}

func (s *solver) undo(mark int) {
	for len(s.trail) > mark {
		t := s.trail[len(s.trail)-1]
		s.trail = s.trail[:len(s.trail)-1]
		if t.known {
			s.now[t.term] = t.old
		} else {
			delete(s.now, t.term)
		}
		s.asked[t.term] = s.asked[t.term][:len(s.asked[t.term])-1]
	}
}

// always reports whether a term has a value with any event and lead, so that a comparison of it can always be evaluated.
func always(term string) bool {
	return term == "engagement" || term == "fit" || term == "grade" || term == "stage" || strings.HasPrefix(term, scorePrefix)
}

// compared reads a comparison of a term with literals. Anything else is a term of its own, asked to be true.
func compared(e *celrules.Expr) (term string, c *constraint) {
	if len(e.Args) == 2 {
		left, op, right := e.Args[0], e.Op, e.Args[1]
		if left.Op == "literal" && right.Op == "" && op != "in" {
			left, op, right = right, mirrored(op), left
		}
		number, isNumber := right.Value.(float64)
		switch {
		case left.Op != "":
		case op == "==" && right.Op == "literal":
			return left.Text, member("in", right.Value)
		case op == "!=" && right.Op == "literal":
			return left.Text, member("not in", right.Value)
		case op == "in" && right.Op == "list":
			values := make([]any, len(right.Args))
			for i, arg := range right.Args {
				values[i] = arg.Value
			}
			return left.Text, member("in", values...)
		case op != "==" && op != "!=" && op != "in" && right.Op == "literal" && isNumber:
			return left.Text, &constraint{op: op, bound: number}
		}
	}
	return key(e), member("in", true)
}

func mirrored(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

// reverse asks for what c does not allow. Of an order among numbers, that is the other numbers.
func (c *constraint) reverse() *constraint {
	r := *c
	r.op = map[string]string{"in": "not in", "not in": "in", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}[c.op]
	return &r
}

// key writes an expression so that those which say the same in another order or spelling are the same text.
func key(e *celrules.Expr) string {
	switch e.Op {
	case "":
		return e.Text
	case "literal":
		return written(e.Value)
	case "list":
		return "[" + strings.Join(keys(e.Args), ", ") + "]"
	case "&&", "||":
		return "(" + strings.Join(keys(e.Args), " "+e.Op+" ") + ")"
	case "!":
		return "!(" + key(e.Args[0]) + ")"
	}
	left, op, right := e.Args[0], e.Op, e.Args[1]
	if left.Op == "literal" && right.Op != "literal" && op != "in" {
		left, op, right = right, mirrored(op), left
	}
	return key(left) + " " + op + " " + key(right)
}

// keys gives the keys of expressions whose order has no meaning, each once.
func keys(list []*celrules.Expr) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = key(e)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// text writes a goal for people: as the expression said it, or reversed.
func (g goal) text() string {
	if g.want {
		return source(g.expr)
	}
	e := *g.expr
	switch op := map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}[e.Op]; {
	case op != "":
		e.Op = op
		return source(&e)
	case e.Op == "!":
		return source(e.Args[0])
	case e.Op == "":
		return "!" + source(&e)
	}
	return "!(" + source(&e) + ")"
}

// source writes an expression as its author would.
func source(e *celrules.Expr) string {
	parts := make([]string, len(e.Args))
	for i, arg := range e.Args {
		if parts[i] = source(arg); (e.Op == "&&" || e.Op == "!") && (arg.Op == "||" || e.Op == "!" && len(arg.Args) > 0) {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	switch e.Op {
	case "":
		return e.Text
	case "literal":
		return written(e.Value)
	case "list":
		return "[" + strings.Join(parts, ", ") + "]"
	case "!":
		return "!" + parts[0]
	}
	return strings.Join(parts, " "+e.Op+" ")
}
