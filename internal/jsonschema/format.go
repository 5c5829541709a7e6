package jsonschema

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// A format is a value of the keyword format that is checked. Others are
// ignored.
//
// AWS: an unknown format is no error (recorded: byte, LS
// import::test_import_with_circular_models_and_request_validation), an email
// address is checked (dod-ccpo/atat-web-api#204). The list is that of the fge
// validator without regex, whose engine we do not have.
type format struct {
	is    func(text []byte) bool
	words string // with one %s for the text, or none
}

func (f *format) refuse(r *run, text string) bool {
	if !strings.Contains(f.words, "%s") {
		return r.refuse("%s", f.words)
	}
	return r.refuse("%s", strings.Replace(f.words, "%s", text, 1))
}

// formatNamed returns the format of that name, or nil.
func formatNamed(name string) *format {
	switch name {
	case "date-time":
		return &format{isDateTime, `string "%s" is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]`}
	case "email":
		return &format{isEmail, `string "%s" is not a valid email address`}
	case "hostname":
		return &format{isHostname, `string "%s" is not a valid hostname`}
	case "ipv4":
		return &format{isIPv4, `string "%s" is not a valid IPv4 address`}
	case "ipv6":
		return &format{isIPv6, `string "%s" is not a valid IPv6 address`}
	case "uri":
		return &format{isURI, `string "%s" is not a valid URI`}
	case "uuid":
		return &format{isUUID, `input string "%s" is not a valid UUID`}
	}
	return nil
}

// isDateTime takes any number of digits of a second up to 12, and a zone with
// or without a colon.
func isDateTime(b []byte) bool {
	const seconds = "2006-01-02T15:04:05"
	if len(b) < len(seconds)+1 {
		return false
	}
	if _, err := time.Parse(seconds, string(b[:len(seconds)])); err != nil {
		return false
	}
	b = b[len(seconds):]
	if b[0] == '.' {
		rest := bytes.TrimLeft(b[1:], "0123456789")
		if n := len(b) - 1 - len(rest); n == 0 || n > 12 {
			return false
		}
		b = rest
	}
	zone := string(b)
	if zone == "Z" {
		return true
	}
	for _, layout := range []string{"-07:00", "-0700"} {
		if _, err := time.Parse(layout, zone); err == nil {
			return true
		}
	}
	return false
}

// isEmail is the strict check of javax.mail's InternetAddress: something, an
// at sign, a domain.
func isEmail(b []byte) bool {
	i := bytes.LastIndexByte(b, '@')
	if i <= 0 || i == len(b)-1 {
		return false
	}
	local, domain := b[:i], b[i+1:]
	if n := len(local); n > 1 && local[0] == '"' && local[n-1] == '"' {
		return bytes.IndexByte(local[1:n-1], '"') < 0 && isMailDomain(domain)
	}
	for _, c := range local {
		if c <= ' ' || c == 0x7f || strings.IndexByte(`()<>@,;:\"[]`, c) >= 0 {
			return false
		}
	}
	return noEmptyLabel(local) && isMailDomain(domain)
}

func isMailDomain(b []byte) bool {
	if b[0] == '[' && b[len(b)-1] == ']' {
		return true
	}
	for _, c := range b {
		if !isLetter(rune(c)) && !isDigit(rune(c)) && c != '-' && c != '.' && c < 0x80 {
			return false
		}
	}
	return noEmptyLabel(b)
}

func noEmptyLabel(b []byte) bool {
	return b[0] != '.' && b[len(b)-1] != '.' && !bytes.Contains(b, []byte(".."))
}

// isHostname is the check of Guava's InternetDomainName.
func isHostname(b []byte) bool {
	b = bytes.TrimSuffix(b, dot)
	if len(b) == 0 || len(b) > 253 {
		return false
	}
	var label []byte
	for more := true; more; {
		label, b, more = bytes.Cut(b, dot)
		if len(label) == 0 || len(label) > 63 || strings.IndexByte("-_", label[0]) >= 0 || strings.IndexByte("-_", label[len(label)-1]) >= 0 {
			return false
		}
		for _, c := range label {
			if !isLetter(rune(c)) && !isDigit(rune(c)) && c != '-' && c != '_' && c < 0x80 {
				return false
			}
		}
	}
	return !isDigit(rune(label[0]))
}

func isIPv4(b []byte) bool {
	a, err := netip.ParseAddr(string(b[:min(len(b), 64)]))
	return err == nil && a.Is4()
}

func isIPv6(b []byte) bool {
	a, err := netip.ParseAddr(string(b[:min(len(b), 64)]))
	return err == nil && a.Is6() && a.Zone() == ""
}

// isURI is the check of java.net.URI, which takes relative ones too.
func isURI(b []byte) bool {
	if len(b) > 0 && b[0] == ':' {
		return false
	}
	for i, c := range b {
		if c <= ' ' || c == 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
		if c == '%' && (len(b) < i+3 || !isHex(b[i+1]) || !isHex(b[i+2])) {
			return false
		}
	}
	return bytes.Count(b, []byte("#")) <= 1
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return isDigit(rune(c)) || 'a' <= c|0x20 && c|0x20 <= 'f' }
