package step

import "gatehouse/internal/wire"

// A headerSet is a set of well-known headers.
type headerSet [256]bool

var nothing headerSet

// hidden are the headers that never become visible as method request headers.
//
// AWS: rest-execution.md §4.2, below the table.
var hidden = headerSet{
	wire.HeaderConnection:        true,
	wire.HeaderContentLength:     true,
	wire.HeaderContentMD5:        true,
	wire.HeaderExpect:            true,
	wire.HeaderMaxForwards:       true,
	wire.HeaderProxyAuthenticate: true,
	wire.HeaderServer:            true,
	wire.HeaderTE:                true,
	wire.HeaderTransferEncoding:  true,
	wire.HeaderTrailer:           true,
	wire.HeaderUpgrade:           true,
	wire.HeaderWWWAuthenticate:   true,
}
