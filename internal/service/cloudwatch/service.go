// Package cloudwatch is Amazon CloudWatch: metrics and alarms, as methods of
// [Service].
//
// Points of metrics stand in a rollup.Store, of which the gateway's own are
// written by whoever counts; alarms, their states and their histories are
// records of the store. [Service.Run] evaluates the alarms a few seconds after
// each minute, and does what they ask for. The package knows nothing of what is
// measured.
package cloudwatch

import (
	"log/slog"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/rollup"
	"gatehouse/internal/store"
)

// Options are what a service may be given besides its stores.
type Options struct {
	Actions Actions // nil: no alarm can do anything
	Log     *slog.Logger
}

// A Service answers the operations of CloudWatch. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st     store.Store
	points *rollup.Store
	opt    Options
	log    *slog.Logger

	locks store.Locks   // of alarms, by account and region
	wake  chan struct{} // an alarm was changed
	asked chan struct{} // there may be actions to do
}

var _ api.Server = (*Service)(nil)

// New returns a service over st and points. Alarms sleep until Run.
func New(st store.Store, points *rollup.Store, opt Options) *Service {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{st: st, points: points, opt: opt, log: opt.Log, wake: make(chan struct{}, 1), asked: make(chan struct{}, 1)}
}

// A place is an account in a region.
type place struct{ account, region string }

func placeOf(c awsrpc.Caller) place { return place{c.Account, c.Region} }

// alarmARN is the name of an alarm everywhere.
func (p place) alarmARN(name string) string {
	return arn.ARN{Partition: arn.Partition(p.region), Service: "cloudwatch", Region: p.region, Account: p.account, Resource: "alarm:" + name}.String()
}

// source is where the points of a metric are.
func (p place) source(namespace *string, dims []api.Dimension) *rollup.Source {
	src := &rollup.Source{Account: p.account, Region: p.region, Namespace: str(namespace), Dimensions: make([]rollup.Dimension, len(dims))}
	for i := range dims {
		src.Dimensions[i] = rollup.Dimension{Name: str(dims[i].Name), Value: str(dims[i].Value)}
	}
	src.Sort()
	return src
}

func dimensions(src *rollup.Source) []api.Dimension {
	out := make([]api.Dimension, len(src.Dimensions))
	for i := range src.Dimensions {
		out[i] = api.Dimension{Name: &src.Dimensions[i].Name, Value: &src.Dimensions[i].Value}
	}
	return out
}

func str(p *string) string { return value(p) }

// value is what p points to, or zero.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
