package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A node is one value of a JSON document, with the members of objects in the
// order in which they are written.
type node struct {
	kind    nodeKind
	text    string // texts, numbers and booleans as written
	members []member
	list    []*node
}

type member struct {
	name  string
	value *node
}

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeText
	nodeNumber
	nodeBool
	nodeObject
	nodeList
)

// maxDepth bounds nesting. A statement's condition values, the deepest thing
// there is, stand at depth 6.
const maxDepth = 16

var errJSON = errors.New("not a JSON document without repeated members")

// readJSON reads one JSON document. Repeated members are refused: readers
// differ in which of them counts.
func readJSON(document []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	n, err := readNode(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return n, nil
}

func readNode(dec *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errJSON
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, errJSON
	}
	switch tok := tok.(type) {
	case nil:
		return &node{}, nil
	case string:
		return &node{kind: nodeText, text: tok}, nil
	case json.Number:
		return &node{kind: nodeNumber, text: tok.String()}, nil
	case bool:
		n := &node{kind: nodeBool, text: "false"}
		if tok {
			n.text = "true"
		}
		return n, nil
	case json.Delim:
		if tok == '{' {
			return readObject(dec, depth)
		}
		return readList(dec, depth)
	}
	return nil, errJSON
}

func readObject(dec *json.Decoder, depth int) (*node, error) {
	n := &node{kind: nodeObject}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		name, ok := tok.(string)
		if err != nil || !ok || seen[name] {
			return nil, errJSON
		}
		seen[name] = true
		value, err := readNode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, member{name, value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, errJSON
	}
	return n, nil
}

func readList(dec *json.Decoder, depth int) (*node, error) {
	n := &node{kind: nodeList}
	for dec.More() {
		value, err := readNode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		n.list = append(n.list, value)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errJSON
	}
	return n, nil
}

// texts returns a text or a list of texts as a list.
func (n *node) texts() ([]string, bool) {
	switch n.kind {
	case nodeText:
		return []string{n.text}, true
	case nodeList:
		list := make([]string, len(n.list))
		for i, v := range n.list {
			if v.kind != nodeText {
				return nil, false
			}
			list[i] = v.text
		}
		return list, true
	default:
		return nil, false
	}
}

// scalars returns the value of a condition key: a text, number or boolean, or
// a list of them.
func (n *node) scalars() ([]string, bool) {
	switch n.kind {
	case nodeText, nodeNumber, nodeBool:
		return []string{n.text}, true
	case nodeList:
		list := make([]string, len(n.list))
		for i, v := range n.list {
			if v.kind != nodeText && v.kind != nodeNumber && v.kind != nodeBool {
				return nil, false
			}
			list[i] = v.text
		}
		return list, true
	default:
		return nil, false
	}
}
