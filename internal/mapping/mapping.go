// Package mapping reads the values of an HTTP API's parameter mappings: text with
// references to a message, to the context of a request and to stage variables.
// Who stores such values refuses what [Parse] cannot read; who serves requests
// makes of the parts that it returns what appends them.
package mapping

import (
	"fmt"
	"strings"

	"gatehouse/internal/vtl"
)

// A Message is what values may refer to.
type Message string

// The two messages.
const (
	Request  Message = "request"
	Response Message = "response"
)

// A Place is where the value of a part comes from.
type Place uint8

// The places. Query and Path are of requests only.
const (
	Text          Place = iota // Name is the value
	Header                     // of all fields called Name
	Query                      // of all parameters called Name
	Path                       // whole, or the variable Name
	Body                       // whole, or what JSONPath finds in it
	Context                    // $context.Name
	StageVariable              // $stageVariables.Name
)

// A Part is a piece of a value.
type Part struct {
	Place    Place
	Name     string
	JSONPath *vtl.Path // of Body; nil: all of it
}

// Parse reads a value that may refer to a message. A reference is $name or
// ${name}; without braces it ends where no name goes on.
//
// AWS: http-api-execution.md §6. That text may stand around a reference without
// braces is undocumented; "/$request.path.proxy" is common in public definitions.
func Parse(value string, of Message) ([]Part, error) {
	var parts []Part
	text := func(s string) {
		if n := len(parts); n > 0 && parts[n-1].Place == Text {
			parts[n-1].Name += s
		} else if s != "" {
			parts = append(parts, Part{Place: Text, Name: s})
		}
	}
	whole := value
	for value != "" {
		before, rest, found := strings.Cut(value, "$")
		text(before)
		if !found {
			break
		}
		name, after := "", ""
		switch {
		case strings.HasPrefix(rest, "{"):
			closed := false
			if name, after, closed = strings.Cut(rest[1:], "}"); !closed {
				return nil, fmt.Errorf("%s: ${ has no end", whole)
			}
		case before == "" && len(parts) == 0 && strings.HasPrefix(rest, string(of)+".body"):
			name = rest // a JSONPath may have any characters
		default:
			name, after = cutName(rest)
		}
		if name == "" && !strings.HasPrefix(rest, "{") {
			text("$")
			value = rest
			continue
		}
		p, err := reference(name, of)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", whole, err)
		}
		parts = append(parts, p)
		value = after
	}
	return parts, nil
}

// cutName cuts the name off that text begins with; empty: it begins with none.
func cutName(text string) (name, rest string) {
	n := 0
	for n < len(text) && strings.IndexByte(nameChars, text[n]) >= 0 {
		n++
	}
	for n > 0 && (text[n-1] == '.' || text[n-1] == '-') {
		n-- // the end of a sentence, not of a name
	}
	if n == 0 || text[0] < 'A' {
		return "", text
	}
	return text[:n], text[n:]
}

const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

// reference is the part that a name stands for.
func reference(name string, of Message) (Part, error) {
	root, rest, _ := strings.Cut(name, ".")
	switch {
	case root == "context" && rest != "":
		return Part{Place: Context, Name: rest}, nil
	case root == "stageVariables" && rest != "":
		return Part{Place: StageVariable, Name: rest}, nil
	case root != string(of):
		return Part{}, fmt.Errorf("$%s cannot be referred to", name)
	}
	if path, ok := strings.CutPrefix(rest, "body"); ok && (path == "" || path[0] == '.' || path[0] == '[') {
		return body(path)
	}
	place, key, named := strings.Cut(rest, ".")
	named = named && key != ""
	switch {
	case place == "header" && named:
		return Part{Place: Header, Name: key}, nil
	case of == Response:
	case place == "querystring" && named:
		return Part{Place: Query, Name: key}, nil
	case rest == "path", place == "path" && named:
		return Part{Place: Path, Name: key}, nil
	}
	return Part{}, fmt.Errorf("$%s cannot be referred to", name)
}

// body is the body, or what a JSONPath finds in it.
//
// AWS: http-api-execution.md §6: no recursion and no filters.
func body(path string) (Part, error) {
	p := Part{Place: Body}
	if path == "" {
		return p, nil
	}
	if strings.Contains(path, "..") || strings.Contains(path, "?(") {
		return p, fmt.Errorf("JSONPath $%s: there is no recursion and no filter", path)
	}
	var err error
	p.JSONPath, err = vtl.CompilePath("$" + path)
	return p, err
}
