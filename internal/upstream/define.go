package upstream

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// maxDefined bounds the clusters that are defined while the registry runs.
const maxDefined = 1000

// ErrTooManyDefined is why a cluster cannot be defined.
var ErrTooManyDefined = errors.New("too many clusters with discovery")

// Define adds a cluster of several endpoints beside those of the configuration.
// One that is there already stays as it is. def has been checked.
func (r *Registry) Define(name string, def Definition) error {
	name = strings.ToLower(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.groups.Load()
	if old[name] != nil {
		return nil
	}
	if len(old) >= len(r.opt.Clusters)+maxDefined {
		return fmt.Errorf("%w: the limit is %d", ErrTooManyDefined, maxDefined)
	}
	g, err := newGroup(name, def, &r.opt)
	if err != nil {
		return err
	}
	next := maps.Clone(old)
	next[name] = g
	r.groups.Store(&next)
	r.defined <- g // there is room for all
	return nil
}

// group returns the group of this name; nil: there is none.
func (r *Registry) group(name string) *group { return (*r.groups.Load())[name] }
