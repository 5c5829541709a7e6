// Package http1 holds the conformance tests of the HTTP/1.1 drivers: raw bytes
// over real sockets, as smugglers, broken clients and broken backends send
// them, and what must become of each.
package http1
