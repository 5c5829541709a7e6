package cloudtrail

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// What records show in the place of secrets.
//
// AWS: stage variables are masked with ***; parameters of other services with
// the words.
const (
	hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
	masked = "***"
)

// A redaction takes the secrets out of what is recorded of a call, and remembers
// them, so that they can be taken out of its error too.
type redaction struct {
	api, operation string
	secrets        []string
}

// leftOut are members that records do not have, of which services.
//
// AWS: "Logging AWS Lambda API calls" (Environment and ZipFile are omitted);
// the sample of CreateStack in "Logging AWS CloudFormation API calls" shows the
// keys of parameters alone.
func leftOut(api, name string) bool {
	switch api {
	case "lambda":
		return name == "environment" || name == "zipFile" || name == "payload"
	case "cloudformation":
		return name == "parameterValue" || name == "templateBody"
	}
	return false
}

// isSecret reports whether a member is a secret by its name.
func (r *redaction) isSecret(name string) bool {
	switch name {
	case "secretAccessKey", "sessionToken", "password", "secretString", "clientSecret", "privateKey", "certificatePrivateKey", "passphrase":
		return true
	case "value":
		return r.api == "ssm" || r.api == "apigateway" && strings.Contains(r.operation, "ApiKey")
	case "values":
		return r.api == "ssm"
	case "body":
		return r.api == "apigatewayv2" // an API definition, which may have any
	}
	return false
}

// isVariables reports whether a member is a map of which each value may be a
// secret.
func (r *redaction) isVariables(name string) bool {
	switch r.api {
	case "apigateway", "apigatewayv2":
		return name == "variables" || name == "stageVariables" || name == "stageVariableOverrides"
	}
	return false
}

// document returns m without secrets.
func (r *redaction) document(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	for name, v := range m {
		switch {
		case leftOut(r.api, name):
			r.note(v)
			delete(m, name)
		case r.isSecret(name):
			m[name] = r.hide(v, hidden)
		case r.isVariables(name):
			m[name] = r.hide(v, masked)
			if r.api == "apigatewayv2" { // AWS: recorded (cloudtrail_deployed): their names are not told
				m[name] = masked
			}
		case soundsSecret(name):
			m[name] = r.hideStatic(v)
		default:
			m[name] = r.value(v)
		}
	}
	r.patch(m)
	return m
}

func (r *redaction) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return r.document(v)
	case awsrpc.Map:
		return awsrpc.Map(r.document(v))
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
		return v
	case string:
		return r.text(v)
	}
	return v
}

// patch hides the value of a patch operation that sets a secret.
func (r *redaction) patch(m map[string]any) {
	path, ok := m["path"].(string)
	value, has := m["value"].(string)
	if !ok || !has {
		return
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case strings.HasPrefix(path, "/variables/"), strings.HasPrefix(path, "/canarySettings/stageVariableOverrides/"):
		m["value"] = r.hide(value, masked)
	case r.isSecret(last) || last == "value" && r.api == "apigateway":
		m["value"] = r.hide(value, hidden)
	case soundsSecret(last):
		m["value"] = r.hideStatic(value)
	}
}

// soundsSecret reports whether a user would keep a secret under a name: a header
// that an integration sends, a tag, a setting.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"secret", "password", "passwd"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	name = name[strings.LastIndexAny(name, "./:")+1:]
	return slices.Contains([]string{"authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "access-token", "cookie"}, name)
}

// hideStatic hides texts, but for those that say where a value is taken from.
func (r *redaction) hideStatic(v any) any {
	text, ok := v.(string)
	if !ok {
		return r.value(v)
	}
	for _, from := range []string{"method.", "integration.", "context.", "stageVariables.", "$", "arn:"} {
		if strings.HasPrefix(text, from) {
			return text
		}
	}
	return r.hide(v, hidden)
}

// hide replaces every text in v.
func (r *redaction) hide(v any, with string) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = r.hide(v[k], with)
		}
		return v
	case awsrpc.Map:
		for k := range v {
			v[k] = r.hide(v[k], with)
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.hide(v[i], with)
		}
		return v
	case string:
		r.note(v)
		return with
	}
	return v
}

// note remembers the texts in v.
func (r *redaction) note(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			r.note(e)
		}
	case awsrpc.Map:
		for _, e := range v {
			r.note(e)
		}
	case []any:
		for _, e := range v {
			r.note(e)
		}
	case string:
		if len(v) >= 4 && len(r.secrets) < 1000 {
			r.secrets = append(r.secrets, v)
		}
	}
}

// text hides the password of a URL.
func (r *redaction) text(s string) string {
	if !strings.Contains(s, "://") || !strings.Contains(s, "@") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.User == nil {
		return s
	}
	if password, ok := u.User.Password(); ok {
		r.note(password)
	}
	u.User = url.User(masked)
	return u.String()
}

// scrub takes the secrets of the call out of a message.
func (r *redaction) scrub(message string) string {
	for _, secret := range r.secrets {
		message = strings.ReplaceAll(message, secret, masked)
	}
	return message
}
