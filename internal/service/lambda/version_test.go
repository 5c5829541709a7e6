package lambda

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/function"
	"gatehouse/internal/store"
)

// Versions keep what they were made of, and aliases share calls out.
func TestVersionsAndAliases(t *testing.T) {
	c := newClient(t)
	c.sync()
	c.must("POST", functionsPath, newFunction(nil))
	v1 := c.must("POST", helloPath+"/versions", doc{"Description": "first"})
	if v1["Version"] != "1" || v1["FunctionArn"] != testPrefix+"hello:1" || v1["Description"] != "first" {
		t.Errorf("PublishVersion = %v", v1)
	}
	if again := c.must("POST", helloPath+"/versions", doc{}); again["Version"] != "1" || again["RevisionId"] != v1["RevisionId"] {
		t.Errorf("PublishVersion without a change = %v, want version 1 again", again)
	}
	c.must("PUT", helloPath+"/code", doc{"ZipFile": zipOf("main.py", "two"), "Publish": true})
	for version, want := range map[string]string{"1": "one", "2": "two", "$LATEST": "two"} {
		if got := c.code(version, "main.py"); got != want {
			t.Errorf("code of version %s = %q, want %q", version, got, want)
		}
	}
	c.fail("POST", helloPath+"/versions", doc{"CodeSha256": "x"}, "400 InvalidParameterValueException: CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ("+
		c.must("GET", helloPath+"/configuration", nil)["CodeSha256"].(string)+"). Please try again with the CodeSHA256 in $LATEST.")

	alias := c.must("POST", helloPath+"/aliases", doc{"Name": "live", "FunctionVersion": "1", "RoutingConfig": doc{"AdditionalVersionWeights": doc{"2": 0.25}}})
	delete(alias, "RevisionId")
	want := doc{"AliasArn": testPrefix + "hello:live", "Name": "live", "FunctionVersion": "1", "Description": "",
		"RoutingConfig": doc{"AdditionalVersionWeights": doc{"2": 0.25}}}
	if diff := cmp.Diff(want, alias); diff != "" {
		t.Errorf("CreateAlias (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]function.Alias{"live": {Version: "1", Weights: map[string]float64{"2": 0.25}}}, c.host.def(testPrefix+"hello").Aliases); diff != "" {
		t.Errorf("aliases of the host (-want +got):\n%s", diff)
	}
	if got := c.must("GET", helloPath+"/configuration?Qualifier=live", nil); got["FunctionArn"] != testPrefix+"hello:live" || got["Version"] != "1" {
		t.Errorf("GetFunctionConfiguration of an alias = %v", got)
	}
	c.fail("DELETE", helloPath+"?Qualifier=2", nil, "409 ResourceConflictException: Cannot delete version 2 of function hello: an alias refers to it")

	c.must("PUT", helloPath+"/aliases/live", doc{"FunctionVersion": "2", "RoutingConfig": doc{"AdditionalVersionWeights": doc{}}})
	c.must("DELETE", helloPath+"?Qualifier=1", nil)
	if got := c.host.def(testPrefix + "hello").Versions; len(got) != 2 {
		t.Errorf("the host has %d versions, want 2", len(got))
	}
	if n := len(c.must("GET", helloPath+"/versions", nil)["Versions"].([]any)); n != 2 {
		t.Errorf("%d versions listed, want 2", n)
	}
	c.must("DELETE", helloPath+"/aliases/live", nil)
	c.must("DELETE", helloPath+"/aliases/live", nil) // AWS: no error
	c.fail("GET", helloPath+"/aliases/live", nil, "404 ResourceNotFoundException: Cannot find alias arn: "+testPrefix+"hello:live")

	// No number is given twice.
	c.must("DELETE", helloPath, nil)
	if got := c.must("POST", functionsPath, newFunction(doc{"Publish": true})); got["Version"] != "3" {
		t.Errorf("version of a new function of an old name = %v, want 3", got["Version"])
	}
}

func TestAliasRefusals(t *testing.T) {
	c := newClient(t)
	c.must("POST", functionsPath, newFunction(doc{"Publish": true}))
	c.must("POST", helloPath+"/aliases", doc{"Name": "live", "FunctionVersion": "1"})
	weights := func(w doc) doc {
		return doc{"Name": "a", "FunctionVersion": "1", "RoutingConfig": doc{"AdditionalVersionWeights": w}}
	}
	const invalid, bad = "400 InvalidParameterValueException: ", "400 ValidationException: 1 validation error detected: Value "
	tests := []struct {
		name string
		in   doc
		want string
	}{
		{"number as name", doc{"Name": "12", "FunctionVersion": "1"}, bad + "'12' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
		{"exists", doc{"Name": "live", "FunctionVersion": "1"}, "409 ResourceConflictException: Alias already exists: " + testPrefix + "hello:live"},
		{"no version", doc{"Name": "a", "FunctionVersion": "9"}, "404 ResourceNotFoundException: Function not found: " + testPrefix + "hello:9"},
		{"two more", weights(doc{"1": 0.1, "2": 0.2}), invalid + "Number of items in AdditionalVersionWeights cannot be greater than 1"},
		{"the same", weights(doc{"1": 0.1}), invalid + "Invalid function version 1. Function version 1 is already included in routing configuration."},
		{"over one", weights(doc{"2": 1.5}), bad + "'{2=1.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"},
		{"$LATEST shared", doc{"Name": "a", "FunctionVersion": "$LATEST", "RoutingConfig": doc{"AdditionalVersionWeights": doc{"1": 0.5}}}, invalid + "$LATEST is not supported for an alias pointing to more than 1 version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			c.fail("POST", helloPath+"/aliases", tt.in, tt.want)
		})
	}
}

// A permission lets in what it says, and nothing else.
func TestPermissions(t *testing.T) {
	c := newClient(t)
	c.sync()
	c.must("POST", functionsPath, newFunction(doc{"Publish": true}))
	c.must("POST", helloPath+"/aliases", doc{"Name": "live", "FunctionVersion": "1"})
	const api = "arn:aws:execute-api:eu-west-1:111111111111:a1/"
	source := func(arn, account string) function.Source {
		return function.Source{Service: "apigateway.amazonaws.com", ARN: arn, Account: account}
	}
	permits := func(src function.Source, qualifier string) bool {
		permit := c.host.def(testPrefix + "hello").Permit
		return permit != nil && permit(src, qualifier)
	}
	if permits(source(api+"prod/GET/", testAccount), "") {
		t.Error("let in without a policy")
	}
	added := c.must("POST", helloPath+"/policy", doc{"StatementId": "one", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": api + "*/GET/*", "SourceAccount": testAccount})
	const statement = `{"Sid":"one","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + testPrefix + `hello",` +
		`"Condition":{"ArnLike":{"AWS:SourceArn":"` + api + `*/GET/*"},"StringEquals":{"AWS:SourceAccount":"111111111111"}}}`
	if added["Statement"] != statement {
		t.Errorf("AddPermission:\n got %v\nwant %v", added["Statement"], statement)
	}
	c.must("POST", helloPath+"/policy?Qualifier=live", doc{"StatementId": "one", "Action": "lambda:*", "Principal": "apigateway.amazonaws.com"})
	tests := []struct {
		name      string
		src       function.Source
		qualifier string
		want      bool
	}{
		{"as it says", source(api+"prod/GET/pets", testAccount), "", true},
		{"another method", source(api+"prod/POST/pets", testAccount), "", false},
		{"another account", source(api+"prod/GET/pets", "222222222222"), "", false},
		{"another service", function.Source{Service: "s3.amazonaws.com", ARN: api + "prod/GET/pets", Account: testAccount}, "", false},
		{"a version without policy", source(api+"prod/GET/pets", testAccount), "1", false},
		{"an alias with its own", source(api+"prod/POST/pets", "222222222222"), "live", true},
	}
	for _, tt := range tests {
		if got := permits(tt.src, tt.qualifier); got != tt.want {
			t.Errorf("%s: permits = %v, want %v", tt.name, got, tt.want)
		}
	}
	c.fail("POST", helloPath+"/policy", doc{"StatementId": "one", "Action": "lambda:InvokeFunction", "Principal": "*"},
		"409 ResourceConflictException: The statement id (one) provided already exists. Please provide a new statement id, or remove the existing statement.")
	if got, want := c.must("GET", helloPath+"/policy", nil)["Policy"], `{"Version":"2012-10-17","Id":"default","Statement":[`+statement+`]}`; got != want {
		t.Errorf("GetPolicy:\n got %v\nwant %v", got, want)
	}
	c.fail("DELETE", helloPath+"/policy/two", nil, "404 ResourceNotFoundException: Statement two is not found in resource policy.")
	c.must("DELETE", helloPath+"/policy/one", nil)
	if permits(source(api+"prod/GET/pets", testAccount), "") {
		t.Error("let in after RemovePermission")
	}
}

func TestLayers(t *testing.T) {
	c := newClient(t)
	c.sync()
	const arn = "arn:aws:lambda:eu-west-1:111111111111:layer:libs"
	publish := func(content string) doc {
		return c.must("POST", "/2018-10-31/layers/libs/versions", doc{"Content": doc{"ZipFile": zipOf("python/lib.py", content)}, "CompatibleRuntimes": []string{"python3.12"}})
	}
	if got := publish("one"); got["LayerVersionArn"] != arn+":1" || got["Version"] != 1.0 || got["LayerArn"] != arn {
		t.Errorf("PublishLayerVersion = %v", got)
	}
	publish("two")
	c.must("POST", functionsPath, newFunction(doc{"Layers": []string{arn + ":2"}}))
	if layers := c.host.def(testPrefix + "hello").Versions["$LATEST"].Layers; len(layers) != 1 {
		t.Errorf("the host has %d layers, want 1", len(layers))
	}
	if got := c.must("GET", helloPath+"/configuration", nil)["Layers"]; !cmp.Equal(jsonOf(got), `[{"Arn":"`+arn+`:2","CodeSize":`+jsonNumber(len(zipOf("python/lib.py", "two")))+`}]`) {
		t.Errorf("Layers = %s", jsonOf(got))
	}
	c.fail("PUT", helloPath+"/configuration", doc{"Layers": []string{arn + ":1", arn + ":2"}},
		"400 InvalidParameterValueException: Two different versions of the same layer are not allowed to be referenced in the same function. "+arn+":1 and "+arn+":2 are versions of the same layer.")
	list := c.must("GET", "/2018-10-31/layers/libs/versions", nil)["LayerVersions"].([]any)
	if len(list) != 2 || list[0].(doc)["Version"] != 2.0 {
		t.Errorf("ListLayerVersions = %v, want 2 and 1", list)
	}
	layers := c.must("GET", "/2018-10-31/layers?CompatibleRuntime=python3.12", nil)["Layers"].([]any)
	if len(layers) != 1 || layers[0].(doc)["LatestMatchingVersion"].(doc)["Version"] != 2.0 {
		t.Errorf("ListLayers = %v", layers)
	}
	if got := c.must("GET", "/2018-10-31/layers?find=LayerVersion&Arn="+escape(arn+":1"), nil); got["Version"] != 1.0 {
		t.Errorf("GetLayerVersionByArn = %v", got)
	}
	c.must("DELETE", "/2018-10-31/layers/libs/versions/2", nil)
	c.fail("GET", "/2018-10-31/layers/libs/versions/2", nil, "404 ResourceNotFoundException: The resource you requested does not exist.")
	// Code and layers have one limit together.
	rows, err := c.svc.tablesOf(testScope).LayerVersions.All(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Value.Unpacked != 3 {
		t.Fatalf("layers = %+v, %v, want one of 3 bytes", rows, err)
	}
	rows[0].Value.Unpacked = maxUnpacked
	op, err := c.svc.tablesOf(testScope).LayerVersions.Put(rows[0].ID, rows[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.st.Commit(t.Context(), nil, []store.Op{op}); err != nil {
		t.Fatal(err)
	}
	c.fail("PUT", helloPath+"/configuration", doc{"Layers": []string{arn + ":1"}},
		"400 InvalidParameterValueException: Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144003 bytes.")
	// The function keeps its copy.
	c.must("PUT", helloPath+"/configuration", doc{"Timeout": 9})
	if layers := c.host.def(testPrefix + "hello").Versions["$LATEST"].Layers; len(layers) != 1 {
		t.Errorf("the host has %d layers after the layer was deleted, want 1", len(layers))
	}
}

func jsonNumber(n int) string {
	b, _ := json.Marshal(n) // a number
	return string(b)
}

func TestTagsConcurrencyAndEvents(t *testing.T) {
	c := newClient(t)
	c.sync()
	c.must("POST", functionsPath, newFunction(nil))
	c.must("POST", functionsPath, newFunction(doc{"FunctionName": "other"}))
	tags := "/2017-03-31/tags/" + escape(testPrefix+"hello")
	c.must("POST", tags, doc{"Tags": doc{"a": "1", "b": "2"}})
	c.must("DELETE", tags+"?tagKeys=a", nil)
	if got := c.must("GET", tags, nil); !cmp.Equal(got["Tags"], doc{"b": "2"}) {
		t.Errorf("ListTags = %v", got)
	}

	c.must("PUT", "/2017-10-31/functions/hello/concurrency", doc{"ReservedConcurrentExecutions": 5})
	if got := c.host.def(testPrefix + "hello").Reserved; got == nil || *got != 5 {
		t.Errorf("reserved of the host = %v, want 5", got)
	}
	limits := c.must("GET", "/2016-08-19/account-settings", nil)["AccountLimit"].(doc)
	if limits["UnreservedConcurrentExecutions"] != 995.0 || limits["ConcurrentExecutions"] != 1000.0 {
		t.Errorf("AccountLimit = %v", limits)
	}
	c.must("DELETE", "/2017-10-31/functions/hello/concurrency", nil)
	if got := c.host.def(testPrefix + "hello").Reserved; got != nil {
		t.Errorf("reserved of the host = %v, want none", *got)
	}

	const events = "/2019-09-25/functions/hello/event-invoke-config"
	c.must("PUT", events, doc{"MaximumRetryAttempts": 0, "DestinationConfig": doc{"OnFailure": doc{"Destination": testPrefix + "other"}}})
	got := c.must("POST", events, doc{"MaximumEventAgeInSeconds": 60})
	if got["MaximumRetryAttempts"] != 0.0 || got["MaximumEventAgeInSeconds"] != 60.0 || got["FunctionArn"] != testPrefix+"hello:$LATEST" {
		t.Errorf("UpdateFunctionEventInvokeConfig = %v", got)
	}
	cfg := c.host.def(testPrefix + "hello").Events["$LATEST"]
	if cfg.Retries == nil || *cfg.Retries != 0 || cfg.MaxAge.Seconds() != 60 || cfg.Done == nil {
		t.Fatalf("event settings of the host = %+v", cfg)
	}
	c.host.echo = func(*function.Invocation) (*function.Result, error) { return &function.Result{Status: 202}, nil }
	out := &function.Outcome{Invocation: &function.Invocation{Function: testPrefix + "hello", Payload: []byte(`{"a":1}`)}, RequestID: "r", Condition: "RetriesExhausted", Attempts: 1,
		Result: &function.Result{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"x"}`), Version: "$LATEST"}}
	cfg.Done(out)
	if len(c.host.calls) != 1 || c.host.calls[0].Function != testPrefix+"other" || c.host.calls[0].Kind != function.Event {
		t.Fatalf("destination calls = %+v", c.host.calls)
	}
	var rec doc
	if err := json.Unmarshal(c.host.calls[0].Payload, &rec); err != nil {
		t.Fatal(err)
	}
	delete(rec, "timestamp")
	want := doc{"version": "1.0", "requestPayload": doc{"a": 1.0}, "responsePayload": doc{"errorMessage": "x"},
		"requestContext":  doc{"requestId": "r", "functionArn": testPrefix + "hello", "condition": "RetriesExhausted", "approximateInvokeCount": 1.0},
		"responseContext": doc{"statusCode": 200.0, "executedVersion": "$LATEST", "functionError": "Unhandled"}}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Errorf("what the destination gets (-want +got):\n%s", diff)
	}
	out.Condition = "Success"
	if cfg.Done(out); len(c.host.calls) != 1 {
		t.Error("a destination for failures was called after a success")
	}
	c.must("DELETE", events, nil)
	if got := c.host.def(testPrefix + "hello").Events; len(got) != 0 {
		t.Errorf("event settings after deletion = %v", got)
	}
}
