package event

import (
	"strconv"

	"gatehouse/internal/gateway"
)

// A SocketForm writes the events of one route of a WebSocket API. It is not
// changed after it was made.
type SocketForm struct {
	routeKey  string // as JSON
	variables string // of the stage, as JSON; empty: there are none
}

// NewSocketForm makes the form of a route.
func NewSocketForm(routeKey string, variables map[string]string) *SocketForm {
	return &SocketForm{quoted(routeKey), sortedVariables(variables)}
}

// Append appends the event of x, whose message, if it is one, is body.
//
// AWS: websocket-execution.md §3: order of members as captured; what there is
// none of is left out.
func (f *SocketForm) Append(dst []byte, x *gateway.Exchange, body []byte) []byte {
	from := len(dst)
	switch x.Socket.Event {
	case gateway.SocketConnect:
		dst = appendHeaders(dst, x, false, "{}")
		if x.MethodRequest.Query != "" {
			dst = appendQuery(dst, x, "{}")
		}
	case gateway.SocketDisconnect:
		host := quoted(x.Vars.Domain)
		dst = append(append(dst, `,"headers":{"Host":`...), host...)
		dst = append(append(dst, `,"x-api-key":"","X-Forwarded-For":"","x-restapi":""},"multiValueHeaders":{"Host":[`...), host...)
		dst = append(dst, `],"x-api-key":[""],"X-Forwarded-For":[""],"x-restapi":[""]}`...)
	case gateway.SocketMessage:
	}
	dst = f.appendContext(append(dst, `,"requestContext":`...), x)
	dst[from] = '{'
	if f.variables != "" {
		dst = append(append(dst, `,"stageVariables":`...), f.variables...)
	}
	if x.Socket.Event == gateway.SocketMessage {
		dst = appendBytes(append(dst, `,"body":`...), body)
	}
	return append(dst, `,"isBase64Encoded":false}`...)
}

// AppendAuthorizer appends the event of a Lambda authorizer of $connect.
//
// AWS: websocket-execution.md §10: maps are {} when they are empty; the headers
// have Connection, Upgrade and a Content-Length, too.
func (f *SocketForm) AppendAuthorizer(dst []byte, x *gateway.Exchange, methodARN string) []byte {
	dst = AppendString(append(dst, `{"type":"REQUEST","methodArn":`...), methodARN)
	dst = appendSocketHeaders(dst, x)
	dst = appendQuery(dst, x, "{}")
	dst = append(dst, `,"stageVariables":`...)
	if f.variables == "" {
		dst = append(dst, "{}"...)
	} else {
		dst = append(dst, f.variables...)
	}
	dst = f.appendContext(append(dst, `,"requestContext":`...), x)
	return append(dst, '}')
}

// appendSocketHeaders appends the headers that authorizers see.
func appendSocketHeaders(dst []byte, x *gateway.Exchange) []byte {
	p := pairMemory.Get().(*pairs)
	p.add("Connection", "upgrade")
	p.add("Upgrade", "websocket")
	p.add("content-length", "0")
	fields := x.MethodRequest.Header.Fields
	for i := range fields {
		if f := &fields[i]; !hidden[f.ID] {
			p.add(f.Name, f.Value)
		}
	}
	p.add("Host", x.MethodRequest.Host)
	p.add("X-Amzn-Trace-Id", traceHeader(x))
	addForwarded(p, x, "")
	dst = p.appendBoth(dst, `,"headers":`, `,"multiValueHeaders":`, fold, "{}")
	p.release()
	return dst
}

// A socketMember is one of requestContext.
type socketMember struct {
	name   string
	append func(f *SocketForm, dst []byte, x *gateway.Exchange) []byte // nothing: it is left out
}

// The members of requestContext, by event, without and with an authorizer.
var (
	connectContext    = socketContexts("")
	messageContext    = socketContexts("messageId")
	disconnectContext = socketContexts("disconnectStatusCode", "disconnectReason")
)

// socketContexts lists the members of an event, in AWS's order.
func socketContexts(more ...string) (lists [2][]socketMember) {
	for i := range lists {
		for _, m := range socketMembers {
			own := m.name == "messageId" || m.name == "disconnectStatusCode" || m.name == "disconnectReason"
			for _, name := range more {
				own = own && name != m.name
			}
			if !own && (m.name != "authorizer" || i == 1) {
				lists[i] = append(lists[i], m)
			}
		}
		Order(lists[i], func(m *socketMember) string { return m.name })
	}
	return lists
}

var socketMembers = []socketMember{
	{"routeKey", func(f *SocketForm, dst []byte, _ *gateway.Exchange) []byte { return append(dst, f.routeKey...) }},
	{"messageId", socketText(func(x *gateway.Exchange) string { return x.Socket.MessageID })},
	{"disconnectStatusCode", func(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
		return strconv.AppendInt(dst, int64(x.Socket.CloseCode), 10)
	}},
	{"eventType", socketText(func(x *gateway.Exchange) string { return string(x.Socket.Event) })},
	{"authorizer", appendSocketAuthorizer},
	{"extendedRequestId", socketText(func(x *gateway.Exchange) string { return x.Vars.ExtendedRequestID })},
	{"requestTime", func(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
		return append(gateway.AppendRequestTime(append(dst, '"'), x.Vars.Start), '"')
	}},
	{"messageDirection", func(_ *SocketForm, dst []byte, _ *gateway.Exchange) []byte { return append(dst, `"IN"`...) }},
	{"disconnectReason", socketText(func(x *gateway.Exchange) string { return x.Socket.CloseReason })},
	{"stage", socketText(func(x *gateway.Exchange) string { return x.Stage.Name })},
	{"connectedAt", func(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
		return strconv.AppendInt(dst, x.Socket.ConnectedAt.UnixMilli(), 10)
	}},
	{"requestTimeEpoch", func(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
		return strconv.AppendInt(dst, x.Vars.Start.UnixMilli(), 10)
	}},
	{"identity", appendSocketIdentity},
	{"requestId", socketText(func(x *gateway.Exchange) string { return x.Vars.RequestID })},
	{"domainName", socketText(func(x *gateway.Exchange) string { return x.Vars.Domain })},
	{"connectionId", socketText(func(x *gateway.Exchange) string { return x.Socket.ConnectionID })},
	{"apiId", socketText(func(x *gateway.Exchange) string { return x.Stage.API })},
}

func socketText(get func(*gateway.Exchange) string) func(*SocketForm, []byte, *gateway.Exchange) []byte {
	return func(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte { return AppendString(dst, get(x)) }
}

func (f *SocketForm) appendContext(dst []byte, x *gateway.Exchange) []byte {
	lists := &connectContext
	switch x.Socket.Event {
	case gateway.SocketMessage:
		lists = &messageContext
	case gateway.SocketDisconnect:
		lists = &disconnectContext
	case gateway.SocketConnect:
	}
	list := lists[0]
	if x.Authorization != nil {
		list = lists[1]
	}
	dst = append(dst, '{')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), list[i].name...), `":`...)
		dst = list[i].append(f, dst, x)
	}
	return append(dst, '}')
}

// AWS: websocket-execution.md §3: the agent only if the client named one.
func appendSocketIdentity(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
	dst = append(dst, '{')
	if x.Vars.UserAgent != "" {
		dst = append(AppendString(append(dst, `"userAgent":`...), x.Vars.UserAgent), ',')
	}
	dst = append(dst, `"sourceIp":"`...)
	if x.Peer != nil && x.Peer.Addr.IsValid() {
		dst = x.Peer.Addr.Addr().Unmap().AppendTo(dst)
	}
	return append(dst, `"}`...)
}

// AWS: websocket-execution.md §3: the latency in the event of $connect only.
func appendSocketAuthorizer(_ *SocketForm, dst []byte, x *gateway.Exchange) []byte {
	a := x.Authorization
	dst = append(dst, '{')
	for i := range a.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(append(AppendString(dst, a.Values[i].Name), ':'), a.Values[i].Value)
	}
	if x.Socket.Event == gateway.SocketConnect {
		if len(a.Values) > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `"integrationLatency":`...), x.Vars.AuthorizerLatency.Milliseconds(), 10)
	}
	return append(dst, '}')
}
