package app

import (
	"context"
	"fmt"
	"net/http"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/feedback"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/routing"
	"github.com/batonhq/baton/services/scoring"
)

// buildServices puts together the target's services; it starts none.
func (p *process) buildServices(context.Context) error {
	if p.opt.Target.runs(Scoring) {
		s, err := scoring.New(p.cfg.scoring(), scoring.Deps{
			Journal: p.journal, Store: p.store, Log: p.log, Metrics: p.metrics, Tracer: p.tracing.Provider.Tracer("baton/scoring"),
		})
		if err := p.add(Scoring, s, err); err != nil {
			return err
		}
	}
	if p.opt.Target.runs(Routing) {
		leads, err := p.leads()
		if err != nil {
			return err
		}
		s, err := routing.New(p.cfg.routing(), routing.Deps{
			Journal: p.journal, Store: p.store, Leads: leads, Caller: caller, Role: callerRole, ActsFor: actsFor, Log: p.log, Metrics: p.metrics,
			Tracer: p.tracing.Provider.Tracer("baton/routing"),
		})
		if err := p.add(Routing, s, err); err != nil {
			return err
		}
		p.destinations = s
	}
	if p.opt.Target.runs(Feedback) {
		handoffs, err := p.handoffs()
		if err != nil {
			return err
		}
		agreements, err := p.agreements()
		if err != nil {
			return err
		}
		s, err := feedback.New(p.cfg.Feedback, feedback.Deps{
			Agreements: agreements,
			Journal:    p.journal, Store: p.store, Caller: caller, Role: callerRole, Handoffs: handoffs, Log: p.log, Metrics: p.metrics, Tracer: p.tracing.Provider.Tracer("baton/feedback"),
		})
		if err := p.add(Feedback, s, err); err != nil {
			return err
		}
	}
	if p.opt.Target.runs(Ingest) {
		s, err := ingest.New(p.cfg.ingest(), ingest.Deps{
			Journal: p.journal, Log: p.log, Metrics: p.metrics, Tracer: p.tracing.Provider.Tracer("baton/ingest"),
		})
		if err := p.add(Ingest, s, err); err != nil {
			return err
		}
		p.ingest, p.sources = s.Handler(), s
		handler := s.RefusalsHandler()
		p.refusals.handler.Store(&handler)
	}
	return nil
}

func (p *process) add(t Target, s service, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	p.services = append(p.services, namedService{name: string(t), service: s})
	return nil
}

// TrySource finds out what would become of a saved request to a source. See ingest.Try.
func TrySource(c *Config, source string, r *http.Request, body []byte, opt ingest.TryOptions) (*ingest.Trial, error) {
	return ingest.Try(c.ingest(), source, r, body, opt)
}

// DescribeSources describes the configured sources. See ingest.Describe.
func DescribeSources(c *Config) ([]ingest.SourceInfo, error) { return ingest.Describe(c.ingest()) }

// ingest gives ingest's configuration, with what stands at the top of the file.
func (c *Config) ingest() ingest.Config {
	i := c.Ingest
	i.Sources, i.CORSOrigins, i.PublicURL = c.Sources, c.HTTP.CORSOrigins, c.HTTP.PublicURL
	return i
}

// scoring gives scoring's configuration, with what stands at the top of the file.
func (c *Config) scoring() scoring.Config {
	s := c.Scoring
	s.Agreement = c.Agreement.String()
	return s
}

// routing gives routing's configuration, with what stands at the top of the file.
func (c *Config) routing() routing.Config {
	r := c.Routing
	r.Directory, r.Destinations, r.Outbound = c.Directory, c.Destinations, c.Outbound
	r.PublicURL = c.HTTP.PublicURL
	r.AllowLoopback = c.NATS.URL.IsZero() // the engines are within the process: it is one machine's
	return r
}

// leads gives routing its way to scoring, which it asks about a lead's colleagues; nil where it was not told the way.
func (p *process) leads() (leadv1.LeadContextServiceClient, error) {
	addr := p.peer(Scoring, p.cfg.Peers.Scoring)
	if addr == "" {
		p.log.Warn("peers.scoring is not set: briefs will name no colleagues")
		return nil, nil
	}
	conn, err := p.dial(addr, p.cfg.InternalToken.Reveal())
	if err != nil {
		return nil, err
	}
	return leadv1.NewLeadContextServiceClient(conn), nil
}

// handoffs gives feedback its way to routing, which it asks for what a bulk request selects; nil where it was not told the way.
func (p *process) handoffs() (routingv1.RoutingServiceClient, error) {
	addr := p.peer(Routing, p.cfg.Peers.Routing)
	if addr == "" {
		p.log.Warn("peers.routing is not set: bulk answers must name their handoffs")
		return nil, nil
	}
	conn, err := p.dial(addr, p.cfg.InternalToken.Reveal())
	if err != nil {
		return nil, err
	}
	return routingv1.NewRoutingServiceClient(conn), nil
}

// agreements gives feedback its way to scoring, whose agreement it proposes to change; nil where it was not told the way.
func (p *process) agreements() (agreementv1.AgreementServiceClient, error) {
	addr := p.peer(Scoring, p.cfg.Peers.Scoring)
	if addr == "" {
		p.log.Warn("peers.scoring is not set: there will be no proposals to change the agreement")
		return nil, nil
	}
	conn, err := p.dial(addr, p.cfg.InternalToken.Reveal())
	if err != nil {
		return nil, err
	}
	return agreementv1.NewAgreementServiceClient(conn), nil
}

// validateServices checks the services' own settings.
func (c *Config) validateServices(t Target) []error {
	var errs []error
	if t.runs(Ingest) {
		errs = append(errs, c.ingest().Validate())
	}
	if t.runs(Scoring) {
		errs = append(errs, c.scoring().Validate())
	}
	if t.runs(Routing) {
		errs = append(errs, c.routing().Validate())
	}
	if t.runs(Feedback) {
		if err := c.Feedback.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("feedback: %w", err))
		}
	}
	return errs
}

// SourceTypes lists what the type of a source can be.
func SourceTypes() []string { return ingest.SourceTypes() }

// GuideTo gives what somebody who connects a sender of a type has to know. See ingest.Guide.
func GuideTo(kind string) (ingest.Guide, bool) { return ingest.GuideTo(kind) }

// CheckSource verifies one source by itself.
func CheckSource(s ingest.Source) error {
	c := DefaultConfig()
	c.Sources = []ingest.Source{s}
	return c.ingest().Validate()
}

// openSources names the sources that anybody could send to.
func (c *Config) openSources() []string {
	var open []string
	for _, s := range c.Sources {
		if len(s.Secrets) == 0 && s.WriteKey.IsZero() && s.Poll == nil {
			open = append(open, s.Name)
		}
	}
	return open
}

// SourceSecret gives the newest secret of a source, "" where it has none; ok is false where there is no such source.
func (c *Config) SourceSecret(name string) (secret string, ok bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			if len(s.Secrets) > 0 {
				secret = s.Secrets[0].Reveal()
			}
			return secret, true
		}
	}
	return "", false
}
