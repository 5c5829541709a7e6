package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/metrics"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/sts"
)

// functions are the parts that run functions and keep them.
type functions struct {
	host    *function.Host
	router  *function.Router
	service *lambda.Service
	syncer  *lambda.Syncer
	metrics *metrics.Registry[string] // by ARN
}

// mostFunctionSeries is of how many functions the invocations are counted by
// themselves.
const mostFunctionSeries = 10_000

// openFunctions makes what runs functions, here and elsewhere.
func (n *node) openFunctions() (*functions, error) {
	f := &functions{metrics: metrics.NewRegistry[string](mostFunctionSeries)}
	f.host = function.NewHost(function.Options{
		Dir: n.cfg.functionDir("run"), Concurrency: n.cfg.FunctionConcurrency, Logger: n.log,
		Cgroup:  n.cfg.FunctionCgroup,
		Metrics: f.metrics, Predecessor: n.predecessor(),
		Isolation: n.cfg.FunctionIsolation, Init: n.sur.FunctionInit,
		Credentials: n.functionCredentials(),
		Tracer:      n.tracer(), XRayDaemon: n.xrayAddress(),
	})
	rules, err := functionRules(n.cfg.FunctionEndpoints, n.aws)
	if err != nil {
		return nil, err
	}
	if f.router, err = function.NewRouter(rules, f.host, function.NewRemote(n.aws, "")); err != nil {
		return nil, fmt.Errorf("function-endpoint: %w", err)
	}
	f.service = lambda.New(n.st, n.blobs, lambda.Options{
		Dir: n.cfg.functionDir("code"), Unpack: function.Unpack, Invoker: f.router, Objects: objects{n.aws, n.buckets},
		Roles: iam.NewAccess(n.credential, n.identities), Directory: iam.NewPrincipals(n.st), Concurrency: n.cfg.FunctionConcurrency, Log: n.log,
		CodeStorage: int64(n.cfg.FunctionCodeStorage),
	})
	f.syncer = f.service.NewSyncer(lambda.SyncOptions{Host: f.host, Invoker: f.router, Logs: functionLogs{n.groups}, Log: n.log})
	return f, nil
}

// lambdaPrincipal is the service that functions' roles must trust.
const lambdaPrincipal = "lambda.amazonaws.com"

// functionCredentials gives functions the credentials of their roles: those that
// the configuration names a source for, and those of this server's own IAM. A
// function of any other role has none.
func (n *node) functionCredentials() func(context.Context, string) (function.Credentials, error) {
	roles := sts.New(n.identities, nil)
	return func(ctx context.Context, role string) (function.Credentials, error) {
		a, err := arn.Parse(role)
		if err != nil {
			return function.Credentials{}, err
		}
		if _, named := n.cfg.RoleCredentials[role]; named || n.cfg.RoleCredentials["*"] != "" {
			source, err := n.aws.Role(role, a.Account, "us-east-1")
			if err != nil {
				return function.Credentials{}, err
			}
			c, err := source.Credentials(ctx)
			return function.Credentials{AccessKeyID: c.Key.AccessKey, SecretAccessKey: c.Key.SecretKey, SessionToken: c.Key.SessionToken, Expires: c.Expires}, err
		}
		cred, err := roles.AssumeForService(lambdaPrincipal, a.Account, role, "function")
		if err != nil {
			n.log.Debug("function runs without credentials", "role", role, "error", err)
			return function.Credentials{}, nil
		}
		return function.Credentials{
			AccessKeyID: *cred.AccessKeyId, SecretAccessKey: *cred.SecretAccessKey, SessionToken: *cred.SessionToken, Expires: *cred.Expiration,
		}, nil
	}
}

// functionDir is a directory for something about functions.
func (c *Config) functionDir(what string) string {
	dir := filepath.Join(c.Data, "functions", what)
	if abs, err := filepath.Abs(dir); err == nil {
		return abs // functions run in directories of their own
	}
	return dir
}

// Words that the place of functions begins with, or is.
const (
	lambdaAPI   = "lambda:" // a Lambda API at the URL that follows
	amazonsOwn  = "aws"     // Amazon's Lambda
	amazonsURL  = "https://lambda.{region}.amazonaws.com"
	ruleService = "lambda" // of the endpoints that rules make
)

// ruleName is the subdomain under which a rule's endpoint is known.
func ruleName(i int) string { return fmt.Sprintf("rule%d", i) }

// ruleOrder lists the patterns of rules, those that say most first: the longest.
func ruleOrder(rules Pairs) []string {
	return slices.SortedFunc(maps.Keys(rules), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
}

// functionRules are the rules that the configuration gives.
func functionRules(pairs Pairs, c *awsclient.Client) ([]function.Rule, error) {
	var rules []function.Rule
	for i, pattern := range ruleOrder(pairs) {
		rule := function.Rule{Functions: pattern}
		switch where := pairs[pattern]; {
		case where == amazonsOwn, strings.HasPrefix(where, lambdaAPI):
			rule.Invoker = function.NewRemote(c, ruleName(i))
		default:
			if u, err := url.Parse(where); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return nil, fmt.Errorf("function-endpoint: %s: %q is no place for functions: write aws, lambda:URL or the URL of an HTTP server", pattern, where)
			}
			rule.Invoker = function.NewPlain(where)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// functionEndpoints are the endpoints that rules need.
func functionEndpoints(pairs Pairs) map[string]string {
	out := map[string]string{}
	for i, pattern := range ruleOrder(pairs) {
		where := pairs[pattern]
		if where == amazonsOwn {
			where = lambdaAPI + amazonsURL
		}
		if u, ok := strings.CutPrefix(where, lambdaAPI); ok {
			out[ruleName(i)+"."+ruleService] = u
		}
	}
	return out
}

// checkFunctions reports settings of functions that cannot work.
func (c *Config) checkFunctions() error {
	rules, err := functionRules(c.FunctionEndpoints, nil)
	if err == nil {
		_, err = function.NewRouter(rules, nil, nil)
	}
	if err == nil {
		_, err = awsclient.New(awsclient.Options{Endpoints: functionEndpoints(c.FunctionEndpoints)})
	}
	if err != nil && !strings.HasPrefix(err.Error(), "function-endpoint") {
		err = fmt.Errorf("function-endpoint: %w", err)
	}
	return errors.Join(err, c.checkLocalFunctions())
}
