package app

import (
	"errors"
	"fmt"
	"path/filepath"

	"gatehouse/internal/discovery"
	"gatehouse/internal/service/cloudtrail"
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
func (n *node) openReleases() error {
	fixed := make(map[string]bool, len(n.cfg.Clusters))
	for name := range n.cfg.Clusters {
		fixed[name] = true
	}
	files := n.cfg.ClusterFiles
	if files != "" {
		var err error
		if files, err = filepath.Abs(files); err != nil {
			return fmt.Errorf("cluster-files: %w", err)
		}
	}
	s := releasesapi.New(n.st, n.credential.AccountID, &definedClusters{n.clusters, n.discovery, n.sources, files}, fixed)
	n.releases = releases{s, releasesapi.NewFollower(s, n.log), releasesapi.NewPilot(s, releaseAudit{n.trail, n.credential.AccountID}, n.log)}
	return nil
}

// definedClusters are clusters that are defined while the server runs: their
// sources are kept like those of the configuration file, and what operators change
// by hand about their endpoints holds for them too.
type definedClusters struct {
	*upstream.Registry
	keeper  *discovery.Keeper
	sources discovery.Surroundings
	files   string // the directory of what they may name; empty: nothing
}

var _ releasesapi.Backend = (*definedClusters)(nil)

// Check implements releases.Backend.
func (d *definedClusters) Check(def *discovery.Definition) error {
	errs := []error{d.mayName(def.Files())}
	if def.Discover != nil {
		errs = append(errs, def.Discover.Check())
	}
	if err := errors.Join(errs...); err != nil {
		return err // what it names is not even looked at
	}
	if def.Discover != nil {
		if _, err := def.Discover.Source(d.sources); err != nil {
			return fmt.Errorf("discover: %w", err)
		}
	}
	return d.Registry.Check(&def.Definition)
}

// mayName reports files that a cluster of the API may not name: others would let
// who puts it read what the server can.
func (d *definedClusters) mayName(files []string) error {
	for _, name := range files {
		if d.files == "" {
			return errors.New("files and sockets of the server can be named in its configuration file only, or where its setting cluster-files says")
		}
		rel, err := filepath.Rel(d.files, name)
		if err != nil || !filepath.IsAbs(name) || !filepath.IsLocal(rel) {
			return fmt.Errorf("%.200q is not below the directory of cluster-files, %s", name, d.files)
		}
	}
	return nil
}

// Define implements releases.Backend.
func (d *definedClusters) Define(name string, def discovery.Definition) error {
	next := discovery.Cluster{Fixed: def.Endpoints, Given: def.Discover}
	if err := d.mayName(def.Files()); err != nil { // the setting may be another one than when it was put
		return err
	}
	if c := def.Discover; c != nil {
		var err error
		if next.Source, err = c.Source(d.sources); err != nil {
			return err
		}
		next.MayEmpty = c.MayEmpty()
	}
	if err := d.Registry.Define(name, def.Definition); err != nil {
		return err
	}
	d.keeper.Replace(name, next)
	return nil
}

// Undefine implements releases.Backend.
func (d *definedClusters) Undefine(name string) {
	d.keeper.Forget(name)
	d.Registry.Undefine(name)
}

// releaseAudit has CloudTrail record the steps of canaries.
type releaseAudit struct {
	trail   *cloudtrail.Service
	account string
}

// Step implements releases.Auditor.
func (a releaseAudit) Step(name string, details map[string]any) (done func(error), err error) {
	return a.trail.Happens(&cloudtrail.ServiceEvent{Account: a.account, Region: registrationRegion, Service: "gatehouse", Name: name, Details: details})
}
