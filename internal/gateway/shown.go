package gateway

import (
	"strings"

	"gatehouse/internal/wire"
)

// givesAccess tells whether who knows the value of a header, or of a parameter of
// a query string, may do what the caller may.
func givesAccess(name string) bool {
	switch wire.Identify(name) {
	case wire.HeaderAuthorization, wire.HeaderXAPIKey, wire.HeaderXAmzSecurityToken, wire.HeaderCookie, wire.HeaderSetCookie:
		return true
	}
	return strings.EqualFold(name, recordHeader) || strings.EqualFold(name, "X-Amz-Signature") || strings.EqualFold(name, "access_token")
}

// appendShown appends the value of a header or a parameter as logs show it.
func appendShown(dst []byte, name, value string) []byte {
	if givesAccess(name) {
		return AppendMasked(dst, value)
	}
	return append(dst, value...)
}

// AppendMasked appends a secret as logs show it.
func AppendMasked(dst []byte, secret string) []byte {
	hidden := max(len(secret)-6, (len(secret)+1)/2) // of a short one, half
	for range hidden {
		dst = append(dst, '*')
	}
	return append(dst, secret[hidden:]...)
}

// ShownURL is a URL, or the target of a request, as logs and traces show it:
// parameters that give access, as presigned requests have, are masked.
func ShownURL(url string) string {
	path, query, ok := strings.Cut(url, "?")
	if !ok {
		return url
	}
	masked, from := []byte(nil), 0 // what stands before from is in masked
	for rest := query; ; {
		name, value, after, ok := NextPair(rest)
		if !ok {
			break
		}
		rest = after
		if value == "" || !givesAccess(name) {
			continue
		}
		end := len(query) - len(rest) // behind the pair, and what ends it
		for !strings.HasSuffix(query[:end], value) {
			end--
		}
		masked = append(masked, query[from:end-len(value)]...)
		masked, from = AppendMasked(masked, value), end
	}
	if from == 0 {
		return url
	}
	return path + "?" + string(masked) + query[from:]
}
