package apigatewayv2

import (
	"context"
	"errors"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// errAPI is the answer for an unknown API. The texts of this file that name an
// identifier are those the SDKs' issue trackers show.
func errAPI(ctx context.Context, id *string) error {
	return api.NotFoundException("Invalid API identifier specified " + awsrpc.CallerFrom(ctx).Account + ":" + str(id))
}

func errUnknown(kind, id string) error {
	return api.NotFoundException("Invalid " + kind + " identifier specified " + id)
}

func errRoute(id *string) error       { return errUnknown("Route", str(id)) }
func errIntegration(id *string) error { return errUnknown("Integration", str(id)) }
func errAuthorizer(id *string) error  { return errUnknown("Authorizer", str(id)) }
func errDeployment(id *string) error  { return errUnknown("Deployment", str(id)) }

func errStage() error { return api.NotFoundException("Invalid stage identifier specified") }

// errLimit is the answer beyond a quota.
func errLimit(what string) error {
	return api.BadRequestException("Maximum number of " + what + " has been reached") // AWS: undocumented text
}

// errAuthorizers is errLimit for the authorizers of an API.
//
// AWS: execution.md §6: measured for HTTP APIs; undocumented text.
func errAuthorizers() error {
	return &awsrpc.Error{Code: "ConflictException", Status: 429, Message: "Maximum number of authorizers has been reached"}
}

// bad is a refusal whose text AWS does not document.
func bad(text string) error { return api.BadRequestException(text) }

// answer turns what the store says into what a client is told.
func answer(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return api.ConflictException("Unable to complete operation due to concurrent modification. Please try again later.")
	case errors.Is(err, store.ErrTooLarge):
		return bad("The change is larger than what can be stored at once")
	}
	return err
}
