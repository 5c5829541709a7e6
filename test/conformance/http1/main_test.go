package http1

import (
	"testing"

	"go.uber.org/goleak"
)

// net/http leaves a connection that it refused open for half a second.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
