package openapi

import (
	"fmt"
	"strings"
	"testing"
)

func TestModelTemplate(t *testing.T) {
	models := map[string]string{
		"Empty": `{"type": "object", "title": "Empty Schema"}`,
		"People": `{"type": "array", "items": {"type": "object", "properties": {
			"age": {"type": "integer"}, "name": {"type": "string"}, "pets": {"type": "array", "items": {"$ref": "https://x/restapis/a/models/Pet"}}}}}`,
		"Pet":    `{"properties": {"price": {"type": "number"}, "sold": {"type": "boolean"}, "mother": {"$ref": "https://x/restapis/a/models/Pet"}}}`,
		"Nobody": `{"type": ["null", "string"]}`,
		"Lost":   `{"properties": {"a": {"$ref": "https://x/restapis/a/models/None"}}}`,
		"Broken": `no schema`,
	}
	// Each model refers twice to the next: together they stand for 2^40 values.
	for i := range 40 {
		ref := fmt.Sprintf(`{"$ref": "https://x/restapis/a/models/Deep%d"}`, i+1)
		models[fmt.Sprintf("Deep%d", i)] = `{"properties": {"a": ` + ref + `, "b": ` + ref + `}}`
	}
	const set = "#set($inputRoot = $input.path('$'))\n"
	tests := []struct{ name, want, refused string }{
		{name: "Empty", want: set + "{ }"},
		{name: "Nobody", want: set + "null"},
		{name: "Lost", want: set + "{\n  \"a\" : { }\n}"},
		{name: "Pet", want: set + "{\n  \"price\" : 42.0,\n  \"sold\" : true,\n  \"mother\" : { }\n}"},
		{name: "People", want: set + strings.Join([]string{
			"[", "##TODO: Update this foreach loop to reference array from input json", "#foreach($elem in $inputRoot.TODO)",
			" {", `  "age" : 42,`, `  "name" : "foo",`, `  "pets" : [`,
			"  ##TODO: Update this foreach loop to reference array from input json", "  #foreach($elem in $inputRoot.TODO)",
			"   {", `    "price" : 42.0,`, `    "sold" : true,`, `    "mother" : { }`, "  } ", "  #if($foreach.hasNext),#end", "  #end", "  ]",
			"} ", "#if($foreach.hasNext),#end", "#end", "]"}, "\n")},
		{name: "Broken", refused: "Unable to generate a template for model 'Broken': the schema is not a JSON object"},
		{name: "Deep0", refused: "Unable to generate a template for model 'Deep0': it would be too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ModelTemplate(models, tt.name)
			if tt.refused != "" {
				if err == nil || err.Error() != tt.refused {
					t.Errorf("ModelTemplate = %v, want %s", err, tt.refused)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("ModelTemplate = %v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}
