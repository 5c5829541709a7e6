package gateway

import (
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/wire"
)

// What differs for WebSocket APIs: an exchange is an event of a connection, and
// what goes wrong is told with the ids of connection and request.

// A SocketEvent is what happened on a connection.
type SocketEvent string

// The events, as AWS calls them.
const (
	SocketConnect    SocketEvent = "CONNECT"
	SocketMessage    SocketEvent = "MESSAGE"
	SocketDisconnect SocketEvent = "DISCONNECT"
)

// A Socket is what an exchange knows of the connection it is an event of.
type Socket struct {
	Event        SocketEvent
	ConnectionID string
	ConnectedAt  time.Time
	MessageID    string // of a message
	CloseCode    int    // of a disconnection
	CloseReason  string
	Recorded     bool // who opened the connection has asked for recordings of its events
}

// A SocketStage is what only the stages of WebSocket APIs have.
type SocketStage struct {
	// Handshake is what happens to a request for a connection; the route of
	// $connect is its part.
	Handshake *Plan
	// Connections answers requests for @connections; nil: nobody does.
	Connections *Plan
	// Select appends the key of a message's route.
	Select func(dst, message []byte) []byte
	Routes map[string]*Route // by key, $default among them
	// Connect and Disconnect are the routes of these events; nil: there is none.
	Connect, Disconnect *Route
	// Unrouted is what happens to a message that no route takes, Left to the end of a
	// connection where there is no route for it.
	Unrouted, Left *Plan
}

// RouteOf returns the route of a message, or that of $default, or nil.
func (s *SocketStage) RouteOf(message []byte) *Route {
	var room [64]byte
	key := s.Select(room[:0], message)
	if rt := s.Routes[string(key)]; rt != nil && len(key) > 0 {
		return rt
	}
	return s.Routes["$default"]
}

// beginSocket finds the plan of a request to a WebSocket API.
//
// AWS: websocket-execution.md §1: what follows the stage is not looked at, but
// for @connections (§9).
func (x *Exchange) beginSocket(w *where) *Plan {
	x.Vars.RequestID, x.Vars.ReplacedRequestID = x.Vars.ExtendedRequestID, false
	x.Vars.HTTPMethod = x.MethodRequest.Method
	x.Vars.Path = w.path
	if w.stage == nil || w.stage.Socket == nil {
		x.Fault = forbidden
		x.AnswerFault(forbidden)
		return nil
	}
	x.Stage = w.stage
	st := w.stage.Socket
	x.plan = st.Handshake
	if st.Connections != nil && IsConnections(w.path) {
		x.plan = st.Connections
		return x.plan
	}
	x.Route = st.Connect
	return x.plan
}

// BeginEvent makes x an event of a connection to st, and returns the plan of its
// route, or of what has none.
func (g *Gateway) BeginEvent(x *Exchange, t *Table, st *Stage, rt *Route, s *Socket) *Plan {
	x.Table, x.bodies = t, &g.Bodies
	x.Stage, x.Route, x.Socket = st, rt, s
	x.begin()
	x.Vars.RequestID, x.Vars.ReplacedRequestID = x.Vars.ExtendedRequestID, false
	if g.Recorder != nil {
		g.Recorder.begin(x)
	}
	switch {
	case rt != nil:
		x.plan = rt.Plan
	case s.Event == SocketDisconnect:
		x.plan = st.Socket.Left
	default:
		x.plan = st.Socket.Unrouted
	}
	return x.plan
}

// IsConnections tells whether a path behind the stage is one of @connections.
func IsConnections(path string) bool {
	seg, rest := segment(trimSlashes(path))
	return rest != "" && (seg == "@connections" || seg == "%40connections")
}

// AppendSocketError appends what a client is told of a fault.
//
// AWS: websocket-execution.md §6, to the blank.
func AppendSocketError(dst []byte, text string, x *Exchange) []byte {
	dst = AppendJSONString(append(dst, `{"message": `...), text)
	dst = AppendJSONString(append(dst, `, "connectionId":`...), x.Socket.ConnectionID)
	dst = AppendJSONString(append(dst, `, "requestId":`...), x.Vars.RequestID)
	return append(dst, '}')
}

// SocketText is the message of a fault to a client of a WebSocket API.
//
// AWS: websocket-execution.md §6.
func (f *Fault) SocketText() string {
	switch f.Type {
	case IntegrationTimeout:
		return "Endpoint request timed out"
	case Throttled:
		return "Too Many Requests"
	case AccessDenied, Forbidden, InvalidAPIKey, ResourceNotFound:
		return "Forbidden"
	case Unauthorized:
		return "Unauthorized"
	case MissingAuthenticationToken, InvalidSignature, ExpiredToken:
		return f.Text()
	case BadRequestBody:
		return "Invalid request body"
	}
	if f.StatusCode() < 500 && f.Text() != "" {
		return f.Text()
	}
	return "Internal server error"
}

// answerSocketFault answers a handshake that is refused.
//
// AWS: websocket-execution.md §1: the id header on errors of $connect.
func (x *Exchange) answerSocketFault(f *Fault) {
	status := f.StatusCode()
	r := &x.MethodResponse
	r.Status, r.Close, r.Ready, r.Switch = status, false, x.Vars.Now, nil
	fields := append(r.Header.Fields[:0], wire.Field{Name: headerType, Value: typeJSON, ID: wire.HeaderContentType})
	if status >= http.StatusInternalServerError {
		fields = append(fields, wire.Field{Name: headerExtendedID, Value: x.Vars.ExtendedRequestID, ID: wire.HeaderXAmzApigwID})
	}
	r.Header.Fields = fields
	from := len(x.Buf)
	x.Buf = AppendSocketError(x.Buf, f.SocketText(), x)
	x.SetAnswerBody(x.Buf[from:])
}

// SocketVar is ContextVar for WebSocket APIs.
//
// AWS: websocket-execution.md §11.
func SocketVar(name string) Getter {
	switch name {
	case "routeKey":
		return ofRoute(func(rt *Route) string { return rt.Key })
	case "connectionId":
		return ofSocket(func(s *Socket) string { return s.ConnectionID })
	case "messageId":
		return ofSocket(func(s *Socket) string { return s.MessageID })
	case "eventType":
		return ofSocket(func(s *Socket) string { return string(s.Event) })
	case "connectedAt":
		return func(dst []byte, x *Exchange) []byte {
			if x.Socket == nil {
				return dst
			}
			return strconv.AppendInt(dst, x.Socket.ConnectedAt.UnixMilli(), 10)
		}
	case "status":
		// AWS: logging-metrics.md §1.2: 200 of a handshake that went well.
		return func(dst []byte, x *Exchange) []byte {
			if x.MethodResponse.Status == http.StatusSwitchingProtocols {
				return appendStatus(dst, http.StatusOK)
			}
			return appendStatus(dst, x.MethodResponse.Status)
		}
	case "resourceId", "resourcePath", "httpMethod", "path", "isCanaryRequest":
		return nil
	case "responseLength", "responseLatency", "integration.latency", "integrationStatus", "integration.integrationStatus":
		return nil // AWS: the same: they print "-", also those that are documented
	}
	return ContextVar(name)
}

func ofSocket(get func(*Socket) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Socket == nil {
			return dst
		}
		return append(dst, get(x.Socket)...)
	}
}
