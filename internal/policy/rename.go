package policy

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// RenamePrincipals returns a document with other names for the principals under
// "AWS"; rename is asked for each. All else stays as it is written, also what is
// no policy.
func RenamePrincipals(document string, rename func(string) string) string {
	var out strings.Builder
	done := 0
	for dec := jsontext.NewDecoder(strings.NewReader(document), jsontext.AllowInvalidUTF8(true)); ; {
		before := int(dec.InputOffset())
		tok, err := dec.ReadToken()
		if err != nil {
			break // at the end, or where it is no JSON any more
		}
		if tok.Kind() != '"' || !namesPrincipal(dec) {
			continue
		}
		text := tok.String()
		name := rename(text)
		if name == text {
			continue
		}
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			continue
		}
		// Between two tokens are blanks, colons and commas only.
		start := before + strings.IndexByte(document[before:], '"')
		out.WriteString(document[done:start])
		out.Write(quoted)
		done = int(dec.InputOffset())
	}
	out.WriteString(document[done:])
	return out.String()
}

// namesPrincipal tells whether the text that was read last names a principal.
func namesPrincipal(dec *jsontext.Decoder) bool {
	if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n%2 == 1 {
		return false // the name of a member
	}
	var at []string
	for part := range dec.StackPointer().Tokens() {
		at = append(at, part)
	}
	for i, part := range at {
		if part == "Principal" || part == "NotPrincipal" {
			return i > 0 && i < 3 && at[0] == "Statement" && len(at) > i+1 && len(at) <= i+3 && at[i+1] == "AWS"
		}
	}
	return false
}
