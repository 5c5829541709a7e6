package apigateway

import (
	"context"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
)

// The refusals that many operations share. All texts are recorded
// (test_apigateway_api.snapshot.json) unless they say otherwise.

// errAPI is the answer of most operations for an unknown REST API.
func errAPI(ctx context.Context, id *string) error {
	return api.NotFoundException("Invalid API identifier specified " + awsrpc.CallerFrom(ctx).Account + ":" + str(id))
}

// errResource is the answer for an unknown resource, and for an unknown REST
// API of operations that name a resource.
func errResource() error { return api.NotFoundException("Invalid Resource identifier specified") }

func errMethod() error { return api.NotFoundException("Invalid Method identifier specified") }

func errIntegration() error { return api.NotFoundException("Invalid Integration identifier specified") }

func errStatusCode() error { return api.NotFoundException("Invalid Response status code specified") }

func errParameter() error { return api.NotFoundException("Invalid parameter name specified") }

func errContentType() error { return api.NotFoundException("Content-Type specified was not found") }

// errStage is the answer for an unknown stage.
//
// AWS: terraform-provider-aws issue 12756 and wso2/api-manager issue 4257 show
// the text; not recorded.
func errStage() error { return api.NotFoundException("Invalid stage identifier specified") }

func errDeployment() error { return api.NotFoundException("Invalid Deployment identifier specified") }

// errDeploymentID is the answer for a stage that is to show a deployment that
// is not there.
func errDeploymentID() error { return api.BadRequestException("Deployment id does not exist") }

// errPatchPath is the answer for a path of PATCH that does not exist, of those
// kinds that do not list the paths that do.
func errPatchPath(o patchOp) error { return api.BadRequestException("Invalid patch path " + o.path) }

// errMapping is the answer for a parameter mapping that cannot be.
//
// AWS: recorded (test_put_integration_request_parameter_bool_type).
func errMapping(detail string) error {
	return api.BadRequestException("Invalid mapping expression specified: Validation Result: warnings : [], errors : [" + detail + "]")
}

// errLimit is the answer beyond a quota of the account.
//
// AWS: Zappa issue 628 shows the text, with both spaces.
func errLimit(what string) error { return errTooMany(what, what) }

// errLimitOfAPI is the answer beyond a quota of one API.
//
// AWS: boto3 issue 1296 and terraform-provider-aws issue 37605 show the text.
func errLimitOfAPI(what string) error { return errTooMany(what+" for this API", what) }

func errTooMany(of, what string) error {
	return api.LimitExceededException("Maximum number of " + of + " has been reached.  Please contact AWS if you need additional " + what + ".")
}
