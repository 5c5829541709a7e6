package record

import (
	"fmt"
	"strings"
)

// modelAddress begins what a model's schema says of another model of its API.
//
// AWS: rest-execution.md §7.
const modelAddress = "https://apigateway.amazonaws.com/restapis/"

// SchemaAt returns the schema of the model that has an address:
// https://apigateway.amazonaws.com/restapis/{id}/models/{name}.
//
// AWS: undocumented is whether a model of another API can be referred to; here
// it cannot, but the id is not compared: definitions are imported into APIs of
// other ids.
func (d *Definition) SchemaAt(address string) (string, error) {
	rest, ok := strings.CutPrefix(address, modelAddress)
	_, name, found := strings.Cut(rest, "/models/")
	if !ok || !found {
		return "", fmt.Errorf("%q is not the address of a model", address)
	}
	m, ok := d.Models[name]
	if !ok {
		return "", fmt.Errorf("there is no model %s", name)
	}
	return deref(m.Schema), nil
}
