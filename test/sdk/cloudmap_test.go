package sdk_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPythonCloudMap runs boto3_cloudmap.py with boto3.
func TestPythonCloudMap(t *testing.T) {
	if err := exec.Command(python, "-c", "import boto3").Run(); err != nil {
		t.Skipf("%s has no boto3: install Debian's python3-boto3 (make test does so as root)", python)
	}
	s := start(t)
	facts, err := json.Marshal(map[string]string{"endpoint": s.Endpoint(), "region": region})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "boto3_cloudmap.py", string(facts))
	cmd.Env = append(os.Environ(), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(s.Data, "root-credential"), "AWS_EC2_METADATA_DISABLED=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
