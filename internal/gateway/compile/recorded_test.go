package compile_test

import (
	"encoding/json"
	"os"
	"testing"
)

// recorded returns what the real service answered in one test of its
// recordings, by the name of the answer. It skips where they are absent.
func recorded(t *testing.T, file, test string) map[string]json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../../../shared/corpus/localstack/apigateway__test_apigateway_" + file + ".snapshot.json")
	if os.IsNotExist(err) {
		t.Skip("the recordings are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct {
		Content map[string]json.RawMessage `json:"recorded-content"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	r, ok := all["tests/aws/services/apigateway/test_apigateway_"+file+".py::"+test]
	if !ok {
		t.Fatalf("no recording of %s in %s", test, file)
	}
	return r.Content
}
