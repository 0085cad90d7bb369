// Package oneclick answers the links with which a rep accepts, rejects or reads a handoff out of a mail or a chat message. Whoever
// opens one sees what it is about and a button: mail scanners open every link, so opening one changes nothing. One that reads shows
// the brief as it stands, while the handoff is in the assignment that it was made for. Pressing the
// button is the rep's answer, which the journal decides like any other; a link that is used again, or that came too late, says
// how things stand.
package oneclick

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/links"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Answers takes what a rep answers; a feedbackv1.FeedbackServiceClient does.
type Answers interface {
	Accept(ctx context.Context, in *feedbackv1.DispositionRequest, opts ...grpc.CallOption) (*feedbackv1.DispositionResponse, error)
	Reject(ctx context.Context, in *feedbackv1.DispositionRequest, opts ...grpc.CallOption) (*feedbackv1.DispositionResponse, error)
}

// Handoffs tells how things stand; a routingv1.RoutingServiceClient does.
type Handoffs interface {
	GetHandoff(ctx context.Context, in *routingv1.GetHandoffRequest, opts ...grpc.CallOption) (*routingv1.Handoff, error)
	GetBrief(ctx context.Context, in *routingv1.GetHandoffRequest, opts ...grpc.CallOption) (*routingv1.Payload, error)
	GetBriefPage(ctx context.Context, in *routingv1.GetHandoffRequest, opts ...grpc.CallOption) (*httpbody.HttpBody, error)
	ListReasons(ctx context.Context, in *routingv1.ListReasonsRequest, opts ...grpc.CallOption) (*routingv1.Reasons, error)
}

// Options of New. All are needed.
type Options struct {
	Signer   *links.Signer
	Answers  Answers
	Handoffs Handoffs
	Now      func() time.Time
	Log      *slog.Logger
}

// Handler serves links.Path.
type Handler struct {
	opt   Options
	look  *look
	limit limiter
}

// New gives a handler.
func New(opt Options) (*Handler, error) {
	l, err := newLook()
	if err != nil {
		return nil, err
	}
	return &Handler{opt: opt, look: l}, nil
}

const (
	// maxForm is what a form may have, in bytes: a note of 4,000 bytes, percent-encoded.
	maxForm = 16 << 10
	// within is how long the services may take.
	within = 10 * time.Second
	// readable is how long the brief may be read after the handoff was accepted here.
	readable = 30 * 24 * time.Hour
)

// ServeHTTP shows a link (GET), or does what it says (POST).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.limit.allow(r.RemoteAddr) {
		w.Header().Set("Retry-After", "1")
		h.say(w, http.StatusTooManyRequests, "Too many requests", "Please try again in a moment.")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		h.say(w, http.StatusMethodNotAllowed, "This link cannot be used like that", "Open it in a browser.")
		return
	}
	l, err := h.opt.Signer.Open(strings.TrimPrefix(r.URL.Path, links.Path), h.opt.Now())
	switch {
	case errors.Is(err, links.ErrExpired):
		h.say(w, http.StatusGone, "This link has expired", "The handoff may still wait for you: look into your inbox.")
		return
	case err != nil:
		h.say(w, http.StatusNotFound, "This link is not valid", "It may have been cut by the mail program: copy the whole address.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	on, err := h.opt.Handoffs.GetHandoff(ctx, &routingv1.GetHandoffRequest{Id: l.Handoff})
	if err != nil {
		h.failed(ctx, w, err)
		return
	}
	if l.Action == links.Read {
		h.read(ctx, w, r, l, on)
		return
	}
	if p := settled(l, on); p != nil {
		code := http.StatusOK
		if r.Method == http.MethodPost && !answeredAlready(l, on) {
			code = http.StatusConflict
		}
		h.look.write(w, code, p)
		return
	}
	if r.Method == http.MethodPost {
		h.act(ctx, w, r, l, on)
		return
	}
	h.ask(ctx, w, http.StatusOK, l, on, &page{})
}

// read shows the brief.
func (h *Handler) read(ctx context.Context, w http.ResponseWriter, r *http.Request, l links.Link, on *routingv1.Handoff) {
	if r.Method == http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD")
		h.say(w, http.StatusMethodNotAllowed, "This link cannot be used like that", "Open it in a browser.")
		return
	}
	if on.GetOwner().GetId() != l.Rep || int(on.GetAttempt()) != l.Attempt {
		h.look.write(w, http.StatusGone, settled(l, on))
		return
	}
	page, err := h.opt.Handoffs.GetBriefPage(ctx, &routingv1.GetHandoffRequest{Id: l.Handoff})
	if err != nil {
		h.failed(ctx, w, err)
		return
	}
	// The page brings its styles on its elements, and nothing else.
	private(w.Header(), page.GetContentType(), "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	_, _ = w.Write(page.GetData())
}

// ask shows what the link does, with the button that does it. p may hold what was sent already.
func (h *Handler) ask(ctx context.Context, w http.ResponseWriter, code int, l links.Link, on *routingv1.Handoff, p *page) {
	p.Facts = factsOf(on)
	switch l.Action {
	case links.Accept:
		p.Title, p.Button = "Accept this handoff?", "Accept"
	default:
		p.Title, p.Button = "Reject this handoff?", "Reject"
		known, err := h.opt.Handoffs.ListReasons(ctx, &routingv1.ListReasonsRequest{})
		if err != nil {
			h.failed(ctx, w, err)
			return
		}
		p.Reasons = options(known)
	}
	h.look.write(w, code, p)
}

func options(known *routingv1.Reasons) (out []reason) {
	for _, r := range known.GetReject() {
		out = append(out, reason{r.GetId(), r.GetLeadsTo()})
		for _, sub := range r.GetSub() {
			out = append(out, reason{r.GetId() + "/" + sub, r.GetLeadsTo()})
		}
	}
	return out
}

// act answers for the rep.
func (h *Handler) act(ctx context.Context, w http.ResponseWriter, r *http.Request, l links.Link, on *routingv1.Handoff) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.say(w, http.StatusBadRequest, "The form cannot be read", "Go back and try again.")
		return
	}
	attempt := int32(l.Attempt)
	req := &feedbackv1.DispositionRequest{
		Id: l.Handoff, Rep: l.Rep, Attempt: &attempt, RequestId: l.RequestID, Note: strings.TrimSpace(r.PostForm.Get("note")),
	}
	sent := &page{Note: req.GetNote(), Reason: r.PostForm.Get("reason")}
	answer := h.opt.Answers.Accept
	if l.Action == links.Reject {
		answer = h.opt.Answers.Reject
		if sent.Reason == "" {
			sent.Problem = "Choose a reason: it is what marketing learns from."
			h.ask(ctx, w, http.StatusBadRequest, l, on, sent)
			return
		}
		// A reason that the agreement does not know must not use up the link; of two that it knows the journal takes the first.
		sum := sha256.Sum256([]byte(sent.Reason))
		req.Reason, req.RequestId = sent.Reason, l.RequestID+"-"+hex.EncodeToString(sum[:4])
	}
	resp, err := answer(ctx, req)
	switch status.Code(err) {
	case codes.OK:
	case codes.InvalidArgument:
		sent.Problem = "That was not taken: " + status.Convert(err).Message()
		h.ask(ctx, w, http.StatusBadRequest, l, on, sent)
		return
	case codes.FailedPrecondition:
		h.late(ctx, w, l, err)
		return
	default:
		h.failed(ctx, w, err)
		return
	}
	if resp.GetStatus() != "done" {
		h.say(w, http.StatusAccepted, "Your answer was taken", "What became of it is not known yet. Open this link again in a moment.")
		return
	}
	h.done(ctx, w, l, resp)
}

// late tells a rep whose answer came too late how things stand by now.
func (h *Handler) late(ctx context.Context, w http.ResponseWriter, l links.Link, refused error) {
	if on, err := h.opt.Handoffs.GetHandoff(ctx, &routingv1.GetHandoffRequest{Id: l.Handoff}); err == nil {
		if p := settled(l, on); p != nil {
			h.look.write(w, http.StatusConflict, p)
			return
		}
	}
	_, why, _ := strings.Cut(status.Convert(refused).Message(), ": ")
	h.say(w, http.StatusConflict, "That came too late", "Nothing was changed: "+why+".")
}

// done shows what was done; after an acceptance, what the rep needs next.
func (h *Handler) done(ctx context.Context, w http.ResponseWriter, l links.Link, resp *feedbackv1.DispositionResponse) {
	if l.Action == links.Reject {
		h.say(w, http.StatusOK, "Rejected", "The lead is "+resp.GetStage()+" now. Thank you: marketing learns from the reason.")
		return
	}
	p := &page{Title: "It is yours"}
	if token, err := h.opt.Signer.Make(l.Handoff, l.Rep, l.Attempt, links.Read, h.opt.Now().Add(readable)); err == nil {
		p.Brief = links.Path + token
	}
	after := &routingv1.GetHandoffRequest{Id: l.Handoff, After: resp.GetSequence()}
	if on, err := h.opt.Handoffs.GetHandoff(ctx, after); err == nil {
		p.Facts = factsOf(on)
	}
	if b, err := h.opt.Handoffs.GetBrief(ctx, after); err == nil {
		p.Lines = b.GetBrief().GetWhyNow()
	}
	h.look.write(w, http.StatusOK, p)
}

// failed tells that a service did not answer as it should. What it said is for the log: it may be about others.
func (h *Handler) failed(ctx context.Context, w http.ResponseWriter, err error) {
	if status.Code(err) == codes.NotFound {
		h.say(w, http.StatusNotFound, "There is no such handoff any more", "Its lead may have been erased.")
		return
	}
	h.opt.Log.WarnContext(ctx, "a one-click link could not be answered", "code", status.Code(err).String())
	w.Header().Set("Retry-After", "2")
	h.say(w, http.StatusServiceUnavailable, "Baton cannot answer at the moment", "Nothing was changed that you were not told of. Please try again in a moment.")
}

func (h *Handler) say(w http.ResponseWriter, code int, title string, lines ...string) {
	h.look.write(w, code, &page{Title: title, Lines: lines})
}

// answeredAlready reports whether the handoff is where this very link would have brought it.
func answeredAlready(l links.Link, on *routingv1.Handoff) bool {
	if on.GetOwner().GetId() != l.Rep || int(on.GetAttempt()) != l.Attempt {
		return false
	}
	switch l.Action {
	case links.Accept:
		return on.GetAcceptedAt() != nil
	default:
		return lastAnswer(on) == "rejected"
	}
}

// lastAnswer gives what the latest line of the history says.
func lastAnswer(on *routingv1.Handoff) string {
	if n := len(on.GetHistory()); n > 0 {
		return on.GetHistory()[n-1].GetWhat()
	}
	return ""
}

// settled gives the page that tells how things stand where there is nothing left for the link to do; nil where there is.
func settled(l links.Link, on *routingv1.Handoff) *page {
	p := &page{Title: "There is nothing left to do here"}
	switch owner := on.GetOwner(); {
	case owner.GetId() != l.Rep && on.GetStage() == "waiting":
		p.Lines = []string{"The handoff was taken back and waits for somebody who is free."}
	case owner.GetId() != l.Rep:
		p.Lines = []string{name(owner) + " has this handoff now."}
	case int(on.GetAttempt()) != l.Attempt:
		p.Lines = []string{"The handoff was assigned to you anew since: use the link in the newer message."}
	case on.GetStage() == "routed":
		return nil
	case lastAnswer(on) == "rejected":
		p.Lines = []string{"You rejected it already" + at(on.GetHistory()[len(on.GetHistory())-1].GetAt()) + ", because of " + on.GetReason() + "."}
	case on.GetStage() == "accepted" || on.GetStage() == "sql":
		p.Facts = factsOf(on)
		p.Lines = []string{"You accepted it already" + at(on.GetAcceptedAt()) + "."}
	default:
		p.Lines = []string{"The handoff is over: " + on.GetStage() + "."}
	}
	return p
}

func name(o *routingv1.Owner) string {
	if o.GetName() != "" {
		return o.GetName()
	}
	return o.GetId()
}

func at(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return ", on " + clock(t)
}

func clock(t *timestamppb.Timestamp) string {
	return t.AsTime().UTC().Format("2 January 2006 at 15:04 UTC")
}

func factsOf(on *routingv1.Handoff) (out []fact) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	add("Lead", on.GetEmail())
	add("Company", on.GetAccount().GetName())
	if on.GetDueAt() != nil {
		add(map[string]string{"accept": "Accept by", "contact": "Contact by"}[on.GetDueClock()], clock(on.GetDueAt()))
	}
	return out
}
