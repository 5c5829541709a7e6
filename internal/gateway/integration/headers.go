package integration

import (
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A rule says what becomes of a header on its way through a proxy.
type rule uint8

const (
	pass   rule = iota
	drop        // not passed on
	remap       // renamed x-amzn-Remapped-…
	signed      // passed on unless it is a SigV4 signature
	typed       // Content-Type: has its place at the top
)

// proxyRequest are the rules for an HTTP_PROXY's request headers.
//
// AWS: rest-execution.md §4.2, recorded column p, and §5 of integrations.md.
// X-HTTP-Method-Override is not forwarded (§2.3). The two X-Amzn-* are the
// gateway's own.
var proxyRequest = [256]rule{
	wire.HeaderAuthorization:        signed,
	wire.HeaderConnection:           drop,
	wire.HeaderContentEncoding:      drop,
	wire.HeaderContentLength:        drop,
	wire.HeaderContentMD5:           drop,
	wire.HeaderExpect:               drop,
	wire.HeaderHost:                 drop,
	wire.HeaderKeepAlive:            drop,
	wire.HeaderMaxForwards:          drop,
	wire.HeaderProxyAuthenticate:    drop,
	wire.HeaderProxyConnection:      drop,
	wire.HeaderServer:               drop,
	wire.HeaderTE:                   drop,
	wire.HeaderTrailer:              drop,
	wire.HeaderTransferEncoding:     drop,
	wire.HeaderUpgrade:              drop,
	wire.HeaderVia:                  drop,
	wire.HeaderWWWAuthenticate:      drop,
	wire.HeaderXAmznAPIGatewayAPIID: drop,
	wire.HeaderXAmznTraceID:         drop,
	wire.HeaderXHTTPMethodOverride:  drop,
}

// proxyResponse are the rules for an HTTP_PROXY's response headers.
//
// AWS: rest-execution.md §4.2: recorded are Connection, Content-Length, Date,
// Server and x-amzn-RequestId; the others by the official table.
// x-amz-apigw-id from a backend is undocumented: renamed like its sister, so
// that the client sees one.
var proxyResponse = [256]rule{
	wire.HeaderAuthorization:     remap,
	wire.HeaderConnection:        remap,
	wire.HeaderContentLength:     remap,
	wire.HeaderContentMD5:        remap,
	wire.HeaderContentType:       typed,
	wire.HeaderDate:              remap,
	wire.HeaderExpect:            drop,
	wire.HeaderHost:              drop,
	wire.HeaderKeepAlive:         drop,
	wire.HeaderMaxForwards:       remap,
	wire.HeaderProxyAuthenticate: drop,
	wire.HeaderProxyConnection:   drop,
	wire.HeaderServer:            remap,
	wire.HeaderTE:                drop,
	wire.HeaderTrailer:           drop,
	wire.HeaderTransferEncoding:  drop,
	wire.HeaderUpgrade:           drop,
	wire.HeaderUserAgent:         remap,
	wire.HeaderVia:               drop,
	wire.HeaderWWWAuthenticate:   remap,
	wire.HeaderXAmzApigwID:       remap,
	wire.HeaderXAmznRequestID:    remap,
}

// remappedNames are the names that remap gives.
var remappedNames = [256]string{
	wire.HeaderAuthorization:   gateway.RemapPrefix + "Authorization",
	wire.HeaderConnection:      gateway.RemapPrefix + "Connection",
	wire.HeaderContentLength:   gateway.RemapPrefix + "Content-Length",
	wire.HeaderContentMD5:      gateway.RemapPrefix + "Content-MD5",
	wire.HeaderDate:            gateway.RemapPrefix + "Date",
	wire.HeaderMaxForwards:     gateway.RemapPrefix + "Max-Forwards",
	wire.HeaderServer:          gateway.RemapPrefix + "Server",
	wire.HeaderUserAgent:       gateway.RemapPrefix + "User-Agent",
	wire.HeaderWWWAuthenticate: gateway.RemapPrefix + "WWW-Authenticate",
	wire.HeaderXAmzApigwID:     gateway.RemapPrefix + "x-amz-apigw-id",
	wire.HeaderXAmznRequestID:  gateway.RemapPrefix + "x-amzn-RequestId",
}

// passRequestHeader appends to dst the client's headers that a proxy passes on,
// a repeated one joined with commas at its first place.
func passRequestHeader(dst []wire.Field, x *gateway.Exchange) []wire.Field {
	var seen [4]uint64 // by HeaderID
	others := 0        // names that have none
	in := x.MethodRequest.Header.Fields
	for i := range in {
		f := &in[i]
		switch proxyRequest[f.ID] {
		case drop:
			continue
		case signed:
			// AWS: rest-execution.md §4.2: dropped if it is SigV4.
			if strings.HasPrefix(f.Value, "AWS4-") {
				continue
			}
		}
		if f.ID == wire.HeaderOther {
			if others > 0 && joinOther(dst, f, x) {
				continue
			}
			others++
		} else {
			word, bit := &seen[f.ID>>6], uint64(1)<<(f.ID&63)
			if *word&bit != 0 {
				joinKnown(dst, f, x)
				continue
			}
			*word |= bit
		}
		dst = append(dst, *f)
	}
	return dst
}

// joinOther joins f to the field of the same name, if there is one.
func joinOther(fields []wire.Field, f *wire.Field, x *gateway.Exchange) bool {
	for i := range fields {
		g := &fields[i]
		if g.ID == wire.HeaderOther && len(g.Name) == len(f.Name) && strings.EqualFold(g.Name, f.Name) {
			join(g, f, x)
			return true
		}
	}
	return false
}

func joinKnown(fields []wire.Field, f *wire.Field, x *gateway.Exchange) {
	for i := range fields {
		if fields[i].ID == f.ID {
			join(&fields[i], f, x)
			return
		}
	}
}

func join(to, f *wire.Field, x *gateway.Exchange) {
	from := len(x.Buf)
	x.Buf = append(x.Buf, to.Value...)
	x.Buf = append(x.Buf, ',')
	x.Buf = append(x.Buf, f.Value...)
	to.Value = wire.String(x.Buf[from:])
}

// passResponseHeader appends to the method response's header what a proxy
// passes on of the backend's. The response has its Content-Type in the first
// place already, for want of a better one.
func passResponseHeader(x *gateway.Exchange) {
	out := x.MethodResponse.Header.Fields
	in := x.IntegrationResponse.Header.Fields
	typeSeen := false
	for i := range in {
		f := &in[i]
		switch proxyResponse[f.ID] {
		case drop:
			continue
		case remap:
			out = append(out, wire.Field{Name: remappedNames[f.ID], Value: f.Value})
		case typed:
			if !typeSeen {
				out[0].Value, typeSeen = f.Value, true
			}
		default:
			out = append(out, *f)
		}
	}
	x.MethodResponse.Header.Fields = out
}
