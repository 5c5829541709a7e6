package awsrpc

import (
	"fmt"
	"io"
	"strings"
)

// An Unsupported is a setting of an operation that is implemented which does not
// act yet: what it is a setting of, as AWS calls it; its name; and which values are
// refused. It is never stored: the call that would set it is refused by name.
type Unsupported [3]string

// Refusal words the refusal, with the value that was asked for; empty, if that
// may be long or secret.
func (u Unsupported) Refusal(value string) string {
	if value != "" {
		value = " '" + value + "'"
	}
	return "Gatehouse does not support " + u[1] + value + " of " + u[0] + " yet (see COVERAGE.md)"
}

// WriteUnsupported writes settings that are refused as a section of the coverage
// document: those of, for instance, lambda. More is said before the table; empty:
// nothing.
func WriteUnsupported(w io.Writer, of, more string, list []Unsupported) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Settings of %s that are refused\n\n"+
		"The operations are implemented, but these settings do not act yet: a call that would set one is refused by name%s.\n\n"+
		"| of | setting | refused values |\n| --- | --- | --- |\n", of, more)
	for _, u := range list {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u[0], u[1], u[2])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
