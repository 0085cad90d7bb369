package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Book is one vendor's CRM. Errors are Stops. Whatever it makes it must find again by itself, without Refs: an answer can be lost.
type Book interface {
	// User gives the id of the user who has an e-mail address, "" where nobody does.
	User(ctx context.Context, email string) (string, error)
	// Find puts the ids of what there is about the visit's handoff, or else about its lead, into Refs; ok says that
	// there is a record to write on.
	Find(ctx context.Context, v *Visit) (ok bool, err error)
	// Save makes the records of a handoff or brings them up to date; ok is false where somebody deleted them and they are
	// not to be made again.
	Save(ctx context.Context, v *Visit) (ok bool, err error)
	// Stage writes the fields that follow the stage on what Find found; ok is false where it turned out to be deleted.
	Stage(ctx context.Context, v *Visit) (ok bool, err error)
	// Note makes a note, or brings it up to date: id is its id where that is known. It gives the id, "" where there is none.
	Note(ctx context.Context, v *Visit, id string, n Note) (string, error)
	// Task does with a task as its Mode says, likewise.
	Task(ctx context.Context, v *Visit, id string, t Task) (string, error)
}

// Flow says what is done for each event. It is a destination.Destination.
type Flow struct {
	book   Book
	cfg    destination.Config
	deps   destination.Deps
	owners *Owners

	note, task, strict bool
	tell               []string
}

// FlowEvents lists what a Flow can be told of: it has no place for a score that changed.
func FlowEvents() []string {
	return slices.DeleteFunc(Events(), func(e string) bool { return e == BandChanged })
}

// FlowOptions are those that every Flow knows, with their defaults, and a type's own beside them.
func FlowOptions(own map[string]string) map[string]string {
	all := map[string]string{
		"note": "true", "task": "true", "unknown_owner": "leave", "notes_on": "recalled,recycled,disqualified",
	}
	maps.Copy(all, own)
	return all
}

// NewFlow reads the options that every Flow has, and gives what is wrong with all settings. isUser says whether an id that the directory
// has can be that of a user there.
func NewFlow(book Book, s *Settings, deps destination.Deps, isUser func(id string) bool) (*Flow, error) {
	f := &Flow{
		book: book, cfg: s.Config, deps: deps, note: s.Bool("note"), task: s.Bool("task"), strict: s.OneOf("unknown_owner", "leave", "refuse") == "refuse",
		tell: s.List("notes_on"),
	}
	for _, stage := range f.tell {
		if !slices.Contains([]string{"recalled", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified", "breached"}, stage) {
			s.Problem("options.notes_on", fmt.Sprintf("%q is not a stage that a note can tell of", stage))
		}
	}
	f.owners = &Owners{Keys: Names(&f.cfg), Valid: isUser, Now: deps.Now, Find: func(ctx context.Context, email string) (string, destination.Outcome, bool) {
		id, err := book.User(ctx, email)
		if err != nil {
			return "", OutcomeOf(err), false
		}
		return id, destination.Outcome{}, true
	}}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// Deliver makes one attempt.
func (f *Flow) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	v, err := newVisit(job, &f.cfg, &f.deps)
	if err != nil {
		return destination.Outcome{Verdict: destination.Never, Reason: "the delivery's data cannot be read"}
	}
	o := OutcomeOf(f.visit(ctx, v))
	if o.Verdict == destination.Done {
		o.Refs = v.Refs
	}
	return o
}

func (f *Flow) visit(ctx context.Context, v *Visit) error {
	switch plan, ok := PlanOf(v.Job); {
	case !ok || v.Job.Event == BandChanged:
		return nil
	case plan.Hand:
		return f.hand(ctx, v)
	case plan.Mapping == OnBreach:
		return f.breached(ctx, v)
	}
	return f.move(ctx, v)
}

// breached writes that a promise was not kept.
func (f *Flow) breached(ctx context.Context, v *Visit) error {
	if !slices.Contains(f.tell, "breached") {
		return nil
	}
	if ok, err := f.book.Find(ctx, v); err != nil || !ok {
		return err
	}
	breach := v.Job.Payload.GetBreach()
	n := stageNote(v.Handoff(), "breached-"+breach.GetClock(), "")
	zone := destination.Zone(v.Job.Payload.GetOwner())
	text := fmt.Sprintf("Baton: the promise to %s by %s %s was not kept.", breach.GetClock(), breach.GetDue().AsTime().In(zone).Format("2006-01-02 15:04"), zone)
	n = Note{Mark: n.Mark, Title: text, Text: text + "\n\n" + n.Mark, HTML: "<p>" + text + "</p><p><small>" + n.Mark + "</small></p>", Final: true}
	return f.write(ctx, v, "note_breached_"+breach.GetClock(), n)
}

// hand writes the records of an open handoff, its brief and its task.
func (f *Flow) hand(ctx context.Context, v *Visit) error {
	p := v.Job.Payload
	if p == nil || v.Handoff() == "" {
		return Refuse(destination.Never, "the delivery tells of no handoff")
	}
	v.Staged = v.Job.Event == Routed
	var err error
	if v.Owner, err = f.owner(ctx, p.GetOwner()); err != nil {
		return err
	}
	ok, err := f.book.Save(ctx, v)
	if err != nil || !ok {
		return err
	}
	subject, text, markup := "Lead "+v.Handoff(), "", ""
	if f.deps.Subject != nil {
		subject = f.deps.Subject(p)
	}
	if f.deps.Text != nil {
		text = f.deps.Text(p)
	}
	if f.deps.HTML != nil {
		markup = f.deps.HTML(p)
	}
	if f.note {
		if err := f.write(ctx, v, "note", newNote(v.Handoff(), "brief", subject, text, markup)); err != nil {
			return err
		}
	}
	if !f.task || v.Job.Event == Updated {
		return nil
	}
	t := Task{Note: newNote(v.Handoff(), "task", subject, text, markup), Due: v.Job.DueAt}
	if by := p.GetSla().GetAcceptBy(); by != nil {
		t.Due = by.AsTime()
	}
	if v.Job.Event == Reassigned {
		t.Mode = Move
	}
	return f.do(ctx, v, t)
}

// move writes that a lead went to another stage, on what is there; it makes no person and no lead.
func (f *Flow) move(ctx context.Context, v *Visit) error {
	ok, err := f.book.Find(ctx, v)
	if err != nil || !ok {
		return err
	}
	if ok, err := f.book.Stage(ctx, v); err != nil || !ok || v.Handoff() == "" {
		return err
	}
	stage, reason := v.Job.Lead.GetTo(), v.Job.Lead.GetReason()
	if v.Job.Event == Recalled {
		stage, reason = "recalled", v.Job.Payload.GetReason()
	}
	if slices.Contains(f.tell, stage) {
		if err := f.write(ctx, v, "note_"+stage, stageNote(v.Handoff(), stage, reason)); err != nil {
			return err
		}
	}
	if f.task && slices.Contains([]string{"recalled", "sql", "opportunity", "won", "lost", "recycled", "disqualified"}, stage) {
		return f.do(ctx, v, Task{Note: newNote(v.Handoff(), "task", "", "", ""), Mode: End})
	}
	return nil
}

func (f *Flow) write(ctx context.Context, v *Visit, ref string, n Note) error {
	if n.Final && v.Refs[ref] != "" {
		return nil
	}
	id, err := f.book.Note(ctx, v, v.Refs[ref], n)
	if err == nil && id != "" {
		v.Refs[ref] = id
	}
	return err
}

func (f *Flow) do(ctx context.Context, v *Visit, t Task) error {
	if t.Mode == Open && v.Refs["task"] != "" {
		return nil
	}
	id, err := f.book.Task(ctx, v, v.Refs["task"], t)
	if err == nil && id != "" {
		v.Refs["task"] = id
	}
	return err
}

// owner gives the id of a rep's user: what the directory says, else who has the rep's e-mail address there.
func (f *Flow) owner(ctx context.Context, rep *routingv1.Owner) (string, error) {
	id, why, ok := f.owners.Lookup(ctx, rep)
	switch {
	case !ok:
		return "", &Stop{why}
	case id != "" || nobody(rep):
		return id, nil
	case f.strict:
		return "", Refuse(destination.Never, "the owner %s has no user there: give the rep an external id, or a user with the rep's e-mail address", rep.GetId())
	case f.deps.Log != nil:
		f.deps.Log.Warn("a rep has no user in a CRM: the record keeps the owner that it has", slog.String("destination", f.cfg.Name), slog.String("rep", rep.GetId()))
	}
	return "", nil
}

// Check asks the Book, where it can be asked.
func (f *Flow) Check(ctx context.Context) ([]string, error) {
	c, ok := f.book.(destination.Checker)
	if !ok {
		return nil, errors.New("this CRM does not tell its fields")
	}
	problems, err := c.Check(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the fields: %w", err)
	}
	return problems, nil
}
