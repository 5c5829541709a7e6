// Package discovery keeps the endpoints of clusters current.
//
// A [Source] knows where the endpoints of one cluster stand: in DNS, in a
// registry. A [Keeper] runs the source of each cluster, begins anew when one
// fails, lays what operators changed over what was found ([Change]), and hands
// the result to whoever balances over it.
//
// A source that fails changes nothing: the last list it gave stays in force,
// and the [Status] says so. Stale beats partial, and partial beats nobody.
//
// The package knows nothing of requests, health or connections.
package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/upstream"
)

// An Endpoint is where requests may go.
type Endpoint = upstream.Endpoint

// A Source finds the endpoints of one cluster.
type Source interface {
	// String says what is looked for and where, for status and logs.
	String() string
	// Run calls set with the whole list, as soon as it is known, and again
	// whenever the source was asked with success, changed or not. It returns
	// when ctx ends, or with the error that it met; then it is run again after
	// a pause. It is run once at a time, and set is called by one goroutine at
	// a time, never after Run returned.
	Run(ctx context.Context, set func(Found)) error
}

// A Found is what a source answered.
type Found struct {
	// Endpoints may be in any order. A weight of zero is 1.
	Endpoints []Endpoint
	// Revision is what the source calls the state that this is: for people.
	Revision string
	// Skipped says of entries that could not be used why not; empty: all could.
	Skipped string
}

// Bounds of what a source may answer.
const (
	// maxEndpoints is how many endpoints a cluster may have. Of more, the first
	// by address are used.
	maxEndpoints = 10_000
	maxWeight    = 1000
	maxPriority  = 9
	maxZone      = 64
)

// tidy returns the endpoints of f that can be used, in the order of their
// addresses, and what was wrong with others.
func (f *Found) tidy() ([]Endpoint, string) {
	list := make([]Endpoint, 0, len(f.Endpoints))
	skipped := f.Skipped
	for _, e := range f.Endpoints {
		if err := checkAddress(e.Address); err != nil {
			skipped = err.Error()
			continue
		}
		e.Weight = min(max(e.Weight, 1), maxWeight)
		e.Priority = min(max(e.Priority, 0), maxPriority)
		if len(e.Zone) > maxZone {
			e.Zone = ""
		}
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
	list = slices.CompactFunc(list, func(a, b Endpoint) bool { return a.Address == b.Address })
	if len(list) > maxEndpoints {
		skipped = fmt.Sprintf("%d endpoints are more than %d", len(list), maxEndpoints)
		list = list[:maxEndpoints]
	}
	return list, skipped
}

// inOrder returns endpoints that somebody has written down, and that were checked, as
// those of a source are given: with weights, in the order of their addresses.
func inOrder(written []Endpoint) []Endpoint {
	list := slices.Clone(written)
	for i := range list {
		list[i].Weight = max(list[i].Weight, 1)
	}
	slices.SortFunc(list, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
	return list
}

// checkAddress reports an address that cannot be connected to.
func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	n, errPort := strconv.ParseUint(port, 10, 16)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsUnspecified() {
		return fmt.Errorf("%q is the address of nobody", addr) // connections to it go to this machine
	}
	if err != nil || errPort != nil || n == 0 || host == "" || len(host) > 253 || strings.ContainsAny(host, ", /\t\r\n") || upstream.IsClusterName(host) {
		return fmt.Errorf("%.300q is not an address", addr)
	}
	return nil
}

// address joins a host and a port.
func address(host string, port int) string {
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}
