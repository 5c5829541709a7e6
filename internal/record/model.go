package record

import (
	"fmt"
	"strings"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
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
	name, err := modelAt(address)
	if err != nil {
		return "", err
	}
	m, ok := d.Models[name]
	if !ok {
		return "", fmt.Errorf("there is no model %s", name)
	}
	return deref(m.Schema), nil
}

// modelAt is the name of the model that has an address.
func modelAt(address string) (string, error) {
	rest, ok := strings.CutPrefix(address, modelAddress)
	_, name, found := strings.Cut(rest, "/models/")
	if !ok || !found {
		return "", fmt.Errorf("%q is not the address of a model", address)
	}
	return name, nil
}

// Model returns the model with a name.
func (d *APIDefinition) Model(name string) (m v2.Model, ok bool) {
	for _, m := range d.Models {
		if deref(m.Name) == name {
			return m, true
		}
	}
	return m, false
}

// SchemaAt is [Definition.SchemaAt] for the models of a WebSocket API.
func (d *APIDefinition) SchemaAt(address string) (string, error) {
	name, err := modelAt(address)
	if err != nil {
		return "", err
	}
	m, ok := d.Model(name)
	if !ok {
		return "", fmt.Errorf("there is no model %s", name)
	}
	return deref(m.Schema), nil
}
