package function

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Error types of what is not the function's own doing.
const (
	typeExit       = "Runtime.ExitError"
	typeMemory     = "Runtime.OutOfMemory"
	typeEntrypoint = "Runtime.InvalidEntrypoint"
	typeTimeout    = "Sandbox.Timedout"
	typeTruncated  = "Runtime.TruncatedResponse"
	typeOversized  = "Function.ResponseSizeTooLarge"
	typeMode       = "Runtime.InvalidResponseModeHeader"
	typeUnknown    = "Runtime.Unknown"
)

// A failure is why an invocation failed: its type and its error document.
type failure struct {
	kind     string
	document []byte
	lines    []string // for the log
	fatal    bool     // the instance ended by it
	refusal  *Error   // it is this machine that failed; nil: the function
}

// fail makes the failure with AWS's document for what its runtime did not
// report itself.
//
// AWS: as Lambda answers: errorType and "RequestId: ID Error: message".
func fail(kind, requestID, message string) *failure {
	text := fmt.Sprintf("RequestId: %s Error: %s", requestID, message)
	return &failure{kind: kind, document: document(kind, text), lines: []string{text, kind}}
}

// document writes an error document.
func document(kind, message string) []byte {
	b, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, message})
	if err != nil {
		panic(err) // two strings
	}
	return b
}

func timedOut(requestID string, after time.Duration, now time.Time) *failure {
	text := fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds())
	f := fail(typeTimeout, requestID, text)
	f.lines = []string{now.UTC().Format("2006-01-02T15:04:05.000Z") + " " + requestID + " " + text, ""}
	return f
}

// outOfMemory has no document: it is made for the call it meets.
//
// AWS: Runtime.OutOfMemory is how a REPORT names it; the error message is that
// of a process that was killed.
func outOfMemory() *failure {
	return &failure{kind: typeMemory, lines: []string{"Runtime exited with error: signal: killed"}}
}

// oversized is not worded like the others.
func oversized() *failure {
	text := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse)
	return &failure{kind: typeOversized, document: []byte(`{"errorMessage":"` + text + `","errorType":"` + typeOversized + `"}`)}
}

// reported is what a runtime itself says went wrong.
func reported(kind string, body []byte) *failure {
	var doc struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(body, &doc) == nil && doc.Type != "" && kind == "" {
		kind = doc.Type
	}
	if kind == "" {
		kind = typeUnknown
	}
	return &failure{kind: kind, document: body}
}
