package logs

import (
	api "gatehouse/internal/awsapi/logs"
)

// The refusals that many operations share.
//
// AWS: texts of answers in public issues and of LocalStack's snapshot tests,
// unless they say otherwise.

func errInvalid(message string) error { return api.InvalidParameterException(message) }

func errNoGroup() error {
	return api.ResourceNotFoundException("The specified log group does not exist.")
}

func errNoStream() error {
	return api.ResourceNotFoundException("The specified log stream does not exist.")
}

func errToken() error { return errInvalid("The specified nextToken is invalid.") }
