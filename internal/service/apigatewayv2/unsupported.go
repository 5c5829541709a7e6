package apigatewayv2

import (
	"io"

	"gatehouse/internal/awsrpc"
)

// A setting that Gatehouse does not act upon yet is never stored: the call that
// would set it is refused by name.

type unsupportedID int

// What is refused. The order is that of the coverage document.
const (
	noCallersOwn unsupportedID = iota
	unsupportedCount
)

var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noCallersOwn: {"Integration of a WebSocket API", "credentialsArn", "arn:aws:iam::*:user/*"},
}

// refuse is the answer to setting what is not supported, with the value that
// was asked for.
func (id unsupportedID) refuse(value string) error { return bad(unsupported[id].Refusal(value)) }

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "apigatewayv2", "", unsupported[:])
}
