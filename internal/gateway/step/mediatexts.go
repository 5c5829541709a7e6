package step

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mediaTexts are texts by media type, of which the client's Accept chooses.
type mediaTexts struct {
	types []string
	texts [][]byte
	json  int // the place of application/json, else 0
}

const typeJSON = "application/json"

// ErrTemplate is why a template cannot be used.
var ErrTemplate = errors.New("mapping templates with variables or directives are not supported yet")

// newConstantTexts takes templates that print what they are.
func newConstantTexts(byType map[string]string) (mediaTexts, error) {
	var m mediaTexts
	for _, t := range slices.Sorted(maps.Keys(byType)) {
		if strings.ContainsAny(byType[t], "#$") {
			return m, fmt.Errorf("response template for %s: %w", t, ErrTemplate)
		}
		if t == typeJSON {
			m.json = len(m.types)
		}
		m.types = append(m.types, t)
		m.texts = append(m.texts, []byte(byType[t]))
	}
	return m, nil
}

// choose returns the text for a client's Accept and the Content-Type that goes
// with it. ok is false when there are no texts.
//
// AWS: integrations.md §8.2: by the first type of Accept, then
// application/json, then the first stored. Only a text that was asked for sets
// the Content-Type.
func (m *mediaTexts) choose(accept string) (contentType string, text []byte, ok bool) {
	if len(m.types) == 0 {
		return typeJSON, nil, false
	}
	if i := m.asked(accept); i >= 0 {
		return m.types[i], m.texts[i], true
	}
	return typeJSON, m.texts[m.json], true
}

// asked returns the place of the first type of an Accept header, or -1.
func (m *mediaTexts) asked(accept string) int {
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
