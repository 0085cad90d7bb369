package app

import (
	"fmt"
	"net/http"
	"time"

	"github.com/batonhq/baton/pkg/links"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/internal/app/oneclick"
)

// oneClick gives what answers one-click links. A link is its own token: it asks the services in Baton's own name, for the rep
// whom it was made for.
func (p *process) oneClick() (http.Handler, error) {
	signer, err := links.New(p.journal.Key())
	if err != nil {
		return nil, err
	}
	opt := oneclick.Options{Signer: signer, Now: time.Now, Log: p.log}
	for _, peer := range []struct {
		name Target
		addr string
	}{{Routing, p.cfg.Peers.Routing}, {Feedback, p.cfg.Peers.Feedback}} {
		addr := p.peer(peer.name, peer.addr)
		if addr == "" {
			addr = reachable(p.listeners.grpc) // the gateway says that it is missing
		}
		conn, err := p.dial(addr, p.cfg.InternalToken.Reveal())
		if err != nil {
			return nil, err
		}
		if peer.name == Routing {
			opt.Handoffs = routingv1.NewRoutingServiceClient(conn)
		} else {
			opt.Answers = feedbackv1.NewFeedbackServiceClient(conn)
		}
	}
	h, err := oneclick.New(opt)
	if err != nil {
		return nil, fmt.Errorf("one-click links: %w", err)
	}
	return h, nil
}
