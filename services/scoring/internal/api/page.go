package api

import (
	"context"
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/leadstore"
)

const (
	defaultPage = 50
	maxPage     = 500
)

func pageSize(asked int32) (int, error) {
	switch {
	case asked < 0 || asked > maxPage:
		return 0, invalid("page_size", "must be between 1 and "+strconv.Itoa(maxPage))
	case asked == 0:
		return defaultPage, nil
	}
	return int(asked), nil
}

func notFound(err error) bool { return status.Code(err) == codes.NotFound }

// page gives a page of an index, highest first, and the token of the next one, "" at the end.
func (s *Server) page(ctx context.Context, index, token string, size int) ([]leadstore.Scored, string, error) {
	last := leadstore.Scored{Score: math.Inf(1)}
	if token != "" {
		var ok bool
		if last, ok = readToken(index, token); !ok {
			return nil, "", invalid("page_token", "is not one that a page of this list ended with")
		}
	}
	// Members that share the last one's score come again: more are asked for until enough lie behind it.
	for limit := size + 1; ; limit *= 4 {
		found, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: index, Min: math.Inf(-1), Max: last.Score, Limit: limit})
		if err != nil {
			return nil, "", failed("read the list", err)
		}
		complete := len(found) < limit
		for len(found) > 0 && token != "" && found[0].Score == last.Score && found[0].Member >= last.Member {
			found = found[1:]
		}
		if len(found) > size {
			return found[:size], writeToken(index, found[size-1]), nil
		}
		if complete {
			return found, "", nil
		}
	}
}

func writeToken(index string, last leadstore.Scored) string {
	return base64.RawURLEncoding.EncodeToString([]byte(index + "\n" + strconv.FormatFloat(last.Score, 'g', -1, 64) + "\n" + last.Member))
}

func readToken(index, token string) (leadstore.Scored, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return leadstore.Scored{}, false
	}
	parts := strings.Split(string(raw), "\n")
	if len(parts) != 3 || parts[0] != index {
		return leadstore.Scored{}, false
	}
	score, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || math.IsNaN(score) {
		return leadstore.Scored{}, false
	}
	return leadstore.Scored{Member: parts[2], Score: score}, true
}
