package function

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Where AWS has the files of a function. In a sandbox they are there; without
// one they stay where they are on the machine.
const (
	taskDir    = "/var/task"
	optDir     = "/opt"
	runtimeDir = "/var/runtime"
	tmpDir     = "/tmp"
)

// Isolations that a host can be told to give instances.
const (
	IsolationAuto    = "auto"    // a sandbox, where the kernel allows one
	IsolationRequire = "require" // a sandbox, or no function runs
	IsolationOff     = "off"     // none
)

// A sandbox is how instances get namespaces of their own: of mounts, processes
// and shared memory. Nil: they get none.
type sandbox struct {
	program string // starts as the first process of an instance: see Init
	users   bool   // they need a namespace of users, too
}

// String names the namespaces.
func (s *sandbox) String() string {
	switch {
	case s == nil:
		return "none"
	case s.users:
		return "namespaces of mounts, processes and users"
	}
	return "namespaces of mounts and processes"
}

// A view is where an instance finds its files.
type view struct {
	task    string
	opt     []string // what is laid over /opt, the directory first that hides the others
	runtime string   // of bootstraps
	tmp     string
}

// view returns where instances of v find theirs. Tmp is for those without a
// sandbox.
func (h *Host) view(v *Version, tmp string) view {
	if h.sandbox != nil {
		return view{task: taskDir, opt: []string{optDir}, runtime: runtimeDir, tmp: tmpDir}
	}
	return view{task: v.Code, opt: v.topDown(), runtime: h.bootstraps(), tmp: tmp}
}

// A spec is what the first process of an instance is told to do: what to make
// its files of, and what to run.
type spec struct {
	Probe   bool     // run nothing
	Root    string   // an empty directory, for the new root
	Task    string   // the code
	Layers  []string // the one first that hides the others
	Runtime string   // the bootstraps
	Keep    []string // what else of the machine is shown, at its own path
	Tmp     int      // MB
	Threads int      // most processes and threads

	Program    program
	Extensions []program
}

// A program is what is started inside.
type program struct {
	Name string // of an extension
	Path string
	Args []string // after the path
	Dir  string
	Env  []string
}

// A word is what goes over the control connection between gateway and first
// process, a line each.
type word struct {
	Event  string // one of those below
	Text   string `json:",omitempty"`
	Name   string `json:",omitempty"` // of an extension
	Status int    `json:",omitempty"` // as wait(2) has it
}

// Events of a word.
const (
	wordStarted = "started"
	wordRefused = "refused"   // the program cannot be started: the function's fault
	wordFailed  = "failed"    // the sandbox cannot be made: the machine's fault
	wordExit    = "exit"      // of the program
	wordExtGone = "extension" // has exited
	wordTerm    = "terminate" // to the first process: tell the program to end
	wordRun     = "run"       // to the first process: start the program
)

func (w *word) line() []byte {
	b, err := json.Marshal(w)
	if err != nil {
		panic(err) // strings and a number
	}
	return append(b, '\n')
}

// errEntry is why a program inside cannot be started.
type errEntry struct{ text string }

// Error returns it in the words of the system.
func (e *errEntry) Error() string { return e.text }

// isolate finds out which sandbox instances get.
func (h *Host) isolate() error {
	mode := h.opt.Isolation
	if mode == IsolationOff || h.opt.Init == "" && mode != IsolationRequire {
		return nil
	}
	err := errors.New("this program cannot begin an instance")
	if h.opt.Init != "" {
		h.sandbox, err = probeSandbox(h.opt.Init, h.instances())
	}
	switch {
	case err == nil:
		h.opt.Logger.Info("functions are isolated", "by", h.sandbox.String())
		return nil
	case mode == IsolationRequire:
		return fmt.Errorf("functions cannot be isolated: %w", err)
	}
	h.opt.Logger.Warn("functions are not isolated: the kernel refuses namespaces", "error", err)
	return nil
}

// Isolation says how instances are isolated, once Run runs.
func (h *Host) Isolation() string {
	if h.prepared() != nil {
		return "none"
	}
	return h.sandbox.String()
}

// spec returns what the first process of the instance is to do.
func (in *instance) spec(cmd command, env []string) *spec {
	v := in.pool.version
	s := &spec{Root: filepath.Join(in.dir, "root"), Task: v.Code, Layers: v.topDown(), Runtime: in.pool.host.bootstraps(),
		Tmp: v.Tmp, Threads: maxThreads, Program: program{Path: cmd.path, Args: cmd.args, Dir: taskDir, Env: env}}
	for _, e := range in.extensions {
		s.Extensions = append(s.Extensions, program{Name: e.name, Path: optDir + "/extensions/" + e.name, Dir: "/", Env: extensionEnvironment(env)})
	}
	if cmd.home != "" {
		s.Keep = []string{cmd.home}
	}
	return s
}

// home returns what must be seen of an interpreter for it to run: the directory
// it was installed to, or the program alone.
func home(path string) string {
	dir := filepath.Dir(path)
	if filepath.Base(dir) == "bin" && filepath.Dir(dir) != "/" {
		return filepath.Dir(dir)
	}
	return path
}

// shown tells whether a path is in a part of the machine that all sandboxes
// show.
func shown(path string) bool {
	for _, dir := range shownDirs {
		if path == dir || strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// What sandboxes show of the machine, read-only: programs and libraries; and of
// /etc what they need to run, and nothing that may be secret.
var (
	shownDirs = []string{"/bin", "/gnu/store", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/sbin", "/sys", "/usr"}
	shownEtc  = []string{"alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "group", "host.conf", "hosts",
		"ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "mime.types", "nsswitch.conf",
		"os-release", "passwd", "pki/ca-trust", "pki/tls/cert.pem", "pki/tls/certs", "protocols", "resolv.conf", "services", "ssl/cert.pem",
		"ssl/certs", "ssl/openssl.cnf", "timezone"}
	shownDevices = []string{"full", "null", "random", "urandom", "zero"}
)

// keepers are what of a list of paths is not shown anyway.
func keepers(paths []string) []string {
	var list []string
	for _, p := range paths {
		if !shown(p) && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}
