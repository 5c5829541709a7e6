package integration

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
)

// A URI is the address of an HTTP integration, taken apart once: where to
// connect to, and a target of constant pieces and {variables}.
type URI struct {
	Scheme string // http or https
	Host   string // without port
	Port   uint16

	authority string // as written, for the Host header
	pieces    []piece
	variables []string
	query     bool // the target has a "?"
}

// A piece of a target is constant text or, if variable is not negative, the
// place of a variable.
type piece struct {
	text     string
	variable int
}

// ErrAddress is why an integration has no address that could be called: every
// call of it fails with API_CONFIGURATION_ERROR.
//
// AWS: integrations.md §6: URI empty, bad scheme, unmapped variable.
var ErrAddress = errors.New("invalid endpoint address")

// ExpandVariables replaces each ${stageVariables.name} in text.
//
// AWS: rest-execution.md §11: an unset variable is empty text.
func ExpandVariables(text string, variables map[string]string) string {
	const open = "${stageVariables."
	var b strings.Builder
	for {
		i := strings.Index(text, open)
		if i < 0 {
			break
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			break
		}
		b.WriteString(text[:i])
		b.WriteString(variables[text[i+len(open):i+end]])
		text = text[i+end+1:]
	}
	if b.Len() == 0 {
		return text
	}
	b.WriteString(text)
	return b.String()
}

// ParseURI takes an integration's URI apart, stage variables already expanded.
// Its error is, or wraps, ErrAddress.
func ParseURI(text string) (*URI, error) {
	u := new(URI)
	scheme, rest, ok := strings.Cut(text, "://")
	u.Scheme = strings.ToLower(scheme)
	if !ok || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q is not an http or https URL", ErrAddress, text)
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if err := u.setAuthority(rest[:end]); err != nil {
		return nil, err
	}
	target, _, _ := strings.Cut(rest[end:], "#") // a fragment is not sent
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	return u, u.setTarget(target)
}

func (u *URI) setAuthority(authority string) error {
	if strings.ContainsAny(authority, "{}") {
		return fmt.Errorf("%w: a path variable in the host is not supported: %q", ErrAddress, authority)
	}
	host, port, hasPort := authority, "", false
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port, hasPort = authority[:i], authority[i+1:], true
	}
	switch {
	case hasPort:
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: bad port in %q", ErrAddress, authority)
		}
		u.Port = uint16(n)
	case u.Scheme == "https":
		u.Port = 443
	default:
		u.Port = 80
	}
	if ip, ok := strings.CutPrefix(host, "["); ok {
		ip = strings.TrimSuffix(ip, "]")
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("%w: bad host in %q", ErrAddress, authority)
		}
		u.Host, u.authority = ip, authority
		return nil
	}
	if !validHostName(host) {
		return fmt.Errorf("%w: bad host in %q", ErrAddress, authority)
	}
	u.Host, u.authority = strings.ToLower(host), authority
	return nil
}

func validHostName(host string) bool {
	if host == "" || len(host) > 255 {
		return false
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

func (u *URI) setTarget(target string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			return fmt.Errorf("%w: illegal character in %q", ErrAddress, target)
		}
	}
	u.query = strings.Contains(target, "?")
	for target != "" {
		text, rest, found := strings.Cut(target, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			u.pieces = append(u.pieces, piece{target, -1})
			break
		}
		if text != "" {
			u.pieces = append(u.pieces, piece{text, -1})
		}
		u.pieces = append(u.pieces, piece{name, u.variable(strings.TrimSuffix(name, "+"))})
		target = after
	}
	return nil
}

// variable returns the place of a variable, giving it one if it is new.
func (u *URI) variable(name string) int {
	for i, v := range u.variables {
		if v == name {
			return i
		}
	}
	u.variables = append(u.variables, name)
	return len(u.variables) - 1
}

// Variables returns the names of the {variables}, in the order in which their
// values are expected in Exchange.MappedPath.
func (u *URI) Variables() []string { return u.variables }

// Authority returns host and port as they were written, for the Host header.
func (u *URI) Authority() string { return u.authority }

// constant returns the target if it has no variables.
func (u *URI) constant() (string, bool) {
	if len(u.pieces) == 1 && u.pieces[0].variable < 0 {
		return u.pieces[0].text, true
	}
	return "", false
}

// appendTarget appends the target with the mapped path values filled in. It
// reports false if one has no value.
func (u *URI) appendTarget(dst []byte, x *gateway.Exchange) ([]byte, bool) {
	for i := range u.pieces {
		p := &u.pieces[i]
		if p.variable < 0 {
			dst = append(dst, p.text...)
			continue
		}
		if p.variable >= len(x.MappedPath) || x.MappedPath[p.variable] == "" {
			return dst, false
		}
		dst = append(dst, x.MappedPath[p.variable]...)
	}
	return dst, true
}

// Constant returns the target of a URI without variables.
func (u *URI) Constant() (target string, ok bool) { return u.constant() }
