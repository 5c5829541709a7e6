package lambda

import (
	"errors"

	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
)

// The refusals that many operations share. What comments of this package call
// recorded is in LocalStack's repository: its snapshots of AWS's answers
// (tests/aws/services/lambda_/test_lambda_api.snapshot.json), or the server whose
// tests compare it with them. They are not in our corpus: no test replays them.
// AWS's own pages and its users' reports have those texts, too, that concern the
// derived qualifier, policies of $LATEST, archives that are empty or none, missing
// runtimes and handlers, and more than five layers.

// user marks an error as the caller's, which AWS's documents do.
func user(e *awsrpc.Error) *awsrpc.Error {
	e.Members = map[string]string{"Type": "User"}
	return e
}

func errNotFound(message string) error { return user(api.ResourceNotFoundException(message)) }

func errParameter(message string) error { return user(api.InvalidParameterValueException(message)) }

func errConflict(message string) error { return user(api.ResourceConflictException(message)) }

// errFunction is the answer for a function, or a version of it, that is not
// there.
func errFunction(functionARN string) error { return errNotFound("Function not found: " + functionARN) }

func errAlias(aliasARN string) error { return errNotFound("Cannot find alias arn: " + aliasARN) }

// errGone is the answer for layers and policies that are not there.
func errGone() error { return errNotFound("The resource you requested does not exist.") }

// errRevision is the answer for a revision that is not the newest.
func errRevision(of string) error {
	return user(api.PreconditionFailedException("The Revision Id provided does not match the latest Revision Id. Call the " +
		of + " API to retrieve the latest Revision Id"))
}

// violation is the answer to what breaks a constraint of the model that the
// front end does not know.
func violation(value, member, constraint string) error {
	return awsrpc.Validation("1 validation error detected: Value '" + value + "' at '" + member + "' failed to satisfy constraint: " + constraint)
}

// answerOf makes an error of an invocation the API's.
func answerOf(err error) error {
	var e *function.Error
	if !errors.As(err, &e) {
		return err
	}
	out := &awsrpc.Error{Code: e.Name, Status: e.Status, Message: e.Message, RetryAfter: e.RetryAfter, Members: map[string]string{}}
	switch e.Name {
	case "ResourceNotFoundException", "ServiceException":
		out.MessageName = "Message" // as the model spells it
	}
	if e.Type != "" {
		out.Members["Type"] = e.Type
	}
	if e.Reason != "" {
		out.Members["Reason"] = e.Reason
	}
	return out
}
