// Package script_test runs the scripts in the folders beside it: what the
// product does, told in commands, requests and expected answers. README.md
// lists the words.
package script_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/test/gatehousetest"
)

// root is the root of the repository.
const root = "../.."

// awsCommand is Debian's; the path may hold others that wrap it.
const awsCommand = "/usr/bin/aws"

func TestScripts(t *testing.T) {
	if _, err := os.Stat(awsCommand); err != nil {
		t.Skipf("%s is missing: install Debian's awscli (make test does so as root)", awsCommand)
	}
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	aws := startAWS(t)
	for _, dir := range []string{"server", "apigateway", "execute", "iam", "authorization", "httpapi", "websocket", "lambda", "cloudformation", "cloudtrail", "cloudwatch", "discovery", "logs", "releases", "s3", "xray"} {
		t.Run(dir, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 dir,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
				Setup:               func(env *testscript.Env) error { return setup(env, bin, aws) },
				Cmds:                commands,
				Condition:           condition,
			})
		})
	}
}

// commands are the words that scripts have beyond those of testscript.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"gatehouse":   cmdGatehouse,
	"aws":         cmdAWS,
	"capture":     cmdCapture,
	"backend":     cmdBackend,
	"oidc":        cmdOIDC,
	"cognito":     cmdCognito,
	"s3":          cmdS3,
	"dns":         cmdDNS,
	"dig":         cmdDig,
	"http":        cmdHTTP,
	"ws":          cmdWS,
	"rest":        cmdRest,
	"decode":      cmdDecode,
	"certificate": cmdCertificate,
	"status":      cmdStatus,
	"body":        cmdBody,
	"header":      cmdHeader,
	"until":       cmdUntil,
	"eventually":  cmdEventually,
}

// condition knows [npm:NAME]: the package of npm is installed for the tests.
func condition(cond string) (bool, error) {
	if cond == "namespaces" { // that functions can have
		return exec.Command("unshare", "-mp", "--fork", "true").Run() == nil || exec.Command("unshare", "-Ump", "--fork", "true").Run() == nil, nil
	}
	name, ok := strings.CutPrefix(cond, "npm:")
	if !ok {
		return false, fmt.Errorf("unknown condition %s", cond)
	}
	_, err := os.Stat(filepath.Join(npmDir, name))
	return err == nil, nil
}

// npmDir is where tools/test-deps installs packages of npm.
const npmDir = root + "/build/npm/node_modules"

// A world is what one script has running.
type world struct {
	bin      string
	aws      []string // the aws command, with its first arguments
	server   *gatehousetest.Server
	flags    []string // the server was started with
	backends []*backend
	sockets  map[string]*socket
	dns      map[string]*dnsServer
	answer   answer // of the last http

	open    io.ReadCloser // the rest of the last http -first
	cancels []func()      // of all http
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setup(env *testscript.Env, bin string, aws []string) error {
	w := &world{bin: bin, aws: aws, dns: map[string]*dnsServer{}}
	env.Values[worldKey{}] = w
	env.Defer(w.end)
	examples, err := filepath.Abs(filepath.Join(root, "examples"))
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	npm, err := filepath.Abs(npmDir)
	if err != nil {
		return err
	}
	env.Setenv("NPM", npm)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("AWS_DEFAULT_REGION", "us-east-1")
	env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	env.Setenv("AWS_PAGER", "")
	env.Setenv("AWS_MAX_ATTEMPTS", "1")
	env.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(env.WorkDir, "data", "root-credential"))
	return nil
}

func (w *world) end() {
	if w.server != nil {
		w.server.Kill()
	}
	for _, cancel := range w.cancels {
		cancel()
	}
	for _, b := range w.backends {
		b.server.Close()
	}
}

// cmdGatehouse runs the binary: as the script's server (start, stop, kill9,
// restart, hup, log, peak), or as a command that ends by itself.
func cmdGatehouse(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	word := ""
	if len(args) > 0 {
		word = args[0]
	}
	switch word {
	case "start":
		w.flags = args[1:]
		w.start(ts, neg)
	case "restart":
		w.stop(ts)
		w.start(ts, neg)
	case "revive":
		w.start(ts, neg)
	case "stop":
		w.stop(ts)
	case "kill9":
		w.server.Kill()
	case "hup":
		ts.Check(w.server.Signal(hangup))
	case "log":
		w.checkLog(ts, neg, args[1:])
	case "peak":
		w.checkPeak(ts, neg, args[1:])
	default:
		err := ts.Exec(w.bin, args...)
		checkFailure(ts, neg, err)
	}
}

// checkPeak holds the memory that the server ever had to so many MiB.
func (w *world) checkPeak(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "gatehouse peak MIB")
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.server.PID()))
	ts.Check(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var had int
	_, err = fmt.Sscan(rest, &had)
	ts.Check(err)
	if had >>= 10; had > most {
		ts.Fatalf("the server had %d MiB of memory, at most %d wanted", had, most)
	}
	ts.Logf("%d MiB", had)
}

func (w *world) start(ts *testscript.TestScript, neg bool) {
	var env []string
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	s, err := gatehousetest.StartWith(context.Background(), w.bin, ts.MkAbs("data"), env, w.flags...)
	if neg {
		if err == nil {
			s.Kill()
			ts.Fatalf("gatehouse started, want it to refuse")
		}
		ts.Check(os.WriteFile(ts.MkAbs("refusal"), []byte(err.Error()), 0o600))
		return
	}
	ts.Check(err)
	w.server = s
	ts.Setenv("API", s.Endpoint())
	ts.Setenv("LISTEN", s.Listen)
	ts.Setenv("LISTEN_TLS", s.ListenTLS)
	ts.Setenv("ADMIN", s.Admin)
	ts.Setenv("XRAY", s.XRay)
}

func (w *world) stop(ts *testscript.TestScript) {
	ts.Check(w.server.Stop())
}

// checkLog looks for a text in what the server has written.
func (w *world) checkLog(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: gatehouse log TEXT")
	}
	// What was written may still be on its way here.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		has := strings.Contains(w.server.Log(), args[0])
		if has != neg {
			return
		}
		if neg || time.Now().After(end) {
			ts.Fatalf("%q in the server's output: %v, want %v:\n%s", args[0], has, !neg, w.server.Log())
		}
	}
}

// cmdAWS runs the aws command against the script's server.
func cmdAWS(ts *testscript.TestScript, neg bool, args []string) {
	command := awsCommandOf(ts, args)
	err := ts.Exec(command[0], command[1:]...)
	checkFailure(ts, neg, err)
}

// awsCommandOf is the aws command against the script's server, with these arguments.
func awsCommandOf(ts *testscript.TestScript, args []string) []string {
	return slices.Concat(worldOf(ts).aws, []string{"--endpoint-url", ts.Getenv("API")}, args)
}

func checkFailure(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case err == nil && neg:
		ts.Fatalf("succeeded, want a failure")
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	}
	if err != nil {
		if _, ok := err.(*exec.ExitError); !ok { //nolint:errorlint // as Exec returns it
			ts.Fatalf("did not run: %v", err)
		}
	}
}

// cmdCapture puts what the last command wrote into a variable.
func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	value := strings.TrimSpace(ts.ReadFile("stdout"))
	if value == "" || value == "None" || strings.ContainsAny(value, " \t\n") {
		ts.Fatalf("capture %s: %q is not one word", args[0], value)
	}
	ts.Setenv(args[0], value)
	ts.Logf("%s=%s", args[0], value)
}

func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", fmt.Sprint(text))
	}
}
