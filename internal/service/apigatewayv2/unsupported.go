package apigatewayv2

import (
	"fmt"
	"io"
	"strings"
)

// A setting that Gatehouse does not act upon yet is never stored: the call that
// would set it is refused by name.

// An unsupported setting is one line of what is refused.
type unsupported struct {
	of      string // what it is a setting of, as AWS calls it
	setting string
	values  string // which values are refused
}

type unsupportedID int

// What is refused. The order is that of the coverage document.
const (
	noCallersOwn unsupportedID = iota
	unsupportedCount
)

var unsupportedSettings = [unsupportedCount]unsupported{
	noCallersOwn: {"Integration of a WebSocket API", "credentialsArn", "arn:aws:iam::*:user/*"},
}

// refuse is the answer to setting what is not supported, with the value that
// was asked for.
func (id unsupportedID) refuse(value string) error {
	u := unsupportedSettings[id]
	if value != "" {
		value = " '" + value + "'"
	}
	return bad("Gatehouse does not support " + u.setting + value + " of " + u.of + " yet (see COVERAGE.md)")
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Settings of apigatewayv2 that are refused\n\n| of | setting | refused values |\n| --- | --- | --- |\n")
	for _, u := range unsupportedSettings {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.of, u.setting, u.values)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
