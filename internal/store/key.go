package store

import "strings"

// Keys read /<account>/<region>/<service>/<kind>/<id…>. The parts between the
// slashes may hold any text: a slash or a percent sign inside one is escaped,
// so that no part can reach out of its place.

// ID joins the parts of an id ("a1", "prod") to what stands at the end of a
// key ("a1/prod").
func ID(parts ...string) string {
	if len(parts) == 1 {
		return escape(parts[0])
	}
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(escape(p))
	}
	return b.String()
}

// Prefix is the beginning that all keys below parts have in common, with its
// final slash: Prefix("0123", "eu-west-1", "apigateway", "stage") is
// "/0123/eu-west-1/apigateway/stage/", and Prefix() is "/".
func Prefix(parts ...string) string {
	if len(parts) == 0 {
		return "/"
	}
	return "/" + ID(parts...) + "/"
}

// Parts takes a key or an id apart again. It is the reverse of Prefix and ID.
func Parts(key string) []string {
	key = strings.TrimSuffix(strings.TrimPrefix(key, "/"), "/")
	if key == "" {
		return nil
	}
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = unescape(p)
	}
	return parts
}

var (
	escaper   = strings.NewReplacer("%", "%25", "/", "%2F")
	unescaper = strings.NewReplacer("%25", "%", "%2F", "/")
)

func escape(part string) string {
	if strings.ContainsAny(part, "%/") {
		return escaper.Replace(part)
	}
	return part
}

func unescape(part string) string {
	if strings.Contains(part, "%") {
		return unescaper.Replace(part)
	}
	return part
}
