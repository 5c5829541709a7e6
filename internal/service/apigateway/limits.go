package apigateway

// Limits are the quotas of an account in a region that the control plane
// enforces. Zero fields mean AWS's default.
//
// AWS: apigateway limits, "Amazon API Gateway quotas for configuring and
// running a REST API".
type Limits struct {
	RestAPIs           int // REGIONAL ones, and as many PRIVATE ones
	EdgeAPIs           int
	ResourcesPerAPI    int
	StagesPerAPI       int
	DeploymentsPerAPI  int
	APIKeys            int
	UsagePlans         int
	UsagePlansPerKey   int
	DomainNames        int
	MappingsPerDomain  int
	ModelsPerAPI       int
	ValidatorsPerAPI   int
	AuthorizersPerAPI  int
	StageVariables     int
	DefinitionMaxBytes int
	PolicyBytes        int // of a resource policy
	AccessAssociations int // of private domain names with VPC endpoints
	IntegrationMillis  int // the longest timeoutInMillis of REGIONAL and PRIVATE APIs

	VPCLinks           int
	ClientCertificates int

	DocumentationPartsPerAPI    int
	DocumentationVersionsPerAPI int
}

// orDefaults fills in what is not set.
func (l Limits) orDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.RestAPIs, 600},
		{&l.EdgeAPIs, 120},
		{&l.ResourcesPerAPI, 300},
		{&l.StagesPerAPI, 10},
		{&l.DeploymentsPerAPI, 10_000}, // AWS: undocumented; ours bounds what the store holds
		{&l.APIKeys, 10_000},
		{&l.UsagePlans, 300},
		{&l.UsagePlansPerKey, 10},
		{&l.DomainNames, 120},
		{&l.MappingsPerDomain, 10_000}, // AWS: keys of several segments are counted only; ours bounds the host's list
		{&l.ModelsPerAPI, 400},         // AWS: undocumented
		{&l.ValidatorsPerAPI, 400},     // AWS: undocumented; as models
		{&l.AuthorizersPerAPI, 10},
		{&l.StageVariables, 100},
		{&l.DefinitionMaxBytes, 6 << 20},
		{&l.PolicyBytes, 8192},
		{&l.AccessAssociations, 100}, // AWS: undocumented
		{&l.IntegrationMillis, maxTimeoutMillis},
		{&l.VPCLinks, 20},
		{&l.ClientCertificates, 60},
		{&l.DocumentationPartsPerAPI, 2000},
		{&l.DocumentationVersionsPerAPI, 10_000}, // AWS: undocumented; as deployments
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Bounds of single values. Who hits one gets BadRequestException.
const (
	maxPatchOps         = 500      // operations of one PATCH; AWS: undocumented, ours bounds the work
	maxAPIKeyName       = 1024     // characters
	minAPIKeyValue      = 20       // characters
	maxAPIKeyValue      = 128      // characters
	maxBackendText      = 1024     // characters of a VPC link's or certificate's name and description; AWS: undocumented
	maxDescription      = 125_000  // characters; AWS: recorded for API keys (125001 is refused)
	maxCompression      = 10485760 // bytes
	minTimeoutMillis    = 50
	maxTimeoutMillis    = 29_000
	maxStreamMillis     = 900_000 // of streamed responses
	maxTags             = 50
	maxTagKey           = 128
	maxTagValue         = 256
	defaultPage         = 25
	maxPage             = 500
	defaultBurst        = 5000  // AWS: the account's, recorded in method settings
	defaultRate         = 10000 // AWS: likewise
	maxStageName        = 128
	maxStageVariable    = 64 // of the name
	maxStageVariableLen = 512
)
