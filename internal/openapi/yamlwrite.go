package openapi

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// writeYAML writes a document as YAML.
//
// AWS: Jackson's writer: the document begins with "---", every text is quoted,
// names only where they must be.
func writeYAML(root *node) ([]byte, error) {
	b := bytes.NewBufferString("---\n")
	enc := yaml.NewEncoder(b)
	enc.SetIndent(2)
	if err := enc.Encode(yamlNode(root)); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b.Bytes(), nil
}

// yamlNode is n as the YAML library has it.
func yamlNode(n *node) *yaml.Node {
	switch n.kind {
	case kindObject:
		out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i, key := range n.keys {
			name := &yaml.Node{}
			name.SetString(key)
			out.Content = append(out.Content, name, yamlNode(n.items[i]))
		}
		return out
	case kindList:
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, v := range n.items {
			out.Content = append(out.Content, yamlNode(v))
		}
		return out
	case kindNull:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	case kindText:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.text, Style: yaml.DoubleQuotedStyle}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.text} // numbers and truth values are plain
}
