package lambda

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/record"
)

// Defaults of a new function.
//
// AWS: CreateFunction.
const (
	defaultTimeout = 3   // seconds
	defaultMemory  = 128 // MB
	defaultTmp     = 512 // MB
)

// newConfiguration is the configuration of a function before its settings are
// applied.
func newConfiguration(t target) api.FunctionConfiguration {
	return api.FunctionConfiguration{
		FunctionName: new(t.name), FunctionArn: new(t.unqualified()), Version: new(latest), Description: new(""),
		Timeout: new(int32(defaultTimeout)), MemorySize: new(int32(defaultMemory)),
		PackageType: new(api.PackageTypeZip), Architectures: []string{api.ArchitectureX8664},
		TracingConfig:    &api.TracingConfigResponse{Mode: new(api.TracingModePassThrough)},
		EphemeralStorage: &api.EphemeralStorage{Size: new(int32(defaultTmp))},
		SnapStart:        &api.SnapStartResponse{ApplyOn: new(api.SnapStartApplyOnNone), OptimizationStatus: new(api.SnapStartOptimizationStatusOff)},
		LoggingConfig:    &api.LoggingConfig{LogFormat: new(api.LogFormatText), LogGroup: new("/aws/lambda/" + t.name)},
		State:            new(api.StateActive), LastUpdateStatus: new(api.LastUpdateStatusSuccessful),
	}
}

// settingsOf are the settings of a new function as an update would give them.
func settingsOf(in *api.CreateFunctionInput) *api.UpdateFunctionConfigurationInput {
	return &api.UpdateFunctionConfigurationInput{
		FunctionName: in.FunctionName, Role: in.Role, Handler: in.Handler, Description: in.Description, Timeout: in.Timeout,
		MemorySize: in.MemorySize, VpcConfig: in.VpcConfig, Environment: in.Environment, Runtime: in.Runtime,
		DeadLetterConfig: in.DeadLetterConfig, KMSKeyArn: in.KMSKeyArn, TracingConfig: in.TracingConfig, Layers: in.Layers,
		FileSystemConfigs: in.FileSystemConfigs, ImageConfig: in.ImageConfig, EphemeralStorage: in.EphemeralStorage,
		SnapStart: in.SnapStart, LoggingConfig: in.LoggingConfig, CapacityProviderConfig: in.CapacityProviderConfig,
		DurableConfig: in.DurableConfig,
	}
}

// checkSettings refuses settings that would not act.
func checkSettings(in *api.UpdateFunctionConfigurationInput) error {
	vpc, logs := in.VpcConfig, in.LoggingConfig
	return firstRefusal([]refusal{
		{vpc != nil && (len(vpc.SubnetIds) > 0 || len(vpc.SecurityGroupIds) > 0), noVPC},
		{in.DeadLetterConfig != nil && str(in.DeadLetterConfig.TargetArn) != "", noDeadLetter},
		{str(in.KMSKeyArn) != "", noKMS},
		{len(in.FileSystemConfigs) > 0, noFileSystem},
		{in.ImageConfig != nil, noImage},
		{in.SnapStart != nil && str(in.SnapStart.ApplyOn) == api.SnapStartApplyOnPublishedVersions, noSnapStart},
		{logs != nil && str(logs.LogFormat) == api.LogFormatJson, noJSONLogs},
		{logs != nil && (str(logs.ApplicationLogLevel) != "" || str(logs.SystemLogLevel) != ""), noLogLevel},
		{in.CapacityProviderConfig != nil, noCapacityProvider},
		{in.DurableConfig != nil, noDurable},
	})
}

// configure applies settings to a function's code. Those that are absent stay.
func (s *Service) configure(ctx context.Context, code *record.FunctionCode, in *api.UpdateFunctionConfigurationInput) error {
	if err := checkSettings(in); err != nil {
		return err
	}
	if in.Environment != nil {
		if err := checkEnvironment(in.Environment.Variables); err != nil {
			return err
		}
		code.Environment = nil
		if len(in.Environment.Variables) > 0 {
			code.Environment = &api.EnvironmentResponse{Variables: in.Environment.Variables}
		}
	}
	if in.Runtime != nil {
		if err := checkRuntime(*in.Runtime); err != nil {
			return err
		}
		code.Runtime = in.Runtime
	}
	if in.Layers != nil {
		if err := s.setLayers(ctx, code, in.Layers); err != nil {
			return err
		}
	}
	set(&code.Role, in.Role)
	set(&code.Handler, in.Handler)
	set(&code.Description, in.Description)
	set(&code.Timeout, in.Timeout)
	set(&code.MemorySize, in.MemorySize)
	set(&code.EphemeralStorage, in.EphemeralStorage)
	if in.TracingConfig != nil && in.TracingConfig.Mode != nil {
		code.TracingConfig = &api.TracingConfigResponse{Mode: in.TracingConfig.Mode}
	}
	if in.LoggingConfig != nil && str(in.LoggingConfig.LogGroup) != "" {
		code.LoggingConfig = &api.LoggingConfig{LogFormat: new(api.LogFormatText), LogGroup: in.LoggingConfig.LogGroup}
	}
	return checkArchitectures(code)
}

// set changes a setting if there is a value.
func set[T any](to **T, value *T) {
	if value != nil {
		*to = value
	}
}

// checkArchitectures refuses code for other machines, where the code depends on
// the machine. AWS: scripts run on both architectures as they are.
func checkArchitectures(code *record.FunctionCode) error {
	if len(code.Architectures) != 1 {
		return violation("["+strings.Join(code.Architectures, ", ")+"]", "architectures", "Member must have length less than or equal to 1")
	}
	if a := code.Architectures[0]; a != machine() && !interpreted(str(code.Runtime)) {
		return noArchitecture.refuse(a)
	}
	return nil
}

// maxEnvironment is how large the variables of a function may be.
//
// AWS: Lambda quotas, 4 KB.
const maxEnvironment = 4 << 10

var variablePattern = regexp.MustCompile(`^[a-zA-Z]([a-zA-Z0-9_])+$`)

// reservedVariables are those that the runtime sets.
//
// AWS: "Defined runtime environment variables", reserved ones.
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
	"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// checkEnvironment refuses variables that a function cannot have.
//
// AWS: the limit's text is recorded, that of reserved names widely reported.
func checkEnvironment(vars map[string]string) error {
	var reserved []string
	for name := range vars {
		if slices.Contains(reservedVariables, name) {
			reserved = append(reserved, name)
		} else if !variablePattern.MatchString(name) {
			return violation("{"+name+"=***}", "environment.variables",
				"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
	}
	if len(reserved) > 0 {
		slices.Sort(reserved)
		return errParameter("Lambda was unable to configure your environment variables because the environment variables you have provided " +
			"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: " + strings.Join(reserved, ", "))
	}
	b, err := json.Marshal(vars, json.Deterministic(true))
	if err != nil {
		return err
	}
	if len(b) > maxEnvironment {
		return errParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}

// UpdateFunctionConfiguration changes the configuration of $LATEST.
func (s *Service) UpdateFunctionConfiguration(ctx context.Context, in *api.UpdateFunctionConfigurationInput) (*api.FunctionConfiguration, error) {
	t, err := locate(ctx, in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if err := s.passRole(ctx, in.Role); err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	err = s.editFunction(ctx, t, nil, func(e *functionEdit) error {
		if in.RevisionId != nil && *in.RevisionId != str(e.rec.Latest.RevisionId) {
			return errRevision("GetFunction/GetAlias")
		}
		if err := s.configure(ctx, &e.rec.Latest, in); err != nil {
			return err
		}
		if err := errors.Join(checkHandler(&e.rec.Latest), checkSize(&e.rec.Latest)); err != nil {
			return err
		}
		touch(&e.rec.Latest)
		out = &e.rec.Latest.FunctionConfiguration
		return nil
	})
	return out, err
}

// checkHandler refuses code without runtime or handler.
//
// AWS: "Runtime and Handler are mandatory parameters for functions created with
// deployment packages." is widely reported.
func checkHandler(code *record.FunctionCode) error {
	if str(code.Runtime) == "" || str(code.Handler) == "" {
		return errParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	return nil
}

// touch notes that code or configuration of $LATEST changed.
func touch(code *record.FunctionCode) {
	code.LastModified, code.RevisionId = timestamp(), new(record.NewUUID())
	code.Unpublished = record.NewUUID()
}
