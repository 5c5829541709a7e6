package wire

import "bytes"

// HeadLimits bounds what is read of a request's head.
type HeadLimits struct {
	Target int // bytes of the request target; beyond: 414
	Header int // bytes of the header section; beyond: 431
	Fields int // field lines; beyond: 431
}

// maxMethod bounds the method's name. The longest registered one has 17 bytes.
const maxMethod = 32

// maxRequestLine is what a request line has at most besides its target.
const maxRequestLine = maxMethod + len("  HTTP/1.1\r\n")

// Size returns the size of the largest head within the limits.
func (l *HeadLimits) Size() int { return l.Target + l.Header + maxRequestLine }

// ParseRequestHead reads a request's head from the beginning of b into req,
// which must be empty. It returns the length of the head, or 0 and no error
// when b does not hold all of it. req's strings are views of b.
//
// Body.Length becomes what the head announces: -1 for a chunked body. Of a head
// that is refused, Host and the target are set if they were read and are sound.
func ParseRequestHead(b []byte, req *Request, lim *HeadLimits) (int, error) {
	i, target, err := parseRequestLine(b, req, lim)
	if i == 0 || err != nil {
		return 0, err
	}
	var f framing
	n, err := parseFields(b, i, lim.Fields, &req.Header, &f)
	if err == nil && (n-i > lim.Header || n == 0 && len(b)-i > lim.Header) {
		err = errHeadLong
	}
	if err != nil {
		if req.setTarget(target, &f) != nil { // if Host came first, whom the request was for is known
			req.Host, req.Target, req.Path, req.Query = "", "", "", ""
		}
		return 0, err
	}
	if n == 0 {
		req.Header.Reset()
		return 0, nil
	}
	if err := req.setTarget(target, &f); err != nil {
		return 0, err
	}
	return n, req.setFraming(&f)
}

// parseRequestLine reads the method and the version into req and returns the
// target as received, and the index of the first field line.
func parseRequestLine(b []byte, req *Request, lim *HeadLimits) (int, string, error) {
	i := 0
	for i < len(b) && classes[b[i]]&isToken != 0 {
		i++
	}
	if i > maxMethod {
		return 0, "", errMethod
	}
	if i == len(b) {
		return 0, "", nil
	}
	if b[i] != ' ' {
		return 0, "", lineFault(b, i, errMethod)
	}
	if i == 0 {
		return 0, "", errRequestLine
	}
	req.Method = String(b[:i])
	i++
	start := i
	for i < len(b) && classes[b[i]]&isTarget != 0 {
		i++
	}
	if i-start > lim.Target {
		return 0, "", errTargetLong
	}
	if i == len(b) {
		return 0, "", nil
	}
	if b[i] != ' ' {
		return 0, "", lineFault(b, i, errTarget)
	}
	if i == start {
		return 0, "", errRequestLine
	}
	target := String(b[start:i])
	n, err := parseVersion(b[i+1:], req)
	if n == 0 || err != nil {
		return 0, "", err
	}
	return i + 1 + n, target, nil
}

func lineFault(b []byte, i int, other error) error {
	switch b[i] {
	case '\n':
		return errBareLF
	case '\r':
		return errRequestLine
	}
	return other
}

const versionLine = "HTTP/1.1\r\n"

// parseVersion reads the rest of the request line and returns its length, or 0
// when there is not enough yet.
func parseVersion(b []byte, req *Request) (int, error) {
	if len(b) >= len(versionLine) && string(b[:len(versionLine)]) == versionLine {
		return len(versionLine), nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/")) {
		if len(b) < len("HTTP/") && string(b) == "HTTP/"[:len(b)] {
			return 0, nil
		}
		return 0, errRequestLine
	}
	v := b[len("HTTP/"):]
	for i, c := range v[:min(len(v), 3)] {
		if digit := c >= '0' && c <= '9'; digit == (i == 1) || i == 1 && c != '.' {
			return 0, lineFault(v, i, errRequestLine)
		}
	}
	if len(v) < 3 {
		return 0, nil
	}
	if v[0] != '1' || v[2] > '1' {
		return 0, errVersion
	}
	if len(v) >= 4 && v[3] != '\r' || len(v) >= 5 && v[4] != '\n' {
		if v[3] == '\r' {
			return 0, errBareCR
		}
		return 0, lineFault(v, 3, errRequestLine)
	}
	if len(v) < 5 {
		return 0, nil
	}
	req.HTTP10 = v[2] == '0'
	return len(versionLine), nil
}

// setTarget sorts out the forms of a request target (RFC 9112, 3.2) and checks
// it against Host.
func (r *Request) setTarget(target string, f *framing) error {
	if f.hosts > 1 {
		return errHostRepeated
	}
	if f.hosts == 0 && !r.HTTP10 {
		return errHostMissing
	}
	if f.hosts == 1 && !validHost(f.host) {
		return errHost
	}
	r.Host = f.host
	if r.Method == "CONNECT" {
		return errConnect
	}
	switch {
	case target[0] == '/':
		return r.setOrigin(target)
	case target == "*":
		if r.Method != "OPTIONS" {
			return errTargetForm
		}
		r.Target, r.Path = target, target
		return nil
	}
	return r.setAbsolute(target, f.hosts)
}

// setOrigin splits a target in origin form.
func (r *Request) setOrigin(target string) error {
	r.Target, r.Path, r.Query = target, target, ""
	for i := range len(target) {
		if target[i] == '?' {
			r.Path, r.Query = target[:i], target[i+1:]
			break
		}
	}
	if !validEscapes(r.Path) {
		return errTarget
	}
	return nil
}

// setAbsolute splits a target in absolute form. Host must say the same.
func (r *Request) setAbsolute(target string, hosts int) error {
	rest, ok := cutScheme(target)
	if !ok {
		return errTarget
	}
	i := 0
	for i < len(rest) && rest[i] != '/' && rest[i] != '?' {
		i++
	}
	host := rest[:i]
	if !validHost(host) {
		return errTarget
	}
	if hosts == 1 && (len(host) != len(r.Host) || !equalFold(host, r.Host)) {
		return errHostMismatch
	}
	r.Host = host
	switch rest = rest[i:]; {
	case rest == "" && r.Method == "OPTIONS":
		r.Target, r.Path = "*", "*" // RFC 9112, 3.2.4
		return nil
	case rest == "":
		r.Target, r.Path = "/", "/"
		return nil
	case rest[0] == '?':
		return errTarget // has no path; there is no memory here to make one
	}
	return r.setOrigin(rest)
}

// cutScheme removes "http://" or "https://".
func cutScheme(s string) (string, bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(s) > len(scheme) && equalFold(s[:len(scheme)], scheme) {
			return s[len(scheme):], true
		}
	}
	return s, false
}

// setFraming decides how the body ends.
func (r *Request) setFraming(f *framing) error {
	chunked, err := f.chunked(r.HTTP10)
	if err != nil {
		return err
	}
	r.Body.Length = f.length
	if chunked {
		r.Body.Length = -1
	}
	r.Close = !f.persists(r.HTTP10)
	if f.expects == 0 || r.HTTP10 { // RFC 9110, 10.1.1: HTTP/1.0 has no expectations
		return nil
	}
	if f.expects > 1 || len(f.expect) != 12 || !equalFold(f.expect, "100-continue") {
		return errExpect
	}
	r.expect = r.Body.Length != 0
	return nil
}
