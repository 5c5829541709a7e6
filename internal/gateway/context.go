package gateway

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/vtl"
)

// A Getter appends one value of x to dst, or nothing when there is none. It is
// found once, when what needs the value is compiled.
type Getter func(dst []byte, x *Exchange) []byte

// ContextVar returns the getter of $context.{name}; nil: there is no such
// variable, at least for REST APIs as far as they are served here.
//
// AWS: logging-metrics.md §1.2, column R.
func ContextVar(name string) Getter {
	if rest, ok := strings.CutPrefix(name, "authorizer."); ok {
		return authorizerVar(rest)
	}
	if get := overrideVar(name); get != nil {
		return get
	}
	for _, group := range [][]contextVar{requestVars, identityVars, clientVars, integrationVars, errorVars, reasonVars} {
		for _, v := range group {
			if v.name == name {
				return v.get
			}
		}
	}
	return nil
}

// overrideVar returns the getter of what mapping templates have overridden; nil:
// name is no such variable.
//
// AWS: logging-metrics.md §1.2, requestOverride and responseOverride.
func overrideVar(name string) Getter {
	side, rest, _ := strings.Cut(name, ".")
	kind, member, _ := strings.Cut(rest, ".")
	request := side == "requestOverride" && (kind == "header" || kind == "path" || kind == "querystring") && member != ""
	response := side == "responseOverride" && (kind == "header" && member != "" || kind == "status" && member == "")
	if !request && !response {
		return nil
	}
	return func(dst []byte, x *Exchange) []byte {
		if x.Overrides == nil {
			return dst
		}
		v := x.Overrides.Response
		if request {
			v = x.Overrides.Request
		}
		if v = v.Get(kind); member != "" {
			v = v.Get(member)
		}
		if v.Kind() == vtl.Null {
			return dst
		}
		return append(dst, v.Text()...)
	}
}

type contextVar struct {
	name string
	get  Getter
}

var requestVars = []contextVar{
	{"accountId", ofStage(func(st *Stage) string { return st.Account })},
	{"apiId", ofStage(func(st *Stage) string { return st.API })},
	{"stage", ofStage(func(st *Stage) string { return st.Name })},
	{"deploymentId", ofStage(func(st *Stage) string { return st.Deployment })},
	{"endpointType", ofStage(func(st *Stage) string { return st.EndpointType })},
	{"domainName", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.Domain...) }},
	{"domainPrefix", func(dst []byte, x *Exchange) []byte {
		prefix, _, _ := strings.Cut(x.Vars.Domain, ".")
		return append(dst, prefix...)
	}},
	{"requestId", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.RequestID...) }},
	{"extendedRequestId", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.ExtendedRequestID...) }},
	{"requestTime", func(dst []byte, x *Exchange) []byte { return AppendRequestTime(dst, x.Vars.Start) }},
	{"requestTimeEpoch", func(dst []byte, x *Exchange) []byte {
		return strconv.AppendInt(dst, x.Vars.Start.UnixMilli(), 10)
	}},
	{"httpMethod", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.HTTPMethod...) }},
	{"path", func(dst []byte, x *Exchange) []byte {
		dst = append(dst, x.Vars.PathHead...)
		return append(dst, x.Vars.PathTail...)
	}},
	// AWS: execution.md §7: always HTTP/1.1, because the backend call is.
	{"protocol", func(dst []byte, _ *Exchange) []byte { return append(dst, "HTTP/1.1"...) }},
	{"resourceId", ofRoute(func(rt *Route) string { return rt.ResourceID })},
	{"resourcePath", ofRoute(func(rt *Route) string { return rt.ResourcePath })},
	{"operationName", ofRoute(func(rt *Route) string { return rt.OperationName })},
	{"identity.sourceIp", appendSourceIP},
	{"identity.userAgent", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.UserAgent...) }},
	{"identity.apiKey", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.APIKey...) }},
	{"identity.apiKeyId", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.APIKeyID...) }},
	{"customDomain.basePathMatched", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.BasePath...) }},
	{"customDomain.routingRuleIdMatched", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.Rule...) }},
	{"isCanaryRequest", func(dst []byte, x *Exchange) []byte {
		if !x.Vars.HasCanary {
			return dst
		}
		return strconv.AppendBool(dst, x.Vars.Canary)
	}},
	{"xrayTraceId", func(dst []byte, x *Exchange) []byte { return append(dst, traceRoot(x.Vars.Trace)...) }},
	{"tlsVersion", func(dst []byte, x *Exchange) []byte {
		if x.Peer == nil || !x.Peer.TLS {
			return dst
		}
		return append(dst, tlsVersion(x.Peer.Version)...)
	}},
	{"cipherSuite", func(dst []byte, x *Exchange) []byte {
		if x.Peer == nil || !x.Peer.TLS {
			return dst
		}
		return append(dst, tls.CipherSuiteName(x.Peer.Cipher)...)
	}},
}

var integrationVars = []contextVar{
	{"integrationLatency", appendIntegrationLatency},
	{"integration.latency", appendIntegrationLatency},
	{"integrationStatus", appendIntegrationStatus},
	{"integration.integrationStatus", appendIntegrationStatus},
	// AWS: logging-metrics.md §1.2: of a Lambda proxy, what the function returned.
	{"integration.status", func(dst []byte, x *Exchange) []byte {
		if x.Vars.FunctionStatus != 0 {
			return appendStatus(dst, x.Vars.FunctionStatus)
		}
		return appendIntegrationStatus(dst, x)
	}},
	{"integration.requestId", appendIntegrationRequestID},
	{"awsEndpointRequestId", appendIntegrationRequestID},
	{"integration.error", func(dst []byte, x *Exchange) []byte { return append(dst, x.Vars.IntegrationError...) }},
	{"integration.responseTransferMode", func(dst []byte, x *Exchange) []byte {
		if x.Vars.IntegrationStart.IsZero() {
			return dst
		}
		if x.Vars.Streamed {
			return append(dst, "STREAMED"...)
		}
		return append(dst, "BUFFERED"...)
	}},
	// AWS: rest-execution.md §13: when all headers and the first byte of the
	// body were here, of a streamed response.
	{"integration.timeToAllHeaders", func(dst []byte, x *Exchange) []byte {
		if !x.Vars.Streamed {
			return dst
		}
		return appendIntegrationLatency(dst, x)
	}},
	{"integration.timeToFirstContent", func(dst []byte, x *Exchange) []byte {
		if x.Vars.FirstContent.IsZero() {
			return dst
		}
		return appendMillis(dst, x.Vars.FirstContent.Sub(x.Vars.IntegrationStart))
	}},
	{"status", func(dst []byte, x *Exchange) []byte { return appendStatus(dst, x.MethodResponse.Status) }},
	{"responseLength", func(dst []byte, x *Exchange) []byte { return strconv.AppendInt(dst, x.Vars.Sent.Body, 10) }},
	{"responseLatency", func(dst []byte, x *Exchange) []byte {
		if x.Vars.Sent.At.IsZero() {
			return dst
		}
		return appendMillis(dst, x.Vars.Sent.At.Sub(x.Vars.Start))
	}},
}

var errorVars = []contextVar{
	{"error.message", func(dst []byte, x *Exchange) []byte {
		if x.Fault == nil {
			return dst
		}
		if x.HTTP {
			_, text := x.Fault.http()
			return append(dst, text...)
		}
		return append(dst, x.Fault.Text()...)
	}},
	{"error.messageString", func(dst []byte, x *Exchange) []byte {
		if x.Fault == nil {
			return dst
		}
		if x.HTTP {
			_, text := x.Fault.http()
			return AppendJSONString(dst, text)
		}
		return x.Fault.AppendMessageString(dst)
	}},
	{"error.responseType", func(dst []byte, x *Exchange) []byte {
		if x.Fault == nil {
			return dst
		}
		return append(dst, x.Fault.Type.String()...)
	}},
	{"error.validationErrorString", func(dst []byte, x *Exchange) []byte {
		if x.Fault == nil {
			return dst
		}
		return append(dst, x.Fault.Validation...)
	}},
}

func ofStage(get func(*Stage) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Stage == nil {
			return dst
		}
		return append(dst, get(x.Stage)...)
	}
}

func ofRoute(get func(*Route) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Route == nil {
			return dst
		}
		return append(dst, get(x.Route)...)
	}
}

func appendSourceIP(dst []byte, x *Exchange) []byte {
	if x.Vars.TestInvoke {
		return append(dst, testSourceIP...)
	}
	if x.Peer == nil || !x.Peer.Addr.IsValid() {
		return dst
	}
	return x.Peer.Addr.Addr().Unmap().AppendTo(dst)
}

func appendIntegrationLatency(dst []byte, x *Exchange) []byte {
	d, ok := x.Vars.IntegrationLatency()
	if !ok {
		return dst
	}
	return appendMillis(dst, d)
}

func appendIntegrationStatus(dst []byte, x *Exchange) []byte {
	return appendStatus(dst, x.Vars.IntegrationStatus)
}

func appendIntegrationRequestID(dst []byte, x *Exchange) []byte {
	return append(dst, x.Vars.IntegrationRequestID...)
}

func appendStatus(dst []byte, status int) []byte {
	if status == 0 {
		return dst
	}
	return strconv.AppendInt(dst, int64(status), 10)
}

func appendMillis(dst []byte, d time.Duration) []byte {
	return strconv.AppendInt(dst, d.Milliseconds(), 10)
}

func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return ""
}

// AppendRequestTime appends t as $context.requestTime.
//
// AWS: execution.md §2: dd/MMM/yyyy:HH:mm:ss +0000, always UTC.
func AppendRequestTime(dst []byte, t time.Time) []byte {
	const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append2(dst, day)
	dst = append(dst, '/')
	dst = append(dst, months[3*(month-1):3*month]...)
	dst = append(dst, '/')
	dst = append2(dst, year/100)
	dst = append2(dst, year%100)
	dst = append(dst, ':')
	dst = append2(dst, hour)
	dst = append(dst, ':')
	dst = append2(dst, minute)
	dst = append(dst, ':')
	dst = append2(dst, second)
	return append(dst, " +0000"...)
}

func append2(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}
