package script_test

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Debian's aws command takes half a second to load itself. The scripts run it
// hundreds of times, so one process loads it and forks for each run
// (awsfork.py). AWS_COMMAND names a program to be run in its place.

//go:embed awsfork.py
var awsFork string

// awsClient is the first argument of the test binary when it is to be the aws
// command: the second is the socket of awsfork.py.
const awsClient = "aws-client"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == awsClient {
		code, err := runAWS(os.Args[2], os.Args[3:])
		if err != nil {
			fmt.Fprintln(os.Stderr, "aws:", err)
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// runAWS has awsfork.py run the aws command with this process's output,
// environment and directory.
func runAWS(socket string, args []string) (code int, err error) {
	code = 255
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return code, err
	}
	defer conn.Close() //nolint:errcheck // the process ends
	dir, err := os.Getwd()
	if err != nil {
		return code, err
	}
	env := map[string]string{}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	job, err := json.Marshal(map[string]any{"args": args, "env": env, "dir": dir})
	if err != nil {
		return code, err
	}
	if _, _, err := conn.WriteMsgUnix([]byte(" "), syscall.UnixRights(1, 2), nil); err != nil {
		return code, err
	}
	if _, err := conn.Write(append(job, '\n')); err != nil {
		return code, err
	}
	var status [1]byte
	if _, err := conn.Read(status[:]); err != nil {
		return code, err
	}
	return int(status[0]), nil
}

// startAWS loads the aws command, and returns what runs it: a program and its
// first arguments.
func startAWS(t *testing.T) []string {
	t.Helper()
	if program := os.Getenv("AWS_COMMAND"); program != "" {
		return []string{program}
	}
	dir, err := os.MkdirTemp("", "aws") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	script := filepath.Join(dir, "awsfork.py")
	if err := os.WriteFile(script, []byte(awsFork), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", script, socket, "apigateway", "apigatewayv2", "apigatewaymanagementapi", "cloudformation", "cloudwatch", "iam", "lambda", "s3", "ssm", "sts")
	cmd.Stderr = os.Stderr
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true"}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		t.Fatal(errors.Join(errors.New("load the aws command"), err))
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, awsClient, socket}
}
