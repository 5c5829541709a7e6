package sam

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// versionOf is the id of the version that a function with more properties publishes.
func versionOf(t *testing.T, more object, values map[string]any) string {
	t.Helper()
	props := object{"Runtime": "python3.12", "Handler": "i.h", "CodeUri": object{"Bucket": "b", "Key": object{"Ref": "Key"}}, "AutoPublishAlias": "live"}
	maps.Copy(props, more)
	out, err := Transform(object{"Parameters": object{"Key": object{"Type": "String"}}, "Resources": object{"F": object{"Type": "AWS::Serverless::Function", "Properties": props}}},
		Options{Partition: "aws", Region: "eu-west-1", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	for id := range asObject(out["Resources"]) {
		if strings.HasPrefix(id, "FVersion") {
			return id
		}
	}
	t.Fatal("no version")
	return ""
}

// TestPublished changes a function in what makes a version another one.
func TestPublished(t *testing.T) {
	key := map[string]any{"Key": "one"}
	ids := []string{
		versionOf(t, nil, key),
		versionOf(t, nil, map[string]any{"Key": "two"}),
		versionOf(t, object{"Environment": object{"Variables": object{"A": "b"}}}, key),
		versionOf(t, object{"MemorySize": 256}, key),
		versionOf(t, object{"SnapStart": object{"ApplyOn": "PublishedVersions"}}, key),
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 5 {
		t.Errorf("five functions have versions %v", ids)
	}
	if a, b := versionOf(t, nil, key), versionOf(t, object{"Timeout": 9, "SnapStart": object{"ApplyOn": "None"}}, key); a != b {
		t.Errorf("a new version %s instead of %s", b, a)
	}
}

// TestIgnoreGlobals has resources leave Globals, whole and in part.
func TestIgnoreGlobals(t *testing.T) {
	of := func(ignored any) (object, error) {
		out, err := Transform(object{
			"Globals":   object{"Function": object{"Runtime": "python3.12", "Timeout": 7, "MemorySize": 256}},
			"Resources": object{"F": object{"Type": "AWS::Serverless::Function", "IgnoreGlobals": ignored, "Properties": object{"Runtime": "python3.13", "Handler": "i.h", "InlineCode": "x"}}},
		}, Options{Partition: "aws", Region: "eu-west-1"})
		return asObject(asObject(asObject(out["Resources"])["F"])["Properties"]), err
	}
	if props, err := of("*"); err != nil || props["Timeout"] != nil || props["MemorySize"] != nil {
		t.Errorf("with *: %v, %v", props, err)
	}
	if props, err := of([]any{"Timeout"}); err != nil || props["Timeout"] != nil || props["MemorySize"] == nil {
		t.Errorf("with a list: %v, %v", props, err)
	}
	if _, err := of([]any{"Nothing"}); err == nil || !strings.Contains(err.Error(), "Resource F has invalid resource attribute 'IgnoreGlobals' on item 'Nothing'.") {
		t.Errorf("with a property that Globals do not have: %v", err)
	}
}
