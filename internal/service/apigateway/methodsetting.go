package apigateway

import (
	"context"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A methodSettingFunc sets one setting of methods. It reports false if the
// value is none.
type methodSettingFunc func(m *api.MethodSetting, value string) (ok bool, err error)

// methodSettings are the settings that UpdateStage knows for methods, by the
// end of their path.
var methodSettings = map[string]methodSettingFunc{
	"metrics/enabled": func(m *api.MethodSetting, value string) (bool, error) {
		on, ok := truth(value)
		m.MetricsEnabled = new(on)
		return ok, nil
	},
	"logging/dataTrace": func(m *api.MethodSetting, value string) (bool, error) {
		on, ok := truth(value)
		m.DataTraceEnabled = new(on)
		return ok, nil
	},
	"logging/loglevel": func(m *api.MethodSetting, value string) (bool, error) {
		switch value {
		case logOff, "ERROR", "INFO":
			m.LoggingLevel = new(value)
			return true, nil
		}
		return false, nil
	},
	"throttling/burstLimit": func(m *api.MethodSetting, value string) (bool, error) {
		n, err := strconv.ParseInt(value, 10, 32)
		m.ThrottlingBurstLimit = new(int32(n))
		return err == nil && n >= -1, nil
	},
	"throttling/rateLimit": func(m *api.MethodSetting, value string) (bool, error) {
		r, err := strconv.ParseFloat(value, 64)
		m.ThrottlingRateLimit = new(r)
		return err == nil && r >= -1 && r < 1e15, nil
	},
	"caching/enabled": func(m *api.MethodSetting, value string) (bool, error) {
		on, ok := truth(value)
		m.CachingEnabled = new(on)
		return ok, nil
	},
	"caching/ttlInSeconds": func(m *api.MethodSetting, value string) (bool, error) {
		n, err := strconv.ParseInt(value, 10, 32)
		m.CacheTtlInSeconds = new(int32(n))
		return err == nil && n >= 0 && n <= 3600, nil
	},
	"caching/dataEncrypted": func(m *api.MethodSetting, value string) (bool, error) {
		on, ok := truth(value)
		m.CacheDataEncrypted = new(on)
		return ok, nil
	},
	"caching/requireAuthorizationForCacheControl": func(m *api.MethodSetting, value string) (bool, error) {
		on, ok := truth(value)
		m.RequireAuthorizationForCacheControl = new(on)
		return ok, nil
	},
	"caching/unauthorizedCacheControlHeaderStrategy": func(m *api.MethodSetting, value string) (bool, error) {
		m.UnauthorizedCacheControlHeaderStrategy = new(value)
		return value == api.UnauthorizedCacheControlHeaderStrategyFailWith403 ||
			value == api.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader ||
			value == api.UnauthorizedCacheControlHeaderStrategySucceedWithoutResponseHeader, nil
	},
}

const logOff = "OFF"

// logs reports whether a method's execution is logged.
func logs(m *api.MethodSetting) bool { return m.LoggingLevel != nil && *m.LoggingLevel != logOff }

// checkLogging refuses execution logs without a role for them, and turns traces
// off where nothing is logged.
//
// AWS: logging-metrics.md §2: the text; with level OFF dataTraceEnabled is not
// kept.
func (s *Service) checkLogging(ctx context.Context, c *store.Change, t record.Tables, before map[string]api.MethodSetting, st *api.Stage) error {
	begins := false
	for key, m := range st.MethodSettings {
		old := before[key]
		begins = begins || logs(&m) && !logs(&old)
		if !logs(&m) && is(m.DataTraceEnabled) {
			m.DataTraceEnabled = new(false)
			st.MethodSettings[key] = m
		}
	}
	if !begins {
		return nil
	}
	account, rev, err := s.account(ctx, t)
	if err != nil {
		return err
	}
	if str(account.CloudwatchRoleArn) == "" {
		return api.BadRequestException("CloudWatch Logs role ARN must be set in account settings to enable logging")
	}
	c.Require(t.Accounts.Is(record.AccountID, rev))
	return nil
}

// newMethodSetting is what the other settings of a method are when one is set.
//
// AWS: recorded (test_create_update_stages); loggingLevel is not shown until
// it is set.
func newMethodSetting() api.MethodSetting {
	return api.MethodSetting{
		MetricsEnabled: new(false), DataTraceEnabled: new(false),
		ThrottlingBurstLimit: new(int32(defaultBurst)), ThrottlingRateLimit: new(float64(defaultRate)),
		CachingEnabled: new(false), CacheTtlInSeconds: new(int32(300)), CacheDataEncrypted: new(false),
		RequireAuthorizationForCacheControl:    new(true),
		UnauthorizedCacheControlHeaderStrategy: new(api.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader),
	}
}

// patchMethodSetting does what UpdateStage does with paths that are no members
// of a stage: they are settings of methods, or wrong.
func patchMethodSetting(st *api.Stage, o patchOp) error {
	accessLog := o.path == "/accessLogSettings" || strings.HasPrefix(o.path, "/accessLogSettings/")
	switch {
	case o.op == "remove":
		key := strings.TrimPrefix(o.path, "/")
		if _, ok := st.MethodSettings[key]; !ok {
			return errNoSetting(o)
		}
		delete(st.MethodSettings, key)
		return nil
	case o.op == "copy":
		return errCopy(o)
	case accessLog:
		return api.BadRequestException("Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]")
	case o.op == "replace":
		return replaceMethodSetting(st, o)
	}
	return api.BadRequestException("Invalid " + o.op + " operation with path: " + o.path)
}

// replaceMethodSetting sets one setting of a method. A method that had none of
// its own begins with those of all methods.
//
// AWS: recorded (test_create_update_stages: test/GET takes over what */* has;
// later changes of */* do not reach it).
func replaceMethodSetting(st *api.Stage, o patchOp) error {
	key, name, ok := splitSettingPath(o.path)
	if !ok {
		return api.BadRequestException("Invalid method setting path: " + o.path + ". Must be one of: [" + methodSettingPaths + "]")
	}
	set := methodSettings[name]
	if set == nil {
		// AWS: aws-sdk-java issue 1823 shows the text.
		return api.BadRequestException("Invalid method setting path: " + name + ". Must be one of: [" + methodSettingNames + "]")
	}
	m, ok := st.MethodSettings[key]
	if !ok {
		if m, ok = st.MethodSettings[record.AllMethods]; !ok {
			m = newMethodSetting()
		}
	}
	if ok, err := set(&m, o.value); err != nil {
		return err
	} else if !ok {
		return api.BadRequestException("Invalid value '" + o.value + "' for method setting path: " + o.path) // AWS: undocumented text
	}
	st.MethodSettings = setEntry(st.MethodSettings, key, m)
	return nil
}

// splitSettingPath takes the path of a method setting apart:
// /~1pets/GET/throttling/rateLimit is ~1pets/GET and throttling/rateLimit.
func splitSettingPath(path string) (key, name string, ok bool) {
	seg := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(seg) < 4 {
		return "", "", false
	}
	n := len(seg) - 2
	httpMethod := seg[n-1]
	// AWS: undocumented are */GET and pets/*: nothing would act on them.
	if every := n == 2 && seg[0] == "*"; every != (httpMethod == "*") || !every && !slices.Contains(httpMethods, httpMethod) {
		return "", "", false
	}
	return strings.Join(seg[:n], "/"), strings.Join(seg[n:], "/"), true
}

// methodSettingNames is AWS's list of the settings of a method.
const methodSettingNames = ".../metrics/enabled, .../logging/dataTrace, .../logging/loglevel,.../throttling/burstLimit, " +
	".../throttling/rateLimit, .../caching/ttlInSeconds, .../caching/enabled, .../caching/dataEncrypted, " +
	".../caching/requireAuthorizationForCacheControl, .../caching/unauthorizedCacheControlHeaderStrategy"

// methodSettingPaths is AWS's list of them, with the commas it forgot.
const methodSettingPaths = "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, " +
	"/accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, " +
	"/{resourcePath}/{httpMethod}/metrics/enabled, /{resourcePath}/{httpMethod}/logging/dataTrace, " +
	"/{resourcePath}/{httpMethod}/logging/loglevel, /{resourcePath}/{httpMethod}/throttling/burstLimit" +
	"/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, " +
	"/{resourcePath}/{httpMethod}/caching/enabled, /{resourcePath}/{httpMethod}/caching/dataEncrypted, " +
	"/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, " +
	"/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, " +
	"/*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, " +
	"/*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, " +
	"/*/*/caching/enabled, /*/*/caching/dataEncrypted, /*/*/caching/requireAuthorizationForCacheControl, " +
	"/*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, /tracingEnabled"
