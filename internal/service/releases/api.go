package releases

import (
	"context"

	"gatehouse/internal/awsrpc"
)

// A named is the input of calls about one thing.
type named struct {
	Name *string `json:"name,omitzero" aws:"uri=Name,required"`
}

// A put is the input of calls that put one thing.
type put struct {
	Name *string `json:"name,omitzero" aws:"uri=Name,required"`
	Data []byte  `json:"data,omitzero" aws:"payload"`
}

// A switching is the input of SwitchRelease.
type switching struct {
	Name *string `json:"name,omitzero" aws:"uri=Name,required"`
	To   *string `json:"to,omitzero" aws:"required"`
}

// A listing is the input of calls that list: all there is, which is bounded.
type listing struct{}

// A document is an answer.
type document struct {
	Data []byte `json:"data,omitzero" aws:"payload"`
}

// Mount returns s together with the operations it answers. They are Gatehouse's
// own, called, signed and authorised as those of AWS are.
func Mount(s *Service) awsrpc.Mount { return awsrpc.Mount{Service: operations(), Server: s} }

func operations() awsrpc.Service {
	const clusters, releases = "/gatehouse/clusters", "/gatehouse/releases"
	ops := []awsrpc.Operation{
		operation("ListClusters", "GET", clusters, (*Service).listClusters),
		operation("GetCluster", "GET", clusters+"/{Name}", (*Service).getCluster),
		operation("PutCluster", "PUT", clusters+"/{Name}", (*Service).putCluster),
		operation("DeleteCluster", "DELETE", clusters+"/{Name}", (*Service).deleteCluster),
		operation("ListReleases", "GET", releases, (*Service).listReleases),
		operation("GetRelease", "GET", releases+"/{Name}", (*Service).getRelease),
		operation("PutRelease", "PUT", releases+"/{Name}", (*Service).putRelease),
		operation("DeleteRelease", "DELETE", releases+"/{Name}", (*Service).deleteRelease),
		operation("SwitchRelease", "POST", releases+"/{Name}/switch", (*Service).switchRelease),
		operation("ReturnRelease", "POST", releases+"/{Name}/return", (*Service).returnRelease),
		operation("PauseRelease", "POST", releases+"/{Name}/pause", (*Service).pauseRelease),
		operation("ResumeRelease", "POST", releases+"/{Name}/resume", (*Service).resumeRelease),
		operation("PromoteRelease", "POST", releases+"/{Name}/promote", (*Service).promoteRelease),
		operation("AbortRelease", "POST", releases+"/{Name}/abort", (*Service).abortRelease),
	}
	return awsrpc.Service{Name: "gatehouse", SigningName: "gatehouse", Protocol: awsrpc.RestJSON1, Version: "2026-11-23", Operations: ops}
}

// operation is one whose answer is a document.
func operation[In any](name, method, uri string, answer func(*Service, context.Context, *In) (*document, error)) awsrpc.Operation {
	return awsrpc.Operation{
		Name: name, Method: method, URI: uri, Code: 200,
		NewInput: func() any { return new(In) },
		Output:   (*document)(nil),
		Invoke: func(ctx context.Context, s, in any) (any, error) {
			service := s.(*Service)
			if awsrpc.CallerFrom(ctx).Account != service.account {
				return nil, &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: "Clusters and releases belong to the account of the server."}
			}
			return answer(service, ctx, in.(*In))
		},
	}
}
