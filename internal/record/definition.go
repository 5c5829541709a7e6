package record

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// A Definition is everything about a REST API that a deployment freezes, as
// one value. Whoever shares one must not change it.
type Definition struct {
	// RestAPI holds the API's settings as of this definition. It repeats what
	// the RestAPI record says, for a deployment must not follow that record.
	// It has no tags, no warnings and no creation date.
	RestAPI api.RestApi `json:",omitzero"`

	// Resources by their ids. The wire shape nests methods, their integration
	// and all responses; the root resource has the path "/" and no parent.
	Resources map[string]api.Resource `json:",omitzero"`

	Models            map[string]api.Model            `json:",omitzero"` // by name
	RequestValidators map[string]api.RequestValidator `json:",omitzero"` // by id
	Authorizers       map[string]api.Authorizer       `json:",omitzero"` // by id
	GatewayResponses  map[string]api.GatewayResponse  `json:",omitzero"` // by type; only those that were set
}

// Encode gives the content of the definition's blob. Equal definitions have
// equal content.
func (d *Definition) Encode() ([]byte, error) {
	b, err := json.Marshal(d, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode definition of %s: %w", deref(d.RestAPI.Id), err)
	}
	return b, nil
}

// DecodeDefinition reads what Encode wrote. The caller owns the result.
func DecodeDefinition(b []byte) (*Definition, error) {
	d := new(Definition)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("decode definition: %w", err)
	}
	return d, nil
}

// LoadDefinition reads the definition that ref names. The caller owns the
// result.
func (t Tables) LoadDefinition(ctx context.Context, ref store.Ref) (*Definition, error) {
	b, err := t.Blobs.Get(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("load definition: %w", err)
	}
	return DecodeDefinition(b)
}

// Freeze copies those settings of an API into its definition that the
// definition holds.
func (d *Definition) Freeze(a api.RestApi) {
	a.Tags, a.Warnings, a.CreatedDate = nil, nil, nil
	d.RestAPI = a
}

// Child returns the id of the child of a resource with this path part.
func (d *Definition) Child(parent, part string) (id string, ok bool) {
	for id, r := range d.Resources {
		if deref(r.ParentId) == parent && deref(r.PathPart) == part {
			return id, true
		}
	}
	return "", false
}

// deref is what p points to, or "".
func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
