package edge

import (
	"net/http"
	"strconv"
	"strings"
)

// What a request may be before its source is looked at. The server bounds the bytes of the whole header (32 KB); these are
// what no sender comes near, and what a stranger could make expensive.
const (
	maxURL    = 8 << 10
	maxQuery  = 4 << 10
	maxParams = 64
	maxHeader = 128 // lines
)

// oversized refuses a request whose address or header is beyond all measure; nil for others.
func oversized(r *http.Request) *refusal {
	long := func(what string, limit int) *refusal {
		return refuse(http.StatusRequestURITooLong, "url_too_long", what+" has more than "+strconv.Itoa(limit)+" bytes")
	}
	switch query := r.URL.RawQuery; {
	case len(r.RequestURI) > maxURL || len(r.URL.Path) > maxURL:
		return long("the address", maxURL)
	case len(query) > maxQuery:
		return long("the query", maxQuery)
	case strings.Count(query, "&") >= maxParams:
		return refuse(http.StatusRequestURITooLong, "url_too_long", "the query has more than "+strconv.Itoa(maxParams)+" parameters")
	}
	lines := 0
	for _, values := range r.Header {
		lines += len(values)
	}
	if lines > maxHeader {
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "the header has more than "+strconv.Itoa(maxHeader)+" lines")
	}
	return nil
}
