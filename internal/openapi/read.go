package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits of a document. Whoever may import can hit them and gets a 400.
const (
	// AWS: definition file 6 MB (quotas).
	maxBytes = 6 << 20
	// maxDepth bounds the recursion of everything that walks a document. AWS
	// states no number; deep schemas in practice have a few dozen levels.
	maxDepth = 200
	// maxNodes bounds memory, counted with aliases expanded. 6 MB of ordinary
	// JSON have under 500,000.
	maxNodes = 1_000_000
)

// Conditions a document is refused for, as causes of an Error.
var (
	errTooBig    = fmt.Errorf("document is larger than %d bytes", maxBytes)
	errTooDeep   = fmt.Errorf("document is nested deeper than %d levels", maxDepth)
	errTooMany   = fmt.Errorf("document stands for more than %d values", maxNodes)
	errTooMuch   = fmt.Errorf("document stands for more than %d bytes", maxText)
	errNotUTF8   = errors.New("document is not UTF-8")
	errEmpty     = errors.New("document is empty")
	errNotObject = errors.New("document is not an object")
)

// invalid is the answer to whatever cannot be read as a document. Our own
// limits are named, because their cause cannot be seen in the document.
func invalid(cause error) *Error {
	// AWS: the same text for bad JSON, bad YAML, import and put (recorded in
	// test_import_api_bad_file).
	msg := "Invalid OpenAPI input."
	for _, limit := range []error{errTooBig, errTooDeep, errTooMany, errTooMuch} {
		if errors.Is(cause, limit) {
			msg += " The " + limit.Error() + "."
		}
	}
	return &Error{Message: msg, Cause: cause}
}

// read parses a document of either syntax into its root object.
func read(doc []byte, opt Options) (*node, error) {
	if len(doc) > maxBytes {
		return nil, invalid(errTooBig)
	}
	if !utf8.Valid(doc) {
		return nil, invalid(errNotUTF8)
	}
	doc = bytes.TrimPrefix(doc, []byte("\ufeff"))
	doc = replacePseudo(doc, opt)
	// What begins like a JSON object is read as JSON only: a second try as YAML
	// would accept nothing that people write, and cost an attacker nothing.
	rest := bytes.TrimLeft(doc, " \t\r\n")
	if len(rest) == 0 {
		return nil, invalid(errEmpty)
	}
	parse := parseYAML
	if rest[0] == '{' {
		parse = parseJSON
	}
	root, err := parse(doc)
	if err != nil {
		return nil, invalid(err)
	}
	if root.kind != kindObject {
		return nil, invalid(errNotObject)
	}
	if err := refuseOwn(doc, root); err != nil {
		return nil, err
	}
	return root, nil
}

// replacePseudo puts in what a document may leave to the place of its import.
func replacePseudo(doc []byte, opt Options) []byte {
	// AWS: "AWS variables for OpenAPI import": these three and no other.
	if !bytes.Contains(doc, []byte("${AWS::")) {
		return doc
	}
	doc = bytes.ReplaceAll(doc, []byte("${AWS::AccountId}"), []byte(opt.Account))
	doc = bytes.ReplaceAll(doc, []byte("${AWS::Partition}"), []byte(opt.Partition))
	return bytes.ReplaceAll(doc, []byte("${AWS::Region}"), []byte(opt.Region))
}
