package summary

import "fmt"

// Proposal is a change of the agreement that waits for an answer of both teams.
type Proposal struct {
	// ID is what it is answered by; Title says what would change, and Sentence why, with its numbers.
	ID, Title, Sentence string
}

const (
	// named is how many proposals are told.
	named = 5
	// sentence is how many characters of one's reason are told.
	sentence = 300
)

func (b *builder) proposals() ([]string, error) {
	if b.in.Unread {
		return []string{"What is proposed could not be read when this was written: baton proposals lists it."}, nil
	}
	n := len(b.in.Proposals)
	if n == 0 {
		return nil, nil
	}
	lines := []string{plural(n, "proposed change") + " of the agreement " + waits(n) + " for your answer."}
	for _, p := range b.in.Proposals[:min(n, named)] {
		line := cut(p.Title, 2*longest)
		if p.Sentence != "" {
			line += ": " + cut(p.Sentence, sentence)
		}
		lines = append(lines, line+" ("+short(p.ID)+")")
	}
	if n > named {
		lines = append(lines, fmt.Sprintf("And %d more: baton proposals lists all, and each can be backtested, proposed for signing or dismissed.", n-named))
	} else {
		lines = append(lines, "Each can be backtested, proposed for signing or dismissed: baton proposals.")
	}
	return lines, nil
}

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}
