package openapi

import "bytes"

// ownPrefix begins the fields of documents that are Gatehouse's own.
const ownPrefix = "x-gatehouse-"

// refuseOwn refuses a document with fields of Gatehouse's own: clusters and releases
// belong to the server, and are put by calls that policies know as such. An import
// that passed over them would leave out what the document is about.
func refuseOwn(doc []byte, root *node) error {
	if !bytes.Contains(doc, []byte(ownPrefix)) {
		return nil
	}
	if key := root.ownField(map[*node]bool{}); key != "" {
		return &Error{Message: "Invalid OpenAPI input. The field " + key + " is no part of an import: \"gatehouse deploy\" puts what it brings along, as \"gatehouse cluster put\" and \"gatehouse release put\" do."}
	}
	return nil
}

// ownField returns the first key in n that is Gatehouse's own. Nodes that are seen
// already, as YAML shares them, are not looked at again.
func (n *node) ownField(seen map[*node]bool) string {
	if n.kind < kindList || seen[n] {
		return ""
	}
	seen[n] = true
	for i, v := range n.items {
		if n.kind == kindObject && len(n.keys[i]) > len(ownPrefix) && n.keys[i][:len(ownPrefix)] == ownPrefix {
			return n.keys[i]
		}
		if key := v.ownField(seen); key != "" {
			return key
		}
	}
	return ""
}
