package openapi

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// A jsonReader builds nodes from the tokens of a JSON text. The decoder refuses
// what is not JSON, repeated names and invalid UTF-8.
type jsonReader struct {
	dec   *jsontext.Decoder
	nodes int
	names map[string]string // every member name once: documents repeat them by the thousand
}

// parseJSON reads one JSON value and nothing after it.
func parseJSON(doc []byte) (*node, error) {
	r := &jsonReader{dec: jsontext.NewDecoder(bytes.NewBuffer(doc)), names: map[string]string{}}
	root, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the document")
	}
	return root, nil
}

func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, errTooMany
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		return &node{kind: kindNull}, nil
	case 't', 'f':
		return &node{kind: kindBool, text: tok.String()}, nil
	case '0':
		return &node{kind: kindNumber, text: tok.String()}, nil
	case '"':
		return &node{kind: kindText, text: tok.String()}, nil
	case '[':
		return r.list(depth)
	default:
		return r.object(depth)
	}
}

func (r *jsonReader) list(depth int) (*node, error) {
	n := &node{kind: kindList}
	for r.dec.PeekKind() != ']' {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, v)
	}
	_, err := r.dec.ReadToken()
	return n, err
}

func (r *jsonReader) object(depth int) (*node, error) {
	n := &node{kind: kindObject}
	for r.dec.PeekKind() != '}' {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := tok.String()
		if known, ok := r.names[key]; ok {
			key = known
		} else {
			r.names[key] = key
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.set(key, v) // cannot be there: the decoder refuses repeated names
	}
	_, err := r.dec.ReadToken()
	return n, err
}
