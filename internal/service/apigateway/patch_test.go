package apigateway

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/apigateway"
)

func TestMatchPointer(t *testing.T) {
	tests := []struct {
		pattern, pointer string
		keys             []string
		ok               bool
	}{
		{"/name", "/name", nil, true},
		{"/name", "/name/x", nil, false},
		{"/name", "name", nil, false},
		{"/name", "null", nil, false},
		{"/requestModels/{type}", "/requestModels/application~1json", []string{"application/json"}, true},
		{"/requestModels/{type}", "/requestModels/application/json", nil, false},
		{"/requestModels/{type}", "/requestModels/", nil, false},
		{"/requestModels/{type}", "/requestModels", nil, false},
		{"/variables/{name}", "/variables/a~0b~01", []string{"a~b~1"}, true},
	}
	for _, tt := range tests {
		keys, ok := matchPointer(tt.pattern, tt.pointer)
		if ok != tt.ok || !slices.Equal(keys, tt.keys) {
			t.Errorf("matchPointer(%q, %q) = %q, %v, want %q, %v", tt.pattern, tt.pointer, keys, ok, tt.keys, tt.ok)
		}
	}
}

// listed is what the tables say, as {operation} {path} {op}.
func listed() map[string]bool {
	out := map[string]bool{}
	tableOf("UpdateRestApi", restAPIPatches.rules, out)
	tableOf("UpdateResource", resourcePatches.rules, out)
	tableOf("UpdateMethod", methodPatches.rules, out)
	tableOf("UpdateMethodResponse", methodResponsePatches.rules, out)
	tableOf("UpdateIntegration", integrationPatches.rules, out)
	tableOf("UpdateIntegrationResponse", integrationResponsePatches.rules, out)
	tableOf("UpdateDeployment", deploymentPatches.rules, out)
	tableOf("UpdateStage", stagePatches.rules, out)
	tableOf("UpdateModel", modelPatches.rules, out)
	tableOf("UpdateRequestValidator", validatorPatches.rules, out)
	tableOf("UpdateGatewayResponse", gatewayResponsePatches.rules, out)
	tableOf("UpdateAccount", accountPatches.rules, out)
	tableOf("UpdateApiKey", apiKeyPatches.rules, out)
	tableOf("UpdateUsagePlan", usagePlanRules, out)
	tableOf("UpdateDomainName", domainPatches.rules, out)
	tableOf("UpdateBasePathMapping", mappingPatches.rules, out)
	for name := range methodSettings {
		out["UpdateStage /{resourcePath}/{httpMethod}/"+name+" replace"] = true
	}
	return out
}

var lastName = regexp.MustCompile(`/\{[^}]*\}$`)

func tableOf[T any](operation string, rules []patchRule[T], out map[string]bool) {
	for i := range rules {
		for _, op := range rules[i].takes() {
			out[operation+" "+lastName.ReplaceAllString(rules[i].path, "")+" "+op] = true
		}
	}
}

// TestPatchTables compares the tables with AWS's reference of patch operations
// where that is at hand. What deviates has a recording as its reason.
func TestPatchTables(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "spec", "apigateway.patch.tsv"))
	if err != nil {
		t.Skip("the reference is not here: ", err)
	}
	defer f.Close()
	want := map[string]bool{}
	have := listed()
	implemented := map[string]bool{}
	for key := range have {
		implemented[strings.Fields(key)[0]] = true
	}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		col := strings.Split(sc.Text(), "\t")
		if len(col) < 6 || !implemented[col[0]] {
			continue
		}
		path := strings.TrimSuffix(lastName.ReplaceAllString(col[1], ""), "/*")
		for i, op := range []string{"add", "replace", "remove", "copy"} {
			if col[2+i] != "no" {
				want[col[0]+" "+path+" "+op] = true
			}
		}
	}
	if len(want) < 100 {
		t.Fatalf("the reference has %d entries: it is not what was expected", len(want))
	}
	deviations := map[string]string{
		// recorded: test_stage_access_log_settings_validation
		"-UpdateStage /accessLogSettings/destinationArn remove": "refused as an unknown method setting",
		"-UpdateStage /accessLogSettings/format remove":         "as destinationArn",
		"-UpdateStage /accessLogSettings replace":               "refused (root-and-replace)",
		// recorded: test_update_stage_canary_deployment_validation, test_update_stage_with_copy_ops
		"+UpdateStage /variables copy":                               "promotes the canary's variables",
		"-UpdateStage /methodSettings replace":                       "not a path of its own: stands for the settings below",
		"+UpdateStage /canarySettings/stageVariableOverrides remove": "one variable; AWS: undocumented",
		// recorded: test_update_rest_api_ip_address_type: the refusal lists three operations
		"+UpdateRestApi /endpointConfiguration/types add":        "",
		"+UpdateRestApi /endpointConfiguration/types remove":     "",
		"+UpdateRestApi /endpointConfiguration/types copy":       "words the refusal",
		"+UpdateDomainName /endpointConfiguration/types replace": "what the CLI's examples send",
		"+UpdateBasePathMapping /basePath replace":               "what Terraform sends",
		"+UpdateBasePathMapping /restApiId replace":              "another spelling",
		// handled by patchStageThrottle, tested by TestUsagePlanThrottle
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle/{resourcePath} remove":                          "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle add":                                            "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle replace":                                        "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle remove":                                         "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle/{resourcePath}/{httpMethod}/rateLimit add":      "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle/{resourcePath}/{httpMethod}/rateLimit replace":  "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle/{resourcePath}/{httpMethod}/burstLimit add":     "",
		"-UpdateUsagePlan /apiStages/{apiId}:{stageName}/throttle/{resourcePath}/{httpMethod}/burstLimit replace": "",
	}
	found := map[string]bool{}
	for key := range want {
		if !have[key] {
			found["-"+key] = true
		}
	}
	for key := range have {
		if !want[key] {
			found["+"+key] = true
		}
	}
	for _, key := range sortedKeys(found) {
		if _, known := deviations[key]; !known {
			t.Errorf("deviates from AWS's reference: %s", key)
		}
	}
	for _, key := range sortedKeys(deviations) {
		if !found[key] {
			t.Errorf("does not deviate any more: %s", key)
		}
	}
}

// A PATCH does all of its operations or none.
func TestPatchIsWhole(t *testing.T) {
	c := newClient(t)
	id, _ := c.newAPI()
	before := c.must("GetRestApi", doc{"restApiId": id})
	c.fail("UpdateRestApi", doc{"restApiId": id, "patchOperations": patch("replace", "/name", "other", "replace", "/nonsense", "x")},
		"BadRequestException: Invalid patch path /nonsense")
	if diff := cmp.Diff(before, c.must("GetRestApi", doc{"restApiId": id})); diff != "" {
		t.Errorf("after a refused PATCH (-want +got):\n%s", diff)
	}
}

func TestPatchBound(t *testing.T) {
	a := &api.RestApi{}
	if err := restAPIPatches.apply(a, make([]api.PatchOperation, maxPatchOps+1)); err == nil {
		t.Errorf("%d operations were accepted, want a refusal", maxPatchOps+1)
	}
}
