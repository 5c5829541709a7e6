package apigateway

import (
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
)

// UpdateStage takes two kinds of paths: members of the stage, and settings of
// its methods, /{resourcePath}/{httpMethod}/{group}/{setting}. What is neither
// is refused as if it were meant as a method setting. All texts and the
// peculiarities noted below are recorded (test_update_stage_with_copy_ops,
// test_update_stage_canary_deployment_validation, test_stage_access_log_settings_validation,
// test_update_stage_remove_wildcard).

// stagePatches is UpdateStage.
var stagePatches = patchTable[api.Stage]{other: patchMethodSetting, rules: []patchRule[api.Stage]{
	{path: "/deploymentId", replace: func(st *api.Stage, o patchOp) error { st.DeploymentId = new(o.value); return nil }, copy: promoteDeployment},
	{path: "/description", replace: func(st *api.Stage, o patchOp) error { patchString(&st.Description, o); return nil }},
	{path: "/cacheClusterEnabled", replace: func(st *api.Stage, o patchOp) error { return patchSwitch(&st.CacheClusterEnabled, o) }},
	{path: "/cacheClusterSize", replace: func(st *api.Stage, o patchOp) error { patchString(&st.CacheClusterSize, o); return nil }},
	{path: "/clientCertificateId", replace: func(st *api.Stage, o patchOp) error { patchString(&st.ClientCertificateId, o); return nil }},
	{path: "/documentationVersion", replace: func(st *api.Stage, o patchOp) error { patchString(&st.DocumentationVersion, o); return nil }},
	{path: "/tracingEnabled", replace: func(st *api.Stage, o patchOp) error { return patchSwitch(&st.TracingEnabled, o) }},
	{path: "/variables/{name}", replace: func(st *api.Stage, o patchOp) error {
		st.Variables = setEntry(st.Variables, o.keys[0], o.value)
		return nil
	}, remove: func(st *api.Stage, o patchOp) error {
		if _, ok := st.Variables[o.keys[0]]; !ok {
			return errNoSetting(o)
		}
		st.Variables = dropEntry(st.Variables, o.keys[0])
		return nil
	}},
	{path: "/variables", copy: promoteVariables},
	{path: "/accessLogSettings", remove: func(st *api.Stage, _ patchOp) error { st.AccessLogSettings = nil; return nil }},
	{path: "/accessLogSettings/destinationArn", add: setAccessLog, replace: setAccessLog},
	{path: "/accessLogSettings/format", add: setAccessLog, replace: setAccessLog},
	{path: "/canarySettings", remove: func(st *api.Stage, _ patchOp) error { st.CanarySettings = nil; return nil }},
	{path: "/canarySettings/deploymentId", replace: func(st *api.Stage, o patchOp) error {
		canary(st).DeploymentId = new(o.value)
		return nil
	}},
	{path: "/canarySettings/percentTraffic", replace: func(st *api.Stage, o patchOp) error {
		p, err := strconv.ParseFloat(o.value, 64)
		if err != nil {
			p = math.NaN() // refused with the other impossible values
		}
		canary(st).PercentTraffic = new(p)
		return nil
	}},
	{path: "/canarySettings/useStageCache", replace: func(st *api.Stage, o patchOp) error {
		return patchSwitch(&canary(st).UseStageCache, o)
	}},
	{path: "/canarySettings/stageVariableOverrides/{name}", replace: func(st *api.Stage, o patchOp) error {
		canary(st).StageVariableOverrides = setEntry(canary(st).StageVariableOverrides, o.keys[0], o.value)
		return nil
	}, remove: func(st *api.Stage, o patchOp) error {
		if st.CanarySettings == nil || st.CanarySettings.StageVariableOverrides[o.keys[0]] == "" {
			return errNoSetting(o)
		}
		st.CanarySettings.StageVariableOverrides = dropEntry(st.CanarySettings.StageVariableOverrides, o.keys[0])
		return nil
	}},
}}

// canary are the canary settings of a stage; setting one of them makes them,
// with the stage's own deployment and no traffic (recorded:
// test_create_canary_deployment_by_stage_update).
func canary(st *api.Stage) *api.CanarySettings {
	if st.CanarySettings == nil {
		st.CanarySettings = newCanary(str(st.DeploymentId), nil, nil, nil)
	}
	return st.CanarySettings
}

// promoteDeployment makes the canary's deployment the stage's. The canary
// stays as it is.
func promoteDeployment(st *api.Stage, o patchOp) error {
	if o.from != "/canarySettings/deploymentId" {
		return errCopy(o)
	}
	if st.CanarySettings == nil {
		return errNoCanary()
	}
	st.DeploymentId = st.CanarySettings.DeploymentId
	return nil
}

// promoteVariables puts the canary's variables over the stage's.
func promoteVariables(st *api.Stage, o patchOp) error {
	if o.from != "/canarySettings/stageVariableOverrides" {
		return errCopy(o)
	}
	if st.CanarySettings == nil {
		return errNoCanary()
	}
	if len(st.CanarySettings.StageVariableOverrides) == 0 {
		return nil
	}
	if st.Variables == nil {
		st.Variables = map[string]string{}
	}
	maps.Copy(st.Variables, st.CanarySettings.StageVariableOverrides)
	return nil
}

func errNoCanary() error {
	return api.BadRequestException("Promotion not available. Canary does not exist.")
}

func errCopy(o patchOp) error {
	return api.BadRequestException("Invalid copy operation with path: " + o.path + " and from " + o.from +
		". Valid copy:path are [/deploymentId, /variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]")
}

func setAccessLog(st *api.Stage, o patchOp) error {
	if o.value == "" {
		return api.BadRequestException("Access Log value must not be empty")
	}
	if st.AccessLogSettings == nil {
		st.AccessLogSettings = &api.AccessLogSettings{}
	}
	if strings.HasSuffix(o.path, "/format") {
		if err := checkLogFormat(o.value); err != nil {
			return err
		}
		st.AccessLogSettings.Format = new(o.value)
	} else {
		st.AccessLogSettings.DestinationArn = new(o.value)
	}
	return nil
}

// maxLogFormat is the longest format of access logs, in characters.
//
// AWS: execution.md §6.
const maxLogFormat = 3 << 10

var requestIDVariable = regexp.MustCompile(`\$(\{context\.(requestId|extendedRequestId)\}|context\.(requestId|extendedRequestId)([^A-Za-z0-9_.]|\.?$))`)

// checkLogFormat refuses formats of access logs that are none.
//
// AWS: cloud-platform-environments pull request 12962 and stackd's captures show
// the texts; that of the length is ours.
func checkLogFormat(format string) error {
	switch {
	case len(format) > maxLogFormat:
		return api.BadRequestException("Access Log format must be at most 3072 characters long")
	case strings.ContainsAny(strings.TrimSuffix(strings.TrimSuffix(format, "\n"), "\r"), "\r\n"):
		return api.BadRequestException("Access Log format must be single line, new line character is allowed only at end of the format: '" + format + "'")
	case !requestIDVariable.MatchString(format):
		return api.BadRequestException("Access Log format must include either $context.requestId or $context.extendedRequestId : '" + format + "'")
	}
	return nil
}

// errNoSetting is the answer to removing what is not there, whatever it is.
// The space at its end is AWS's.
func errNoSetting(o patchOp) error {
	return api.BadRequestException("Cannot remove method setting " + strings.TrimPrefix(o.path, "/") +
		" because there is no method setting for this method ")
}
