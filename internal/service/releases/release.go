package releases

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
	"gatehouse/internal/upstream"
)

// A Release is a release as it is stored: what was put, and what has become of
// it since.
type Release struct {
	Text    string // the definition, in YAML
	Changed time.Time
	// Weights are in force in the place of those of the definition; nil: those
	// are. Before are those that were in force before the last switch.
	Weights, Before map[string]int `json:",omitzero"`
	// PhaseBefore is what a canary did before the last switch.
	PhaseBefore Phase        `json:",omitzero"`
	Canary      *CanaryState `json:",omitzero"`
	History     []Entry      // the last ones, oldest first
}

// A CanaryState is how far a canary has come.
type CanaryState struct {
	Phase Phase
	Step  int // of its definition, from 0
	Since time.Time
}

// A Phase is what a canary does.
type Phase string

// The phases of a canary.
const (
	Running    Phase = "running"
	Paused     Phase = "paused"
	Promoted   Phase = "promoted"
	RolledBack Phase = "rolled-back"
)

// An Entry is one change of a release: who made it, what it was and why.
type Entry struct {
	At      time.Time      `json:"at"`
	By      string         `json:"by"` // the ARN of who called, or "autopilot"
	What    string         `json:"what"`
	Why     string         `json:"why,omitzero"`
	Weights map[string]int `json:"weights"`
}

// mostHistory is how many entries a release keeps.
const mostHistory = 100

// definition is what was put.
func (r *Release) definition() (upstream.Release, error) {
	var def upstream.Release
	err := decode([]byte(r.Text), &def)
	return def, err
}

// Effective is what is in force: the definition with the weights of now.
func (r *Release) Effective() (upstream.Release, error) {
	def, err := r.definition()
	if err != nil {
		return def, err
	}
	for i := range def.Targets {
		if w, ok := r.Weights[def.Targets[i].Cluster]; ok {
			def.Targets[i].Weight = w
		}
	}
	if def.Canary != nil { // so that who had it keeps it while its share rises
		slices.SortStableFunc(def.Targets, func(a, b upstream.Target) int {
			return rank(def.Canary, a) - rank(def.Canary, b)
		})
	}
	return def, nil
}

func rank(c *upstream.Canary, t upstream.Target) int {
	if t.Cluster == c.Target {
		return 0
	}
	return 1
}

// weights are those in force.
func (r *Release) weights(def *upstream.Release) map[string]int {
	all := make(map[string]int, len(def.Targets))
	for _, t := range def.Targets {
		all[t.Cluster] = t.Weight
		if w, ok := r.Weights[t.Cluster]; ok {
			all[t.Cluster] = w
		}
	}
	return all
}

// note adds an entry to the history.
func (r *Release) note(def *upstream.Release, by, what, why string) {
	now := time.Now().UTC()
	r.Changed = now
	r.History = append(r.History, Entry{At: now, By: by, What: what, Why: why, Weights: r.weights(def)})
	if over := len(r.History) - mostHistory; over > 0 {
		r.History = slices.Delete(r.History, 0, over)
	}
}

// whole is a weight of everything, of which shares are percentages.
const whole = 1000

// share gives a target a part of the requests, and the other one the rest.
func (r *Release) share(def *upstream.Release, target string, share upstream.Share) {
	part := int(float64(share)*whole + 0.5)
	r.Weights = make(map[string]int, len(def.Targets))
	for _, t := range def.Targets {
		r.Weights[t.Cluster] = whole - part
	}
	r.Weights[target] = part
}

// all gives a target everything.
func (r *Release) all(def *upstream.Release, target string) {
	r.Weights = make(map[string]int, len(def.Targets))
	for _, t := range def.Targets {
		r.Weights[t.Cluster] = 0
	}
	r.Weights[target] = whole
}

// caller is who makes a call.
func caller(ctx context.Context) string { return awsrpc.CallerFrom(ctx).PrincipalARN }

func (s *Service) putRelease(ctx context.Context, in *put) (*document, error) {
	name := *in.Name
	if err := s.mayPut(name); err != nil {
		return nil, err
	}
	var def upstream.Release
	if err := decode(in.Data, &def); err != nil {
		return nil, err
	}
	if err := checkZeros(in.Data, upstream.CheckReleaseZeros); err != nil {
		return nil, err
	}
	if err := s.backend.CheckRelease(&def); err != nil {
		return nil, badRequest("%s", oneLine(err))
	}
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		if err := s.requireClusters(ctx, c, name, &def); err != nil {
			return err
		}
		rec, rev, err := s.releases.Get(ctx, store.ID(name))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		c.Require(s.releases.Is(store.ID(name), rev))
		next := Release{Text: string(in.Data), History: rec.History}
		what := "put"
		if def.Canary != nil {
			first := def.Canary.WithDefaults()
			next.Canary = &CanaryState{Phase: Running, Since: time.Now().UTC()}
			next.share(&def, first.Target, first.Steps[0])
			what = "put, canary begins"
		}
		next.note(&def, caller(ctx), what, "")
		store.Add(c, s.releases, store.ID(name), next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.getRelease(ctx, &named{in.Name})
}

// requireClusters refuses a release whose clusters there are not.
func (s *Service) requireClusters(ctx context.Context, c *store.Change, name string, def *upstream.Release) error {
	rows, err := s.releases.All(ctx)
	if err != nil {
		return err
	}
	if len(rows) >= mostThings && !slices.ContainsFunc(rows, func(r store.Row[Release]) bool { return nameOf(r.ID) == name }) {
		return badRequest("There are %d releases already.", mostThings)
	}
	c.Require(s.clusters.Absent(store.ID(name)))
	if _, _, err := s.clusters.Get(ctx, store.ID(name)); !errors.Is(err, store.ErrNotFound) {
		return errors.Join(err, conflict("%s is a cluster.", name))
	}
	seen := map[string]bool{}
	for _, cluster := range def.Clusters() {
		if s.fixed[cluster] || seen[cluster] {
			continue
		}
		seen[cluster] = true
		_, rev, err := s.clusters.Find(ctx, badRequest("There is no cluster %s of the configuration file or the API.", cluster), cluster)
		if err != nil {
			return err
		}
		c.Require(s.clusters.Is(store.ID(cluster), rev))
	}
	return nil
}

// A shownRelease is what is told of a release.
type shownRelease struct {
	Name       string                  `json:"name"`
	Definition string                  `json:"definition,omitempty"`
	Changed    time.Time               `json:"changed"`
	Weights    map[string]int          `json:"weights"`
	Canary     *shownCanary            `json:"canary,omitempty"`
	Status     *upstream.ReleaseStatus `json:"status,omitempty"`
	History    []Entry                 `json:"history,omitempty"`
}

type shownCanary struct {
	Target string    `json:"target"`
	Phase  Phase     `json:"phase"`
	Step   int       `json:"step"` // from 1
	Steps  int       `json:"steps"`
	Since  time.Time `json:"since"`
}

func (r *Release) shown(name string) (*shownRelease, error) {
	def, err := r.definition()
	if err != nil {
		return nil, err
	}
	out := &shownRelease{Name: name, Changed: r.Changed, Weights: r.weights(&def)}
	if r.Canary != nil && def.Canary != nil {
		c := def.Canary.WithDefaults()
		out.Canary = &shownCanary{Target: c.Target, Phase: r.Canary.Phase, Step: r.Canary.Step + 1, Steps: len(c.Steps), Since: r.Canary.Since}
	}
	return out, nil
}

func (s *Service) listReleases(ctx context.Context, _ *listing) (*document, error) {
	rows, err := s.releases.All(ctx)
	if err != nil {
		return nil, err
	}
	list := []*shownRelease{}
	for _, row := range rows {
		one, err := row.Value.shown(nameOf(row.ID))
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return answer(map[string]any{"releases": list})
}

func (s *Service) getRelease(ctx context.Context, in *named) (*document, error) {
	rec, _, err := s.releases.Find(ctx, notFound("release", *in.Name), *in.Name)
	if err != nil {
		return nil, err
	}
	out, err := rec.shown(*in.Name)
	if err != nil {
		return nil, err
	}
	out.Definition, out.History = rec.Text, rec.History
	if st, ok := s.backend.ReleaseStatus(*in.Name); ok {
		out.Status = &st
	}
	return answer(out)
}

func (s *Service) deleteRelease(ctx context.Context, in *named) (*document, error) {
	name := *in.Name
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := s.releases.Find(ctx, notFound("release", name), name)
		c.Require(s.releases.Is(store.ID(name), rev))
		c.Do(s.releases.Delete(store.ID(name)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer(map[string]string{"name": name})
}

// change changes a release as it is stored, in one commit.
func (s *Service) change(ctx context.Context, name string, how func(rec *Release, def *upstream.Release) error) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		rec, rev, err := s.releases.Find(ctx, notFound("release", name), name)
		if err != nil {
			return err
		}
		def, err := rec.definition()
		if err != nil {
			return err
		}
		if err := how(&rec, &def); err != nil {
			return err
		}
		c.Require(s.releases.Is(store.ID(name), rev))
		store.Add(c, s.releases, store.ID(name), rec)
		return nil
	})
}

// act changes a release, and answers with it.
func (s *Service) act(ctx context.Context, name *string, how func(rec *Release, def *upstream.Release) error) (*document, error) {
	if err := s.change(ctx, *name, how); err != nil {
		return nil, err
	}
	return s.getRelease(ctx, &named{name})
}

// switchRelease gives everything to one target. A canary that was running is
// paused by that.
func (s *Service) switchRelease(ctx context.Context, in *switching) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if !slices.ContainsFunc(def.Targets, func(t upstream.Target) bool { return t.Cluster == *in.To }) {
			return badRequest("%s is no target of the release.", *in.To)
		}
		rec.pause()
		rec.keep(def)
		rec.all(def, *in.To)
		if rec.Canary != nil { // what it has come to says nothing any more
			rec.Canary.Phase = Paused
		}
		rec.note(def, caller(ctx), "switched to "+*in.To, "")
		return nil
	})
}

func (r *Release) pause() {
	if r.Canary != nil && r.Canary.Phase == Running {
		r.Canary.Phase = Paused
	}
}

// keep remembers what is in force, for a return.
func (r *Release) keep(def *upstream.Release) {
	r.Before, r.PhaseBefore = r.weights(def), ""
	if r.Canary != nil {
		r.PhaseBefore = r.Canary.Phase
	}
}

// returnRelease undoes the last switch, step to the end or back, or return. A canary that
// was running is paused by that.
func (s *Service) returnRelease(ctx context.Context, in *named) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if rec.Before == nil {
			return conflict("The release was not switched.")
		}
		rec.pause()
		weights, phase := rec.Before, rec.PhaseBefore
		rec.keep(def)
		rec.Weights = weights
		if rec.Canary != nil {
			rec.Canary.Phase = phase
			if phase == "" || phase == Running {
				rec.Canary.Phase = Paused
			}
		}
		rec.note(def, caller(ctx), "returned", "")
		return nil
	})
}

func (s *Service) pauseRelease(ctx context.Context, in *named) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if rec.Canary == nil || rec.Canary.Phase != Running {
			return conflict("The release has no canary that is running.")
		}
		rec.Canary.Phase = Paused
		rec.note(def, caller(ctx), "paused", "")
		return nil
	})
}

// resumeRelease goes on with a canary where it was, or, after it was rolled back,
// from the start.
func (s *Service) resumeRelease(ctx context.Context, in *named) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if rec.Canary == nil || rec.Canary.Phase == Running || rec.Canary.Phase == Promoted {
			return conflict("The release has no canary that is paused or rolled back.")
		}
		step := rec.Canary.Step
		if rec.Canary.Phase == RolledBack {
			step = 0
		}
		c := def.Canary.WithDefaults()
		rec.Canary = &CanaryState{Phase: Running, Step: step, Since: time.Now().UTC()}
		rec.share(def, c.Target, c.Steps[step])
		rec.note(def, caller(ctx), "resumed", "")
		return nil
	})
}

func (s *Service) promoteRelease(ctx context.Context, in *named) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if rec.Canary == nil || rec.Canary.Phase == Promoted {
			return conflict("The release has no canary that is not promoted yet.")
		}
		rec.promote(def, caller(ctx), "")
		return nil
	})
}

// promote gives the canary everything.
func (r *Release) promote(def *upstream.Release, by, why string) {
	r.keep(def)
	r.all(def, def.Canary.Target)
	r.Canary.Phase = Promoted
	r.note(def, by, "promoted", why)
}

func (s *Service) abortRelease(ctx context.Context, in *named) (*document, error) {
	return s.act(ctx, in.Name, func(rec *Release, def *upstream.Release) error {
		if rec.Canary == nil || rec.Canary.Phase == RolledBack {
			return conflict("The release has no canary that is not rolled back yet.")
		}
		rec.rollBack(def, caller(ctx), "")
		return nil
	})
}

// rollBack gives the canary nothing.
func (r *Release) rollBack(def *upstream.Release, by, why string) {
	r.keep(def)
	r.share(def, def.Canary.Target, 0)
	r.Canary.Phase = RolledBack
	r.note(def, by, "rolled back", why)
}
