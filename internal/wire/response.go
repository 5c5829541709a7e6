package wire

// ParseResponseHead reads a response's head from the beginning of b into resp,
// which must be empty. It returns the length of the head, or 0 and no error
// when b does not hold all of it. resp's strings are views of b.
//
// Body.Length becomes what the head announces: -1 for a body that is chunked
// or ends with the connection.
func ParseResponseHead(b []byte, resp *Response, maxFields int) (int, error) {
	i, err := parseStatusLine(b, resp)
	if i == 0 || err != nil {
		return 0, err
	}
	var f framing
	n, err := parseFields(b, i, maxFields, &resp.Header, &f)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		resp.Header.Reset()
		return 0, nil
	}
	return n, resp.setFraming(&f)
}

// parseStatusLine returns the index of the first field line, or 0 when there
// is not enough yet.
func parseStatusLine(b []byte, resp *Response) (int, error) {
	const prefix = "HTTP/1."
	const fixed = len(prefix) + len("1 200")
	if n := min(len(b), len(prefix)); string(b[:n]) != prefix[:n] {
		return 0, errStatusLine
	}
	if len(b) <= fixed {
		return 0, nil
	}
	minor := b[len(prefix)]
	if minor != '0' && minor != '1' || b[len(prefix)+1] != ' ' {
		return 0, errStatusLine
	}
	status := 0
	for _, c := range b[len(prefix)+2 : fixed] {
		if c < '0' || c > '9' {
			return 0, errStatusLine
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 {
		return 0, errStatusLine
	}
	if b[fixed] != ' ' && b[fixed] != '\r' {
		return 0, errStatusLine
	}
	end := valueEnd(b, fixed)
	if end < 0 || end+1 >= len(b) && b[end] == '\r' {
		return 0, nil
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return 0, valueFault(b, end)
	}
	resp.Status = status
	resp.http10 = minor == '0'
	return end + 2, nil
}

// setFraming decides how the body ends, but for what only the request tells
// (HEAD).
func (r *Response) setFraming(f *framing) error {
	chunked, err := f.chunked(r.http10)
	if err != nil {
		return err
	}
	r.chunked = chunked
	r.Close = !f.persists(r.http10)
	r.Body.Length = -1
	if f.lengths > 0 {
		r.Body.Length = f.length
	}
	return nil
}

// hasBody says whether a response of this status to this method has a body.
func hasBody(status int, method string) bool {
	return status >= 200 && status != 204 && status != 304 && method != "HEAD"
}
