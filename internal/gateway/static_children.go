package gateway

// staticChildren are the children of a node with static text: a list while
// there are few, which is faster than a map up to eight, then also a map.
type staticChildren struct {
	few  []staticChild
	many map[string]*node
}

type staticChild struct {
	text string
	node *node
}

const fewChildren = 8

// child returns the child named text, making it if there is none.
func (s *staticChildren) child(text string) *node {
	if n := s.lookup(text); n != nil {
		return n
	}
	n := new(node)
	if s.many == nil {
		s.few = append(s.few, staticChild{text, n})
		if len(s.few) <= fewChildren {
			return n
		}
		s.many = make(map[string]*node, 2*len(s.few))
		for _, c := range s.few {
			s.many[c.text] = c.node
		}
		s.few = nil
	}
	s.many[text] = n
	return n
}

// find returns the child that a percent-encoded segment names, or nil.
//
// AWS: undocumented; rest-execution.md §2.3 proposes to compare decoded text.
func (s *staticChildren) find(seg string) *node {
	if s.few == nil && s.many == nil {
		return nil
	}
	for i := 0; i < len(seg); i++ {
		if seg[i] == '%' {
			return s.findEncoded(seg)
		}
	}
	return s.lookup(seg)
}

func (s *staticChildren) lookup(text string) *node {
	if s.many != nil {
		return s.many[text]
	}
	for i := range s.few {
		if s.few[i].text == text {
			return s.few[i].node
		}
	}
	return nil
}

// longestStatic bounds a decoded segment: a longer one names no resource,
// because a path part is at most this long.
const longestStatic = 512

func (s *staticChildren) findEncoded(seg string) *node {
	var buf [longestStatic]byte
	n := 0
	for i := 0; i < len(seg); i++ {
		c := seg[i]
		if c == '%' && i+2 < len(seg) {
			hi, lo := unhex(seg[i+1]), unhex(seg[i+2])
			if hi < 16 && lo < 16 {
				c = hi<<4 | lo
				i += 2
			}
		}
		if n == len(buf) {
			return nil
		}
		buf[n] = c
		n++
	}
	text := buf[:n]
	if s.many != nil {
		return s.many[string(text)]
	}
	for i := range s.few {
		if s.few[i].text == string(text) {
			return s.few[i].node
		}
	}
	return nil
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
