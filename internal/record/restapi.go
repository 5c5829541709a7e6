package record

import (
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/store"
)

// A RestAPI is a REST API as it is stored: its settings, and the definition
// that edits work on. Nothing of it is served but what a [Deployment] froze,
// except the tags and the endpoint type.
type RestAPI struct {
	api.RestApi
	Scope
	Definition store.Ref

	// Documentation names the parts that edits work on; "": there are none.
	Documentation store.Ref `json:",omitzero"`
}

// A Deployment freezes a definition. It never changes but in its description.
type Deployment struct {
	api.Deployment
	Scope
	RestAPI    string
	Definition store.Ref
	Created    time.Time // as CreatedDate, but exact: gives the order
}

// A Stage is a stage of a REST API. It is live: what changes here is served
// without a new deployment.
//
// A stage, like a deployment, without the record of its API is an orphan of a
// deletion that is under way: readers pass over it.
type Stage struct {
	api.Stage
	Scope
	RestAPI string
}

// AllMethods is the key of the method settings that hold for every method
// without settings of its own.
const AllMethods = "*/*"

// MethodSetting returns the settings in force for a method of a resource.
//
// AWS: the keys are kept as the client sent them, with the path's slashes
// escaped or not ("~1pets/GET", "pets/GET"; recorded: test_create_update_stages
// and the update-stage example of the AWS CLI).
func (s *Stage) MethodSetting(path, method string) (setting api.MethodSetting, ok bool) {
	for key, setting := range s.MethodSettings {
		if p, m := SplitMethodKey(key); p == path && m == method {
			return setting, true
		}
	}
	setting, ok = s.MethodSettings[AllMethods]
	return setting, ok
}

// SplitMethodKey takes the key of a method setting apart: "~1pets/GET" is
// "/pets" and "GET", "*/*" is "*" and "*".
func SplitMethodKey(key string) (path, method string) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", key
	}
	path, method = key[:i], key[i+1:]
	if path == "*" {
		return path, method
	}
	path = strings.ReplaceAll(strings.ReplaceAll(path, "~1", "/"), "~0", "~")
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path, method
}

// Account is what an account has set for all its APIs in one region. An
// account that never set anything has no record.
type Account struct {
	api.Account
	Scope
}

// AccountID is the id of the only account record of a scope.
const AccountID = "settings"
