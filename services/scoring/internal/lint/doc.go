// Package lint finds what is legal in an agreement but surely not meant: a rule that can never fire, a threshold that no
// lead could reach, two rules that count the same twice. It judges what the text says by itself, without any lead: what it
// reports is so, but it does not see everything.
package lint
