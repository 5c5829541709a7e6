package function

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A family is a kind of runtime.
type family uint8

const (
	native family = iota + 1 // provided.*: the code brings its own bootstrap
	node
	python
)

var managed = regexp.MustCompile(`^(nodejs[0-9]+\.x|python3\.[0-9]+)$`)

func familyOf(runtime string) family {
	switch {
	case runtime == "provided.al2023", runtime == "provided.al2":
		return native
	case !managed.MatchString(runtime):
		return 0
	case strings.HasPrefix(runtime, "nodejs"):
		return node
	}
	return python
}

// Supported tells whether functions of a runtime can run here, as long as
// their interpreter is installed: provided.al2, provided.al2023, nodejsN.x and
// python3.N.
func Supported(runtime string) bool { return familyOf(runtime) != 0 }

//go:embed bootstrap
var bootstraps embed.FS

// writeBootstraps writes the clients of the Runtime API for languages that
// have none of their own.
func writeBootstraps(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	names, err := fs.Glob(bootstraps, "bootstrap/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := bootstraps.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// An interpreter is a program that was found on this machine.
type interpreter struct{ path, version string }

// interpreters finds and remembers them.
type interpreters struct {
	named map[string]string // by runtime, or by nodejs and python

	mu    sync.Mutex // guards found; held while a program is asked for its version
	found map[string]interpreter
}

// of returns the interpreter for a managed runtime.
func (l *interpreters) of(runtime string) (interpreter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.found[runtime]; ok {
		return i, nil
	}
	i, err := l.find(runtime)
	if err != nil {
		return interpreter{}, err
	}
	if l.found == nil {
		l.found = make(map[string]interpreter)
	}
	l.found[runtime] = i
	return i, nil
}

// find looks for the program of the runtime's very version first, and takes
// any version of it else.
func (l *interpreters) find(runtime string) (interpreter, error) {
	var names []string
	if familyOf(runtime) == node {
		n := strings.TrimSuffix(strings.TrimPrefix(runtime, "nodejs"), ".x")
		names = []string{l.named[runtime], l.named["nodejs"], "node" + n, "node-" + n, "node", "nodejs"}
	} else {
		names = []string{l.named[runtime], l.named["python"], runtime, "python3"}
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			if i, err := ask(runtime, path); err == nil {
				return i, nil
			}
		}
	}
	program := "python3"
	if familyOf(runtime) == node {
		program = "node"
	}
	return interpreter{}, fmt.Errorf("runtime %s needs the program %s, which is not installed on this machine or not in PATH", runtime, program)
}

// askWithin bounds how long an interpreter may take to tell its version.
const askWithin = 20 * time.Second

// ask has an interpreter say where it really is and its version: what is in
// PATH may be a script of a version manager, which starts slowly and needs an
// environment that functions do not get.
func ask(runtime, path string) (interpreter, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-c", "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])")
	if familyOf(runtime) == node {
		cmd = exec.CommandContext(ctx, path, "-e", "console.log(process.execPath); console.log(process.versions.node)")
	}
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return interpreter{}, fmt.Errorf("%s: %w", path, err)
	}
	real, version, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok || !filepath.IsAbs(real) {
		return interpreter{}, fmt.Errorf("%s is not an interpreter for %s", path, runtime)
	}
	return interpreter{path: real, version: version}, nil
}

// A command is how an instance is started.
type command struct {
	path    string
	args    []string // after the path
	version string   // of the interpreter; empty: none
	home    string   // what of the machine the interpreter needs; empty: nothing
}

// command returns how to start an instance of v. Its error is for the error
// document Runtime.InvalidEntrypoint.
func (h *Host) command(v *Version) (command, error) {
	var cmd command
	at := h.view(v, "")
	switch familyOf(v.Runtime) {
	case native:
		path, err := h.findBootstrap(v)
		return command{path: path}, err
	case node, python:
		i, err := h.interpreters.of(v.Runtime)
		if err != nil {
			return command{}, err
		}
		cmd = command{path: i.path, version: i.version, home: home(i.path), args: []string{"-u", filepath.Join(at.runtime, "python.py")}}
		if familyOf(v.Runtime) == node {
			cmd.args = []string{filepath.Join(at.runtime, "node.mjs")}
			if heap := v.Memory * 9 / 10; heap > 0 {
				cmd.args = append([]string{fmt.Sprintf("--max-old-space-size=%d", heap)}, cmd.args...)
			}
		}
	default:
		return command{}, fmt.Errorf("runtime %q cannot run here", v.Runtime)
	}
	// AWS: runtimes-modify: a script that starts the runtime in its own way.
	if w := v.Env["AWS_LAMBDA_EXEC_WRAPPER"]; w != "" {
		cmd.args = append([]string{cmd.path}, cmd.args...)
		if cmd.path = w; h.sandbox == nil {
			cmd.path = v.inLayers(w)
		}
	}
	return cmd, nil
}

// findBootstrap returns the program of a function that brings its own.
func (h *Host) findBootstrap(v *Version) (string, error) {
	for i, dir := range append([]string{v.Code}, v.topDown()...) {
		path := filepath.Join(dir, "bootstrap")
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() || st.Mode()&0o111 == 0 {
			continue
		}
		switch {
		case h.sandbox == nil:
			return path, nil
		case i == 0:
			return taskDir + "/bootstrap", nil
		}
		return optDir + "/bootstrap", nil
	}
	//lint:ignore ST1005 AWS's words
	return "", errors.New(noBootstrap)
}

// AWS: the very words, which name no directory of ours.
const noBootstrap = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"

// topDown lists the layers, the one first that hides the others.
func (v *Version) topDown() []string {
	list := make([]string, 0, len(v.Layers))
	for i := len(v.Layers) - 1; i >= 0; i-- {
		list = append(list, v.Layers[i])
	}
	return list
}

// inLayers finds a file of /opt or /var/task.
func (v *Version) inLayers(path string) string {
	if rest, ok := strings.CutPrefix(path, "/var/task/"); ok {
		return filepath.Join(v.Code, rest)
	}
	rest, ok := strings.CutPrefix(path, "/opt/")
	if !ok {
		return path
	}
	for _, dir := range v.topDown() {
		file := filepath.Join(dir, rest)
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return path
}
