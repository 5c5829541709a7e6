package app

import releasesapi "gatehouse/internal/service/releases"

// releases are the parts that clusters and releases of the API are made of.
type releases struct {
	service  *releasesapi.Service
	follower *releasesapi.Follower
	pilot    *releasesapi.Pilot
}

// openReleases makes them. The clusters of the configuration file are not theirs
// to change.
func (n *node) openReleases() {
	fixed := make(map[string]bool, len(n.cfg.Clusters))
	for name := range n.cfg.Clusters {
		fixed[name] = true
	}
	s := releasesapi.New(n.st, n.credential.AccountID, n.clusters, fixed)
	n.releases = releases{s, releasesapi.NewFollower(s, n.log), releasesapi.NewPilot(s, n.log)}
}
