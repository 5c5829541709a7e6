// Package app puts everything together: it opens the store, starts both
// planes and the admin server, and ends them in order. It is the only package
// that knows all parts.
//
// [Config] is what a server is told at start, [Run] is the server.
package app
