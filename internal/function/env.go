package function

import (
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
)

// Reserved tells whether a function's configuration cannot set an environment
// variable of this name. What a definition says of it is passed over.
//
// AWS: configuration-envvars, reserved environment variables.
func Reserved(name string) bool {
	switch name {
	case "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", marker:
		return true
	}
	return false
}

// marker is an environment variable by which processes of instances are told
// from others, also when the gateway that started them is gone.
const marker = "GATEHOUSE_INSTANCE"

// An environment is a list of variables, the last of two of one name counts.
type environment []string

func (e *environment) set(name, value string) { *e = append(*e, name+"="+value) }

// environment makes the variables of an instance. Nothing of the gateway's own
// is in it.
func (in *instance) environment(cr Credentials) []string {
	v, p := in.pool.version, in.pool
	a, _ := arn.Parse(p.fn.arn) // Set has parsed it
	at := p.host.view(v, in.tmp())
	opt := at.opt
	var e environment
	// What a function may set itself comes first: the last of two counts.
	e.set("LANG", "en_US.UTF-8")
	e.set("TZ", ":UTC")
	e.set("PATH", strings.Join(append([]string{"/usr/local/bin", "/usr/bin", "/bin"}, below(opt, "bin")...), ":"))
	e.set("LD_LIBRARY_PATH", strings.Join(append([]string{at.task, filepath.Join(at.task, "lib")}, below(opt, "lib")...), ":"))
	e.set("TMPDIR", at.tmp)
	e.set("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR")
	daemonVariables(&e, p.host.opt.XRayDaemon)
	switch familyOf(v.Runtime) {
	case node:
		major := strings.TrimSuffix(strings.TrimPrefix(v.Runtime, "nodejs"), ".x")
		e.set("NODE_PATH", strings.Join(below(opt, "nodejs/node"+major+"/node_modules", "nodejs/node_modules"), ":"))
	case python:
		e.set("PYTHONPATH", strings.Join(below(opt, "python/lib/"+v.Runtime+"/site-packages", "python"), ":"))
	}
	for name, value := range v.Env {
		if !Reserved(name) {
			e.set(name, value)
		}
	}
	e.set("_HANDLER", v.Handler)
	e.set("AWS_REGION", a.Region)
	e.set("AWS_DEFAULT_REGION", a.Region)
	if familyOf(v.Runtime) != native { // AWS: not set for OS-only runtimes
		e.set("AWS_EXECUTION_ENV", "AWS_Lambda_"+v.Runtime)
	}
	e.set("AWS_LAMBDA_FUNCTION_NAME", strings.TrimPrefix(a.Resource, "function:"))
	e.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(v.Memory))
	e.set("AWS_LAMBDA_FUNCTION_VERSION", p.number)
	e.set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
	e.set("AWS_LAMBDA_LOG_GROUP_NAME", in.log.group)
	e.set("AWS_LAMBDA_LOG_STREAM_NAME", in.log.stream)
	e.set("AWS_LAMBDA_RUNTIME_API", in.ln.Addr().String())
	e.set("LAMBDA_TASK_ROOT", at.task)
	e.set("LAMBDA_RUNTIME_DIR", at.runtime)
	if cr.AccessKeyID != "" {
		e.set("AWS_ACCESS_KEY_ID", cr.AccessKeyID)
		e.set("AWS_SECRET_ACCESS_KEY", cr.SecretAccessKey)
		e.set("AWS_SESSION_TOKEN", cr.SessionToken)
	}
	if p.host.sandbox == nil {
		e.set(marker, in.dir)
	}
	return e
}

// below lists folders of each of the directories, in the order of directories.
func below(dirs []string, folders ...string) []string {
	var list []string
	for _, d := range dirs {
		for _, f := range folders {
			list = append(list, filepath.Join(d, f))
		}
	}
	return list
}
