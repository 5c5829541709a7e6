package app

import (
	"gatehouse/internal/discovery"
	releasesapi "gatehouse/internal/service/releases"
	"gatehouse/internal/upstream"
)

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
	s := releasesapi.New(n.st, n.credential.AccountID, &definedClusters{n.clusters, n.discovery}, fixed)
	n.releases = releases{s, releasesapi.NewFollower(s, n.log), releasesapi.NewPilot(s, n.log)}
}

// definedClusters are clusters that are defined while the server runs: what
// operators change by hand about their endpoints holds for them too.
type definedClusters struct {
	*upstream.Registry
	keeper *discovery.Keeper
}

var _ releasesapi.Backend = (*definedClusters)(nil)

// Define implements releases.Backend.
func (d *definedClusters) Define(name string, def upstream.Definition) error {
	err := d.Registry.Define(name, def)
	if err == nil {
		d.keeper.Replace(name, def.Endpoints)
	}
	return err
}

// Undefine implements releases.Backend.
func (d *definedClusters) Undefine(name string) {
	d.keeper.Forget(name)
	d.Registry.Undefine(name)
}
