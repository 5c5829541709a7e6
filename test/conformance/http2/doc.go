// Package http2 runs foreign HTTP/2 suites against the data plane's listeners.
package http2
