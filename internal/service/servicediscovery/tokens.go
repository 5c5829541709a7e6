package servicediscovery

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"strings"
)

// Tokens say who may register without a signature, and what. They are kept as
// hashes, by which looking one up takes as long for those that are close as for
// others.
type Tokens struct {
	grants map[[sha256.Size]byte][]string // patterns of namespace/service
}

// Bounds of a file of tokens.
const (
	maxTokens     = 10_000
	shortestToken = 16
)

// ParseTokens reads a file of tokens: a line for each, with what it may
// register: TOKEN NAMESPACE/SERVICE, where * stands for any text without a slash.
// Lines that begin with # are comments. Errors name lines, never tokens.
func ParseTokens(text []byte) (*Tokens, error) {
	t := &Tokens{grants: map[[sha256.Size]byte][]string{}}
	scan := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		words := strings.Fields(scan.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 {
			return nil, fmt.Errorf("line %d: want a token and what it may register, NAMESPACE/SERVICE", n)
		}
		if len(words[0]) < shortestToken {
			return nil, fmt.Errorf("line %d: the token is shorter than %d characters", n, shortestToken)
		}
		for _, pattern := range words[1:] {
			if _, err := path.Match(pattern, "a/b"); err != nil || strings.Count(pattern, "/") != 1 {
				return nil, fmt.Errorf("line %d: %q is not NAMESPACE/SERVICE", n, pattern)
			}
		}
		key := sha256.Sum256([]byte(words[0]))
		t.grants[key] = append(t.grants[key], words[1:]...)
		if len(t.grants) > maxTokens {
			return nil, fmt.Errorf("line %d: more than %d tokens", n, maxTokens)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// allow tells whether a token is one at all, and whether it may register with a
// service.
func (t *Tokens) allow(token, namespace, service string) (known, ok bool) {
	if t == nil || token == "" {
		return false, false
	}
	patterns, known := t.grants[sha256.Sum256([]byte(token))]
	for _, p := range patterns {
		if match, err := path.Match(p, namespace+"/"+service); err == nil && match {
			return true, true
		}
	}
	return known, false
}
