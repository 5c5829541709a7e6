package step

import (
	"maps"
	"slices"
	"strings"
)

// mediaTypes are those of a response's templates, of which the client's Accept
// chooses.
type mediaTypes struct {
	types []string
	json  int // the place of application/json, else 0
}

const typeJSON = "application/json"

// add adds a type; they are added in order.
func (m *mediaTypes) add(mediaType string) {
	if mediaType == typeJSON {
		m.json = len(m.types)
	}
	m.types = append(m.types, mediaType)
}

// choose returns the place for a client's Accept and the Content-Type that goes
// with it. The place is -1 when there are no types.
//
// AWS: integrations.md §8.2: by the first type of Accept, then
// application/json, then the first stored. Only a text that was asked for sets
// the Content-Type.
func (m *mediaTypes) choose(accept string) (place int, contentType string) {
	if len(m.types) == 0 {
		return -1, typeJSON
	}
	if i := m.asked(accept); i >= 0 {
		return i, m.types[i]
	}
	return m.json, typeJSON
}

// asked returns the place of the first type of an Accept header, or -1.
func (m *mediaTypes) asked(accept string) int {
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(first, ";")
	first = strings.TrimSpace(first)
	for i, t := range m.types {
		if strings.EqualFold(t, first) {
			return i
		}
	}
	return -1
}

// mediaType returns a Content-Type without its parameters. A missing one counts
// as JSON.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	if kind = strings.TrimSpace(kind); kind == "" {
		return typeJSON
	}
	return kind
}

// sortedNames are the names of m in order.
func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
