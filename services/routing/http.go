package routing

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/server"
)

// HTTPStatus gives the HTTP status of an answer where it is not 200, for the JSON gateway: a request whose outcome is not yet
// known is 202. 0 for everything else.
func HTTPStatus(m proto.Message) int {
	if r, ok := m.(*routingv1.ClockResponse); ok && r.GetStatus() == server.StatusPending {
		return http.StatusAccepted
	}
	return 0
}
