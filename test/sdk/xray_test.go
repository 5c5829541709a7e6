package sdk_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPythonXRay runs boto3_xray.py with boto3 and, where it is there, the X-Ray
// SDK for Python.
func TestPythonXRay(t *testing.T) {
	python := pythonWith(t, "boto3", "aws_xray_sdk.core.sampling.sampler")
	s := start(t, "--xray-listen", "127.0.0.1:0", "--xray-region", region)
	facts, err := json.Marshal(map[string]string{"endpoint": s.Endpoint(), "region": region, "daemon": s.XRay})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "boto3_xray.py", string(facts))
	cmd.Env = append(cmd.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out) // whether the SDK was there
}

// pythonWith returns a Python that has the modules, or else the first of them.
func pythonWith(t *testing.T, modules ...string) string {
	for n := len(modules); n > 0; n-- {
		for _, python := range []string{"/usr/bin/python3", "python3"} {
			script := ""
			for _, m := range modules[:n] {
				script += "import " + m + "\n"
			}
			if exec.Command(python, "-c", script).Run() == nil {
				return python
			}
		}
	}
	t.Skipf("no Python has %s: make test installs it as root", modules[0])
	return ""
}
