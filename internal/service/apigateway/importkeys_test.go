package apigateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyList is every key as "name=value on|off description".
func keyList(c *client) map[string]string {
	c.t.Helper()
	out := map[string]string{}
	for _, item := range c.must("GetApiKeys", doc{"includeValues": true, "limit": 500})["items"].([]any) {
		k := item.(doc)
		state := "off"
		if k["enabled"] == true {
			state = "on"
		}
		description, _ := k["description"].(string)
		out[fmt.Sprint(k["name"])] = strings.TrimSpace(fmt.Sprint(k["value"], " ", state, " ", description))
	}
	return out
}

const (
	valueA = "apikey1234abcdefghij0123456789"
	valueB = "apikey5678abcdefghij0123456789"
)

func TestImportApiKeys(t *testing.T) {
	tests := []struct {
		name, file string
		want       map[string]string
		warnings   []any
	}{
		{"two columns in any order and case", "Key,name\n" + valueA + ",MyFirstApiKey\n", map[string]string{"MyFirstApiKey": valueA + " on"}, nil},
		{"all columns", "Name,key,description,Enabled,other\nA," + valueA + ",An imported key,FALSE,ignored\nB," + valueB + ",\"quoted, with a comma\",true,\n",
			map[string]string{"A": valueA + " off An imported key", "B": valueB + " on quoted, with a comma"}, nil},
		{"a byte order mark, CRLF and spaces", "\ufeffname, key\r\nA, " + valueA + "\r\n", map[string]string{"A": valueA + " on"}, nil},
		{"one value twice", "name,key\nA," + valueA + "\nB," + valueA + "\n", map[string]string{"B": valueA + " on"}, nil},
		{"lines that are no keys", "name,key,enabled\nA,short,\nB," + valueB + ",perhaps\nC," + valueA + ",\n", map[string]string{"C": valueA + " on"},
			[]any{"Line 2: API Key value should be at least 20 characters", "Line 3: Invalid value of Enabled, must be true or false"}},
		{"an unknown plan", "name,key,usagePlanIds\nA," + valueA + ",none\nB," + valueB + ",\n", map[string]string{"B": valueB + " on"},
			[]any{"Line 2: Invalid Usage Plan ID specified"}},
		{"nothing", "name,key\n", map[string]string{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			in := doc{"body": tt.file, "format": "csv"}
			if tt.warnings != nil {
				lines := make([]string, len(tt.warnings))
				for i, w := range tt.warnings {
					lines[i] = "\n\t" + w.(string)
				}
				c.fail("ImportApiKeys", with(in, "failOnWarnings", true), "BadRequestException: Errors found during import:"+strings.Join(lines, ""))
				if got := keyList(c); len(got) != 0 {
					t.Errorf("a refused import left %v", got)
				}
			}
			out := c.must("ImportApiKeys", in)
			if d := cmp.Diff(tt.want, keyList(c)); d != "" {
				t.Errorf("keys (-want +got):\n%s", d)
			}
			warnings, _ := out["warnings"].([]any)
			if d := cmp.Diff(tt.warnings, warnings); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
			if ids := out["ids"].([]any); len(ids) != len(tt.want) || out["$"] != 201.0 {
				t.Errorf("ImportApiKeys = %v, want %d ids and 201", out, len(tt.want))
			}
		})
	}
}

func TestImportApiKeysRefuses(t *testing.T) {
	c := newClient(t)
	for file, want := range map[string]string{
		"":               "Unable to read the API keys: the file is not CSV",
		"name,value\na,": "Unable to read the API keys: the file has no column 'key'",
		"key\n" + valueA: "Unable to read the API keys: the file has no column 'name'",
	} {
		c.fail("ImportApiKeys", doc{"body": file, "format": "csv"}, "BadRequestException: "+want)
	}
}

// The same value is the same key: importing it again changes it.
func TestImportApiKeysAgain(t *testing.T) {
	c := newClient(t)
	one := c.must("CreateUsagePlan", doc{"name": "one"})["id"].(string)
	two := c.must("CreateUsagePlan", doc{"name": "two"})["id"].(string)
	header := "name,key,enabled,usagePlanIds\n"
	first := c.must("ImportApiKeys", doc{"format": "csv", "body": header + "A," + valueA + ",true," + one})["ids"]
	again := c.must("ImportApiKeys", doc{"format": "csv", "body": header + "B," + valueA + ",false,'" + one + "," + two + "'"})["ids"]
	if d := cmp.Diff(first, again); d != "" {
		t.Errorf("ids (-first +again):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"B": valueA + " off"}, keyList(c)); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	for _, plan := range []string{one, two} {
		if keys := c.must("GetUsagePlanKeys", doc{"usagePlanId": plan})["items"].([]any); len(keys) != 1 {
			t.Errorf("plan %s has keys %v, want one", plan, keys)
		}
	}
}

// A file of more keys than one commit holds.
func TestImportApiKeysManyCommits(t *testing.T) {
	c := newClient(t)
	plan := c.must("CreateUsagePlan", doc{"name": "plan"})["id"].(string)
	var b strings.Builder
	b.WriteString("name,key,usageplanids\n")
	for i := range 500 {
		fmt.Fprintf(&b, "key %d,value-of-key-number-%08d,%s\n", i, i, plan)
	}
	out := c.must("ImportApiKeys", doc{"body": b.String(), "format": "csv", "failOnWarnings": true})
	seen := map[any]bool{}
	for _, id := range out["ids"].([]any) {
		seen[id] = true
	}
	if len(seen) != 500 {
		t.Errorf("imported %d keys, want 500", len(seen))
	}
	if keys := c.must("GetUsagePlanKeys", doc{"usagePlanId": plan, "limit": 500})["items"].([]any); len(keys) != 500 {
		t.Errorf("the plan has %d keys, want 500", len(keys))
	}
	if got := keyList(c); len(got) != 500 || got["key 499"] != "value-of-key-number-00000499 on" {
		t.Errorf("there are %d keys, the last is %q", len(got), got["key 499"])
	}
}

func TestGetApiKeysFilters(t *testing.T) {
	c := newClient(t)
	c.must("CreateApiKey", doc{"name": "alpha one", "customerId": "c1", "value": valueA, "generateDistinctId": true})
	c.must("CreateApiKey", doc{"name": "alpha two", "customerId": "c2", "value": valueB})
	c.must("CreateApiKey", doc{"name": "alpha alpha"})
	c.must("CreateApiKey", doc{"description": "nameless"})
	tests := []struct {
		name string
		in   doc
		want []string
	}{
		{"name", doc{"nameQuery": "alpha o"}, []string{"alpha one"}},
		{"by name", doc{"nameQuery": "alpha"}, []string{"alpha alpha", "alpha one", "alpha two"}},
		{"customer", doc{"customerId": "c2"}, []string{"alpha two"}},
		{"both", doc{"nameQuery": "alpha", "customerId": "c1"}, []string{"alpha one"}},
		{"nothing fits", doc{"nameQuery": "beta"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, item := range c.must("GetApiKeys", tt.in)["items"].([]any) {
				k := item.(doc)
				if _, shown := k["value"]; shown || k["id"] == valueA {
					t.Errorf("%v shows the key's value", k)
				}
				got = append(got, k["name"].(string))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("GetApiKeys(%v) (-want +got):\n%s", tt.in, d)
			}
		})
	}
}

func TestSDKs(t *testing.T) {
	c := newClient(t)
	if got := c.must("GetSdkTypes", nil)["items"].([]any); len(got) != 0 {
		t.Errorf("there are SDK types %v, want none", got)
	}
	c.fail("GetSdkType", doc{"id": "java"}, "NotFoundException: Invalid SDK type identifier specified: java")
	c.fail("GetSdk", doc{"restApiId": "a", "stageName": "s", "sdkType": "java"}, "BadRequestException: Gatehouse does not generate SDKs: "+
		"there is no 'java'. Generate one from the OpenAPI document that GetExport gives")
}

func TestGetModelTemplate(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	for name, want := range map[string]string{
		"Empty": "#set($inputRoot = $input.path('$'))\n{ }",
		"Error": "#set($inputRoot = $input.path('$'))\n{\n  \"message\" : \"foo\"\n}",
	} {
		if got := c.must("GetModelTemplate", doc{"restApiId": id, "modelName": name})["value"]; got != want {
			t.Errorf("template of %s = %q, want %q", name, got, want)
		}
	}
	c.fail("GetModelTemplate", doc{"restApiId": id, "modelName": "None"}, "NotFoundException: Invalid model name specified: None")
}
