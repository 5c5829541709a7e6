package robust_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// TestFunctionSoak makes 100,000 invocations of functions with faults of all
// kinds; GATEHOUSE_INVOCATIONS sets another number. The test itself is that of
// the package function, whose test binary is also the function.
func TestFunctionSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	cmd := exec.Command("go", "test", "-count=1", "-timeout=30m", "-run=^TestSoak$", "-v", "./internal/function")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "FUNCTION_SOAK="+strconv.Itoa(repeats("GATEHOUSE_INVOCATIONS", 100_000)))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
