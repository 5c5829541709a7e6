package wire

// framing is what the steering fields of one head say.
type framing struct {
	host      string
	hosts     int
	length    int64
	lengths   int
	codings   int
	coding    string
	close     bool
	keepAlive bool
	expect    string
	expects   int
}

// parseFields reads field lines from b[i:] up to and including the empty line,
// appends them to h and notes in f what steers the message. It returns the
// index after the empty line, or 0 when more bytes are needed.
func parseFields(b []byte, i, maxFields int, h *Header, f *framing) (int, error) {
	for {
		if i >= len(b) {
			return 0, nil
		}
		start := i
		for i < len(b) && classes[b[i]]&isToken != 0 {
			i++
		}
		if i >= len(b) {
			return 0, nil
		}
		if b[i] != ':' || i == start {
			return fieldsEnd(b, start, i)
		}
		name := String(b[start:i])
		i++
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		end := valueEnd(b, i)
		if end < 0 || end+1 >= len(b) && b[end] == '\r' {
			return 0, nil
		}
		if b[end] != '\r' || b[end+1] != '\n' {
			return 0, valueFault(b, end)
		}
		value := trimEnd(b[i:end])
		i = end + 2
		if len(h.Fields) >= maxFields {
			return 0, errFieldCount
		}
		id := Identify(name)
		h.Fields = append(h.Fields, Field{Name: name, Value: value, ID: id})
		if id != HeaderOther && id <= HeaderExpect {
			if err := f.note(id, value); err != nil {
				return 0, err
			}
		}
	}
}

// fieldsEnd handles a line from start whose name ends at i, but not with a
// colon: the empty line that ends the head, or a fault.
func fieldsEnd(b []byte, start, i int) (int, error) {
	switch c := b[i]; {
	case c == '\r' && i+1 == len(b):
		return 0, nil
	case c == '\r' && b[i+1] != '\n':
		return 0, errBareCR
	case c == '\r' && i == start:
		return i + 2, nil
	case c == '\n':
		return 0, errBareLF
	case (c == ' ' || c == '\t') && i == start:
		return 0, errObsFold
	case c == ' ' || c == '\t':
		return 0, errSpaceColon
	case c == ':':
		return 0, errFieldNameEmpty
	}
	return 0, errFieldName
}

func valueFault(b []byte, i int) error {
	switch b[i] {
	case '\r':
		return errBareCR
	case '\n':
		return errBareLF
	}
	return errFieldValue
}

func trimEnd(b []byte) string {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return String(b)
}

// note takes down a field that steers the message.
func (f *framing) note(id HeaderID, value string) error {
	switch id {
	case HeaderHost:
		f.host = value
		f.hosts++
	case HeaderContentLength:
		if f.lengths++; f.lengths > 1 {
			return errLengthRepeated
		}
		n, ok := parseLength(value)
		if !ok {
			return errLength
		}
		f.length = n
	case HeaderTransferEncoding:
		f.coding = value
		if f.codings++; f.codings > 1 {
			return errCoding
		}
	case HeaderConnection:
		return f.noteConnection(value)
	case HeaderExpect:
		f.expect = value
		f.expects++
	}
	return nil
}

// parseLength reads a Content-Length: digits and nothing else.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 18 { // 18 digits fit an int64
		return 0, false
	}
	var n int64
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// noteConnection reads the options of a Connection field.
func (f *framing) noteConnection(value string) error {
	for rest := value; rest != ""; {
		var token string
		token, rest = nextToken(rest)
		switch {
		case token == "":
			continue // RFC 9110, 5.6.1.2: empty list elements are ignored
		case !ValidToken(token):
			return errConnection
		case len(token) == 5 && equalFold(token, "close"):
			f.close = true
		case len(token) == 10 && equalFold(token, "keep-alive"):
			f.keepAlive = true
		}
	}
	return nil
}

// chunked checks length and coding against each other and says whether the
// body is chunked.
func (f *framing) chunked(http10 bool) (bool, error) {
	if f.codings == 0 {
		return false, nil
	}
	if http10 {
		return false, errCodingHTTP10
	}
	if f.lengths > 0 {
		return false, errLengthCoding
	}
	if len(f.coding) == 7 && equalFold(f.coding, "chunked") {
		return true, nil
	}
	return false, codingFault(f.coding)
}

// codingFault tells codings we do not have from those that would leave the end
// of the message open (RFC 9112, 6.1 and 6.3).
func codingFault(list string) error {
	last, before := "", 0
	for rest := list; rest != ""; {
		if last != "" {
			if len(last) == 7 && equalFold(last, "chunked") {
				return errCoding // chunked must come last, and once
			}
			before++
		}
		last, rest = nextToken(rest)
		if !ValidToken(last) {
			return errCoding
		}
	}
	if before == 0 || len(last) != 7 || !equalFold(last, "chunked") {
		return errCoding
	}
	return errCodingUnknown
}

// persists says whether the connection stays open after this message.
func (f *framing) persists(http10 bool) bool {
	if f.close {
		return false
	}
	return !http10 || f.keepAlive
}
