// Package ingress is where API clients come in: it turns connections into
// exchanges, and serves them with the gateway's plans.
//
// An [Ingress] serves listeners that are handed to it: plain ones (HTTP/1.1,
// and HTTP/2 with prior knowledge, on one port) and TLS ones (both, by ALPN).
// HTTP/1.1 is read and written by wire, HTTP/2 by net/http behind a guard that
// ends floods. [Std] serves the same exchanges through any net/http server.
// The package knows nothing of APIs and stages: it hands each exchange to a
// [wire.Handler], which [Serve] makes of a gateway.
package ingress
