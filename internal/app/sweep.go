package app

import (
	"context"
	"log/slog"
	"time"

	rest "gatehouse/internal/service/apigateway"
	httpapi "gatehouse/internal/service/apigatewayv2"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/s3"
	"gatehouse/internal/store"
)

// How often what no record names is looked for, and how long a definition
// without a record is kept. An edit that failed leaves one behind, and so does
// each change of an API that was not deployed.
const (
	sweepEvery = time.Hour
	sweepAge   = 24 * time.Hour
)

// A sweeper removes definitions that no record names any more, and what is left
// of APIs whose deletion was cut short.
type sweeper struct {
	st        store.Store
	blobs     *store.Blobs
	functions *lambda.Service
	buckets   *s3.Service
	log       *slog.Logger
}

// Run sweeps at every interval until ctx ends.
func (s *sweeper) Run(ctx context.Context) error {
	apis, https := rest.New(s.st, s.blobs, rest.Options{}), httpapi.New(s.st, s.blobs, httpapi.Options{})
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n, err := apis.Sweep(ctx, sweepAge)
		if err == nil {
			var zips int
			zips, err = s.functions.Sweep(ctx, sweepAge)
			n += zips
		}
		if err == nil {
			var objects int
			objects, err = s.buckets.Sweep(ctx, sweepAge)
			n += objects
		}
		if err == nil {
			err = https.Sweep(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.log.Warn("unused definitions not all removed, next try in an hour", "error", err)
		case n > 0:
			s.log.Info("unused definitions removed", "count", n)
		}
	}
}
