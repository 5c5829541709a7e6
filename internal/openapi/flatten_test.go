package openapi

import "testing"

func TestFlattenModel(t *testing.T) {
	ref := func(model string) string {
		return `{"$ref":"https://apigateway.amazonaws.com/restapis/a/models/` + model + `"}`
	}
	models := map[string]string{
		"Alone":  `{"type": "object", "properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"type": "string"}}}`,
		"Pets":   `{"type":"array","items":` + ref("Pet") + `}`,
		"Pet":    `{"properties":{"owner":` + ref("Owner") + `,"kind":{"$ref":"#/definitions/Kind"}},"definitions":{"Kind":{"enum":["cat"]}}}`,
		"Owner":  `{"properties":{"pets":` + ref("Pets") + `,"boss":{"$ref":"#"},"kind":` + ref("Pet#/definitions/Kind") + `}}`,
		"Clash":  `{"definitions":{"Tree":{"type":"string"}},"allOf":[` + ref("Tree") + `,{"$ref":"#/definitions/Tree"}]}`,
		"Tree":   `{"items":` + ref("Tree") + `}`,
		"Lost":   `{"items":` + ref("None") + `}`,
		"Broken": `no schema`,
	}
	tests := []struct{ name, want string }{
		{name: "Alone", want: `{"type":"object","properties":{"a":{"$ref":"#/definitions/x"}},"definitions":{"x":{"type":"string"}}}`},
		{name: "Pets", want: `{"type":"array","items":{"$ref":"#/definitions/Pet"},"definitions":{` +
			`"Pet":{"properties":{"owner":{"$ref":"#/definitions/Owner"},"kind":{"$ref":"#/definitions/Pet/definitions/Kind"}},"definitions":{"Kind":{"enum":["cat"]}}},` +
			`"Owner":{"properties":{"pets":{"$ref":"#"},"boss":{"$ref":"#/definitions/Owner"},"kind":{"$ref":"#/definitions/Pet/definitions/Kind"}}}}}`},
		{name: "Clash", want: `{"definitions":{"Tree":{"type":"string"},"Tree_":{"items":{"$ref":"#/definitions/Tree_"}}},"allOf":[{"$ref":"#/definitions/Tree_"},{"$ref":"#/definitions/Tree"}]}`},
		{name: "Tree", want: `{"items":{"$ref":"#"}}`},
		{name: "Lost", want: `{"items":` + ref("None") + `}`},
		{name: "Broken", want: "no schema"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FlattenModel(models, tt.name); got != tt.want {
				t.Errorf("FlattenModel =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
