package wire

// Len returns the number of field lines.
func (h *Header) Len() int { return len(h.Fields) }

// Reset empties h and keeps its memory.
func (h *Header) Reset() {
	clear(h.Fields) // views must not keep dead memory alive
	h.Fields = h.Fields[:0]
}

// Get returns the first value of name, in any case, or "".
func (h *Header) Get(name string) string {
	if i := h.index(name); i >= 0 {
		return h.Fields[i].Value
	}
	return ""
}

// GetExact returns the first value of the name spelled exactly so.
//
// AWS: REST APIs compare header names case-sensitively in mappings, validators
// and identity sources.
func (h *Header) GetExact(name string) (value string, ok bool) {
	for i := range h.Fields {
		if h.Fields[i].Name == name {
			return h.Fields[i].Value, true
		}
	}
	return "", false
}

// GetID returns the first value of a well-known name, or "".
func (h *Header) GetID(id HeaderID) string {
	for i := range h.Fields {
		if h.Fields[i].ID == id {
			return h.Fields[i].Value
		}
	}
	return ""
}

// Has says whether a well-known name is there.
func (h *Header) Has(id HeaderID) bool {
	for i := range h.Fields {
		if h.Fields[i].ID == id {
			return true
		}
	}
	return false
}

// AppendValues appends all values of name, in any case and in order, to dst.
func (h *Header) AppendValues(dst []string, name string) []string {
	id := Identify(name)
	for i := range h.Fields {
		if h.Fields[i].is(id, name) {
			dst = append(dst, h.Fields[i].Value)
		}
	}
	return dst
}

// Values returns all values of name, in any case and in order.
func (h *Header) Values(name string) []string { return h.AppendValues(nil, name) }

// Add appends a field line.
func (h *Header) Add(name, value string) {
	h.Fields = append(h.Fields, Field{Name: name, Value: value, ID: Identify(name)})
}

// AddID appends a field line with a well-known name in its usual spelling.
func (h *Header) AddID(id HeaderID, value string) {
	h.Fields = append(h.Fields, Field{Name: headerNames[id], Value: value, ID: id})
}

// Set makes value the only value of name: the first line of that name keeps
// its place, the others go.
func (h *Header) Set(name, value string) {
	i := h.index(name)
	if i < 0 {
		h.Add(name, value)
		return
	}
	id := h.Fields[i].ID
	h.Fields[i].Name, h.Fields[i].Value = name, value
	h.cut(i+1, id, name)
}

// SetID is Set for a well-known name in its usual spelling.
func (h *Header) SetID(id HeaderID, value string) { h.Set(headerNames[id], value) }

// Del removes all lines of name, in any case.
func (h *Header) Del(name string) { h.cut(0, Identify(name), name) }

// DelID removes all lines of a well-known name.
func (h *Header) DelID(id HeaderID) { h.cut(0, id, headerNames[id]) }

// cut removes the lines of one name from the i-th on.
func (h *Header) cut(i int, id HeaderID, name string) {
	kept := h.Fields[:i]
	for _, f := range h.Fields[i:] {
		if !f.is(id, name) {
			kept = append(kept, f)
		}
	}
	clear(h.Fields[len(kept):])
	h.Fields = kept
}

func (h *Header) index(name string) int {
	id := Identify(name)
	for i := range h.Fields {
		if h.Fields[i].is(id, name) {
			return i
		}
	}
	return -1
}

// is says whether f has the given name; id is what Identify says of the name.
func (f *Field) is(id HeaderID, name string) bool {
	if id != HeaderOther || f.ID != HeaderOther {
		return f.ID == id
	}
	return len(f.Name) == len(name) && equalFold(f.Name, name)
}

// StripHopByHop removes what concerns one connection only: the fields HTTP
// defines so, and those that Connection names (RFC 9110, 7.6.1).
func StripHopByHop(h *Header) {
	named := false
	for i := range h.Fields {
		if h.Fields[i].ID == HeaderConnection {
			named = named || !plainConnection(h.Fields[i].Value)
		}
	}
	if named {
		stripNamed(h)
	}
	kept := h.Fields[:0]
	for _, f := range h.Fields {
		if !hopByHop(f.ID) {
			kept = append(kept, f)
		}
	}
	clear(h.Fields[len(kept):])
	h.Fields = kept
}

func hopByHop(id HeaderID) bool {
	switch id {
	case HeaderConnection, HeaderKeepAlive, HeaderProxyConnection, HeaderTE,
		HeaderTrailer, HeaderTransferEncoding, HeaderUpgrade:
		return true
	}
	return false
}

func plainConnection(v string) bool {
	return v == "keep-alive" || v == "close" || v == "Keep-Alive"
}

// stripNamed removes the fields that Connection names. Connection itself stays
// for now, since it is being read.
func stripNamed(h *Header) {
	for i := 0; i < len(h.Fields); i++ {
		if h.Fields[i].ID != HeaderConnection {
			continue
		}
		rest := h.Fields[i].Value
		for rest != "" {
			var token string
			token, rest = nextToken(rest)
			id := Identify(token)
			if token == "" || id == HeaderConnection {
				continue
			}
			before := len(h.Fields)
			h.cut(0, id, token)
			if len(h.Fields) != before {
				i = -1 // places moved: start over with what is left
				break
			}
		}
	}
}

// nextToken cuts the first element off a comma-separated list.
func nextToken(list string) (token, rest string) {
	i := 0
	for i < len(list) && list[i] != ',' {
		i++
	}
	token = trimOWS(list[:i])
	if i < len(list) {
		i++
	}
	return token, list[i:]
}

func trimOWS(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
