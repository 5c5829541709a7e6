package wire

// A HeaderID tells a well-known header name apart without comparing text. Zero
// is any other name.
type HeaderID uint8

// The well-known names. Those up to HeaderExpect steer how a message is read.
const (
	HeaderOther HeaderID = iota
	HeaderHost
	HeaderContentLength
	HeaderTransferEncoding
	HeaderConnection
	HeaderExpect

	HeaderKeepAlive
	HeaderProxyConnection
	HeaderTE
	HeaderTrailer
	HeaderUpgrade

	HeaderAccept
	HeaderAcceptCharset
	HeaderAcceptEncoding
	HeaderAcceptLanguage
	HeaderAccessControlRequestHeaders
	HeaderAccessControlRequestMethod
	HeaderAge
	HeaderAuthorization
	HeaderCacheControl
	HeaderContentEncoding
	HeaderContentMD5
	HeaderContentType
	HeaderCookie
	HeaderDate
	HeaderETag
	HeaderForwarded
	HeaderIfModifiedSince
	HeaderIfNoneMatch
	HeaderLastModified
	HeaderLocation
	HeaderMaxForwards
	HeaderOrigin
	HeaderPragma
	HeaderProxyAuthenticate
	HeaderProxyAuthorization
	HeaderRange
	HeaderReferer
	HeaderRetryAfter
	HeaderServer
	HeaderSetCookie
	HeaderUserAgent
	HeaderVary
	HeaderVia
	HeaderWarn
	HeaderWarning
	HeaderWWWAuthenticate
	HeaderXAmzApigwID
	HeaderXAmzDate
	HeaderXAmzSecurityToken
	HeaderXAmznAPIGatewayAPIID
	HeaderXAmznErrorType
	HeaderXAmznRequestID
	HeaderXAmznTraceID
	HeaderXAPIKey
	HeaderXForwardedFor
	HeaderXForwardedHost
	HeaderXForwardedPort
	HeaderXForwardedProto
	HeaderXHTTPMethodOverride

	headerIDs // how many there are
)

// headerNames are the names as AWS spells them, which is how HTTP/1.1 clients
// and servers mostly do.
var headerNames = [headerIDs]string{
	HeaderHost:                        "Host",
	HeaderContentLength:               "Content-Length",
	HeaderTransferEncoding:            "Transfer-Encoding",
	HeaderConnection:                  "Connection",
	HeaderExpect:                      "Expect",
	HeaderKeepAlive:                   "Keep-Alive",
	HeaderProxyConnection:             "Proxy-Connection",
	HeaderTE:                          "TE",
	HeaderTrailer:                     "Trailer",
	HeaderUpgrade:                     "Upgrade",
	HeaderAccept:                      "Accept",
	HeaderAcceptCharset:               "Accept-Charset",
	HeaderAcceptEncoding:              "Accept-Encoding",
	HeaderAcceptLanguage:              "Accept-Language",
	HeaderAccessControlRequestHeaders: "Access-Control-Request-Headers",
	HeaderAccessControlRequestMethod:  "Access-Control-Request-Method",
	HeaderAge:                         "Age",
	HeaderAuthorization:               "Authorization",
	HeaderCacheControl:                "Cache-Control",
	HeaderContentEncoding:             "Content-Encoding",
	HeaderContentMD5:                  "Content-MD5",
	HeaderContentType:                 "Content-Type",
	HeaderCookie:                      "Cookie",
	HeaderDate:                        "Date",
	HeaderETag:                        "ETag",
	HeaderForwarded:                   "Forwarded",
	HeaderIfModifiedSince:             "If-Modified-Since",
	HeaderIfNoneMatch:                 "If-None-Match",
	HeaderLastModified:                "Last-Modified",
	HeaderLocation:                    "Location",
	HeaderMaxForwards:                 "Max-Forwards",
	HeaderOrigin:                      "Origin",
	HeaderPragma:                      "Pragma",
	HeaderProxyAuthenticate:           "Proxy-Authenticate",
	HeaderProxyAuthorization:          "Proxy-Authorization",
	HeaderRange:                       "Range",
	HeaderReferer:                     "Referer",
	HeaderRetryAfter:                  "Retry-After",
	HeaderServer:                      "Server",
	HeaderSetCookie:                   "Set-Cookie",
	HeaderUserAgent:                   "User-Agent",
	HeaderVary:                        "Vary",
	HeaderVia:                         "Via",
	HeaderWarn:                        "Warn",
	HeaderWarning:                     "Warning",
	HeaderWWWAuthenticate:             "WWW-Authenticate",
	HeaderXAmzApigwID:                 "x-amz-apigw-id",
	HeaderXAmzDate:                    "X-Amz-Date",
	HeaderXAmzSecurityToken:           "X-Amz-Security-Token",
	HeaderXAmznAPIGatewayAPIID:        "X-Amzn-Apigateway-Api-Id",
	HeaderXAmznErrorType:              "x-amzn-ErrorType",
	HeaderXAmznRequestID:              "x-amzn-RequestId",
	HeaderXAmznTraceID:                "X-Amzn-Trace-Id",
	HeaderXAPIKey:                     "X-Api-Key",
	HeaderXForwardedFor:               "X-Forwarded-For",
	HeaderXForwardedHost:              "X-Forwarded-Host",
	HeaderXForwardedPort:              "X-Forwarded-Port",
	HeaderXForwardedProto:             "X-Forwarded-Proto",
	HeaderXHTTPMethodOverride:         "X-HTTP-Method-Override",
}

// String returns the name as AWS spells it, or "" for other names.
func (id HeaderID) String() string {
	if id >= headerIDs {
		return ""
	}
	return headerNames[id]
}

// longestHeaderName bounds the tables below.
const longestHeaderName = 30

// maxBucket is how many names share a length and a first letter at most.
const maxBucket = 4

// headerBuckets finds the candidates for a name: by length, then by first
// letter (its low five bits, which upper and lower case share).
var headerBuckets = makeHeaderBuckets()

func makeHeaderBuckets() (t [longestHeaderName + 1][32][maxBucket]HeaderID) {
	for id := HeaderOther + 1; id < headerIDs; id++ {
		name := headerNames[id]
		b := &t[len(name)][name[0]&31]
		i := 0
		for b[i] != HeaderOther { // out of range here means: raise maxBucket
			i++
		}
		b[i] = id
	}
	return t
}

// Identify returns which well-known name this is, in any case, or HeaderOther.
func Identify(name string) HeaderID {
	if len(name) == 0 || len(name) > longestHeaderName {
		return HeaderOther
	}
	b := &headerBuckets[len(name)][name[0]&31]
	for _, id := range b {
		if id == HeaderOther {
			return HeaderOther
		}
		if known := headerNames[id]; name == known || equalFold(name, known) {
			return id
		}
	}
	return HeaderOther
}

// equalFold compares two names of the same length without regard to ASCII case.
func equalFold(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}
