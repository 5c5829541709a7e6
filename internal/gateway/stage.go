package gateway

// A Stage is one stage of one API, ready to serve: what a deployment froze and
// what the stage itself sets. It is not changed after it was handed to a table.
type Stage struct {
	Account      string
	Region       string
	API          string // id of the API
	Name         string
	Deployment   string // id of the deployment
	EndpointType string // EDGE, REGIONAL or PRIVATE
	// Endpoints are the VPC endpoints by which a PRIVATE API has a host name of
	// its own.
	Endpoints []string
	Variables map[string]string

	Router *Router
	// Fallback is what happens to a request that matches no route. It answers
	// by itself: a step of it returns a Fault.
	Fallback *Plan
	Canary   *Canary // nil: none
	// Preflight answers the preflight requests of an HTTP API with a CORS
	// configuration; nil: they are requests like others.
	Preflight *Plan

	// Socket is what only a stage of a WebSocket API has; such a stage has no
	// Router and no Fallback.
	Socket *SocketStage

	// Keys are the API keys of the stage's account; UsagePlans are the plans
	// that list the stage. Both act without a deployment: who changes them
	// copies the stage and keeps its router.
	Keys       *Keys
	UsagePlans []*UsagePlan
}

// A Canary takes a share of a stage's requests.
type Canary struct {
	Percent float64 // 0 to 100
	Stage   *Stage  // what serves them: the same name, another deployment
}

// A Route is one method of one resource, compiled.
type Route struct {
	ResourceID    string
	ResourcePath  string
	Method        string // ANY included
	OperationName string
	// Key is the route key of a route of an HTTP or a WebSocket API.
	Key string
	// Reply: what the integration answers goes to the client of a WebSocket API.
	Reply bool
	// ParamNames are the names of the path parameters, in the order in which
	// Vars.Params holds their values. NewRouter fills them in.
	ParamNames []string
	Plan       *Plan
}

// Param returns the place of a path parameter, or -1. It is for constructors:
// what runs per request keeps the place.
func (rt *Route) Param(name string) int { return paramPlace(rt.ParamNames, name) }

func paramPlace(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}
