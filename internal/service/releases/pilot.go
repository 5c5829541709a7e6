package releases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/upstream"
)

// A Pilot takes the canaries of releases from step to step, by what this node has
// counted of them. One node of a fleet runs it.
type Pilot struct {
	s     *Service
	audit Auditor
	log   *slog.Logger
}

// An Auditor records steps. Step is called before a step is made; an error says why
// it should not be. What it returns is called with what came of the step.
type Auditor interface {
	Step(name string, details map[string]any) (done func(error), err error)
}

// NewPilot returns the pilot of the releases of s.
func NewPilot(s *Service, audit Auditor, log *slog.Logger) *Pilot { return &Pilot{s, audit, log} }

// steps are what canaries had done when their steps came into force on this
// node.
type steps struct {
	mu   sync.Mutex       // guards the field below
	from map[string]start // by the name of the release
}

// A start is the beginning of a step.
type start struct {
	step  time.Time // as the record has it: tells steps apart
	seen  time.Time // by this node
	tally upstream.Tally
}

// begin notes that a step has come into force, if it is not known yet.
func (s *steps) begin(name string, step time.Time, tally upstream.Tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.from[name]; !ok || !was.step.Equal(step) {
		s.from[name] = start{step, time.Now(), tally}
	}
}

// get returns the beginning of a step; false: it is not in force here.
func (s *steps) get(name string, step time.Time) (start, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, ok := s.from[name]
	return from, ok && from.step.Equal(step)
}

// end forgets a release.
func (s *steps) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.from, name)
}

// lookEvery is how often a pilot looks at its canaries.
const lookEvery = 500 * time.Millisecond

// Run looks at canaries again and again until ctx ends.
func (p *Pilot) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := p.Look(ctx, now); err != nil && ctx.Err() == nil {
				p.log.Error("canaries are not looked at", "error", err)
			}
		}
	}
}

// Look takes all canaries that have reason to go on or back where that leads.
func (p *Pilot) Look(ctx context.Context, now time.Time) error {
	rows, err := p.s.releases.All(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, row := range rows {
		rec, name := &row.Value, nameOf(row.ID)
		if rec.Canary == nil || rec.Canary.Phase != Running {
			continue
		}
		def, err := rec.definition()
		if err != nil || def.Canary == nil {
			continue // nothing that this version put
		}
		from, begun := p.s.steps.get(name, rec.Canary.Since)
		tally, ok := p.s.backend.Tally(name, def.Canary.Target)
		if !begun || !ok {
			continue // not in force here yet
		}
		c := def.Canary.WithDefaults()
		verdict, why := judge(&c, tally.Since(from.tally), now.Sub(from.seen))
		if verdict == wait {
			continue
		}
		if err := p.move(ctx, name, rec.Canary, verdict, why); err != nil {
			errs = append(errs, fmt.Errorf("release %s: %w", name, err)) // others may have to go back
		}
	}
	return errors.Join(errs...)
}

// A verdict is what is to be done with a canary.
type verdict int

const (
	wait verdict = iota
	advance
	fail
)

// String is what records call it.
func (v verdict) String() string { return [...]string{"Wait", "AdvanceCanary", "RollBackCanary"}[v] }

// judge looks at what a canary has done in a step.
func judge(c *upstream.Canary, t upstream.Tally, age time.Duration) (v verdict, why string) {
	requests, failed := t.Requests+t.Refused, t.Failed+t.Refused
	// So many failures are too many even if all others of the minimum go well.
	if failed > 0 && float64(failed) > float64(c.ErrorRate)*float64(max(requests, int64(c.Minimum))) {
		return fail, fmt.Sprintf("%d of %d requests failed, allowed are %v", failed, requests, c.ErrorRate)
	}
	if requests < int64(c.Minimum) {
		return wait, ""
	}
	for _, limit := range []struct {
		name string
		part float64
		most time.Duration
	}{{"p50", 0.5, c.P50}, {"p90", 0.9, c.P90}, {"p99", 0.99, c.P99}} {
		if limit.most == 0 {
			continue
		}
		if got := t.Quantile(limit.part); got > limit.most {
			return fail, fmt.Sprintf("%s is %v, allowed are %v", limit.name, got, limit.most)
		}
	}
	if age < c.Interval {
		return wait, ""
	}
	return advance, fmt.Sprintf("%d requests in %v, %d failed, p99 %v", requests, age.Round(time.Second), failed, t.Quantile(0.99))
}

// autopilot is who has made a step.
const autopilot = "autopilot"

// move takes a canary to its next step, or back, unless somebody else has
// changed it meanwhile.
func (p *Pilot) move(ctx context.Context, name string, was *CanaryState, v verdict, why string) error {
	done, err := p.audit.Step(v.String(), map[string]any{"release": name, "step": was.Step + 1, "why": why})
	switch {
	case err != nil && v != fail:
		return fmt.Errorf("audit: %w", err)
	case err != nil: // a canary that fails goes back, come what may
		p.log.Error("the audit record of a step cannot be written", "release", name, "error", err)
		done = func(error) {}
	}
	var entry Entry
	err = p.s.change(ctx, name, func(rec *Release, def *upstream.Release) error {
		if rec.Canary == nil || *rec.Canary != *was || def.Canary == nil {
			return errMoved
		}
		c := def.Canary.WithDefaults()
		next := rec.Canary.Step + 1
		switch {
		case v == fail:
			rec.rollBack(def, autopilot, why)
		case next == len(c.Steps):
			rec.promote(def, autopilot, why)
		default:
			rec.Canary = &CanaryState{Phase: Running, Step: next, Since: time.Now().UTC()}
			rec.share(def, c.Target, c.Steps[next])
			rec.note(def, autopilot, fmt.Sprintf("step %d of %d", next+1, len(c.Steps)), why)
		}
		entry = rec.History[len(rec.History)-1]
		return nil
	})
	done(err)
	if err == errMoved { //nolint:errorlint // our own, not wrapped
		return nil
	}
	if err == nil {
		p.log.Info("release moved", "release", name, "what", entry.What, "why", why, "weights", entry.Weights)
	}
	return err
}

var errMoved = conflict("The release was changed.")
