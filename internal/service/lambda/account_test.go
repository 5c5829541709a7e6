package lambda

import (
	"fmt"
	"strings"
	"testing"
)

// What would go beyond the storage of an account is refused, and nothing of it
// stays; what makes room is not.
func TestCodeStorage(t *testing.T) {
	c := newClient(t)
	made := c.must("POST", functionsPath, newFunction(nil))
	size := int64(made["CodeSize"].(float64))
	c.svc.opt.CodeStorage = 2*size + size/2
	const refused = "400 CodeStorageExceededException: Code storage limit exceeded."
	use := func(want int64) {
		t.Helper()
		usage := c.must("GET", "/2016-08-19/account-settings", nil)["AccountUsage"].(doc)
		if got := int64(usage["TotalCodeSize"].(float64)); got != want {
			t.Errorf("the account uses %d bytes, want %d", got, want)
		}
	}
	c.must("POST", helloPath+"/versions", nil)
	use(2 * size)
	c.must("POST", helloPath+"/versions", nil) // nothing has changed: no new version
	tests := []struct {
		method, path string
		body         doc
	}{
		{"POST", functionsPath, newFunction(doc{"FunctionName": "other"})},
		{"POST", "/2018-10-31/layers/l/versions", doc{"Content": newFunction(nil)["Code"]}},
	}
	for _, tt := range tests {
		c.fail(tt.method, tt.path, tt.body, refused)
	}
	c.must("PUT", helloPath+"/configuration", doc{"Timeout": 9})
	c.fail("POST", helloPath+"/versions", nil, refused)
	use(2 * size)
	c.must("PUT", helloPath+"/code", newFunction(nil)["Code"].(doc)) // as large as before
	c.must("DELETE", helloPath+"?Qualifier=1", nil)
	c.must("POST", helloPath+"/versions", nil)
	use(2 * size)
	if limit := fmt.Sprint(c.must("GET", "/2016-08-19/account-settings", nil)["AccountLimit"]); !strings.Contains(limit, fmt.Sprint("TotalCodeSize:", c.svc.opt.CodeStorage)) {
		t.Errorf("limits: %s", limit)
	}
}
