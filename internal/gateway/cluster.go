package gateway

import (
	"context"
	"time"

	"gatehouse/internal/wire"
)

// A Cluster is what an integration sends requests to; *upstream.Cluster is one.
type Cluster interface {
	// Do sends req and returns when the head of the response is in resp. Its
	// body may still be to come: closing resp.Body.Source gives the connection
	// back. The views in resp are valid until then. An error is one of those
	// that package upstream names, wrapped or not.
	Do(ctx context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error
}
