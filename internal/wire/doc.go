// Package wire speaks HTTP/1.1: messages, one strict codec that does no I/O,
// and drivers around it that do.
//
// [Request], [Response], [Header] and [Body] are what a message is.
// [ParseRequestHead], [ParseResponseHead] and [Chunked] read messages from
// bytes; [AppendRequestHead] and [AppendResponseHead] write them. They refuse
// everything ambiguous with a typed [Error]: there are no leniency flags.
//
// [Server] serves connections, one goroutine each or, what is simple, from a few
// event loops ([Loop]), and hands every request to an [Exchange]. [ClientConn] sends requests over one connection and says
// whether it may be used again. Neither has heard of an API, a route or a
// cluster. Messages own or borrow memory that is used again: nothing may be
// kept after the exchange it belongs to has ended.
package wire
