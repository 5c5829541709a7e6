package record

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// A Documentation is what is written about a REST API: its parts, in the order
// in which they came. Like a [Definition] it is one value, stored as one blob;
// the API names the one that edits work on, and each version of the
// documentation the one it froze. Deployments do not freeze it.
type Documentation struct {
	Parts []api.DocumentationPart
}

// A DocumentationVersion is a snapshot of an API's documentation. Nothing of it
// is served: the compiler does not read it.
type DocumentationVersion struct {
	api.DocumentationVersion
	Scope
	RestAPI       string
	Documentation store.Ref `json:",omitzero"` // "": there were no parts
}

// Encode gives the content of the documentation's blob.
func (d *Documentation) Encode() ([]byte, error) {
	b, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode documentation: %w", err)
	}
	return b, nil
}

// LoadDocumentation reads the documentation that ref names; "" names an empty
// one. The caller owns the result.
func (t Tables) LoadDocumentation(ctx context.Context, ref store.Ref) (*Documentation, error) {
	d := new(Documentation)
	if ref == "" {
		return d, nil
	}
	b, err := t.Blobs.Get(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("load documentation: %w", err)
	}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("decode documentation: %w", err)
	}
	return d, nil
}
