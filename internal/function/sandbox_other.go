//go:build !linux

package function

import (
	"errors"
	"io"
)

// A control would be the connection to the first process of a sandbox, which
// only Linux has.
type control struct{}

func (*control) begin(*spec, int) error { return nil }
func (*control) next() (*word, error)   { return nil, io.EOF }
func (*control) terminate()             {}
func (*control) proceed()               {}
func (*control) close()                 {}

// initName would be what the first process of an instance is called.
const initName = ""

func initEnvironment(string) []string { return nil }

func probeSandbox(string, string) (*sandbox, error) {
	return nil, errors.New("only Linux has namespaces")
}

// Init does nothing: only Linux has namespaces.
func Init() {}
