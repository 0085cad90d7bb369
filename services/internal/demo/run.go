package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/webhook"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

// demo is one run.
type demo struct {
	opt   options
	say   *progress
	week  *Week
	baton *process
	api   *client
	play  *player
	crm   *crm
	reps  *reps
	deals *webhook.Signer
}

// run plays the week and prints what became of it. It returns once everything is printed, or, where Baton is to be kept
// running, once ctx has ended; Baton has been stopped then.
func run(ctx context.Context, opt options) (err error) {
	if opt.binary, err = filepath.Abs(opt.binary); err != nil {
		return err
	}
	d := &demo{opt: opt, say: newProgress(opt.out, opt.terminal, time.Now), week: NewWeek(opt.seed, time.Now(), owners())}
	folder, remove, err := workingFolder(opt.data)
	if err != nil {
		return err
	}
	defer remove()
	stop, err := d.prepare(ctx, folder)
	if err != nil {
		return err
	}
	defer stop()

	d.say.doing("starting Baton")
	if err := d.baton.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.baton.stop()) }()
	d.say.done("Baton is up; %s made-up leads of %d companies begin their week", count(float64(len(d.week.Leads))), len(d.week.Companies))

	if err := d.playWeek(ctx); err != nil {
		return err
	}
	if err := d.closeDeals(ctx); err != nil {
		return err
	}
	if err := d.again(ctx); err != nil {
		return err
	}
	if err := d.report(ctx); err != nil {
		return err
	}
	if opt.keep {
		<-ctx.Done()
		fmt.Fprintln(opt.out, "\n Stopping.")
	}
	return nil
}

// workingFolder gives an empty folder, and what removes it again if it is a temporary one.
func workingFolder(path string) (string, func(), error) {
	if path == "" {
		dir, err := os.MkdirTemp("", "baton-demo-")
		if err != nil {
			return "", nil, fmt.Errorf("make a folder: %w", err)
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, fmt.Errorf("make the data folder: %w", err)
	}
	there, err := os.ReadDir(path)
	if err != nil {
		return "", nil, fmt.Errorf("look into the data folder: %w", err)
	}
	if len(there) > 0 {
		return "", nil, fmt.Errorf("--data-dir: %s is not empty: the same week, played into the same journal, is recognised and changes nothing", path)
	}
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", nil, err
	}
	return dir, func() {}, nil
}

// prepare makes everything but Baton itself, and gives what stops it.
func (d *demo) prepare(ctx context.Context, folder string) (stop func(), err error) {
	found, err := freePorts(ctx, 3)
	if err != nil {
		return nil, err
	}
	at := ports{HTTP: found[0], GRPC: found[1], Admin: found[2]}
	secret := newSecrets()
	d.api = newClient(at.HTTP)
	d.reps = newReps(ctx, d.api, d.week.Leads)
	if d.crm, err = newCRM(secret.CRM, time.Now, d.reps.take); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the CRM's port: %w", err)
	}
	server := &http.Server{Handler: d.crm, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // it ends by Close
	stop = func() { _ = server.Close() }

	config, err := newSettings(d.week, at, "http://"+l.Addr().String()+"/hook", secret).write(folder)
	if err == nil {
		d.play, d.deals, err = newPlayer(d.api, secret)
	}
	if err != nil {
		stop()
		return nil, err
	}
	d.baton = &process{binary: d.opt.binary, config: config, data: folder, ports: at}
	return stop, nil
}

func newPlayer(api *client, s secrets) (*player, *webhook.Signer, error) {
	p := &player{baton: api, writeKey: writeKey, now: time.Now, asked: map[string]time.Time{}}
	var deals *webhook.Signer
	for _, signer := range []struct {
		into   **webhook.Signer
		secret string
	}{{&p.nurture, s.Nurture}, {&p.webinars, s.Webinars}, {&deals, s.Deals}} {
		made, err := webhook.NewSigner([]string{signer.secret})
		if err != nil {
			return nil, nil, err
		}
		*signer.into = made
	}
	return p, deals, nil
}

// playWeek plays day after day; reps answer meanwhile.
func (d *demo) playWeek(ctx context.Context) error {
	for n := range days {
		name := d.week.From.AddDate(0, 0, n+1).Format("Mon 2 Jan") // it ends on
		d.say.doing("%s", name)
		before := d.play.posted.Load()
		if err := d.play.play(ctx, d.week.Day(n), d.opt.pace); err != nil {
			return fmt.Errorf("play %s: %w", name, err)
		}
		said, _, err := d.reps.outcome()
		if err != nil {
			return err
		}
		records, _, _ := d.crm.count()
		line := fmt.Sprintf("%-10s %6s events   so far %2d handed over, %2d accepted, %d rejected", name,
			count(float64(d.play.posted.Load()-before)), records, said["accept"], said["reject"])
		if n < days-1 && d.opt.terminal {
			d.say.doing("%s", line)
			continue
		}
		d.say.done("%s", line)
	}
	return d.settle(ctx)
}

// settleWithin is how long everything may take to come to rest.
const settleWithin = 30 * time.Second

// settle waits until Baton has read everything, the CRM has every handoff, and no rep has anything left to say.
func (d *demo) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleWithin, fmt.Errorf("not at rest after %v", settleWithin))
	defer cancel()
	d.say.doing("waiting for the last answers")
	for {
		var r scoringv1.Reconciliation
		if err := d.api.get(ctx, "reconciliation", &r); err != nil {
			return err
		}
		handoffs, err := d.api.handoffs(ctx)
		if err != nil {
			return err
		}
		_, done, err := d.reps.outcome()
		if err != nil {
			return err
		}
		assigned := 0
		for _, h := range handoffs {
			if h.GetRoutedAt() != nil {
				assigned++
			}
		}
		records, _, _ := d.crm.count()
		if r.GetPending() == 0 && records == assigned && done {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%w: %.0f events pending, %d of %d handoffs at the CRM: %w", context.Cause(ctx), r.GetPending(), records, assigned, err)
		}
	}
}

// closeDeals lets the CRM say what became of the opportunities.
func (d *demo) closeDeals(ctx context.Context) error {
	confirmed := d.reps.confirmed()
	var events []object
	for _, l := range d.week.Leads {
		if h, ok := confirmed[l.Email]; ok {
			events = append(events, dealEvents(l, h, time.Now())...)
		}
	}
	if len(events) > 0 {
		if err := d.play.post(ctx, "/webhooks/crm", events, len(events), d.play.signed(d.deals, "deals")); err != nil {
			return fmt.Errorf("report deals: %w", err)
		}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	said, _, _ := d.reps.outcome()
	d.say.done("sales took %d, rejected %d, recycled %d, confirmed %d; %s", said["accept"], said["reject"], said["recycle"],
		said["qualify"], plural(len(events), "fact about a deal", "facts about deals"))
	return nil
}

// state is what must not change when the same events come again.
type state struct {
	reconciliation scoringv1.Reconciliation
	funnel         feedbackv1.Funnel
	handoffs       int
	records        int
}

func (d *demo) state(ctx context.Context) (*state, error) {
	s := &state{}
	if err := d.api.get(ctx, "reconciliation", &s.reconciliation); err != nil {
		return nil, err
	}
	if err := d.api.get(ctx, "metrics/funnel", &s.funnel); err != nil {
		return nil, err
	}
	handoffs, err := d.api.handoffs(ctx)
	if err != nil {
		return nil, err
	}
	s.handoffs = len(handoffs)
	s.records, _, _ = d.crm.count()
	return s, nil
}

// again kills Baton without warning, starts it, and posts the whole last day once more: nothing may change.
func (d *demo) again(ctx context.Context) error {
	before, err := d.state(ctx)
	if err != nil {
		return err
	}
	d.say.doing("killing Baton, and starting it again")
	d.baton.kill()
	d.api.http.CloseIdleConnections()
	began := time.Now()
	if err := d.baton.start(ctx); err != nil {
		return fmt.Errorf("start Baton after kill -9: %w", err)
	}
	d.say.done("killed with kill -9, and back with everything after %s", seconds(time.Since(began)))
	last := d.week.Day(days - 1)
	d.say.doing("posting the last day's %d events once more", len(last))
	if err := d.play.play(ctx, last, 0); err != nil {
		return fmt.Errorf("post the last day again: %w", err)
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	after, err := d.state(ctx)
	if err != nil {
		return err
	}
	if what := before.differs(after); what != "" {
		return fmt.Errorf("the last day, posted once more, changed %s", what)
	}
	repeats := after.reconciliation.Duplicates - before.reconciliation.Duplicates
	if repeats < float64(len(last)) {
		return fmt.Errorf("of the last day's %d events, posted once more, only %.0f were recognised", len(last), repeats)
	}
	d.say.done("the last day's %s events again: %s duplicates, nothing changed", count(float64(len(last))), count(repeats))
	return nil
}

// differs names what is not as it was, "" for nothing.
func (s *state) differs(after *state) string {
	switch {
	case !proto.Equal(&s.funnel, &after.funnel):
		return "the funnel"
	case s.handoffs != after.handoffs:
		return "the number of handoffs"
	case s.records != after.records:
		return "the CRM"
	}
	return ""
}

// report prints the brief of one lead, the funnel and the proof that nothing was lost.
func (d *demo) report(ctx context.Context) error {
	now, err := d.state(ctx)
	if err != nil {
		return err
	}
	handoffs, err := d.api.handoffs(ctx)
	if err != nil {
		return err
	}
	answered := map[string]bool{}
	for _, h := range handoffs {
		answered[h.GetId()] = h.GetStage() != "routed"
	}
	s := &sheet{}
	s.line("")
	best := showpiece(d.crm.all(), answered)
	if best == nil {
		return errors.New("nobody was handed over")
	}
	p := best.payload
	s.line(" One of %s, as its rep reads it (times are UTC)", plural(now.records, "handoff", "handoffs"))
	brief, err := d.api.brief(ctx, p.GetHandoffId())
	if err != nil {
		return err
	}
	printBrief(s, brief, p.GetScore())
	s.line("")
	printFunnel(s, &now.funnel)
	s.line("")
	printReconciliation(s, &now.reconciliation)
	s.item("Speed", latency(d.crm.latencies(d.play.asked)))
	s.line("")
	if d.opt.keep {
		printNext(s, d.api.base, d.opt.binary, p)
		s.line("")
		s.line(" Its log: %s   Ctrl-C stops it.", d.baton.log.Name())
	} else {
		s.line(" `make demo` in a terminal, or with --keep, leaves Baton running to look around.")
	}
	if _, err := fmt.Fprint(d.opt.out, s.b.String()); err != nil {
		return err
	}
	_, _, refused := d.crm.count()
	switch {
	case !now.reconciliation.GetOk():
		return errors.New("the books do not balance: see above")
	case refused > 0:
		return fmt.Errorf("the CRM refused %s for its signature", plural(refused, "webhook", "webhooks"))
	}
	return nil
}
