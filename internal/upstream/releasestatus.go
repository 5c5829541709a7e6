package upstream

import "slices"

// A ReleaseStatus is how a release does.
type ReleaseStatus struct {
	Targets []TargetStatus `json:"targets"`
	Mirror  *MirrorStatus  `json:"mirror,omitempty"`
}

// A TargetStatus is how a target of a release does, as of the start of this
// node.
type TargetStatus struct {
	Cluster  string  `json:"cluster"`
	Weight   int     `json:"weight"`
	Requests int64   `json:"requests"`
	Failed   int64   `json:"failed"`
	Refused  int64   `json:"refused"` // no endpoint was chosen
	P50      float64 `json:"p50Millis"`
	P90      float64 `json:"p90Millis"`
	P99      float64 `json:"p99Millis"`
}

// A MirrorStatus is what the copies of requests came to.
type MirrorStatus struct {
	Cluster string `json:"cluster"`
	Copied  int64  `json:"copied"`
	Dropped int64  `json:"dropped"` // too many were under way, or the body was not all there
	Failed  int64  `json:"failed"`  // copies without an answer
	Same    int64  `json:"same"`
	Status  int64  `json:"statusDiffers"`
	Headers int64  `json:"headersDiffer"`
	Body    int64  `json:"bodyDiffers"`
	// Samples are the last differences.
	Samples []Difference `json:"samples"`
}

// ReleaseStatus tells how the release of a name does; false: there is none.
func (r *Registry) ReleaseStatus(name string) (ReleaseStatus, bool) {
	rel := r.release(name)
	if rel == nil {
		return ReleaseStatus{}, false
	}
	var s ReleaseStatus
	for i, t := range rel.def.Targets {
		n := rel.tracks[i].tally()
		millis := func(part float64) float64 { return float64(n.Quantile(part).Microseconds()) / 1000 }
		s.Targets = append(s.Targets, TargetStatus{
			Cluster: t.Cluster, Weight: t.Weight, Requests: n.Requests, Failed: n.Failed, Refused: n.Refused,
			P50: millis(0.5), P90: millis(0.9), P99: millis(0.99),
		})
	}
	if rel.mirror != nil {
		s.Mirror = rel.mirror.status()
	}
	return s, true
}

// Tally returns what a target of a release has done since this node began;
// false: there is no such target.
func (r *Registry) Tally(release, target string) (Tally, bool) {
	rel := r.release(release)
	if rel == nil {
		return Tally{}, false
	}
	at := slices.IndexFunc(rel.def.Targets, func(t Target) bool { return t.Cluster == target })
	if at < 0 {
		return Tally{}, false
	}
	return rel.tracks[at].tally(), true
}

// Releases are the names of the releases there are, in order.
func (r *Registry) Releases() []string {
	names := []string{}
	for name := range r.groups.all() {
		if r.release(name) != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *Registry) release(name string) *release {
	g := r.groups.all()[name]
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.release
}

func (m *mirror) status() *MirrorStatus {
	n := m.counts
	n.mu.Lock()
	defer n.mu.Unlock()
	return &MirrorStatus{
		Cluster: m.def.Cluster, Copied: n.copied.Load(), Dropped: n.dropped.Load(), Failed: n.failed.Load(), Same: n.same,
		Status: n.status, Headers: n.header, Body: n.body, Samples: slices.Clone(n.samples),
	}
}
