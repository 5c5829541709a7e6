// Package websocket_test holds the server's end of WebSocket connections to
// RFC 6455, frame by frame: the cases are those that the Autobahn test suite has
// for servers, as far as they are about text, said anew.
package websocket_test
